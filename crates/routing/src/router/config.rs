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
pub struct RouterConfig {
    /// Turns.
    pub limiter: LimiterConfig,
    /// A folder in which what is sent is noted, a file for each venue and host: all processes of a machine that name it
    /// share what the venue allows, and one started right after another's end knows what that one has sent. `None` for
    /// memory only.
    pub limits_dir: Option<PathBuf>,
    /// Repeats.
    pub retry: RetryConfig,
    /// The HTTP client.
    pub http: HttpConfig,
    /// What carries requests and sockets to the venue instead of the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// The socket.
    pub session: SessionConfig,
    /// When following a market pays.
    pub choice: ChoiceConfig,
    /// How long the list of markets is taken to be still right.
    pub markets_ttl: Duration,
    /// How long the socket gets to bring the candle in progress before it is asked for over REST.
    pub forming_timeout: Duration,
    /// How many markets are named in one request for tickers or books: of 200 the address is 2 KB long, which every
    /// server on the way takes.
    pub symbols_per_call: usize,
    /// How long the answer to a question for live values serves those who ask the same.
    pub reply_ttl: Duration,
    /// How long shutting down may take.
    pub shutdown_timeout: Duration,
}

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
