//! The router's settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::http::HttpConfig;
use crate::limiter::LimiterConfig;
use crate::live::SessionConfig;
use crate::route_choice::ChoiceConfig;
use crate::stack::retry::RetryConfig;
use crate::transport::Transport;

/// The router's settings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouterConfig {
    /// The settings of the rate limiter.
    pub limiter: LimiterConfig,
    /// The folder of the send logs, with one file for each venue and host; `None` for memory only.
    ///
    /// All processes of a machine that name the same folder share the venue's limit, and a process that
    /// starts right after another has ended knows what that one sent.
    pub limits_dir: Option<PathBuf>,
    /// The settings of retries.
    pub retry: RetryConfig,
    /// The settings of the HTTP client.
    pub http: HttpConfig,
    /// A transport that carries requests and sockets to the venue instead of the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// The settings of the socket session.
    pub session: SessionConfig,
    /// The settings that say when following a market pays.
    pub choice: ChoiceConfig,
    /// The time for which a fetched list of markets counts as current.
    pub markets_ttl: Duration,
    /// The longest wait for the socket to deliver the forming candle before REST is asked.
    pub forming_timeout: Duration,
    /// The number of markets in one request for tickers or books.
    ///
    /// With 200, the address is 2 KB long, which all servers on the way accept.
    pub symbols_per_call: usize,
    /// The time for which the reply to a request for live values is shared with others that ask the same.
    pub reply_ttl: Duration,
    /// The longest that shutdown may take.
    pub shutdown_timeout: Duration,
}

market_backbone_core::setters!(RouterConfig {
    limiter: LimiterConfig,
    limits_dir: Option<PathBuf>,
    retry: RetryConfig,
    http: HttpConfig,
    transport: Option<Arc<dyn Transport>>,
    session: SessionConfig,
    choice: ChoiceConfig,
    markets_ttl: Duration,
    forming_timeout: Duration,
    symbols_per_call: usize,
    reply_ttl: Duration,
    shutdown_timeout: Duration,
});

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            limiter: LimiterConfig::default(),
            limits_dir: None,
            retry: RetryConfig::default(),
            http: HttpConfig::default(),
            transport: None,
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
