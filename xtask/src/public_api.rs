//! The facade's promise: every type in a public signature can be named, and the listing under review says what there is.
//!
//! `docs/public-api.txt` lists every public item of the `market-backbone` crate with its signature, those that it takes from
//! the inner crates included. A change of the promise is a change of that file, so a reviewer sees it. It is read from the
//! sources, without a compiler: types of the workspace have unique names, so a name says what it is.

mod index;
mod render;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::index::{Export, Index, Key};
use self::render::Promise;

/// The environment variable that has the listing written instead of compared.
pub const REWRITE: &str = "UPDATE_PUBLIC_API";

/// Types that stand in signatures and that nobody needs to name, with the reason.
const UNNAMED: &[(&str, &str)] = &[("Window", "seals `CandleWindow`: nobody else implements it")];

/// Returns where the listing is kept.
#[must_use]
pub fn listing_path(root: &Path) -> PathBuf {
    root.join("docs/public-api.txt")
}

/// Everything that the facade gives away, and what it forgets.
#[derive(Debug)]
pub struct PublicApi {
    /// The listing, a line for each item, sorted.
    pub listing: String,
    /// The types in public signatures that cannot be named, with the first place where each stands.
    pub unnamed: Vec<String>,
}

/// Reads the promise from the sources below `root`.
///
/// # Errors
///
/// If a file cannot be read, or the facade gives away what no crate defines.
pub fn read(root: &Path) -> Result<PublicApi, String> {
    let index = Index::read(root)?;
    promise(&index, &index::exports(root)?)
}

fn promise(index: &Index, exports: &[Export]) -> Result<PublicApi, String> {
    let mut resolved: Vec<(&Export, Key)> = Vec::new();
    for export in exports {
        let exact = (export.origin.clone(), export.name.clone());
        let key = if index.items.contains_key(&exact) {
            Some(exact)
        } else {
            index.resolve(&export.origin, &export.name)
        };
        // Modules and macros are no items of their own.
        if let Some(key) = key {
            resolved.push((export, key));
        } else if export.name.starts_with(char::is_uppercase) {
            return Err(format!("`{}` is given away, and no crate of ours defines it", export.path));
        }
    }
    let nameable: BTreeSet<&Key> = resolved.iter().map(|(_, key)| key).collect();
    let (mut lines, mut unnamed) = (BTreeSet::new(), BTreeSet::new());
    for (export, key) in &resolved {
        // What has several paths is listed under the shortest.
        let shortest = resolved.iter().filter(|(_, other)| other == key).map(|(export, _)| &export.path);
        if let Some(first) = shortest.min_by_key(|path| path.len())
            && *first != export.path
        {
            lines.insert(format!("use {} = {first}", export.path));
            continue;
        }
        let mut promise = Promise::default();
        for item in index.items.get(key).into_iter().flatten() {
            promise.add_item(&export.path, item);
        }
        for block in index.impls.get(key).into_iter().flatten() {
            promise.add_impl(&export.path, block);
        }
        for name in &promise.mentioned {
            let Some(used) = index.resolve(&key.0, name) else { continue };
            if !nameable.contains(&used) && !UNNAMED.iter().any(|(known, _)| known == name) {
                unnamed.insert(format!("`{name}` of {} (in `{}`)", used.0, export.path));
            }
        }
        lines.extend(promise.lines);
    }
    let mut listing = lines.into_iter().collect::<Vec<_>>().join("\n");
    listing.push('\n');
    Ok(PublicApi { listing, unnamed: unnamed.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_in_a_public_signature_can_be_named() {
        let api = read(&crate::root()).unwrap();
        let found = api.unnamed.join("\n");
        assert!(api.unnamed.is_empty(), "export these from crates/market-backbone/src/lib.rs:\n{found}");
    }

    #[test]
    fn the_listing_is_up_to_date() {
        let (api, path) = (read(&crate::root()).unwrap(), listing_path(&crate::root()));
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(&path, &api.listing).unwrap();
        }
        let listed = std::fs::read_to_string(&path).unwrap();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let (now, then) = (lines(&api.listing), lines(&listed));
        let gone: Vec<_> = then.difference(&now).map(|line| format!("- {line}")).collect();
        let new: Vec<_> = now.difference(&then).map(|line| format!("+ {line}")).collect();
        assert!(
            listed == api.listing,
            "the public API is not the one listed in docs/public-api.txt; if that is meant, run \
             `{REWRITE}=1 cargo test -p xtask public_api` and commit the file:\n{}\n{}",
            gone.join("\n"),
            new.join("\n")
        );
    }

    fn promised(sources: &[(&str, &str)], path: &str) -> PublicApi {
        let mut index = Index::default();
        for (name, text) in sources {
            index.add(name, syn::parse_file(text).unwrap().items);
        }
        let export = Export { path: path.to_owned(), origin: sources[0].0.to_owned(), name: path.to_owned() };
        promise(&index, &[export]).unwrap()
    }

    #[test]
    fn a_type_that_cannot_be_named_is_seen_wherever_it_stands() {
        let core = ("market_backbone_core", "pub struct Hidden; pub struct Other;");
        for text in [
            "pub struct A { pub field: Vec<Hidden> }",
            "pub enum A { B(Hidden) }",
            "pub struct A; impl A { pub fn f(&self) -> Result<(), Hidden> {} }",
            "pub struct A; impl A { pub fn f(&self, of: impl Iterator<Item = Hidden>) {} }",
            "pub struct A; impl std::str::FromStr for A { type Err = Hidden; fn from_str(_: &str) {} }",
            "pub trait A: Send { fn f(&self, one: &Hidden); }",
        ] {
            let found = promised(&[("market_backbone", text), core], "A").unnamed;
            assert_eq!(found, ["`Hidden` of market_backbone_core (in `A`)"], "{text}");
        }
    }

    #[test]
    fn what_is_private_is_no_promise() {
        let core = ("market_backbone_core", "pub struct Hidden;");
        let text =
            "pub struct A { field: Hidden } impl A { pub(crate) fn f() -> Hidden {} fn g(_: Hidden) {} }";
        let api = promised(&[("market_backbone", text), core], "A");
        assert_eq!((api.listing.as_str(), api.unnamed.len()), ("struct A\n", 0));
    }

    #[test]
    fn a_change_of_a_signature_changes_the_listing() {
        let listing = |text: &str| promised(&[("market_backbone", text)], "A").listing;
        let before = listing("pub struct A; impl A { pub fn f(&self, n: usize) -> Option<&str> {} }");
        assert_eq!(before, "A: fn f(&self, n: usize) -> Option<&str>\nstruct A\n");
        assert_ne!(before, listing("pub struct A; impl A { pub fn f(&self, n: u64) -> Option<&str> {} }"));
        assert_ne!(listing("pub enum A { B }"), listing("#[non_exhaustive] pub enum A { B }"));
        assert_ne!(listing("pub struct A;"), listing("#[derive(Clone)] pub struct A;"));
    }
}
