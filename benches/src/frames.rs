//! Frames as they come off Upbit's socket, as many as one likes: recorded ones, or others of the same shape and size.
//!
//! A frame that was heard before is dropped, so each round moves their times and ids on, digit for digit in place.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What frames tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Prints.
    Trade,
    /// Markets at a glance.
    Ticker,
    /// Books of 15 levels.
    Book,
}

impl Kind {
    /// `trade`, `ticker` or `orderbook`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Ticker => "ticker",
            Self::Book => "orderbook",
        }
    }
}

const CODES: [&str; 8] =
    ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE", "KRW-ADA", "KRW-1INCH", "BTC-ETH"];

/// The numbers that move on with each round, and which of their digits, counted from the last, grows by one: that of a
/// thousand seconds. An id is a time with three or four digits more.
const MOVING: [(&str, usize); 3] = [("\"tms\":", 6), ("\"ttms\":", 6), ("\"sid\":", 10)];

#[derive(Clone, Debug)]
struct Frame {
    bytes: Vec<u8>,
    /// Where the digits stand that grow.
    moving: Vec<usize>,
}

impl Frame {
    fn new(text: &str) -> Self {
        let moving = MOVING.iter().filter_map(|(key, digit)| {
            let from = text.find(key)? + key.len();
            let len = text[from..].bytes().take_while(u8::is_ascii_digit).count();
            (len > *digit).then(|| from + len - 1 - digit)
        });
        Self { moving: moving.collect(), bytes: text.as_bytes().to_vec() }
    }

    fn move_on(&mut self) {
        for at in &self.moving {
            for digit in self.bytes[..=*at].iter_mut().rev() {
                if *digit != b'9' {
                    *digit += 1;
                    break;
                }
                *digit = b'0';
            }
        }
    }
}

/// Frames of one kind, which can be fed again and again.
#[derive(Clone, Debug)]
pub struct Frames {
    frames: Vec<Frame>,
    codes: Vec<String>,
}

impl Frames {
    /// Frames of `kind` that somebody recorded; `None` where the recording is not at hand, or holds none.
    #[must_use]
    pub fn recorded(kind: Kind) -> Option<Self> {
        let text = fs::read_to_string(recording()).ok()?;
        let frames = text.lines().filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let frame = line.get("frame")?.as_str()?;
            frame.starts_with(&format!("{{\"ty\":\"{}\"", kind.as_str())).then(|| frame.to_owned())
        });
        let frames: Vec<_> = frames.collect();
        (!frames.is_empty()).then(|| Self::of(&frames))
    }

    /// `count` frames of `kind` in the shape and size of real ones, of eight markets in turn.
    #[must_use]
    pub fn made(kind: Kind, count: usize) -> Self {
        let write = match kind {
            Kind::Trade => trade,
            Kind::Ticker => ticker,
            Kind::Book => book,
        };
        Self::of(&(0..count).map(write).collect::<Vec<_>>())
    }

    fn of(texts: &[String]) -> Self {
        let code = |text: &String| Some(text.split_once("\"cd\":\"")?.1.split_once('"')?.0.to_owned());
        let mut codes: Vec<_> = texts.iter().filter_map(code).collect();
        codes.sort_unstable();
        codes.dedup();
        Self { frames: texts.iter().map(|text| Frame::new(text)).collect(), codes }
    }

    /// The markets they tell of.
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    /// How many there are in a round.
    #[must_use]
    pub fn count(&self) -> usize {
        self.frames.len()
    }

    /// Their bytes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(|frame| &*frame.bytes)
    }

    /// Lets them speak of what happened 1,000 seconds later.
    pub fn move_on(&mut self) {
        self.frames.iter_mut().for_each(Frame::move_on);
    }
}

/// Where the recording lies.
fn recording() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a bench is configured by its environment")]
    let folder = env::var("MARKET_BACKBONE_FIXTURES")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures"), PathBuf::from);
    folder.join("upbit/ws_trade_orderbook_2021-04-17.ndjson")
}

fn trade(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let (price, size) = (91_361_000 + n * 1_000, 46_488_371 + n * 7);
    format!(
        r#"{{"ty":"trade","cd":"{code}","tms":1778570215107,"td":"2026-05-12","ttm":"07:16:55","ttms":1778570215021,"tp":{price}.0,"tv":0.{size:08},"ab":"BID","pcp":90012000.00000000,"c":"RISE","cp":1349000.00000000,"sid":1778570215021{n:04},"bap":91370000,"bas":0.15203441,"bbp":91361000,"bbs":0.07720000,"st":"REALTIME"}}"#
    )
}

fn ticker(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let price = 91_361_000 + n * 1_000;
    format!(
        r#"{{"ty":"ticker","cd":"{code}","op":90012000.0,"hp":91800000.0,"lp":89654000.0,"tp":{price}.0,"pcp":90012000.0,"atp":100515242207.58107,"c":"RISE","cp":1349000.0,"scp":1349000.0,"cr":0.0149869,"scr":0.0149869,"ab":"ASK","tv":0.0{n:07},"atv":1108.48123881,"tdt":"20260512","ttm":"071655","ttms":1778570215021,"aav":520.35261102,"abv":588.12862779,"h52wp":166348000.0,"h52wdt":"2025-10-09","l52wp":81740000.0,"l52wdt":"2026-02-06","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE","tms":1778570215064,"atp24h":228827082483.70729,"atv24h":2532.88231706,"st":"REALTIME"}}"#
    )
}

fn book(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let mut units = String::new();
    for level in 0..15 {
        let comma = if level == 0 { "" } else { "," };
        let (ask, bid) = (128 + level, 127 - level);
        let (offered, wanted) = (28_046_037_885_666 + n + level, 68_868_244_561_413 - n - level);
        write!(
            units,
            r#"{comma}{{"ap":{ask}.0,"bp":{bid}.0,"as":{}.{:08},"bs":{}.{:08}}}"#,
            offered / 100_000_000,
            offered % 100_000_000,
            wanted / 100_000_000,
            wanted % 100_000_000
        )
        .expect("a String takes any text");
    }
    format!(
        r#"{{"ty":"orderbook","cd":"{code}","tms":1778570215100,"tas":25752275.55420627,"tbs":14407925.20098682,"obu":[{units}],"st":"REALTIME","lv":0}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_moves_every_time_and_id_on_and_nothing_else() {
        let mut frames = Frames::made(Kind::Trade, 2);
        let before: Vec<_> = frames.iter().map(<[u8]>::to_vec).collect();
        frames.move_on();
        let first = String::from_utf8_lossy(&frames.frames[0].bytes).into_owned();
        assert!(first.contains(r#""tms":1778571215107"#), "{first}");
        assert!(first.contains(r#""ttms":1778571215021"#), "{first}");
        assert!(first.contains(r#""sid":17785712150210000"#), "{first}");
        assert!(before.iter().zip(frames.iter()).all(|(old, new)| old.len() == new.len() && old != new));
    }
}
