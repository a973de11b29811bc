//! Why the store could not do it.

use std::fmt;

use crate::{SourceError, SourceErrorKind};

/// Why the store could not do it.
pub struct StoreError(Box<StoreErrorInner>);

struct StoreErrorInner {
    kind: StoreErrorKind,
    message: String,
    is_transient: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a caller can do about a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another process holds the data folder and does not share it, or uses it while this needs it alone.
    Locked,
    /// A file is damaged; the others are not.
    Corrupt,
    /// No room left on the disk. What was stored is unharmed.
    DiskFull,
    /// The folder or a file in it cannot be read or written.
    Inaccessible,
    /// A file was written by a newer version of this program.
    TooNew,
    /// The database refused for another reason.
    Database,
    /// The store was opened to be read only.
    ReadOnly,
    /// Nobody has said whose the stored candles are, and they were written when sources were not kept apart.
    Unclaimed,
    /// The store has been closed.
    Closed,
}

impl StoreError {
    /// A failure of this `kind`; `message` says what, where and what to do.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(StoreErrorInner { kind, message: message.into(), is_transient: false, source: None }))
    }

    /// Keeps the failure that lies beneath.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Says that it may be over by itself: a server that is stopped, restarted, overloaded or kept from answering.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.0.is_transient = true;
        self
    }

    /// Whether the same may succeed later without anybody doing anything about it here.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.is_transient
    }

    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreErrorInner { kind, message, is_transient, source } = &*self.0;
        f.debug_struct("StoreError")
            .field("kind", kind)
            .field("message", message)
            .field("is_transient", is_transient)
            .field("source", source)
            .finish()
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        Self::new(SourceErrorKind::Store, error.to_string()).with_source(error)
    }
}
