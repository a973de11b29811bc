//! The default place of candles: with the data of this user, whatever folder a command is run in.

use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::Context;
use etcetera::BaseStrategy;

use crate::output;

/// The folder of older versions: in the folder that a command was run in.
const LEGACY_DIR: &str = "market-data";
/// The files of which at least one is in every used folder.
const MARKER_FILES: [&str; 2] = ["index.db", "universes.db"];

/// Returns the user's folder of candles; or that of an older version, if there is one, which is noted once.
pub(super) fn default_folder() -> anyhow::Result<PathBuf> {
    static SAID: Once = Once::new();
    let users = user_data_dir();
    let old = Path::new(LEGACY_DIR);
    if MARKER_FILES.iter().any(|mark| old.join(mark).is_file()) {
        SAID.call_once(|| output::note(&legacy_note(users.as_deref().ok())));
        return Ok(old.to_owned());
    }
    users
}

/// Returns `$XDG_DATA_HOME/market-backbone`, or the usual place on systems without that variable.
fn user_data_dir() -> anyhow::Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy();
    let strategy =
        strategy.context("there is no home folder to store candles in; name a folder with --data-dir")?;
    Ok(strategy.data_dir().join("market-backbone"))
}

/// The note about a folder that an older version left.
fn legacy_note(users: Option<&Path>) -> String {
    let what =
        format!("using ./{LEGACY_DIR}, which an older version left here, instead of the user's folder");
    match users {
        Some(users) if users.exists() => {
            format!("{what} {}; --data-dir names either and ends this note", users.display())
        }
        Some(users) => {
            format!(
                "{what}; to move it there: mv {LEGACY_DIR} {}; to leave it: --data-dir {LEGACY_DIR}",
                users.display()
            )
        }
        None => format!("{what}; --data-dir {LEGACY_DIR} ends this note"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_folder_is_left_where_it_is_and_the_way_out_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let said = legacy_note(Some(folder.path()));
        assert!(said.contains(&folder.path().display().to_string()) && said.contains("--data-dir"), "{said}");
        let absent = folder.path().join("absent");
        let said = legacy_note(Some(&absent));
        assert!(said.contains(&format!("mv market-data {}", absent.display())), "{said}");
        assert!(legacy_note(None).contains("--data-dir market-data"));
        assert!([said.as_str(), &legacy_note(None)].iter().all(|said| !said.contains('\n')), "one line");
    }
}
