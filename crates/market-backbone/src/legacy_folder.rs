//! Opens a data folder, including one of an older version: the origin of its candles follows from the hosts it
//! has contacted.
//!
//! Older versions wrote the requests they sent into `limits/` of the folder, a file for each host. If only the
//! venue's own host is there, the candles are the venue's; if only one other host is there, they belong to that
//! one. If there are several or none (the command line kept the journal of the venue's own host elsewhere),
//! nothing is guessed, and the candles are not used until somebody [claims](SqliteStore::claim) them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use market_backbone_core::{StoreError, VenueId};
use market_backbone_storage::{SqliteStore, StoreConfig};

use crate::known_venues;

/// Opens the folder, or creates it.
///
/// Candles that an older version kept under the name of a venue alone are assigned to the only source that the
/// folder is known to have contacted. Others stay [unclaimed](SqliteStore::unclaimed).
///
/// # Errors
///
/// As [`SqliteStore::open`].
pub async fn open_folder(config: StoreConfig) -> Result<SqliteStore, StoreError> {
    let dir = config.get_dir().to_path_buf();
    let store = SqliteStore::open(config).await?;
    for venue in store.unclaimed() {
        let talked_to = contacted_sources(&dir, venue);
        let mut sources = talked_to.iter();
        if let (Some(source), None) = (sources.next(), sources.next()) {
            match store.claim(venue, *source).await {
                Ok(()) => tracing::warn!(
                    %venue, %source, dir = %dir.display(),
                    "candles of an older version: the folder has contacted only this source, so they are assigned to it"
                ),
                Err(error) => tracing::warn!(%error, "candles of an older version stay unclaimed"),
            }
        }
    }
    Ok(store)
}

/// Returns the sources of `venue` to which an older version recorded requests: `upbit-api.upbit.com.sends`,
/// `upbit-127.0.0.1-9001.sends`.
fn contacted_sources(dir: &Path, venue: VenueId) -> BTreeSet<VenueId> {
    let files = fs::read_dir(dir.join("limits")).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    names
        .filter_map(|name| {
            source_of_host(
                venue,
                name.strip_suffix(".sends")?.strip_prefix(venue.as_str())?.strip_prefix('-')?,
            )
        })
        .collect()
}

/// Returns the source at a host in whose spelling all characters except letters, digits and dots were replaced
/// by hyphens.
fn source_of_host(venue: VenueId, host: &str) -> Option<VenueId> {
    let known = known_venues().find(venue).ok();
    let official = known.and_then(|known| known.official_hosts().iter().find(|(name, _)| *name == host));
    if let Some((_, source)) = official {
        return Some(*source);
    }
    let (name, port) = match host.rsplit_once('-') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, Some(port)),
        _ => (host, None),
    };
    // `[::1]:9001` was written `---1--9001`.
    let address = name.replace('-', ":");
    let name = match address.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')) {
        Some(inside) if inside.contains(':') => format!("[{inside}]"),
        _ => name.to_owned(),
    };
    venue.at_address(&port.map_or_else(|| name.clone(), |port| format!("{name}:{port}"))).ok()
}

#[cfg(test)]
mod tests {
    use market_backbone_massive::MASSIVE;
    use market_backbone_upbit::UPBIT;

    use super::*;

    #[track_caller]
    fn check(files: &[&str], venue: VenueId, want: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("limits")).unwrap();
        for file in files {
            fs::write(folder.path().join("limits").join(file), "").unwrap();
        }
        let found: Vec<_> =
            contacted_sources(folder.path(), venue).into_iter().map(VenueId::as_str).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn the_notes_of_an_older_version_name_who_was_talked_to() {
        check(&[], UPBIT, &[]);
        check(&["upbit-api.upbit.com.sends", "upbit-api.upbit.com.sends.gate"], UPBIT, &["upbit"]);
        check(&["upbit-sg-api.upbit.com.sends"], UPBIT, &["upbit-sg"]);
        check(&["upbit-127.0.0.1-9001.sends"], UPBIT, &["upbit@127.0.0.1:9001"]);
        check(&["upbit----1--9001.sends"], UPBIT, &["upbit@[::1]:9001"]);
        check(&["upbit-my-proxy.example.sends"], UPBIT, &["upbit@my-proxy.example"]);
        check(&["massive-api.polygon.io.sends", "massive-api.massive.com.sends"], MASSIVE, &["massive"]);
        check(&["massive-api.massive.com.sends"], UPBIT, &[]);
        check(
            &["upbit-api.upbit.com.sends", "upbit-127.0.0.1-9001.sends"],
            UPBIT,
            &["upbit", "upbit@127.0.0.1:9001"],
        );
    }

    #[test]
    fn what_this_version_notes_says_nothing_of_what_was_before() {
        check(&["upbit@127.0.0.1+9001.sends", "upbit@api.upbit.com.sends"], UPBIT, &[]);
    }
}
