//! Follows a paged reply to its last page.
//!
//! Each page is a request of its own: it waits for its permit, and only that page is retried if it fails.

use std::collections::HashSet;
use std::sync::Arc;

use market_backbone_core::{SourceError, SourceErrorKind};
use tower::ServiceExt;

use crate::stack::RequestStack;
use crate::stack::request::{ReplyPayload, VenueReply, VenueRequest};

/// The largest number of pages followed: no reply is this long, so the venue repeats itself.
const MAX_PAGES: usize = 10_000;

/// Fetches the whole reply to `request`.
pub(super) async fn fetch_all_pages(
    stack: RequestStack,
    request: VenueRequest,
) -> Result<VenueReply, SourceError> {
    let mut whole = stack.clone().oneshot(request.clone()).await?;
    let mut seen = HashSet::new();
    while let Some(http) = whole.next.take() {
        let next = (http.path.clone(), http.query.clone());
        if !seen.insert(next) || seen.len() >= MAX_PAGES {
            let message = format!("the pages of {} form a loop", request.http.path);
            return Err(SourceError::new(SourceErrorKind::Malformed, message));
        }
        let request = VenueRequest { http: Arc::new(http), ..request.clone() };
        append(&mut whole, stack.clone().oneshot(request).await?);
    }
    Ok(whole)
}

fn append(whole: &mut VenueReply, page: VenueReply) {
    whole.attempts += page.attempts;
    whole.next = page.next;
    match (&mut whole.payload, page.payload) {
        (ReplyPayload::Markets(all), ReplyPayload::Markets(more)) => all.extend(more),
        (ReplyPayload::Own(all), ReplyPayload::Own(more)) => all.extend(more),
        // No other reply has a further page.
        _ => {}
    }
}
