//! Requests as every venue is sent them, and their refusal before they are sent.

use market_backbone_core::{HttpCall, RateLimitGroup, SourceError, SourceErrorKind};

/// Makes a GET request of weight 1.
pub fn get(group: RateLimitGroup, path: impl Into<String>, query: Vec<(&'static str, String)>) -> HttpCall {
    let query = query.into_iter().map(|(name, value)| (name.into(), value)).collect();
    HttpCall::new(group, path, query)
}

/// Returns how many `of_what` to ask `venue` for. What it would cut down to `limit` without a word is refused, while the
/// caller still learns.
///
/// # Errors
///
/// [`PageTooLarge`](SourceErrorKind::PageTooLarge), or [`BadRequest`](SourceErrorKind::BadRequest) for none.
pub fn page_size(venue: &str, asked: u32, limit: u32, of_what: &str) -> Result<u32, SourceError> {
    if asked == 0 {
        return Err(bad_request(format!("cannot request 0 {of_what}; ask for 1 to {limit}")));
    }
    if asked > limit {
        let message = format!(
            "{venue} gives at most {limit} {of_what} at once, {asked} were asked; \
             ask for {limit} at a time, or through a layer that splits"
        );
        return Err(SourceError::new(SourceErrorKind::PageTooLarge { asked, limit }, message));
    }
    Ok(asked)
}

/// Makes the error for a question that makes no sense.
pub fn bad_request(message: impl Into<String>) -> SourceError {
    SourceError::new(SourceErrorKind::BadRequest, message)
}

/// Makes the error for a question that the venue, or what was paid for, has no answer to.
pub fn unsupported(message: impl Into<String>) -> SourceError {
    SourceError::new(SourceErrorKind::Unsupported, message)
}
