//! Runs an emulator: on the caller's listener until told to stop, or in the background of a test.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::calendar::DAY;
use crate::connection;
use crate::connector::Connector;
use crate::error::EmulatorError;
use crate::faults::{Faults, PageFault, PageKind, ScriptedFault};
use crate::massive::StocksTape;
use crate::scenario::Scenario;
use crate::tape::TapeTrade;
use crate::traffic_log::EmulatorReport;
use crate::world::EmulatorWorld;

/// The pause after a failed `accept`, for example without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves a scenario on `listener` until `shutdown` completes; REST and WebSocket share the port.
///
/// Open connections end with it. Dropping the future stops everything at once.
///
/// # Errors
///
/// Returns an error if the scenario's tape file cannot be read or names an unknown market.
pub async fn serve(
    listener: TcpListener,
    scenario: Scenario,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), EmulatorError> {
    let world = build(scenario).await?;
    run(ClientListener::Tcp(listener), world, shutdown).await;
    Ok(())
}

/// Builds the world on a blocking thread, because reading a tape file takes a while.
async fn build(scenario: Scenario) -> Result<Arc<EmulatorWorld>, EmulatorError> {
    match tokio::task::spawn_blocking(|| EmulatorWorld::new(scenario)).await {
        Ok(world) => world.map(Arc::new),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// The source of client connections.
enum ClientListener {
    Tcp(TcpListener),
    InProcess(mpsc::Receiver<DuplexStream>),
}

/// An accepted client connection.
enum IncomingConnection {
    Tcp(TcpStream, IpAddr),
    InProcess(DuplexStream),
}

impl ClientListener {
    /// Waits for the next client; loses none when dropped.
    async fn next(&mut self) -> std::io::Result<IncomingConnection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Small frames must not wait for each other.
                let _ = stream.set_nodelay(true);
                Ok(IncomingConnection::Tcp(stream, peer.ip()))
            }
            Self::InProcess(callers) => match callers.recv().await {
                Some(stream) => Ok(IncomingConnection::InProcess(stream)),
                // No client can connect any more.
                None => std::future::pending().await,
            },
        }
    }
}

async fn run(mut door: ClientListener, world: Arc<EmulatorWorld>, shutdown: impl Future<Output = ()> + Send) {
    let mut shutdown = std::pin::pin!(shutdown);
    // Dropped with this future, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            next = door.next() => match next {
                Ok(IncomingConnection::Tcp(stream, peer)) => {
                    connections.spawn(connection::drive(stream, peer, Arc::clone(&world)));
                }
                Ok(IncomingConnection::InProcess(stream)) => {
                    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
                    connections.spawn(connection::drive(stream, here, Arc::clone(&world)));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

/// A starter of emulators in the background.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Starts a scenario on a free port of this machine.
    ///
    /// # Errors
    ///
    /// Returns an error if no port can be had, or the scenario's tape file cannot be read.
    pub async fn start(scenario: Scenario) -> Result<RunningEmulator, EmulatorError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(EmulatorError::Listen)?;
        let address = listener.local_addr().map_err(EmulatorError::Listen)?;
        Ok(Self::run(ClientListener::Tcp(listener), address, build(scenario).await?))
    }

    /// Starts a scenario that is reached only from within this process.
    ///
    /// It has no port, and its address is invented, from a reserved block and unique for each emulator.
    ///
    /// With a [clock that follows tokio's](crate::EmulatorClock::running_from) it may be played on paused
    /// time.
    ///
    /// # Errors
    ///
    /// Returns an error if the scenario's tape file cannot be read.
    pub async fn start_in_process(scenario: Scenario) -> Result<(RunningEmulator, Connector), EmulatorError> {
        static STARTED: AtomicU32 = AtomicU32::new(1);
        /// 240.0.0.0/4 is reserved.
        const RESERVED_BLOCK: u32 = 0xF000_0000;
        let host = Ipv4Addr::from(RESERVED_BLOCK + STARTED.fetch_add(1, Ordering::Relaxed) % 0x0FFF_FFFF);
        let (connector, callers) = Connector::new();
        let door = ClientListener::InProcess(callers);
        Ok((Self::run(door, SocketAddr::from((host, 9_001)), build(scenario).await?), connector))
    }

    fn run(door: ClientListener, address: SocketAddr, world: Arc<EmulatorWorld>) -> RunningEmulator {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(run(door, Arc::clone(&world), stop.clone().cancelled_owned()));
        RunningEmulator { address, world, stop, tasks }
    }
}

/// An emulator in the background; ends when stopped or dropped.
#[derive(Debug)]
pub struct RunningEmulator {
    address: SocketAddr,
    world: Arc<EmulatorWorld>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl RunningEmulator {
    /// Returns the listening address; an invented one where it runs [within the
    /// process](Emulator::start_in_process).
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base of the REST paths, without `/v1`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address of the WebSocket: `ws://127.0.0.1:PORT/websocket/v1`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}/websocket/v1", self.address)
    }

    /// Returns the address of the WebSocket of US stocks: `ws://127.0.0.1:PORT/stocks`.
    #[must_use]
    pub fn stocks_ws_url(&self) -> String {
        format!("ws://{}/stocks", self.address)
    }

    /// Returns the traffic counters so far.
    #[must_use]
    pub fn report(&self) -> EmulatorReport {
        self.world.traffic_log.report()
    }

    /// Returns the faults that are active now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.world.faults.get()
    }

    /// Replaces the faults, from the next request or frame on.
    pub fn set_faults(&self, faults: Faults) {
        self.world.faults.set(faults);
    }

    /// Changes some faults and leaves the rest as it is.
    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = self.faults();
        change(&mut faults);
        self.set_faults(faults);
    }

    /// Replaces the scripted faults.
    pub fn set_script(&self, script: Vec<ScriptedFault>) {
        self.world.faults.set_script(script);
    }

    /// Adds a fault of the next page of a kind, and of that one only, to the script; called again, of the
    /// page after it.
    pub fn corrupt_next_page(&self, page: PageKind, fault: PageFault) {
        self.world.faults.corrupt_next_page(page, fault);
    }

    /// Stamps the next live trade of each market `ahead_ms` ahead of its time, with the ticker and the book
    /// that follow.
    pub fn stamp_next_trade(&self, ahead_ms: u64) {
        self.world.faults.stamp_ahead(self.now_ms(), i64::try_from(ahead_ms).unwrap_or(i64::MAX / 2));
    }

    /// Returns the venue's current time, ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.world.now_ms()
    }

    /// Returns the numbers of the open sockets, the oldest first.
    #[must_use]
    pub fn sockets(&self) -> Vec<u64> {
        self.world.sockets.open()
    }

    /// Cuts the socket of this number now, without a close frame. Returns whether there was one.
    pub fn drop_socket(&self, number: u64) -> bool {
        self.world.sockets.disconnect(Some(number)) > 0
    }

    /// Cuts all sockets now, without a close frame. Returns how many there were.
    pub fn drop_sockets(&self) -> usize {
        self.world.sockets.disconnect(None)
    }

    /// Resets counters, limits and bans, and returns to the scenario's faults.
    pub fn reset(&self) {
        self.world.reset();
    }

    /// Returns the trades from which everything is derived.
    #[must_use]
    pub fn tape(&self) -> CryptoTape {
        CryptoTape(Arc::clone(&self.world))
    }

    /// Returns the prints of US stocks from which bars and frames are derived.
    #[must_use]
    pub fn stocks(&self) -> StocksTape {
        StocksTape::new(Arc::clone(&self.world))
    }

    /// Stops, and waits until every connection has ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The tape of a running emulator, past and future.
#[derive(Clone, Debug)]
pub struct CryptoTape(Arc<EmulatorWorld>);

impl CryptoTape {
    /// Returns the codes of all markets, in the order of the listing.
    #[must_use]
    pub fn markets(&self) -> Vec<String> {
        self.0.markets.iter().map(|market| market.code.clone()).collect()
    }

    /// Returns the trades of a market with `from_ms <= time < to_ms`, oldest first; none for an unknown
    /// market.
    ///
    /// Trades after the scenario's "now" are on the tape too, but no client gets them yet. A made-up tape has
    /// no end: it is returned for a day ahead.
    #[must_use]
    pub fn trades(&self, market: &str, from_ms: i64, to_ms: i64) -> Vec<TapeTrade> {
        let to_ms = to_ms.min(self.0.now_ms() + DAY);
        self.0.markets.get(market).map(|market| market.tape.trades(from_ms, to_ms)).unwrap_or_default()
    }

    /// Returns when a market was listed, ms since the epoch; with a tape file, the time of its first trade.
    #[must_use]
    pub fn listed_ms(&self, market: &str) -> Option<i64> {
        self.0.markets.get(market).map(|market| market.tape.first_ms())
    }
}
