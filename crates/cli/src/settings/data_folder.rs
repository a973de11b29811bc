//! Where candles are kept if nobody says it: with the data of this user, whatever folder a command is run in.

use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::Context;
use etcetera::BaseStrategy;

use crate::output;

/// Where older versions kept them: in the folder that a command was run in.
const OLD: &str = "market-data";
/// Files of which at least one is in every folder that was used.
const MARKS: [&str; 2] = ["index.db", "universes.db"];

/// The user's folder of candles; or that of an older version, where there is one, which is said once.
pub(super) fn usual() -> anyhow::Result<PathBuf> {
    static SAID: Once = Once::new();
    let users = users();
    let old = Path::new(OLD);
    if MARKS.iter().any(|mark| old.join(mark).is_file()) {
        SAID.call_once(|| output::note(&of_old(users.as_deref().ok())));
        return Ok(old.to_owned());
    }
    users
}

/// `$XDG_DATA_HOME/market-backbone`, or what is usual on systems that have no such variable.
fn users() -> anyhow::Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy();
    let strategy =
        strategy.context("there is no home folder to keep candles in; name a folder with --data-dir")?;
    Ok(strategy.data_dir().join("market-backbone"))
}

/// What is said of the folder of an older version.
fn of_old(users: Option<&Path>) -> String {
    let what = format!("using ./{OLD}, which an older version has left here, and not the user's folder");
    match users {
        Some(users) if users.exists() => {
            format!("{what} {}; --data-dir names either and ends this note", users.display())
        }
        Some(users) => {
            format!("{what}; to move it there: mv {OLD} {}; to leave it: --data-dir {OLD}", users.display())
        }
        None => format!("{what}; --data-dir {OLD} ends this note"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_folder_is_left_where_it_is_and_the_way_out_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let said = of_old(Some(folder.path()));
        assert!(said.contains(&folder.path().display().to_string()) && said.contains("--data-dir"), "{said}");
        let absent = folder.path().join("absent");
        let said = of_old(Some(&absent));
        assert!(said.contains(&format!("mv market-data {}", absent.display())), "{said}");
        assert!(of_old(None).contains("--data-dir market-data"));
        assert!([said.as_str(), &of_old(None)].iter().all(|said| !said.contains('\n')), "one line");
    }
}
