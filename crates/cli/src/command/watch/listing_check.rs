//! Checks that the venue lists the watched markets.
//!
//! A socket needs no listing: if the venue takes long to answer, or cannot, the watch starts without the
//! check and gets the result later.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use market_backbone::{Client, Error, SourceErrorKind};
use tokio::time::timeout;

use crate::command::market_selection::MarketSelection;
use crate::output::note;

/// The longest wait of the watch for the listing.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A check of the listing in progress.
pub(in crate::command) struct ListingCheck {
    wanted: MarketSelection,
    listed: BoxFuture<'static, anyhow::Result<MarketSelection>>,
    /// True if no result is to come any more.
    is_over: bool,
}

impl ListingCheck {
    pub(in crate::command) fn begin(client: &Client, wanted: MarketSelection) -> Self {
        let (client, asked) = (client.clone(), wanted.clone());
        Self { wanted, listed: async move { asked.without_unlisted(&client).await }.boxed(), is_over: false }
    }

    /// Returns the markets to watch, as far as they are known soon.
    ///
    /// # Errors
    ///
    /// If a named market is not listed, or nothing answers at all.
    pub(in crate::command) async fn first_word(mut self) -> anyhow::Result<(MarketSelection, Self)> {
        let Ok(answer) = timeout(FIRST_ANSWER_TIMEOUT, &mut self.listed).await else {
            let waited = FIRST_ANSWER_TIMEOUT.as_secs();
            note(&format!(
                "the venue has not sent its listing within {waited} s; watching all named markets meanwhile"
            ));
            return Ok((self.wanted.clone(), self));
        };
        self.is_over = true;
        let wanted = match answer {
            Err(error) if is_transient(&error) => {
                note(&format!("the venue cannot send its listing ({error}); watching all named markets"));
                self.wanted.clone()
            }
            answer => answer?,
        };
        Ok((wanted, self))
    }

    /// Waits for the late result. May be called again and again: it completes once, if at all.
    ///
    /// # Errors
    ///
    /// If a named market is not listed: its feed would be silent for ever.
    pub(in crate::command) async fn final_answer(&mut self) -> anyhow::Result<()> {
        if self.is_over {
            return std::future::pending().await;
        }
        let answer = (&mut self.listed).await;
        self.is_over = true;
        match answer {
            Err(error) if is_transient(&error) => {
                note(&format!("the venue cannot send its listing ({error})"));
                Ok(())
            }
            answer => answer.map(drop),
        }
    }
}

/// Returns whether only the listing failed: the venue answered, but with something else or too late.
fn is_transient(error: &anyhow::Error) -> bool {
    use SourceErrorKind as Kind;
    let Some(Error::Source(error)) = error.downcast_ref() else { return false };
    matches!(
        error.kind(),
        Kind::TimedOut | Kind::VenueFault | Kind::Maintenance | Kind::Malformed | Kind::Throttled(_)
    )
}
