//! Closed bars of shares: the venue sends each after its end, sends it again when a late trade changes it, and a cut of the
//! socket costs none, wherever in a bar it falls.

use market_backbone::Feed;
use market_backbone_emulator::Faults;

use super::*;

const BAR: StreamKind = StreamKind::Bar(Timeframe::M1);
/// Time goes on in steps of so many ms.
const STEP: i64 = 5_000;
const MINUTE: i64 = 60_000;

/// A feed of the bars of one share, and what it has told.
struct BarWatch {
    market: Market,
    backbone: Backbone,
    feed: Feed,
    now: i64,
    /// The revisions of each bar and its volume then, by the time at which it opens.
    bars: BTreeMap<i64, Vec<(u32, f64)>>,
    /// The bars in the order in which they closed.
    order: Vec<i64>,
    gaps: Vec<GapState>,
    deadline: Instant,
}

impl BarWatch {
    async fn start(stage: Stage) -> Self {
        let market = Market::of(stage).await;
        let (rest, socket) = (market.venue.rest_url(), market.venue.stocks_ws_url());
        let account = MassiveAccount::new(KEY, MassivePlan::Advanced).at(&rest, &socket);
        let clock = Arc::clone(&market.clock) as Arc<dyn Clock>;
        let backbone =
            Backbone::builder().in_memory().clock(clock).massive_account(account).build().await.unwrap();
        let feed = backbone.client(Priority::High).subscribe("SPY", [BAR]).await.unwrap();
        let (bars, order, gaps) = (BTreeMap::new(), Vec::new(), Vec::new());
        let deadline = Instant::now() + Duration::from_secs(240);
        Self { market, backbone, feed, now: ELEVEN, bars, order, gaps, deadline }
    }

    /// Lets a step of time pass, and reads what comes of it.
    async fn step(&mut self) {
        assert!(Instant::now() < self.deadline, "{:?}, {:?}", self.bars, self.gaps);
        self.now += STEP;
        self.market.hands.advance(STEP);
        self.market.clock.advance(Duration::from_millis(STEP.unsigned_abs()));
        self.read().await;
    }

    async fn read(&mut self) {
        while let Ok(event) = timeout(Duration::from_millis(40), self.feed.next()).await {
            match event.unwrap() {
                FeedEvent::Bar { candle, revision, .. } => {
                    let open = candle.open_time.as_millis();
                    if revision == 0 {
                        self.order.push(open);
                    }
                    self.bars.entry(open).or_default().push((revision, candle.volume));
                }
                // Where the first connection takes its time, that is a gap, too.
                FeedEvent::Gap(gap) => self.gaps.push(gap.state),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Lets time pass until it is so many ms after a minute began.
    async fn go_to(&mut self, offset: i64) {
        while self.now.rem_euclid(MINUTE) != offset {
            self.step().await;
        }
    }

    /// Waits until the first bars, so many of them, are those of the tape: each once, in order, and revised until it agrees.
    async fn agrees_with_the_tape(&mut self, minutes: i64) {
        let from = self.order[0];
        let tape = self.market.venue.stocks().minutes("SPY", from, from + minutes * MINUTE, self.now);
        assert_eq!(tape.len() as i64, minutes);
        let differing = |bars: &BTreeMap<i64, Vec<(u32, f64)>>| {
            let last =
                |open| bars.get(&open).and_then(|revisions| revisions.last()).map(|(_, volume)| *volume);
            let wanted = tape.iter().map(|bar| (bar.start_ms, bar.volume_e8 as f64 / 1e8));
            wanted.filter(|(open, volume)| last(*open) != Some(*volume)).collect::<Vec<_>>()
        };
        while !differing(&self.bars).is_empty() {
            assert!(Instant::now() < self.deadline, "{:?}, not {:?}", self.bars, differing(&self.bars));
            self.read().await;
        }
        assert!(self.order.is_sorted_by(|one, next| one < next), "{:?}", self.order);
        for revisions in self.bars.values() {
            let numbers = revisions.iter().map(|(revision, _)| *revision);
            assert!(numbers.eq(0..revisions.len() as u32), "{:?}", self.bars);
        }
    }

    async fn close(self) {
        self.backbone.shutdown().await;
        self.market.venue.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_closes_as_the_venue_sends_it_and_is_revised_until_it_agrees_with_the_tape() {
    let mut watch = BarWatch::start(Stage { late_share: 0.2, ..Stage::default() }).await;
    // So many minutes have been told, and so many more have passed, within which the oldest of them may be revised.
    while watch.order.len() < 12 {
        watch.step().await;
    }
    let revised = watch.bars.values().filter(|told| told.len() > 1).count();
    assert!(revised > 1, "{:?}", watch.bars);
    watch.agrees_with_the_tape(7).await;
    watch.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_cut_inside_a_bar_costs_none_and_doubles_none() {
    let mut watch = BarWatch::start(Stage::default()).await;
    while watch.order.len() < 2 {
        watch.step().await;
    }
    // Near the beginning, in the middle and near the end of a bar. The connection is back within the bar, or after it.
    for (offset, outlasts_the_bar) in [(5_000, false), (30_000, true), (55_000, false), (55_000, true)] {
        watch.go_to(offset).await;
        let (bars, gaps) = (watch.order.len(), watch.gaps.len());
        let refusing = if outlasts_the_bar { 1.0 } else { 0.0 };
        watch.market.venue.set_faults(Faults { refuse_sockets: refusing, ..Faults::default() });
        assert_eq!(watch.market.venue.drop_sockets(), 1);
        if outlasts_the_bar {
            watch.go_to(20_000).await;
            assert_eq!(watch.order.len(), bars, "while a gap is open no clock closes a bar");
            watch.market.venue.set_faults(Faults::default());
        }
        // Time stands still while the backbone connects again, however long this machine takes.
        eventually(|| watch.market.venue.sockets().len() == 1).await;
        while watch.gaps[gaps..].last() != Some(&GapState::Healed) || watch.order.len() < bars + 2 {
            watch.step().await;
        }
    }
    while watch.order.len() < 14 {
        watch.step().await;
    }
    assert!(!watch.gaps.contains(&GapState::Lost), "{:?}", watch.gaps);
    watch.agrees_with_the_tape(12).await;
    watch.close().await;
}
