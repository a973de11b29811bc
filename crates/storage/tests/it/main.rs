//! The stores against their contract, the folder against the world, the read path against a model venue.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod archive;
mod archive_readers;
mod as_of;
mod bit_flips;
mod claims;
mod clock_aware;
mod contract;
mod damage;
mod derived;
mod derived_known;
mod derived_lacking;
mod disk_full;
mod disputes;
mod early;
mod folder;
mod hostile_archives;
mod integrity;
mod maintenance;
mod material;
mod model;
mod older_layout;
mod oracle;
mod postgres;
mod postgres_server;
mod read_path;
mod reconcile;
mod recorder;
mod remote_postgres;
mod remote_store;
mod revisions;
mod sealed;
mod sealed_damage;
mod sealed_kill;
mod sealed_retention;
mod shared_folder;
mod sources;
mod staleness;
mod tampering;
mod tiers;
mod two_stores;
mod universes;
mod write_failures;
