//! `universe …`: lists of markets by name.

use std::path::Path;

use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

fn universe(data: &Path, args: &[&str]) -> Said {
    Said::of(bare(&["universe"]).args(args).arg("--data-dir").arg(data).output().unwrap())
}

#[test]
fn lists_are_imported_joined_edited_and_removed() {
    let data = tempdir().unwrap();
    let file = data.path().join("lists.json");
    std::fs::write(
        &file,
        r#"[{"type": "stock_etf_combo", "name": "stock_etf_test", "key": "combo_test", "value": ["AAPL", "SPY"]},
            {"type": "etf", "name": "", "key": "XLK", "value": {"stocks": [{"ticker": "MSFT"}, {"ticker": "AAPL"}]}}]"#,
    )
    .unwrap();
    let imported = universe(data.path(), &["import", file.to_str().unwrap()]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let joined = universe(data.path(), &["show", "etf_XLK:stock_etf_test:combo_test"]);
    assert_eq!(joined.stdout, "MSFT\nAAPL\nSPY\n");
    assert_eq!(universe(data.path(), &["add", "mine", "BRK.B", "IBM", "--unlisted"]).code, Some(0));
    assert_eq!(universe(data.path(), &["remove", "mine", "IBM"]).code, Some(0));
    assert_eq!(universe(data.path(), &["show", "mine"]).stdout, "BRK.B\n");
    let listed = universe(data.path(), &["list", "--format", "json"]);
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:?}");
    assert_eq!(universe(data.path(), &["remove", "mine"]).code, Some(0));
    let gone = universe(data.path(), &["show", "mine"]);
    assert_eq!((gone.code, gone.stdout.as_str()), (Some(2), ""));
}

#[test]
fn a_misspelt_universe_is_never_another_list() {
    let data = tempdir().unwrap();
    assert_eq!(universe(data.path(), &["add", "majors", "KRW-BTC", "--unlisted"]).code, Some(0));
    let said = universe(data.path(), &["show", "majrs"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(said.stderr.contains("unknown universe `majrs`; did you mean majors?"), "{said:?}");
}

#[test]
fn a_universe_can_stand_for_its_markets() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    assert_eq!(universe(data.path(), &["add", "majors", "KRW-BTC", "KRW-ETH", "--unlisted"]).code, Some(0));
    let said = venue.run(data.path(), &["ticker", "--universe", "majors", "--format", "json"]);
    assert_eq!(said.stdout.lines().count(), 2, "{said:?}");
    venue.stop();
}

#[test]
fn a_market_that_is_not_listed_is_added_only_if_that_is_said() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let refused = venue.run(data.path(), &["universe", "add", "majors", "KRW-BTC", "KRW-BTX"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    for word in ["unknown market KRW-BTX on upbit", "did you mean KRW-BTC", "--unlisted"] {
        assert!(refused.stderr.contains(word), "{word}: {refused:?}");
    }
    assert_eq!(universe(data.path(), &["show", "majors"]).code, Some(2), "nothing was added");
    let added = venue.run(data.path(), &["universe", "add", "majors", "KRW-BTC"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let forced = venue.run(data.path(), &["universe", "add", "majors", "KRW-BTX", "--unlisted"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_eq!(universe(data.path(), &["show", "majors"]).stdout, "KRW-BTC\nKRW-BTX\n");
    venue.stop();
}

#[test]
fn a_venue_that_cannot_be_asked_refuses_no_market() {
    let data = tempdir().unwrap();
    let added = universe(data.path(), &["add", "tech", "AAPL", "--venue", "massive"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.stderr.contains("not checked whether the venue lists them"), "{added:?}");
}

#[test]
fn lists_by_name_are_imported_as_they_are() {
    let data = tempdir().unwrap();
    let file = data.path().join("lists.json");
    std::fs::write(&file, r#"{"majors": ["KRW-BTC", "KRW-ETH"], "memes": ["KRW-DOGE"]}"#).unwrap();
    let imported = universe(data.path(), &["import", file.to_str().unwrap()]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let joined = universe(data.path(), &["show", "majors:memes"]);
    assert_eq!(joined.stdout, "KRW-BTC\nKRW-ETH\nKRW-DOGE\n");
}
