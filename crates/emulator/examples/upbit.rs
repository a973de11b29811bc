//! Runs the Upbit look-alike alone: `upbit [PORT] [TAPE]`, until Ctrl-C.

use std::error::Error;

use market_backbone_emulator::{Scenario, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().unwrap_or_else(|| "9001".to_owned()).parse()?;
    let scenario = Scenario { tape: arguments.next().map(Into::into), ..Scenario::default() };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    serve(listener, scenario, async {
        // Without a handler for Ctrl-C the process ends at once, which will do.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}
