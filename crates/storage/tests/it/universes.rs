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
    let store = UniverseStore::in_memory();
    store.put(&[list("mine", &["A", "B"])]).await.unwrap();
    store.put(&[list("mine", &["C"])]).await.unwrap();
    assert_eq!(store.entries().await.unwrap(), [list("mine", &["C"])]);
    store.close().await;
}

#[tokio::test]
async fn lists_that_are_damaged_are_restored_from_their_copy() {
    // In what is said, in the structure, in the head.
    let spoils: [fn(&mut Vec<u8>); 4] = [
        |bytes| {
            let at = bytes.windows(7).rposition(|window| window == b"KRW-BTC").unwrap();
            bytes[at] ^= 1;
        },
        |bytes| bytes[8_192..].fill(0xA5),
        |bytes| bytes[..16].fill(0),
        |bytes| bytes.truncate(5_000),
    ];
    for (case, spoil) in spoils.into_iter().enumerate() {
        let dir = tempdir().unwrap();
        let store = UniverseStore::in_folder(dir.path(), clock());
        store.put(&[list("mine", &["KRW-BTC", "KRW-ETH"]), list("other", &["C"])]).await.unwrap();
        store.put(&[list("third", &["D"])]).await.unwrap();
        assert!(store.remove("other").await.unwrap());
        store.close().await;
        let file = dir.path().join("universes.db");
        let mut bytes = std::fs::read(&file).unwrap();
        spoil(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
        let store = UniverseStore::in_folder(dir.path(), clock());
        let lists = [list("mine", &["KRW-BTC", "KRW-ETH"]), list("third", &["D"])];
        assert_eq!(store.entries().await.unwrap(), lists, "{case}");
        store.put(&[list("fourth", &["E"])]).await.unwrap();
        assert_eq!(store.entries().await.unwrap().len(), 3);
        store.close().await;
        assert!(dir.path().join("universes.db.damaged").exists(), "{case}");

        // Without a sound copy nothing is made up, and nothing is thrown away.
        std::fs::write(&file, "rubbish ".repeat(5_000)).unwrap();
        let copy = dir.path().join("universes.copy.json");
        let text = std::fs::read_to_string(&copy).unwrap().replace("KRW-ETH", "KRW-ETC");
        std::fs::write(&copy, text).unwrap();
        for _ in 0..2 {
            let store = UniverseStore::in_folder(dir.path(), clock());
            let error = store.entries().await.unwrap_err().to_string();
            assert!(error.contains("universes.db") && error.contains("universes.copy.json"), "{error}");
            store.close().await;
        }
    }
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
