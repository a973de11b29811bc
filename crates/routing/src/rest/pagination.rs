//! Follows a paged reply to its last page.
//!
//! Each page is a request of its own: it waits for its permit, and only that page is retried if it fails.

use std::collections::HashSet;
use std::sync::Arc;

use market_backbone_core::{SourceError, SourceErrorKind};

use super::typed_request::Request;
use crate::stack::RequestStack;
use crate::stack::request::{VenueReply, VenueRequest};

/// The largest number of pages followed: no reply is this long, so the venue repeats itself.
const MAX_PAGES: usize = 10_000;

/// Fetches the whole reply to `request`, which asks `question`.
pub(super) async fn fetch_all_pages<R: Request>(
    stack: RequestStack,
    question: Arc<R>,
    request: VenueRequest,
) -> Result<VenueReply<R::Reply>, SourceError> {
    let mut whole = stack.ask(&question, request.clone()).await?;
    let Some(append) = R::APPEND_PAGE else { return Ok(whole) };
    let mut seen = HashSet::new();
    while let Some(http) = whole.next.take() {
        let next = (http.path.clone(), http.query.clone());
        if !seen.insert(next) || seen.len() >= MAX_PAGES {
            let message = format!("the pages of {} form a loop", request.http.path);
            return Err(SourceError::new(SourceErrorKind::Malformed, message));
        }
        let request = VenueRequest { http: Arc::new(http), ..request.clone() };
        let page = stack.ask(&question, request).await?;
        whole.attempts += page.attempts;
        whole.next = page.next;
        append(&mut whole.payload, page.payload);
    }
    Ok(whole)
}
