//! The id of a data source: a venue itself, one of its regions, or any other address that speaks its protocol.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// The longest id: as a folder name it has to fit every file system.
const MAX_LEN: usize = 120;
/// The replacement in file names for `:`, which some file systems do not accept. No id contains it.
const COLON_REPLACEMENT: char = '+';

/// The id of a source of market data. It is part of every [`Symbol`](crate::Symbol), so that rows of two
/// sources never mix.
///
/// An id says whose data it is, and which protocol its source speaks ([`family`](Self::family)):
///
/// | id | whose data |
/// | --- | --- |
/// | `upbit`, `massive` | the venue's own, at its own addresses |
/// | `upbit-sg`, `upbit-id`, `upbit-th` | a region of the venue: an exchange of its own, with its own books |
/// | `upbit@127.0.0.1:9001`, `massive@[::1]:9001`, `massive@proxy.example` | the server at this address |
/// | `upbit@10.0.0.7:9001~10.0.0.8:9002` | a server with requests at one address and the socket at the other |
/// | `upbit@seed-7` | a chosen name |
///
/// An id consists of a-z, 0-9, `-` and `_`; then, where there is an address, `@` and a-z, 0-9, `.`, `-`, `_`,
/// `:`, `~`, `[` and `]`; at most 120 characters in all, and no dot at the end. User names, paths and queries
/// of an address never become part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VenueId(&'static str);

impl VenueId {
    /// Creates the id of a source. Each venue's crate does this once for each of its own sources.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the source called `name`, as read from a file or a database that this program wrote.
    ///
    /// Each id is kept for the life of the program: there are as many as there are sources.
    #[must_use]
    pub fn intern(name: &str) -> Self {
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        names.insert(kept);
        Self(kept)
    }

    /// Returns the id as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns the venue whose protocol the source speaks: `upbit` for `upbit-sg` and for
    /// `upbit@127.0.0.1:9001`.
    ///
    /// Whatever depends on the protocol (calendars, limits, capabilities) uses the family. Ownership of data
    /// does not.
    #[must_use]
    pub fn family(self) -> Self {
        Self(self.0.split(['-', '@']).next().unwrap_or(self.0))
    }

    /// Returns the id without its address, for messages in which the source does not matter.
    #[must_use]
    pub fn without_address(self) -> Self {
        Self(self.0.split('@').next().unwrap_or(self.0))
    }

    /// Returns the address, or the chosen name, of a source that is not at one of its venue's own addresses.
    #[must_use]
    pub fn address(self) -> Option<&'static str> {
        self.0.split_once('@').map(|(_, place)| place)
    }

    /// Returns the source of the same family at `place`: a host in lower case, with its port where that is not
    /// the usual one.
    ///
    /// # Errors
    ///
    /// [`VenueIdError`] if `place` is not valid in an id.
    pub fn at_address(self, place: &str) -> Result<Self, VenueIdError> {
        format!("{}@{place}", self.family()).parse()
    }

    /// Returns the id as a folder or file name for every file system: `:` is written `+`.
    #[must_use]
    pub fn file_name(self) -> String {
        self.0.replace(':', &COLON_REPLACEMENT.to_string())
    }

    /// Returns the source whose [`file_name`](Self::file_name) this is.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        if name.contains(':') { None } else { name.replace(COLON_REPLACEMENT, ":").parse().ok() }
    }
}

impl fmt::Display for VenueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// Reads what [`Display`](fmt::Display) writes, from user input too.
impl FromStr for VenueId {
    type Err = VenueIdError;

    fn from_str(text: &str) -> Result<Self, VenueIdError> {
        let (base, place) = text.split_once('@').map_or((text, None), |(base, place)| (base, Some(place)));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let in_base = |c: char| plain(c) || matches!(c, '-' | '_');
        let in_address = |c: char| in_base(c) || matches!(c, '.' | ':' | '~' | '[' | ']');
        let is_valid = text.len() <= MAX_LEN
            && base.starts_with(plain)
            && base.chars().all(in_base)
            && place.is_none_or(|place| {
                place.contains(plain) && place.chars().all(in_address) && !place.ends_with('.')
            });
        if is_valid {
            Ok(Self::intern(text))
        } else {
            Err(VenueIdError(text.chars().take(MAX_LEN).collect()))
        }
    }
}

/// An error for a text that cannot be the id of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the name of a source; write it like upbit, upbit-sg, upbit@127.0.0.1:9001 or upbit@seed-7"
)]
pub struct VenueIdError(String);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPBIT: VenueId = VenueId::new("upbit");

    #[test]
    fn a_name_that_was_read_is_the_venue_that_bears_it() {
        assert_eq!(VenueId::intern(&String::from("upbit")), UPBIT);
        assert_ne!(VenueId::intern("massive"), UPBIT);
    }

    #[test]
    fn every_source_of_a_venue_speaks_its_protocol_and_none_is_another() {
        let names = ["upbit", "upbit-sg", "upbit@127.0.0.1:9001", "upbit@[::1]:9001", "upbit@seed-7"];
        let sources = names.map(|name| name.parse::<VenueId>().unwrap());
        assert!(sources.iter().all(|source| source.family() == UPBIT));
        assert_eq!(sources.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert_eq!(sources.map(VenueId::address)[2..4], [Some("127.0.0.1:9001"), Some("[::1]:9001")]);
        assert_eq!(sources[1].at_address("proxy.example").unwrap().as_str(), "upbit@proxy.example");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("upbit@{}", "a".repeat(MAX_LEN));
        for text in [
            "",
            "@x",
            "-sg",
            "Upbit",
            "upbit@",
            "upbit@.",
            "upbit@..",
            "upbit@a/b",
            "upbit@a@b",
            "upbit@x+y",
            "upbit@x ",
            "upbit/..",
            "업비트",
            "upbit@key=1?",
            &long,
        ] {
            assert!(text.parse::<VenueId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_file_name_reads_back_and_holds_nothing_that_a_file_system_refuses(
            name in "[a-z0-9][a-z0-9_-]{0,9}(@[a-z0-9]{0,9}[.:~_\\[\\]-]{0,3}[a-z0-9]{1,9})?"
        ) {
            let source: VenueId = name.parse().unwrap();
            let file = source.file_name();
            prop_assert!(!file.contains([':', '/', '\\', '*', '?', '"', '<', '>', '|', ' ']), "{}", file);
            prop_assert_eq!(VenueId::from_file_name(&file), Some(source));
        }
    }
}
