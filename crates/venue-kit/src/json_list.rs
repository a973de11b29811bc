//! Lists that are taken apart first, so that one bad element never takes its neighbours with it.

use market_backbone_core::{FrameError, SourceError};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{malformed, unreadable_frame};

/// The elements of an answer's list, still unread.
#[derive(Debug)]
pub struct JsonList<'a> {
    venue: &'static str,
    body: &'a [u8],
    elements: Vec<&'a RawValue>,
}

impl<'a> JsonList<'a> {
    /// Takes apart a body of `venue` that is a list.
    ///
    /// # Errors
    ///
    /// [`Malformed`](market_backbone_core::SourceErrorKind::Malformed) if it is none.
    pub fn parse(venue: &'static str, body: &'a [u8]) -> Result<Self, SourceError> {
        Ok(Self::new(venue, body, parse_body(venue, body)?))
    }

    /// Makes a list of `elements` that were found somewhere in a body of `venue`.
    #[must_use]
    pub const fn new(venue: &'static str, body: &'a [u8], elements: Vec<&'a RawValue>) -> Self {
        Self { venue, body, elements }
    }

    /// Returns the elements in their order.
    #[must_use]
    pub fn elements(&self) -> &[&'a RawValue] {
        &self.elements
    }

    /// Reads each element by `read`; also returns how many could not be read and were left out.
    ///
    /// # Errors
    ///
    /// [`Malformed`](market_backbone_core::SourceErrorKind::Malformed) if none of them could be read: then the venue
    /// speaks another language than this build, and an empty answer would be a lie.
    pub fn read<T>(&self, read: impl Fn(&'a RawValue) -> Option<T>) -> Result<(Vec<T>, u32), SourceError> {
        let items: Vec<T> = self.elements.iter().filter_map(|raw| read(raw)).collect();
        if items.is_empty() && !self.elements.is_empty() {
            return Err(malformed(self.venue, self.body));
        }
        let dropped = u32::try_from(self.elements.len() - items.len()).unwrap_or(u32::MAX);
        Ok((items, dropped))
    }
}

/// Reads each of `elements` by `read`, for answers of which nobody could ask for a part again.
///
/// # Errors
///
/// [`Malformed`](market_backbone_core::SourceErrorKind::Malformed) if one of them cannot be read.
pub fn read_every<'a, T>(
    venue: &str,
    elements: &[&'a RawValue],
    read: impl Fn(&'a RawValue) -> Option<T>,
) -> Result<Vec<T>, SourceError> {
    elements.iter().map(|raw| read(raw).ok_or_else(|| malformed(venue, raw.get().as_bytes()))).collect()
}

/// Reads one element; `None` if it is not what it should be.
#[must_use]
pub fn element<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// Reads a body of `venue` as a whole.
///
/// # Errors
///
/// [`Malformed`](market_backbone_core::SourceErrorKind::Malformed), with an excerpt of the body.
pub fn parse_body<'a, T: Deserialize<'a>>(venue: &str, body: &'a [u8]) -> Result<T, SourceError> {
    serde_json::from_slice(body).map_err(|error| malformed(venue, body).with_source(error))
}

/// Reads a message of a socket as a whole.
///
/// # Errors
///
/// If it is not what it should be; the error has an excerpt of the message.
pub fn parse_frame<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, FrameError> {
    serde_json::from_str(text).map_err(|error| unreadable_frame(&error, text))
}

/// Returns a frame as text.
///
/// # Errors
///
/// If it is not UTF-8.
pub fn frame_text(frame: &[u8]) -> Result<&str, FrameError> {
    // The fast check does not say where the fault is.
    let checked = simdutf8::basic::from_utf8(frame).or_else(|_| std::str::from_utf8(frame));
    checked.map_err(|error| FrameError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use market_backbone_core::SourceErrorKind;

    use super::*;

    fn numbers(body: &str) -> Result<(Vec<u32>, u32), SourceErrorKind> {
        let list = JsonList::parse("v", body.as_bytes()).map_err(|error| error.kind())?;
        list.read(element).map_err(|error| error.kind())
    }

    #[test]
    fn a_bad_element_is_left_out_and_counted() {
        assert_eq!(numbers("[1,\"2\",{},3]"), Ok((vec![1, 3], 2)));
        assert_eq!(numbers("[]"), Ok((vec![], 0)));
    }

    #[test]
    fn a_list_of_bad_elements_is_no_empty_answer() {
        assert_eq!(numbers("[\"1\"]"), Err(SourceErrorKind::Malformed));
        assert_eq!(numbers("{}"), Err(SourceErrorKind::Malformed));
        assert_eq!(numbers("<html>"), Err(SourceErrorKind::Malformed));
    }

    #[test]
    fn where_every_element_counts_one_bad_one_fails_all() {
        let list = JsonList::parse("v", b"[1,\"two\"]").unwrap();
        let error = read_every("v", list.elements(), element::<u32>).unwrap_err();
        assert_eq!(error.to_string(), "cannot read v's answer `\"two\"`");
        assert_eq!(read_every("v", &list.elements()[..1], element::<u32>).unwrap(), [1]);
    }
}
