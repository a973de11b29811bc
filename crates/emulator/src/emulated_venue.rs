//! The venues that the emulator speaks like, each under its name: the one place where they are listed.

use crate::{massive, upbit};

/// A venue that the emulator speaks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmulatedVenue {
    /// The name by which the command line starts it.
    pub name: &'static str,
    /// The name that people use.
    pub display_name: &'static str,
    /// The things that are traded there, and the keys that it takes, for lists of emulators.
    pub summary: &'static str,
    /// The path of its socket, without the slash before it.
    pub socket_path: &'static str,
    /// The regions that it has look-alikes of, the default one first; empty where it has no regions.
    pub regions: &'static [&'static str],
}

impl EmulatedVenue {
    /// All of them. They listen on one port and are told apart by the path of a request.
    pub const ALL: [Self; 2] = [upbit::EMULATED, massive::EMULATED];

    /// Finds the one called `name`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_has_a_socket_of_its_own() {
        for venue in EmulatedVenue::ALL {
            assert_eq!(EmulatedVenue::find(venue.name), Some(venue));
            let same = EmulatedVenue::ALL.iter().filter(|other| other.socket_path == venue.socket_path);
            assert_eq!(same.count(), 1, "{venue:?}");
        }
        assert_eq!(EmulatedVenue::find("nobody"), None);
    }
}
