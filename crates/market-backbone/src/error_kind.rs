//! The kinds of failure, the same for all layers, by what a program can do about them.

use market_backbone_core::{SourceErrorKind, StoreErrorKind};

use crate::Error;

/// The kind of a failure, by what a program can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is invalid by itself, or the venue says so: change it.
    InvalidRequest,
    /// The venue does not list the market.
    UnknownMarket,
    /// There is no universe of that name.
    UnknownUniverse,
    /// The backbone was not built for that venue.
    UnknownVenue,
    /// The venue does not accept the key, or wants one: check the key.
    Unauthorized,
    /// The plan of the key does not include the request.
    Forbidden,
    /// The venue, or this version, cannot do it at all.
    Unsupported,
    /// The venue's rate limit was hit.
    RateLimited,
    /// The venue has banned this address for a while.
    Banned,
    /// The venue cannot be reached, fails, or is closed for maintenance: try again later.
    Unavailable,
    /// Nothing came back in time.
    TimedOut,
    /// The answer could not be read.
    Malformed,
    /// Too many requests are waiting already.
    Overloaded,
    /// It would take longer than the request allows.
    DeadlineExceeded,
    /// The disk is full; what was stored is unharmed.
    DiskFull,
    /// The store failed.
    Store,
    /// The backbone is shutting down.
    Closed,
}

impl Error {
    /// Returns what a program can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Query(_) | Self::Symbol(_) => ErrorKind::InvalidRequest,
            Self::Universe(_) => ErrorKind::UnknownUniverse,
            Self::Venue(_) => ErrorKind::UnknownVenue,
            Self::Store(error) => of_store(error.kind()),
            Self::Source(error) => match error.store_error() {
                Some(store) => of_store(store.kind()),
                None => of_source(error.kind()),
            },
        }
    }

    /// Returns whether the same request may succeed later without any change here.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Query(_) | Self::Symbol(_) | Self::Universe(_) | Self::Venue(_) => false,
        }
    }

    /// Returns how long to wait before the next attempt, where the venue said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Source(error) => error.retry_after(),
            _ => None,
        }
    }
}

fn of_source(kind: SourceErrorKind) -> ErrorKind {
    use SourceErrorKind as Kind;
    match kind {
        Kind::UnknownMarket => ErrorKind::UnknownMarket,
        Kind::BadRequest | Kind::PageTooLarge { .. } => ErrorKind::InvalidRequest,
        Kind::Unauthorized => ErrorKind::Unauthorized,
        Kind::Forbidden => ErrorKind::Forbidden,
        Kind::Throttled(_) => ErrorKind::RateLimited,
        Kind::Banned(_) => ErrorKind::Banned,
        Kind::Maintenance | Kind::VenueFault | Kind::Unreachable => ErrorKind::Unavailable,
        Kind::TimedOut => ErrorKind::TimedOut,
        Kind::Malformed => ErrorKind::Malformed,
        Kind::Overloaded => ErrorKind::Overloaded,
        Kind::DeadlineExceeded { .. } => ErrorKind::DeadlineExceeded,
        Kind::Store => ErrorKind::Store,
        Kind::Closed => ErrorKind::Closed,
        // This covers unsupported requests, a route that the venue does not have, and kinds of later versions.
        _ => ErrorKind::Unsupported,
    }
}

fn of_store(kind: StoreErrorKind) -> ErrorKind {
    match kind {
        StoreErrorKind::DiskFull => ErrorKind::DiskFull,
        StoreErrorKind::Closed => ErrorKind::Closed,
        _ => ErrorKind::Store,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::time::Duration;

    use market_backbone_core::{QueryError, SourceError, StoreError};

    use super::*;

    #[test]
    fn a_program_sees_what_it_can_do() {
        let wait = Duration::from_secs(3);
        let source = |kind| Error::from(SourceError::new(kind, "x"));
        let seen = |error: &Error| (error.kind(), error.is_transient(), error.retry_after());
        let throttled = source(SourceErrorKind::Throttled(Some(wait)));
        assert_eq!(seen(&throttled), (ErrorKind::RateLimited, true, Some(wait)));
        assert_eq!(seen(&source(SourceErrorKind::Unauthorized)), (ErrorKind::Unauthorized, false, None));
        assert_eq!(seen(&source(SourceErrorKind::Forbidden)), (ErrorKind::Forbidden, false, None));
        assert_eq!(seen(&Error::from(QueryError::Count(0))), (ErrorKind::InvalidRequest, false, None));
        let full = || StoreError::new(StoreErrorKind::DiskFull, "no room in /data");
        assert_eq!(seen(&Error::from(full())), (ErrorKind::DiskFull, false, None));
        let beneath = Error::from(SourceError::from(full().transient()));
        assert_eq!(seen(&beneath), (ErrorKind::DiskFull, true, None));
    }

    #[test]
    fn the_cause_is_kept_through_every_layer_and_said_once() {
        let io = std::io::Error::other("disk on fire");
        let store = StoreError::new(StoreErrorKind::Inaccessible, "cannot read /data/x.db").with_source(io);
        let error = Error::from(SourceError::from(store));
        assert_eq!(error.to_string(), "cannot read /data/x.db: disk on fire");
        let causes = std::iter::successors(error.source(), |cause| {
            let cause = *cause;
            cause.source()
        });
        assert!(causes.last().is_some_and(|root| root.is::<std::io::Error>()));
    }
}
