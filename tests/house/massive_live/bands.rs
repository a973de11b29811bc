//! The bands in which shares may trade: each as the venue drew it, the latest at hand, an interruption told.

use market_backbone::{Cursor, PriceBand};

use super::*;

/// What the venue draws a band around: five percent of it to each side, in whole cents.
fn is_around_a_price(band: &PriceBand) -> bool {
    let middle = f64::midpoint(band.low, band.high);
    (band.high / middle - 1.05).abs() < 0.002 && band.low < band.high
}

#[tokio::test(flavor = "multi_thread")]
async fn bands_reach_the_reader_and_what_breaks_them_off_is_healed_by_the_next() {
    let market = Market::open().await;
    let (rest, socket) = (market.venue.rest_url(), market.venue.stocks_ws_url());
    let account = MassiveAccount::new(KEY, MassivePlan::Advanced).at(&rest, &socket);
    let clock = Arc::clone(&market.clock) as Arc<dyn Clock>;
    let backbone =
        Backbone::builder().in_memory().clock(clock).massive_account(account).build().await.unwrap();
    let client = backbone.client(Priority::High);
    let mut feed = client.subscribe(["AAPL", "SPY"], [StreamKind::Band]).await.unwrap();
    let mut told: BTreeMap<String, Vec<PriceBand>> = BTreeMap::new();
    let (mut gaps, mut cut) = (Vec::new(), false);
    let deadline = Instant::now() + Duration::from_secs(20);
    let enough = |told: &BTreeMap<String, Vec<PriceBand>>, most: usize| {
        told.len() == 2 && told.values().all(|bands| bands.len() >= most)
    };
    while !gaps.contains(&GapState::Healed) || !enough(&told, 6) {
        assert!(Instant::now() < deadline, "{told:?}, {gaps:?}");
        market.hands.advance(5_000);
        market.clock.advance(Duration::from_secs(5));
        if enough(&told, 3) && !cut {
            cut = market.venue.drop_sockets() == 1;
        }
        while let Ok(event) = timeout(Duration::from_millis(15), feed.next()).await {
            match event.unwrap() {
                FeedEvent::Band(band) => told.entry(band.symbol.code().to_owned()).or_default().push(band),
                FeedEvent::Gap(gap) => gaps.push(gap.state),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((gaps[0], gaps.contains(&GapState::Lost)), (GapState::Opened, false), "{gaps:?}");
    for (code, bands) in &told {
        assert!(bands.iter().all(is_around_a_price), "{bands:?}");
        assert!(bands.iter().all(|band| band.indicators.iter().eq([17])), "{bands:?}");
        assert!(bands.windows(2).all(|pair| pair[0].time < pair[1].time), "none twice: {bands:?}");
        // The venue tells the time to the nanosecond, and draws a band each half minute.
        assert!(bands.iter().all(|band| band.time.as_nanos() % 30_000_000_000 == 1), "{bands:?}");
        assert_eq!(client.latest_band(code).as_ref(), bands.last());
    }
    let cursor: Cursor = feed.cursor();
    assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor, "a state needs no mark");
    backbone.shutdown().await;
    market.venue.stop().await;
}
