//! A source of a venue's own requests whose answers are prepared.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use market_backbone_core::{CallSource, HttpCall, OwnedReply, Priority, SourceError, VenueId};

type Check = dyn Fn(&HttpCall, &OwnedReply) -> Result<(), SourceError> + Send + Sync;

/// A call source that gives each request the next of its prepared answers, and the last one again and again. Without any,
/// an answer has no pages.
pub struct CannedCalls {
    venue: VenueId,
    answers: Mutex<VecDeque<Vec<OwnedReply>>>,
    check: Box<Check>,
    asked: Mutex<Vec<String>>,
}

impl CannedCalls {
    /// Creates a source of `venue` without any answers.
    #[must_use]
    pub fn new(venue: VenueId) -> Self {
        Self { venue, answers: Mutex::default(), check: Box::new(|_, _| Ok(())), asked: Mutex::default() }
    }

    /// Adds an answer of these pages.
    #[must_use]
    pub fn then<B: Into<Vec<u8>>>(self, pages: impl IntoIterator<Item = B>) -> Self {
        let page = |body: B| OwnedReply { status: 200, body: body.into(), ..OwnedReply::default() };
        self.answers.lock().unwrap().push_back(pages.into_iter().map(page).collect());
        self
    }

    /// Gives the answer that was added last this HTTP status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.answers
            .lock()
            .unwrap()
            .iter_mut()
            .next_back()
            .into_iter()
            .flatten()
            .for_each(|page| page.status = status);
        self
    }

    /// Fails a request where `check` does.
    #[must_use]
    pub fn checked_by(
        mut self,
        check: impl Fn(&HttpCall, &OwnedReply) -> Result<(), SourceError> + Send + Sync + 'static,
    ) -> Self {
        self.check = Box::new(check);
        self
    }

    /// Returns the path and query of each request so far, separated by blanks.
    #[must_use]
    pub fn asked(&self) -> String {
        self.asked.lock().unwrap().join(" ")
    }
}

impl std::fmt::Debug for CannedCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CannedCalls").field("venue", &self.venue).finish_non_exhaustive()
    }
}

#[async_trait]
impl CallSource for CannedCalls {
    fn venue(&self) -> VenueId {
        self.venue
    }

    async fn call(&self, call: HttpCall, _: Priority) -> Result<Vec<OwnedReply>, SourceError> {
        let query: Vec<_> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.asked.lock().unwrap().push(format!("{}?{}", call.path, query.join("&")));
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let pages = next.unwrap_or_default();
        pages.iter().try_for_each(|page| (self.check)(&call, page))?;
        Ok(pages)
    }
}
