//! A venue's socket at its busiest, and nothing else: every market trades ten times a second, and each trade moves
//! its ticker and its book. It speaks Upbit's short frames and holds nothing but the sums it must tell.
//!
//! Time is what the frames say it is: either the wall's, or a clock that each round of frames moves on by a tenth of
//! a second, so that an hour passes as fast as it is read.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use market_backbone::{Clock, ManualClock, SystemClock, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// Every market trades once in each.
const ROUND_MS: i64 = 100;
/// Rounds in a minute.
pub(crate) const ROUNDS_A_MINUTE: u64 = 600;
/// Frames that may be on their way: more would be thrown away by a reader's queue, as it should be.
pub(crate) const UNREAD: usize = 8_192;
const DAY_MS: i64 = 86_400_000;

/// Whose time it is.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    /// As fast as it is read.
    Made(Arc<ManualClock>),
    /// The wall's.
    Real,
}

/// A venue that tells trades, tickers, books and candles of one minute to whoever asks for anything.
#[derive(Debug)]
pub(crate) struct Firehose {
    address: SocketAddr,
    room: Arc<Semaphore>,
    _tasks: JoinSet<()>,
}

impl Firehose {
    pub(crate) async fn start(markets: u32, time: Time) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let room = Arc::new(Semaphore::new(UNREAD));
        let mut tasks = JoinSet::new();
        let unread = Arc::clone(&room);
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                pour(stream, markets, &time, &unread).await;
            }
        });
        Self { address, room, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/websocket/v1", self.address)
    }

    /// A frame has been read.
    pub(crate) fn read(&self) {
        self.room.add_permits(1);
    }

    /// Frames that come in a minute.
    pub(crate) fn frames_a_minute(markets: u32) -> u64 {
        u64::from(markets) * 4 * ROUNDS_A_MINUTE
    }
}

pub(crate) fn code(market: u32) -> String {
    format!("KRW-M{market:03}")
}

/// Serves one client until it is gone.
async fn pour(stream: TcpStream, markets: u32, time: &Time, room: &Semaphore) {
    stream.set_nodelay(true).unwrap();
    let Ok(socket) = accept_async(stream).await else { return };
    let (mut sink, mut source) = socket.split();
    while let Some(Ok(message)) = source.next().await {
        if message.is_text() {
            break;
        }
    }
    let mut markets: Vec<Market> = (0..markets).map(Market::new).collect();
    let mut beat = interval(Duration::from_millis(ROUND_MS.unsigned_abs()));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Pings are answered by whoever reads; the answers leave with the next frame.
    let listen = async { while let Some(Ok(_)) = source.next().await {} };
    let talk = async {
        for round in 0.. {
            let now_ms = match time {
                Time::Made(clock) => {
                    let next = clock.now().as_millis() + ROUND_MS;
                    clock.set(Timestamp::from_millis(next));
                    next
                }
                Time::Real => {
                    beat.tick().await;
                    SystemClock.now().as_millis()
                }
            };
            for market in &mut markets {
                market.trade(round, now_ms);
                // With every trade: the last state of a minute must be told, or the bar is proven to lack it.
                let candle = market.candle_frame();
                for frame in [market.trade_frame(), market.ticker_frame(), market.book_frame(), candle] {
                    if room.available_permits() == 0 && sink.flush().await.is_err() {
                        return;
                    }
                    let Ok(permit) = room.acquire().await else { return };
                    permit.forget();
                    if sink.feed(Message::binary(frame)).await.is_err() {
                        return;
                    }
                }
            }
            if sink.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = listen => {}
        () = talk => {}
    }
}

/// What a market has to remember.
#[derive(Debug)]
struct Market {
    code: String,
    now_ms: i64,
    price: i64,
    size_e8: i64,
    day: i64,
    day_volume_e8: i64,
    minute: i64,
    minute_volume_e8: i64,
    open: i64,
    high: i64,
    low: i64,
}

impl Market {
    fn new(number: u32) -> Self {
        let price = 10_000 + i64::from(number);
        Self {
            code: code(number),
            now_ms: 0,
            price,
            size_e8: 0,
            day: 0,
            day_volume_e8: 0,
            minute: 0,
            minute_volume_e8: 0,
            open: price,
            high: price,
            low: price,
        }
    }

    fn trade(&mut self, round: u64, now_ms: i64) {
        self.now_ms = now_ms.max(self.now_ms + 1);
        self.size_e8 = 1_000_000 + (round % 9_973).cast_signed() * 101;
        self.price += (round * 7 % 5).cast_signed() - 2;
        if self.day != self.now_ms / DAY_MS {
            (self.day, self.day_volume_e8) = (self.now_ms / DAY_MS, 0);
        }
        if self.minute != self.now_ms / 60_000 {
            (self.minute, self.minute_volume_e8) = (self.now_ms / 60_000, 0);
            (self.open, self.high, self.low) = (self.price, self.price, self.price);
        }
        self.day_volume_e8 += self.size_e8;
        self.minute_volume_e8 += self.size_e8;
        (self.high, self.low) = (self.high.max(self.price), self.low.min(self.price));
    }

    fn trade_frame(&self) -> String {
        let Self { code, now_ms, price, size_e8, .. } = self;
        let (size, id) = (e8(*size_e8), now_ms * 10_000);
        format!(
            r#"{{"ty":"trade","cd":"{code}","tms":{now_ms},"td":"2026-08-06","ttm":"07:16:55","ttms":{now_ms},"tp":{price}.0,"tv":{size},"ab":"ASK","pcp":90012.00000000,"c":"RISE","cp":1349.00000000,"sid":{id},"bap":91370,"bas":0.15203441,"bbp":91361,"bbs":0.0772,"st":"REALTIME"}}"#
        )
    }

    fn ticker_frame(&self) -> String {
        let Self { code, now_ms, price, .. } = self;
        let (size, volume) = (e8(self.size_e8), e8(self.day_volume_e8));
        format!(
            r#"{{"ty":"ticker","cd":"{code}","op":9000.0,"hp":99999.0,"lp":1000.0,"tp":{price}.0,"pcp":9000.0,"atp":{volume},"c":"RISE","cp":1.0,"scp":1.0,"cr":0.0151,"scr":0.0151,"ab":"ASK","tv":{size},"atv":{volume},"tdt":"20260806","ttm":"071655","ttms":{now_ms},"aav":520.35261102,"abv":588.12862779,"h52wp":166348.0,"h52wdt":"2025-10-09","l52wp":817.0,"l52wdt":"2026-02-06","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE","tms":{now_ms},"atp24h":{volume},"atv24h":{volume},"st":"REALTIME"}}"#
        )
    }

    fn book_frame(&self) -> String {
        let Self { code, now_ms, price, .. } = self;
        let mut frame =
            format!(r#"{{"ty":"orderbook","cd":"{code}","tms":{now_ms},"tas":3.5,"tbs":2.5,"obu":["#);
        for level in 1..=15 {
            let (ask, bid, size) = (price + level, price - level, e8(self.size_e8 * level));
            let comma = if level == 15 { "" } else { "," };
            let _ = write!(frame, r#"{{"ap":{ask}.0,"bp":{bid}.0,"as":{size},"bs":{size}}}{comma}"#);
        }
        frame.push_str(r#"],"st":"REALTIME","lv":0}"#);
        frame
    }

    fn candle_frame(&self) -> String {
        let Self { code, now_ms, price, open, high, low, .. } = self;
        let volume = e8(self.minute_volume_e8);
        let opened = Timestamp::from_millis(self.minute * 60_000).to_string();
        let opened = &opened[.."2026-08-06T07:16:00".len()];
        format!(
            r#"{{"ty":"candle.1m","cd":"{code}","cdttmu":"{opened}","cdttmk":"{opened}","op":{open}.0,"hp":{high}.0,"lp":{low}.0,"tp":{price}.0,"catv":{volume},"catp":{volume},"tms":{now_ms},"st":"REALTIME"}}"#
        )
    }
}

/// Units of 1e-8 as a decimal.
fn e8(units: i64) -> String {
    format!("{}.{:08}", units / 100_000_000, units % 100_000_000)
}
