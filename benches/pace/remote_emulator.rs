//! An emulator in a process of its own: this program once more, told to be one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use market_backbone_emulator::{Emulator, EmulatorReport, Faults, GroupReport, Scenario};

/// The argument that makes this program an emulator with these faults, as JSON.
const BE_EMULATOR: &str = "--be-emulator";
/// The longest wait for an answer of the admin endpoints.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs an emulator until the parent closes its end, if this process is to be one.
pub(crate) async fn run_if_asked() -> anyhow::Result<bool> {
    let mut arguments = std::env::args().skip_while(|arg| arg != BE_EMULATOR).skip(1);
    let Some(faults) = arguments.next() else { return Ok(false) };
    let faults: Faults = serde_json::from_str(&faults)?;
    let venue = Emulator::start(Scenario { faults, ..Scenario::default() }).await?;
    writeln!(std::io::stdout(), "{}", venue.address())?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    venue.stop().await;
    Ok(true)
}

/// An emulator in a process of its own. It ends when this is dropped.
pub(crate) struct RemoteEmulator {
    child: Child,
    address: String,
    http: reqwest::Client,
}

impl RemoteEmulator {
    pub(crate) fn start(faults: &Faults) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([BE_EMULATOR, &serde_json::to_string(faults)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let output = child.stdout.take().context("it has an output")?;
        BufReader::new(output).read_line(&mut address)?;
        let http = http_client(ADMIN_TIMEOUT)?;
        Ok(Self { child, address: address.trim().to_owned(), http })
    }

    pub(crate) fn rest_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}/websocket/v1", self.address)
    }

    /// Forgets all counts.
    pub(crate) async fn reset(&self) -> anyhow::Result<()> {
        self.http.post(format!("{}/__admin/reset", self.rest_url())).send().await?.error_for_status()?;
        Ok(())
    }

    /// Returns what it counted of the requests for candles.
    pub(crate) async fn candles(&self) -> anyhow::Result<GroupReport> {
        let url = format!("{}/__admin/report", self.rest_url());
        let report = self.http.get(url).send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice::<EmulatorReport>(&report)?.group("candles"))
    }
}

impl Drop for RemoteEmulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Returns an HTTP client with an own connection for each request under way.
pub(crate) fn http_client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    let tls = market_backbone_routing::client_config()?;
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(timeout).build()?)
}
