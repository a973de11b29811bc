//! The venues that the emulator speaks like, each under its name: the one place where they are listed.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::connection::{ConnectionReset, UpgradeSlot};
use crate::world::EmulatorWorld;
use crate::{massive, upbit};

/// The answer to a request, or the end of its connection.
pub(crate) type Answer<'a> = BoxFuture<'a, Result<Response<Body>, ConnectionReset>>;

/// A venue that the emulator speaks like.
#[derive(Clone, Copy, Debug)]
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
    /// Returns whether a request for this path is for the venue.
    pub(crate) owns: fn(&str) -> bool,
    /// Answers a request.
    pub(crate) answer:
        for<'a> fn(&'a Arc<EmulatorWorld>, IpAddr, Request<Incoming>, &'a UpgradeSlot) -> Answer<'a>,
}

/// Venues are told apart by their names.
impl PartialEq for EmulatedVenue {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for EmulatedVenue {}

impl EmulatedVenue {
    /// All of them. They listen on one port and are told apart by the path of a request.
    pub const ALL: [Self; 2] = [upbit::EMULATED, massive::EMULATED];

    /// Finds the one called `name`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.name == name)
    }

    /// Returns the one that a request for `path` is for. What is nobody's is for the first of them to refuse.
    pub(crate) fn of_path(path: &str) -> Self {
        Self::ALL.into_iter().find(|venue| (venue.owns)(path)).unwrap_or(Self::ALL[0])
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
            assert_eq!(EmulatedVenue::of_path(&format!("/{}", venue.socket_path)), venue);
        }
        assert_eq!(EmulatedVenue::find("nobody"), None);
    }
}
