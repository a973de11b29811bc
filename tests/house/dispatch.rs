//! Many readers of one feed: in order, each at its own pace, and none of them the others' trouble.

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use market_backbone::{Client, Dispatcher, FeedEvent, Priority, StreamKind, SubscribeRequest, TradeId};
use market_backbone_emulator::Scenario;
use market_backbone_testkit::eventually;
use market_backbone_tests::House;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(40);
const MARKETS: [&str; 2] = ["KRW-BTC", "KRW-ETH"];

/// What a callback has heard.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Vec<FeedEvent>>>);

impl Heard {
    fn note(&self, event: FeedEvent) {
        self.0.lock().unwrap().push(event);
    }

    /// A callback that notes what it hears.
    fn noting(&self) -> impl FnMut(FeedEvent) -> Ready<()> + use<> {
        let heard = self.clone();
        move |event| {
            heard.note(event);
            ready(())
        }
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The trades of a market, in the order in which they came.
    fn trades(&self, market: &str) -> Vec<TradeId> {
        let heard = self.0.lock().unwrap();
        let of_market = heard.iter().filter_map(|event| match event {
            FeedEvent::Trade(trade) if trade.symbol.code() == market => Some(trade.id.clone()),
            _ => None,
        });
        of_market.collect()
    }

    fn all_trades(&self) -> usize {
        MARKETS.iter().map(|market| self.trades(market).len()).sum()
    }
}

fn trades(client: &Client) -> SubscribeRequest {
    client.subscribe(MARKETS, [StreamKind::Trade])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_panics_is_its_own_trouble() {
    let house = House::on(Scenario::default()).await.unwrap();
    let (client, dispatcher) = (house.backbone.client(Priority::High), Dispatcher::new());
    let (first, second) = (Heard::default(), Heard::default());
    let _first = dispatcher.register(trades(&client), first.noting()).await.unwrap();
    let fragile = |_| async { panic!("I cannot count") };
    let fragile = dispatcher.register(trades(&client), fragile).await.unwrap();
    let _second = dispatcher.register(trades(&client), second.noting()).await.unwrap();
    let panic = timeout(PATIENCE, fragile.ended()).await.expect("in time").unwrap_err();
    assert!(panic.to_string().contains("I cannot count"), "{panic}");
    let before = (first.all_trades(), second.all_trades());
    eventually(|| first.all_trades() >= before.0 + 4 && second.all_trades() >= before.1 + 4).await;
    for market in MARKETS {
        let (first, second) = (first.trades(market), second.trades(market));
        let common = first.iter().position(|id| Some(id) == second.first()).unwrap_or(first.len());
        assert!(first[common..].iter().zip(&second).all(|(a, b)| a == b), "{first:?} {second:?}");
    }
    assert_eq!(dispatcher.len(), 2);
    dispatcher.shutdown().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_callback_gets_everything_in_the_end_and_holds_up_nobody() {
    let house = House::on(Scenario::default()).await.unwrap();
    let (client, dispatcher) = (house.backbone.client(Priority::High), Dispatcher::new());
    let (fast, slow, gate) = (Heard::default(), Heard::default(), Arc::new(Semaphore::new(1)));
    let (heard, passes) = (slow.clone(), Arc::clone(&gate));
    let waiting = move |event: FeedEvent| {
        let (heard, passes) = (heard.clone(), Arc::clone(&passes));
        async move {
            // One trade may pass; the others wait until the gate is opened.
            if matches!(event, FeedEvent::Trade(_)) {
                passes.acquire().await.unwrap().forget();
            }
            heard.note(event);
        }
    };
    let slow_one = dispatcher.register(trades(&client).buffered(2), waiting).await.unwrap();
    eventually(|| slow.all_trades() == 1).await;
    let _fast = dispatcher.register(trades(&client), fast.noting()).await.unwrap();
    eventually(|| fast.all_trades() >= 10).await;
    assert_eq!(slow.all_trades(), 1, "it has been waiting all the time");
    let missed: Vec<_> = MARKETS.map(|market| fast.trades(market)).concat();
    gate.add_permits(1_000_000);
    eventually(|| {
        let got: BTreeSet<_> = MARKETS.map(|market| slow.trades(market)).concat().into_iter().collect();
        missed.iter().all(|id| got.contains(id))
    })
    .await;
    for market in MARKETS {
        let got = slow.trades(market);
        assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), got.len(), "each once: {got:?}");
    }
    slow_one.stop().await.unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflated_callback_gets_the_latest() {
    let house = House::on(Scenario::default()).await.unwrap();
    let (client, dispatcher) = (house.backbone.client(Priority::High), Dispatcher::new());
    let subscription = || client.subscribe(["KRW-BTC"], [StreamKind::Ticker]);
    let (fast, lazy, gate) = (Heard::default(), Heard::default(), Arc::new(Semaphore::new(1)));
    let (heard, passes) = (lazy.clone(), Arc::clone(&gate));
    let waiting = move |event: FeedEvent| {
        let (heard, passes) = (heard.clone(), Arc::clone(&passes));
        async move {
            passes.acquire().await.unwrap().forget();
            heard.note(event);
        }
    };
    let _lazy = dispatcher.register(subscription().conflated(), waiting).await.unwrap();
    eventually(|| lazy.count() == 1).await;
    let _fast = dispatcher.register(subscription(), fast.noting()).await.unwrap();
    eventually(|| fast.count() >= 6).await;
    // The event that was being handled, then the latest.
    gate.add_permits(2);
    eventually(|| lazy.count() == 3).await;
    let newest = |heard: &Heard, place: usize| match &heard.0.lock().unwrap()[place] {
        FeedEvent::Ticker(ticker) => ticker.time,
        other => panic!("{other:?}"),
    };
    assert!(newest(&lazy, 2) >= newest(&fast, 5));
    assert!(fast.count() >= 6);
    dispatcher.shutdown().await;
    house.close().await;
}
