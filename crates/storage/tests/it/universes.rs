//! Lists of markets survive the program, and two may edit them.

use std::sync::Arc;

use market_backbone_core::{Clock, ManualClock, Timestamp};
use market_backbone_storage::{UniverseEntry, UniverseStore, read_universes};
use tempfile::tempdir;

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)))
}

fn list(key: &str, members: &[&str]) -> UniverseEntry {
    UniverseEntry::custom(key, members.iter().map(|member| (*member).to_owned()))
}

#[tokio::test]
async fn what_was_kept_is_there_for_the_next_program() {
    let dir = tempdir().unwrap();
    let first = UniverseStore::in_folder(dir.path(), clock());
    let text = r#"[{"type": "etf", "name": "", "key": "SPY", "value": {"stocks": [{"ticker": "AAPL"}]}}]"#;
    first.put(&read_universes(text, None).unwrap()).await.unwrap();
    first.put(&[list("mine", &["A", "B"]), list("other", &["C"])]).await.unwrap();
    first.close().await;
    let second = UniverseStore::in_folder(dir.path(), clock());
    let all = second.all().await.unwrap();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["etf_SPY", "mine", "other"]);
    assert_eq!(all["etf_SPY"], ["AAPL"]);
    assert!(second.remove("other").await.unwrap());
    assert!(!second.remove("other").await.unwrap());
    second.close().await;
}

#[tokio::test]
async fn a_list_put_again_takes_the_place_of_the_old() {
    let store = UniverseStore::in_memory(clock());
    store.put(&[list("mine", &["A", "B"])]).await.unwrap();
    store.put(&[list("mine", &["C"])]).await.unwrap();
    assert_eq!(store.entries().await.unwrap(), [list("mine", &["C"])]);
    store.close().await;
}

#[tokio::test]
async fn two_programs_may_edit_the_same_folder() {
    let dir = tempdir().unwrap();
    let (one, other) =
        (UniverseStore::in_folder(dir.path(), clock()), UniverseStore::in_folder(dir.path(), clock()));
    one.put(&[list("a", &["A"])]).await.unwrap();
    other.put(&[list("b", &["B"])]).await.unwrap();
    assert_eq!(one.all().await.unwrap().len(), 2);
    one.close().await;
    other.close().await;
}
