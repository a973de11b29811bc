//! Two stores on one folder, with any operations on them, against one store in memory with the same
//! operations.

use std::time::Duration;

use market_backbone_core::{
    AbsenceClaim, Candle, CandleStore, Coverage, Origin, Provenance, Span, TimeRange, Timestamp,
};
use market_backbone_storage::{MemoryStore, SealingConfig, SqliteStore, StoreConfig};
use proptest::prelude::*;

use crate::material::{candle, everything, minute, minutes, series};

const CODES: [&str; 3] = ["KRW-BTC", "KRW-ETH", "KRW-XRP"];
/// Minutes that anything happens in: some blocks of the cache, on both sides of where a segment begins.
const START: i64 = 65_536 - 200;
const SPAN: i64 = 400;

#[derive(Clone, Debug)]
enum Deed {
    /// A page: which minutes have a row, of which edition, and when and how it was observed.
    Commit {
        from: i64,
        to: i64,
        skip: i64,
        edition: u8,
        at: i64,
        origin: Origin,
    },
    /// What a reply left out beyond its rows.
    Claim {
        from: i64,
        to: i64,
        at: i64,
    },
    Forget {
        from: i64,
        to: i64,
    },
    Mend,
    /// All rows get sealed files.
    Seal,
    Read {
        from: i64,
        to: i64,
        limit: usize,
    },
    /// The store is opened anew.
    Reopen,
}

/// An operation, the store that runs it, and its series.
#[derive(Clone, Debug)]
struct Step {
    by: usize,
    code: usize,
    deed: Deed,
}

fn stretch() -> impl Strategy<Value = (i64, i64)> {
    (0..SPAN, 1..150_i64).prop_map(|(from, width)| (START + from, START + (from + width).min(SPAN)))
}

fn deed() -> impl Strategy<Value = Deed> {
    let origin =
        prop_oneof![Just(Origin::Rest), Just(Origin::Early), Just(Origin::Provisional), Just(Origin::Import)];
    prop_oneof![
        5 => (stretch(), 1..9_i64, 0..3_u8, 0..9_i64, origin)
            .prop_map(|((from, to), skip, edition, at, origin)| Deed::Commit { from, to, skip, edition, at, origin }),
        1 => (stretch(), 0..9_i64).prop_map(|((from, to), at)| Deed::Claim { from, to, at }),
        1 => stretch().prop_map(|(from, to)| Deed::Forget { from, to }),
        1 => Just(Deed::Mend),
        3 => Just(Deed::Seal),
        5 => (stretch(), 1..300_usize).prop_map(|((from, to), limit)| Deed::Read { from, to, limit }),
        1 => Just(Deed::Reopen),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (0..2_usize, 0..CODES.len(), deed()).prop_map(|(by, code, deed)| Step { by, code, deed })
}

fn moment(at: i64) -> Timestamp {
    minute(START + SPAN + 10).plus(Duration::from_secs(100 * at.unsigned_abs()))
}

/// The rows of a page and what it proves.
fn page(deed: &Deed) -> (Vec<Candle>, Coverage) {
    match *deed {
        Deed::Commit { from, to, skip, edition, at, origin } => {
            let traded = (from..to).filter(|number| number % skip == 0 || skip == 1);
            let rows = traded.map(|number| Candle { volume: f64::from(edition) + 1.0, ..candle(number) });
            let provenance = Provenance { origin, observed_at: moment(at) };
            (rows.collect(), [Span { range: minutes(from, to), provenance }].into_iter().collect())
        }
        Deed::Claim { from, to, at } => {
            let mut known = Coverage::empty();
            known.add_claim(AbsenceClaim::of(minutes(from, to), moment(at)));
            (Vec::new(), known)
        }
        _ => (Vec::new(), Coverage::empty()),
    }
}

async fn play(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let sealing = SealingConfig::default().min_rows(1).rest(Duration::ZERO);
    let config = StoreConfig::new(folder.path()).tables_per_shard(2).open_shards(1).sealing(sealing);
    let open = async || SqliteStore::open(config.clone()).await.unwrap();
    let (mut stores, model) = ([open().await, open().await], MemoryStore::new());
    for Step { by, code, deed } in steps {
        let (store, name) = (&stores[by], series(CODES[code]));
        match &deed {
            Deed::Commit { .. } | Deed::Claim { .. } => {
                let (rows, known) = page(&deed);
                store.commit(&name, &rows, &known).await.unwrap();
                model.commit(&name, &rows, &known).await.unwrap();
            }
            Deed::Forget { from, to } => {
                store.forget(&name, minutes(*from, *to)).await.unwrap();
                model.forget(&name, minutes(*from, *to)).await.unwrap();
            }
            Deed::Seal => drop(store.seal().await.unwrap()),
            Deed::Mend => store.repair_ledger(&name).await.unwrap(),
            Deed::Read { from, to, limit } => {
                let range = TimeRange::new(minute(*from), minute(*to)).unwrap();
                let read = store.read(&name, range, *limit).await.unwrap().candles;
                assert_eq!(read, model.read(&name, range, *limit).await.unwrap().candles);
                assert_eq!(store.coverage(&name).await.unwrap(), model.coverage(&name).await.unwrap());
            }
            Deed::Reopen => {
                stores[by].close().await;
                stores[by] = open().await;
            }
        }
    }
    for code in CODES {
        let name = series(code);
        let want = model.read(&name, everything(), usize::MAX).await.unwrap().candles;
        for store in &stores {
            assert_eq!(store.read(&name, everything(), usize::MAX).await.unwrap().candles, want);
            assert_eq!(store.coverage(&name).await.unwrap(), model.coverage(&name).await.unwrap());
            for at in 0..9 {
                let was =
                    store.read_as_of(&name, everything(), usize::MAX, moment(at)).await.unwrap().candles;
                assert_eq!(
                    was,
                    model.read_as_of(&name, everything(), usize::MAX, moment(at)).await.unwrap().candles
                );
            }
        }
    }
    for store in &stores {
        store.close().await;
    }
}

/// As many as `HISTORIES` says, or the number given.
pub(crate) fn histories(otherwise: u32) -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "how thorough a test is to be is said from outside")]
    let asked = std::env::var("HISTORIES").ok().and_then(|text| text.parse::<u32>().ok());
    ProptestConfig {
        cases: asked.unwrap_or(otherwise),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(histories(12))]

    #[test]
    fn two_stores_on_a_folder_are_as_one(steps in prop::collection::vec(step(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(steps));
    }
}
