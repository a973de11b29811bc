//! What a crowd of markets costs the emulator: `crowd [MARKETS] [busy|wild] [SECONDS]`, Linux only.
//!
//! One socket follows trades, tickers and one-minute candles of all markets from another process (this program
//! again, as `crowd listen URL CODES`), so that the share of a core that is printed is the emulator's alone.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use market_backbone_emulator::{Emulator, MarketActivity, MarketSet, Scenario};
use tokio_tungstenite::tungstenite::Message;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [listen, url, codes] = arguments.as_slice()
        && listen == "listen"
    {
        return listen_to(url, codes).await;
    }
    let count = arguments.first().map_or(Ok(200), |text| text.parse())?;
    let pace = if arguments.get(1).is_some_and(|pace| pace == "wild") {
        MarketActivity::Wild
    } else {
        MarketActivity::Busy
    };
    let seconds = arguments.get(2).map_or(Ok(20), |text| text.parse())?;
    let scenario = Scenario { markets: MarketSet::many(count, pace), history_days: 2, ..Scenario::default() };
    let venue = Emulator::start(scenario).await?;
    let codes = serde_json::to_string(&venue.tape().markets())?;
    let mut listener = Command::new(std::env::current_exe()?)
        .args(["listen", &venue.ws_url(), &codes])
        .stdin(Stdio::null())
        .spawn()?;
    // The first snapshots fold two days of every market.
    while venue.report().sockets.frames < count as u64 * 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (frames, cpu) = (venue.report().sockets.frames, cpu_ticks()?);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (frames, cpu) = (venue.report().sockets.frames - frames, cpu_ticks()? - cpu);
    println!(
        "{count} markets, {pace:?}: {} frames/s, {:.1} % of a core",
        frames / seconds,
        cpu as f64 / seconds as f64
    );
    venue.stop().await;
    listener.wait()?;
    Ok(())
}

/// Follows everything until the emulator ends.
async fn listen_to(url: &str, codes: &str) -> Result<(), Box<dyn Error>> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let wish = format!(
        r#"[{{"ticket":"crowd"}},{{"type":"trade","codes":{codes}}},{{"type":"ticker","codes":{codes}}},{{"type":"candle.1m","codes":{codes}}}]"#
    );
    socket.send(Message::text(wish)).await?;
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

/// Hundredths of a second that this process has had of a core, user and system together.
fn cpu_ticks() -> Result<u64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let field = |index: usize| after_name.split(' ').nth(index).unwrap_or_default().parse::<u64>();
    Ok(field(11)? + field(12)?)
}
