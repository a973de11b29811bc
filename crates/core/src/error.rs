//! The error of every data source, with a kind that tells the caller what to do.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{StoreError, VenueId};

/// The reason why a source could not answer. It is one machine word wide and cheap to clone, so that callers
/// who share one request can share its failure.
#[derive(Clone)]
pub struct SourceError(Arc<SourceErrorInner>);

#[derive(Clone)]
struct SourceErrorInner {
    kind: SourceErrorKind,
    venue: Option<VenueId>,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a [`SourceError`], which says what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// The venue does not list the market, or no longer does.
    UnknownMarket,
    /// The venue understood the request and refused it.
    BadRequest,
    /// The venue does not accept the key, or wants one.
    Unauthorized,
    /// The venue accepts the key, but its plan does not include the request.
    Forbidden,
    /// More was asked for than fits one page of the venue.
    PageTooLarge {
        /// The number of rows that was asked for.
        asked: u32,
        /// The most rows the venue gives at once.
        limit: u32,
    },
    /// The venue does not offer this at all.
    Unsupported,
    /// The venue's rate limit was hit. The duration is the wait it asked for, if it named one.
    Throttled(Option<Duration>),
    /// The venue has banned this client. The duration is how long, if it named one. Never retried automatically.
    Banned(Option<Duration>),
    /// The venue is closed for maintenance.
    Maintenance,
    /// The venue failed on its side.
    VenueFault,
    /// The venue has no such route: this build and the venue disagree about the protocol.
    NoSuchRoute,
    /// The venue could not be reached, or closed the connection.
    Unreachable,
    /// Nothing came back in time.
    TimedOut,
    /// An answer arrived that this build cannot read, or that was cut short.
    Malformed,
    /// Too many requests are waiting already.
    Overloaded,
    /// The answer was not possible within the time allowed. The request was not sent where that was known
    /// beforehand.
    DeadlineExceeded {
        /// The time it would have taken, as far as it could be estimated.
        estimated: Duration,
    },
    /// The local store failed.
    Store,
    /// This program is shutting down.
    Closed,
}

impl SourceError {
    /// Creates an error of this `kind`. `message` says what, where and what to do: lower case, no full stop, no
    /// secret.
    #[must_use]
    pub fn new(kind: SourceErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(SourceErrorInner { kind, venue: None, message: message.into(), source: None }))
    }

    /// Adds the venue at which it happened.
    #[must_use]
    pub fn at_venue(mut self, venue: VenueId) -> Self {
        Arc::make_mut(&mut self.0).venue = Some(venue);
        self
    }

    /// Keeps the underlying error as the source.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// Replaces the message and keeps all else.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).message = message.into();
        self
    }

    /// Returns what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> SourceErrorKind {
        self.0.kind
    }

    /// Returns the venue at which it happened, if one is involved.
    #[must_use]
    pub fn venue(&self) -> Option<VenueId> {
        self.0.venue
    }

    /// Returns how long to wait before the next attempt, where the venue said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.0.kind {
            SourceErrorKind::Throttled(wait) | SourceErrorKind::Banned(wait) => wait,
            _ => None,
        }
    }

    /// Returns the underlying failure of the store, if the [store](SourceErrorKind::Store) failed.
    #[must_use]
    pub fn store_error(&self) -> Option<&StoreError> {
        let source = self.0.source.as_deref()? as &(dyn Error + 'static);
        source.downcast_ref()
    }

    /// Returns whether asking again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use SourceErrorKind as Kind;
        match self.0.kind {
            Kind::Throttled(_)
            | Kind::VenueFault
            | Kind::Maintenance
            | Kind::Unreachable
            | Kind::TimedOut
            | Kind::Malformed
            | Kind::Overloaded
            | Kind::DeadlineExceeded { .. } => true,
            Kind::Store => self.store_error().is_some_and(StoreError::is_transient),
            Kind::UnknownMarket
            | Kind::BadRequest
            | Kind::Unauthorized
            | Kind::Forbidden
            | Kind::PageTooLarge { .. }
            | Kind::Unsupported
            | Kind::Banned(_)
            | Kind::NoSuchRoute
            | Kind::Closed => false,
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.0.message;
        f.write_str(message)?;
        let Some(source) = &self.0.source else { return Ok(()) };
        let cause = root_cause(source.as_ref()).to_string();
        if message.contains(&cause) { Ok(()) } else { write!(f, ": {cause}") }
    }
}

/// Returns the last link of a chain of causes, which says most: "connection refused", not "error sending
/// request".
fn root_cause<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

impl fmt::Debug for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SourceErrorInner { kind, venue, message, source } = &*self.0;
        f.debug_struct("SourceError")
            .field("kind", kind)
            .field("venue", venue)
            .field("message", message)
            .field("source", source)
            .finish()
    }
}

/// Compares the visible parts: kind, venue and message.
impl PartialEq for SourceError {
    fn eq(&self, other: &Self) -> bool {
        let seen = |error: &Self| (error.0.kind, error.0.venue);
        seen(self) == seen(other) && self.0.message == other.0.message
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    #[test]
    fn a_result_stays_one_word() {
        assert_eq!(size_of::<SourceError>(), size_of::<usize>());
    }

    #[test]
    fn a_ban_is_never_transient() {
        assert!(!SourceError::new(SourceErrorKind::Banned(None), "x").is_transient());
        assert!(SourceError::new(SourceErrorKind::Throttled(None), "x").is_transient());
    }

    #[test]
    fn a_failure_of_the_store_keeps_its_cause_and_says_it_once() {
        let io = std::io::Error::other("disk on fire");
        let store = StoreError::new(StoreErrorKind::Database, "cannot read x.db").with_source(io).transient();
        let error = SourceError::from(store);
        assert_eq!(error.to_string(), "cannot read x.db: disk on fire");
        let kept = error.store_error().map(|store| (store.kind(), store.is_transient()));
        assert_eq!((kept, error.is_transient()), (Some((StoreErrorKind::Database, true)), true));
        let chain = error.source().and_then(Error::source).map(ToString::to_string);
        assert_eq!(chain.as_deref(), Some("disk on fire"));
        assert!(!SourceError::from(StoreError::new(StoreErrorKind::Corrupt, "x")).is_transient());
    }

    #[test]
    fn a_wait_that_the_venue_asks_for_is_reported() {
        let wait = Duration::from_secs(7);
        let after = |kind| SourceError::new(kind, "x").retry_after();
        assert_eq!(after(SourceErrorKind::Throttled(Some(wait))), Some(wait));
        assert_eq!(after(SourceErrorKind::Banned(Some(wait))), Some(wait));
        assert_eq!(after(SourceErrorKind::TimedOut), None);
    }

    #[test]
    fn the_text_ends_with_the_root_of_the_matter() {
        let io = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error =
            SourceError::new(SourceErrorKind::Unreachable, "cannot reach 127.0.0.1:1").with_source(io);
        assert_eq!(error.to_string(), "cannot reach 127.0.0.1:1: connection refused");
    }
}
