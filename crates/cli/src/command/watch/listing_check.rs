//! Whether the venue lists what is to be watched. A socket needs no listing: where the venue takes long to say, or cannot,
//! the watch begins without it, and hears of it later.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use market_backbone::{Client, Error, SourceErrorKind};
use tokio::time::timeout;

use crate::command::market_selection::MarketSelection;
use crate::output::note;

/// So long the watch waits for the listing.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A look at the listing, under way.
pub(super) struct ListingCheck {
    wanted: MarketSelection,
    listed: BoxFuture<'static, anyhow::Result<MarketSelection>>,
    /// There is nothing more to be heard.
    is_over: bool,
}

impl ListingCheck {
    pub(super) fn begin(client: &Client, wanted: MarketSelection) -> Self {
        let (client, asked) = (client.clone(), wanted.clone());
        Self { wanted, listed: async move { asked.without_unlisted(&client).await }.boxed(), is_over: false }
    }

    /// What is to be watched, as far as is known soon.
    ///
    /// # Errors
    ///
    /// If a market that was named is not listed, or nobody answers at all.
    pub(super) async fn first_word(mut self) -> anyhow::Result<(MarketSelection, Self)> {
        let Ok(answer) = timeout(FIRST_ANSWER_TIMEOUT, &mut self.listed).await else {
            let waited = FIRST_ANSWER_TIMEOUT.as_secs();
            note(&format!(
                "the venue has not said within {waited} s what it lists; watching all that was named meanwhile"
            ));
            return Ok((self.wanted.clone(), self));
        };
        self.is_over = true;
        let wanted = match answer {
            Err(error) if is_transient(&error) => {
                note(&format!("the venue cannot say what it lists ({error}); watching all that was named"));
                self.wanted.clone()
            }
            answer => answer?,
        };
        Ok((wanted, self))
    }

    /// Hears what the venue says late. To be called again and again: completes once, if at all.
    ///
    /// # Errors
    ///
    /// If a market that was named is not listed: its feed would be silent for ever.
    pub(super) async fn final_answer(&mut self) -> anyhow::Result<()> {
        if self.is_over {
            return std::future::pending().await;
        }
        let answer = (&mut self.listed).await;
        self.is_over = true;
        match answer {
            Err(error) if is_transient(&error) => {
                note(&format!("the venue cannot say what it lists ({error})"));
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
