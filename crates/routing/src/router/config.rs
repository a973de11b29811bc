//! The router's settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::WireObserver;

use crate::http::HttpConfig;
use crate::limiter::LimiterConfig;
use crate::live::SessionConfig;
use crate::route_choice::ChoiceConfig;
use crate::stack::retry::RetryConfig;
use crate::transport::Transport;

/// The router's settings.
#[derive(Clone, Debug)]
pub struct RouterConfig {
    pub(crate) limiter: LimiterConfig,
    pub(crate) limits_dir: Option<PathBuf>,
    pub(crate) retry: RetryConfig,
    pub(crate) http: HttpConfig,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) observer: Option<Arc<dyn WireObserver>>,
    pub(crate) session: SessionConfig,
    pub(crate) choice: ChoiceConfig,
    pub(crate) markets_ttl: Duration,
    pub(crate) forming_timeout: Duration,
    pub(crate) symbols_per_call: usize,
    pub(crate) reply_ttl: Duration,
    pub(crate) shutdown_timeout: Duration,
}

market_backbone_core::setters!(RouterConfig {
    /// The settings of the rate limiter.
    #[getter(get_limiter)]
    limiter: LimiterConfig,
    /// The folder of the send logs, with one file for each venue and host; `None` for memory only.
    ///
    /// All processes of a machine that name the same folder share the venue's limit, and a process that
    /// starts right after another has ended knows what that one sent.
    limits_dir: Option<PathBuf>,
    /// The settings of retries.
    #[getter(get_retry)]
    retry: RetryConfig,
    /// The settings of the HTTP client.
    #[getter(get_http -> &HttpConfig)]
    http: HttpConfig,
    /// A transport that carries requests and sockets to the venue instead of the network.
    transport: Option<Arc<dyn Transport>>,
    /// An observer of all that the venue sends, such as a recorder.
    observer: Option<Arc<dyn WireObserver>>,
    /// The settings of the socket session.
    #[getter(get_session -> &SessionConfig)]
    session: SessionConfig,
    /// The settings that say when following a market pays.
    #[getter(get_choice)]
    choice: ChoiceConfig,
    /// The time for which a fetched list of markets counts as current.
    #[getter(get_markets_ttl)]
    markets_ttl: Duration,
    /// The longest wait for the socket to deliver the forming candle before REST is asked.
    #[getter(get_forming_timeout)]
    forming_timeout: Duration,
    /// The number of markets in one request for tickers or books.
    ///
    /// With 200, the address is 2 KB long, which all servers on the way accept.
    #[getter(get_symbols_per_call)]
    symbols_per_call: usize,
    /// The time for which the reply to a request for live values is shared with others that ask the same.
    #[getter(get_reply_ttl)]
    reply_ttl: Duration,
    /// The longest that shutdown may take.
    #[getter(get_shutdown_timeout)]
    shutdown_timeout: Duration,
});

impl RouterConfig {
    /// Returns the [`limits_dir`](Self::limits_dir) of these settings.
    #[must_use]
    pub fn get_limits_dir(&self) -> Option<&Path> {
        self.limits_dir.as_deref()
    }

    /// Returns the [`transport`](Self::transport) of these settings.
    #[must_use]
    pub const fn get_transport(&self) -> Option<&Arc<dyn Transport>> {
        self.transport.as_ref()
    }
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            limiter: LimiterConfig::default(),
            limits_dir: None,
            retry: RetryConfig::default(),
            http: HttpConfig::default(),
            transport: None,
            observer: None,
            session: SessionConfig::default(),
            choice: ChoiceConfig::default(),
            markets_ttl: Duration::from_secs(300),
            forming_timeout: Duration::from_millis(700),
            symbols_per_call: 200,
            reply_ttl: Duration::from_millis(200),
            shutdown_timeout: Duration::from_secs(3),
        }
    }
}
