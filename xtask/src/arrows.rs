//! Which crate may use which: an arrow that runs back up is a layer that has leaked.

use std::path::Path;

use toml::{Table, Value};

const CORE: &str = "market-backbone-core";
const KIT: &str = "market-backbone-venue-kit";
/// Stands for every adapter of a venue.
const ADAPTERS: &str = "an adapter";

/// Each package and the packages of ours it may use outside its tests. All adapters of venues have one row.
pub const ALLOWED: &[(&str, &[&str])] = &[
    (CORE, &[]),
    (KIT, &[CORE]),
    (ADAPTERS, &[CORE, KIT]),
    ("market-backbone-routing", &[CORE]),
    ("market-backbone-coordinator", &[CORE]),
    ("market-backbone-storage", &[CORE]),
    ("market-backbone-strategy", &[CORE]),
    ("market-backbone-tape", &[CORE, "market-backbone-routing"]),
    (
        "market-backbone",
        &[
            CORE,
            ADAPTERS,
            "market-backbone-strategy",
            "market-backbone-tape",
            "market-backbone-routing",
            "market-backbone-coordinator",
            "market-backbone-storage",
        ],
    ),
    // None of ours, on purpose: code and test must not share a mistake about the wire.
    ("market-backbone-emulator", &[]),
    // For tests of the others, whose unit tests may use it because it uses none of them.
    ("market-backbone-testkit", &[CORE]),
    ("market-backbone-cli", &["market-backbone", "market-backbone-emulator"]),
    ("market-backbone-examples", &["market-backbone", "market-backbone-emulator"]),
    (
        "market-backbone-tests",
        &["market-backbone", "market-backbone-emulator", "market-backbone-cli", ADAPTERS, CORE],
    ),
    (
        "market-backbone-benches",
        &["market-backbone", "market-backbone-emulator", ADAPTERS, "market-backbone-routing", CORE],
    ),
    // The facade alone: what a program outside cannot write is missing there.
    ("market-backbone-downstream", &["market-backbone"]),
    ("xtask", &[]),
];

/// What one manifest says that it may not, in a workspace with the adapters of these packages.
#[must_use]
pub fn violations(manifest: &Table, adapters: &[String]) -> Vec<String> {
    let name = manifest.get("package").and_then(|p| p.get("name")).and_then(Value::as_str).unwrap_or("?");
    let row =
        |name: &str| if adapters.iter().any(|adapter| adapter == name) { ADAPTERS } else { name }.to_owned();
    let Some((_, allowed)) = ALLOWED.iter().find(|(package, _)| *package == row(name)) else {
        return vec![format!("{name} is not in xtask/src/arrows.rs: say which crates it may use")];
    };
    let used = ["dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|section| manifest.get(section)?.as_table())
        .flat_map(Table::keys);
    used.filter(|used| used.starts_with("market-backbone") && !allowed.contains(&row(used).as_str()))
        .map(|used| format!("{name} may not use {used}"))
        .collect()
}

/// The packages that are adapters: those whose crate keeps the descriptor of a venue.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn adapters(root: &Path) -> Result<Vec<String>, String> {
    let venues = crate::venue_names::venues(root).map_err(|error| error.to_string())?;
    Ok(venues.into_iter().map(|venue| format!("market-backbone-{venue}")).collect())
}

/// What all manifests of the workspace at `root` say that they may not.
///
/// # Errors
///
/// If a manifest cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>, String> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        text.parse::<Table>().map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut manifests: Vec<_> = ["examples", "tests", "tests/downstream", "benches", "xtask"]
        .iter()
        .map(|dir| root.join(dir).join("Cargo.toml"))
        .collect();
    for entry in std::fs::read_dir(root.join("crates")).map_err(|error| error.to_string())? {
        manifests.push(entry.map_err(|error| error.to_string())?.path().join("Cargo.toml"));
    }
    let adapters = adapters(root)?;
    let mut found = Vec::new();
    for path in manifests {
        found.extend(violations(&read(&path)?, &adapters));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arrows_run_down_only() {
        assert_eq!(check(&crate::root()), Ok(Vec::new()));
    }

    #[track_caller]
    fn refused(manifest: &str, want: &str) {
        assert_eq!(violations(&manifest.parse().unwrap(), &["market-backbone-toy".to_owned()]), [want]);
    }

    #[test]
    fn an_arrow_back_up_is_seen() {
        let leak = "[package]\nname = \"market-backbone-coordinator\"\n[dependencies]\nmarket-backbone-routing = \"*\"";
        refused(leak, "market-backbone-coordinator may not use market-backbone-routing");
        let shared = "[package]\nname = \"market-backbone-emulator\"\n[dependencies]\nmarket-backbone-core.workspace = true";
        refused(shared, "market-backbone-emulator may not use market-backbone-core");
    }

    #[test]
    fn an_adapter_needs_no_row_of_its_own_and_uses_what_all_of_them_may() {
        assert_eq!(adapters(&crate::root()).unwrap(), ["market-backbone-massive", "market-backbone-upbit"]);
        let toy =
            "[package]\nname = \"market-backbone-toy\"\n[dependencies]\nmarket-backbone-routing = \"*\"";
        refused(toy, "market-backbone-toy may not use market-backbone-routing");
        let kit =
            "[package]\nname = \"market-backbone-core\"\n[dependencies]\nmarket-backbone-testkit = \"*\"";
        refused(kit, "market-backbone-core may not use market-backbone-testkit");
        let facade = "[package]\nname = \"market-backbone\"\n[dependencies]\nmarket-backbone-toy = \"*\"";
        assert_eq!(violations(&facade.parse().unwrap(), &["market-backbone-toy".to_owned()]), [""; 0]);
    }

    #[test]
    fn a_new_room_has_to_say_what_it_uses() {
        refused(
            "[package]\nname = \"shed\"",
            "shed is not in xtask/src/arrows.rs: say which crates it may use",
        );
    }
}
