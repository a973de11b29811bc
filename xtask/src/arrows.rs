//! Which crate may use which: an arrow that runs back up is a layer that has leaked.

use std::path::Path;

use toml::{Table, Value};

const CORE: &str = "market-backbone-core";
const KIT: &str = "market-backbone-venue-kit";

/// Each package and the packages of ours it may use outside its tests.
pub const ALLOWED: &[(&str, &[&str])] = &[
    (CORE, &[]),
    (KIT, &[CORE]),
    ("market-backbone-upbit", &[CORE, KIT]),
    ("market-backbone-massive", &[CORE, KIT]),
    ("market-backbone-routing", &[CORE]),
    ("market-backbone-coordinator", &[CORE]),
    ("market-backbone-storage", &[CORE]),
    (
        "market-backbone",
        &[
            CORE,
            "market-backbone-upbit",
            "market-backbone-massive",
            "market-backbone-routing",
            "market-backbone-coordinator",
            "market-backbone-storage",
        ],
    ),
    // None of ours, on purpose: code and test must not share a mistake about the wire.
    ("market-backbone-emulator", &[]),
    ("market-backbone-cli", &["market-backbone", "market-backbone-emulator"]),
    ("market-backbone-examples", &["market-backbone", "market-backbone-emulator"]),
    (
        "market-backbone-tests",
        &[
            "market-backbone",
            "market-backbone-emulator",
            "market-backbone-cli",
            "market-backbone-upbit",
            CORE,
        ],
    ),
    (
        "market-backbone-benches",
        &[
            "market-backbone",
            "market-backbone-emulator",
            "market-backbone-upbit",
            "market-backbone-routing",
            CORE,
        ],
    ),
    // The facade alone: what a program outside cannot write is missing there.
    ("market-backbone-downstream", &["market-backbone"]),
    ("xtask", &[]),
];

/// What one manifest says that it may not.
#[must_use]
pub fn violations(manifest: &Table) -> Vec<String> {
    let name = manifest.get("package").and_then(|p| p.get("name")).and_then(Value::as_str).unwrap_or("?");
    let Some((_, allowed)) = ALLOWED.iter().find(|(package, _)| *package == name) else {
        return vec![format!("{name} is not in xtask/src/arrows.rs: say which crates it may use")];
    };
    let used = ["dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|section| manifest.get(section)?.as_table())
        .flat_map(Table::keys);
    used.filter(|used| used.starts_with("market-backbone") && !allowed.contains(&used.as_str()))
        .map(|used| format!("{name} may not use {used}"))
        .collect()
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
    let mut found = Vec::new();
    for path in manifests {
        found.extend(violations(&read(&path)?));
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
        assert_eq!(violations(&manifest.parse().unwrap()), [want]);
    }

    #[test]
    fn an_arrow_back_up_is_seen() {
        let leak = "[package]\nname = \"market-backbone-coordinator\"\n[dependencies]\nmarket-backbone-routing = \"*\"";
        refused(leak, "market-backbone-coordinator may not use market-backbone-routing");
        let shared = "[package]\nname = \"market-backbone-emulator\"\n[dependencies]\nmarket-backbone-core.workspace = true";
        refused(shared, "market-backbone-emulator may not use market-backbone-core");
    }

    #[test]
    fn a_new_room_has_to_say_what_it_uses() {
        refused(
            "[package]\nname = \"shed\"",
            "shed is not in xtask/src/arrows.rs: say which crates it may use",
        );
    }
}
