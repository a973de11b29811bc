//! A stock market that stands still at eleven on a Thursday, and a backbone that talks to it.

use std::path::Path;
use std::sync::Arc;

use market_backbone::{
    Backbone, Builder, CandleStore, Client, ExportOptions, MASSIVE, ManualClock, MassivePlan, Priority,
    Series, SqliteStore, StoreConfig, Timestamp, export_archive, import_archive, known_venues,
};
use market_backbone_emulator::{
    Emulator, EmulatorClock, RunningEmulator, Scenario, SplitSpec, StockActivity, StocksScenario, TickerSet,
    TickerSpec,
};

/// 2026-08-06T15:00:00Z, a Thursday, 11:00 in New York.
pub(super) const ELEVEN: i64 = 1_786_028_400_000;
pub(super) const DAY: i64 = 86_400_000;
pub(super) const HOUR: i64 = 3_600_000;
pub(super) const MINUTE: i64 = 60_000;

/// The venue, and a backbone whose first venue it is; Upbit is the other.
pub(super) struct Stocks {
    pub(super) venue: RunningEmulator,
    pub(super) backbone: Backbone,
}

impl Stocks {
    pub(super) async fn start() -> Self {
        Self::built(a_few(), Builder::in_memory).await
    }

    pub(super) async fn in_folder(folder: &Path) -> Self {
        Self::built(a_few(), |builder| builder.data_dir(folder)).await
    }

    /// With so many tickers, most of which trade little.
    pub(super) async fn with_tickers(count: usize, folder: &Path) -> Self {
        Self::built(TickerSet::Standard(count), |builder| builder.data_dir(folder)).await
    }

    async fn built(tickers: TickerSet, settings: impl FnOnce(Builder) -> Builder) -> Self {
        let massive = StocksScenario { tickers, history_days: 400, ..StocksScenario::default() };
        Self::staged(ELEVEN, massive, settings).await
    }

    /// At another time, on another stage.
    pub(super) async fn staged(
        now_ms: i64,
        massive: StocksScenario,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let scenario = Scenario { clock: EmulatorClock::manual(now_ms), massive, ..Scenario::default() };
        let venue = Emulator::start(scenario).await.unwrap();
        let (rest, clock) = (venue.rest_url(), ManualClock::new(at(now_ms)));
        let builder = Backbone::builder()
            .massive_at("test-key", MassivePlan::Advanced, &rest, &venue.stocks_ws_url())
            .upbit_at(&rest, &venue.ws_url())
            .clock(Arc::new(clock));
        let backbone = settings(builder).build().await.unwrap();
        Self { venue, backbone }
    }

    pub(super) fn client(&self) -> Client {
        self.backbone.client(Priority::Normal)
    }

    /// Requests that the stock market has counted.
    pub(super) fn asked(&self) -> u64 {
        self.venue.report().group("massive").asked
    }

    pub(super) async fn close(self) {
        self.backbone.shutdown().await;
        self.venue.stop().await;
    }
}

/// Five shares, each of another kind; the last was split ten days ago.
fn a_few() -> TickerSet {
    let kinds = [
        ("AAPL", StockActivity::Busy),
        ("SHY", StockActivity::Thin),
        ("RARE", StockActivity::Rare),
        ("NEVER", StockActivity::Never),
    ];
    let mut tickers: Vec<_> = kinds.into_iter().map(|(name, kind)| TickerSpec::new(name, kind)).collect();
    let splits = vec![SplitSpec::new("2026-07-27", 1, 4)];
    tickers.push(TickerSpec { splits, ..TickerSpec::new("SPLIT", StockActivity::Medium) });
    TickerSet::Own(tickers)
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn millis(moment: &str) -> i64 {
    moment.parse::<Timestamp>().unwrap().as_millis()
}

pub(super) fn range(from: i64, to: i64) -> std::ops::Range<Timestamp> {
    at(from)..at(to)
}

/// A folder with candles of both venues has no integrity issue, and a copy of it is the same.
pub(super) async fn is_sound_and_copies(folder: &Path, one_of_them: &Series) {
    let (archive, other) = (folder.join("archive"), folder.join("other"));
    let store = SqliteStore::open(StoreConfig::new(folder)).await.unwrap();
    assert_eq!(store.check(known_venues()).await.unwrap(), []);
    let series = store.series().await.unwrap();
    assert!(
        series.contains(one_of_them) && series.iter().any(|one| one.symbol.venue().family() != MASSIVE),
        "{series:?}"
    );
    let order = |dir: &Path| {
        ExportOptions::new(dir, market_backbone::ArchiveFormat::Csv, series.clone(), known_venues())
    };
    let written = export_archive(&store, &order(&archive)).await.unwrap();
    let copy = SqliteStore::open(StoreConfig::new(&other)).await.unwrap();
    assert_eq!(
        import_archive(&copy, &archive, Timestamp::from_millis(ELEVEN + HOUR)).await.unwrap(),
        written
    );
    assert_eq!(copy.check(known_venues()).await.unwrap(), []);
    let again = export_archive(&copy, &order(&other.join("archive"))).await.unwrap();
    assert_eq!(again.content_hash, written.content_hash);
    copy.close().await;
    store.close().await;
}
