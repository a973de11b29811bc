//! The error of every store, with a kind that tells the caller what to do.

use std::fmt;

use crate::{SourceError, SourceErrorKind};

/// The reason why a store operation failed.
pub struct StoreError(Box<StoreErrorInner>);

struct StoreErrorInner {
    kind: StoreErrorKind,
    message: String,
    is_transient: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kind of a [`StoreError`], which says what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another process holds the data folder exclusively, or this operation needs it exclusively and another
    /// process uses it.
    Locked,
    /// A file is damaged; the others are not.
    Corrupt,
    /// No space is left on the disk. Stored data is unharmed.
    DiskFull,
    /// The folder or a file in it cannot be read or written.
    Inaccessible,
    /// A file was written by a newer version of this program.
    TooNew,
    /// The database refused for another reason.
    Database,
    /// The store was opened to be read only.
    ReadOnly,
    /// The source of the stored candles is not recorded: they were written when sources were not kept apart.
    Unclaimed,
    /// The store has been closed.
    Closed,
}

impl StoreError {
    /// Creates an error of this `kind`; `message` says what, where and what to do.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(StoreErrorInner { kind, message: message.into(), is_transient: false, source: None }))
    }

    /// Keeps the underlying error as the source.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Marks the error as transient: a server that is stopped, restarted, overloaded or unreachable.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.0.is_transient = true;
        self
    }

    /// Returns whether the same operation may succeed later without any action here.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.is_transient
    }

    /// Returns what a caller can do about it.
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
