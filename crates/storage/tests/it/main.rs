//! The stores against their contract, the folder against the world, the read path against a model venue.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod contract;
mod damage;
mod disk_full;
mod folder;
mod material;
mod model;
mod oracle;
mod read_path;
mod staleness;
