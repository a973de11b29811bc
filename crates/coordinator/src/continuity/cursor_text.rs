//! The text format of cursors.
//!
//! `mbc1,upbit,KRW-BTC/trade/A/B/C/ids,KRW-BTC/candle.1m/D,KRW-BTC/bar.1m/D/E/bars,#checksum`.
//! Numbers have base 36. Numeric ids are written as differences, because their first ten digits agree. The
//! checksum is needed because a truncated text would still be readable, and trades would be delivered twice.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use market_backbone_core::{Candle, Channel, StreamKind, Symbol, Timestamp, TradeId, VenueId};

use super::bar_tracker::BarCheckpoint;
use super::cursor::{ChannelCheckpoint, Cursor, CursorError};
use super::delivered_trades::TradeCheckpoint;

const NAME: &str = "mbc";
const VERSION: &str = "1";

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write(self))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text.trim())
    }
}

fn write(cursor: &Cursor) -> String {
    let mut text = format!("{NAME}{VERSION},{}", cursor.venue);
    for (Channel { symbol, kind }, mark) in &cursor.checkpoints {
        text.push_str(&format!(",{symbol}/{kind}"));
        match mark {
            ChannelCheckpoint::Candles { due } => number(&mut text, '/', due.as_nanos()),
            ChannelCheckpoint::Bars(BarCheckpoint { due, since, recent }) => {
                number(&mut text, '/', due.as_nanos());
                number(&mut text, '/', since.as_nanos());
                text.push('/');
                write_bars(&mut text, recent);
            }
            ChannelCheckpoint::Trades(mark) => {
                for moment in [mark.watermark, mark.newest, mark.complete_until] {
                    number(&mut text, '/', moment.as_nanos());
                }
                text.push('/');
                ids(&mut text, &mark.ids);
            }
        }
    }
    let sum = checksum(&text);
    text + &format!(",#{sum:016x}")
}

fn read(text: &str) -> Result<Cursor, CursorError> {
    let damaged = CursorError::Damaged;
    let (version, _) =
        text.strip_prefix(NAME).ok_or(CursorError::NotACursor)?.split_once(',').ok_or(damaged.clone())?;
    if version != VERSION {
        let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_digit());
        return Err(if is_version { CursorError::TooNew } else { CursorError::NotACursor });
    }
    parse_verified(text).ok_or(damaged)
}

fn parse_verified(text: &str) -> Option<Cursor> {
    let (body, sum) = text.rsplit_once(",#")?;
    if sum.len() != 16 || u64::from_str_radix(sum, 16).ok()? != checksum(body) {
        return None;
    }
    let mut parts = body.split(',').skip(1);
    let venue = VenueId::intern(parts.next()?);
    let checkpoints = parts.map(|part| channel(venue, part)).collect::<Option<BTreeMap<_, _>>>()?;
    Some(Cursor { venue, checkpoints })
}

fn channel(venue: VenueId, part: &str) -> Option<(Channel, ChannelCheckpoint)> {
    let mut fields = part.split('/');
    let symbol = Symbol::new(venue, fields.next()?).ok()?;
    let kind: StreamKind = fields.next()?.parse().ok()?;
    let mut moment = || Some(Timestamp::from_nanos(parse(fields.next()?)?));
    let mark = match kind {
        StreamKind::Candle(_) => ChannelCheckpoint::Candles { due: moment()? },
        StreamKind::Bar(_) => {
            let (due, since) = (moment()?, moment()?);
            ChannelCheckpoint::Bars(BarCheckpoint { due, since, recent: read_bars(fields.next()?)? })
        }
        StreamKind::Trade => {
            let (watermark, newest, whole) = (moment()?, moment()?, moment()?);
            ChannelCheckpoint::Trades(TradeCheckpoint {
                watermark,
                newest,
                complete_until: whole,
                ids: read_ids(fields.next()?)?,
            })
        }
        _ => return None,
    };
    fields.next().is_none().then_some((Channel { symbol, kind }, mark))
}

/// Writes each bar with its revision; figures in the shortest form that reads back to the bit.
fn write_bars(text: &mut String, bars: &[(Candle, u32)]) {
    for (candle, revision) in bars {
        number(text, '~', candle.open_time.as_nanos());
        number(text, ';', i64::from(*revision));
        let Candle { open, high, low, close, volume, turnover, .. } = *candle;
        for figure in [open, high, low, close, volume, turnover] {
            text.push_str(&format!(";{figure:e}"));
        }
    }
}

fn read_bars(text: &str) -> Option<Vec<(Candle, u32)>> {
    text.split('~').skip(1).map(read_bar).collect()
}

fn read_bar(text: &str) -> Option<(Candle, u32)> {
    let mut fields = text.split(';');
    let open_time = Timestamp::from_nanos(parse(fields.next()?)?);
    let revision = u32::try_from(parse(fields.next()?)?).ok()?;
    let mut figure = || fields.next()?.parse().ok().filter(|figure: &f64| figure.is_finite());
    let (open, high, low, close) = (figure()?, figure()?, figure()?, figure()?);
    let (volume, turnover, is_final) = (figure()?, figure()?, true);
    fields
        .next()
        .is_none()
        .then_some((Candle { open_time, open, high, low, close, volume, turnover, is_final }, revision))
}

/// Writes numbers first, in the order of ids.
fn ids(text: &mut String, ids: &[TradeId]) {
    let mut last = 0_i64;
    for id in ids {
        match id {
            TradeId::Number(id) => {
                number(text, '.', id.wrapping_sub(last));
                last = *id;
            }
            TradeId::Text(id) => {
                text.push('~');
                for byte in id.bytes() {
                    text.push_str(&format!("{byte:02x}"));
                }
            }
        }
    }
}

fn read_ids(mut text: &str) -> Option<Vec<TradeId>> {
    let (mut ids, mut last) = (Vec::new(), 0_i64);
    while let Some(mark) = text.chars().next() {
        let rest = text.get(1..)?;
        let end = rest.find(['.', '~']).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        ids.push(match mark {
            '.' => {
                last = last.wrapping_add(parse(word)?);
                TradeId::Number(last)
            }
            '~' => TradeId::Text(from_hex(word)?.into()),
            _ => return None,
        });
        text = tail;
    }
    Some(ids)
}

fn from_hex(text: &str) -> Option<String> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes = (0..text.len()).step_by(2).map(byte).collect::<Option<Vec<_>>>()?;
    String::from_utf8(bytes).ok()
}

fn number(text: &mut String, mark: char, number: i64) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::with_capacity(13);
    let mut rest = number.unsigned_abs();
    while digits.is_empty() || rest > 0 {
        digits.push(char::from(DIGITS[usize::try_from(rest % 36).unwrap_or(0)]));
        rest /= 36;
    }
    text.push(mark);
    if number < 0 {
        text.push('-');
    }
    text.extend(digits.iter().rev());
}

fn parse(text: &str) -> Option<i64> {
    i64::from_str_radix(text, 36).ok()
}

fn checksum(text: &str) -> u64 {
    let mut hasher = Fnv(0xCBF2_9CE4_8422_2325);
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// An FNV-1a hash: the same in every version and on every machine, which `std` does not promise for its own.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::Timeframe;
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = Vec<TradeId>> {
        let id = prop_oneof![
            any::<i64>().prop_map(TradeId::Number),
            (17_000_000_000_000_000_i64..17_000_000_000_100_000).prop_map(TradeId::Number),
            ".{0,12}".prop_map(|text| TradeId::Text(text.into())),
        ];
        prop::collection::btree_set(id, 0..40).prop_map(|ids| ids.into_iter().collect())
    }

    fn bar() -> impl Strategy<Value = (Candle, u32)> {
        let figure = || prop::num::f64::NORMAL | prop::num::f64::ZERO;
        let prices = (figure(), figure(), figure(), figure());
        (any::<i64>(), any::<u32>(), prices, figure(), figure()).prop_map(
            |(open_time, revision, (open, high, low, close), volume, turnover)| {
                let (open_time, is_final) = (Timestamp::from_nanos(open_time), true);
                (Candle { open_time, open, high, low, close, volume, turnover, is_final }, revision)
            },
        )
    }

    fn mark() -> impl Strategy<Value = (StreamKind, ChannelCheckpoint)> {
        let moment = || any::<i64>().prop_map(Timestamp::from_nanos);
        prop_oneof![
            (moment(), moment(), moment(), ids()).prop_map(|(watermark, newest, complete_until, ids)| {
                (
                    StreamKind::Trade,
                    ChannelCheckpoint::Trades(TradeCheckpoint { watermark, newest, complete_until, ids }),
                )
            }),
            (0..Timeframe::ALL.len(), moment()).prop_map(|(frame, due)| {
                (StreamKind::Candle(Timeframe::ALL[frame]), ChannelCheckpoint::Candles { due })
            }),
            (0..Timeframe::ALL.len(), moment(), moment(), prop::collection::vec(bar(), 0..4)).prop_map(
                |(frame, due, since, recent)| {
                    let bars = BarCheckpoint { due, since, recent };
                    (StreamKind::Bar(Timeframe::ALL[frame]), ChannelCheckpoint::Bars(bars))
                }
            ),
        ]
    }

    fn cursor() -> impl Strategy<Value = Cursor> {
        prop::collection::vec(("[A-Z|#~.=;-]{1,12}", mark()), 0..6).prop_map(|marks| {
            let venue = VenueId::new("test");
            let marks = marks.into_iter().map(|(code, (kind, mark))| {
                (Channel { symbol: Symbol::new(venue, &code).unwrap(), kind }, mark)
            });
            Cursor { venue, checkpoints: marks.collect() }
        })
    }

    proptest! {
        #[test]
        fn a_cursor_reads_as_it_was_written(cursor in cursor()) {
            let text = cursor.to_string();
            prop_assert!(text.chars().all(|c| c.is_ascii_graphic()), "{}", text);
            prop_assert_eq!(text.parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn what_was_cut_or_changed_is_refused(cursor in cursor(), at in any::<prop::sample::Index>(), with in "[ -~]") {
            let text = cursor.to_string();
            let at = at.index(text.len());
            prop_assert!(text[..at].parse::<Cursor>().is_err());
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            if changed.trim().to_lowercase() != text.to_lowercase() {
                prop_assert!(changed.parse::<Cursor>().is_err(), "{}", changed);
            }
        }

        #[test]
        fn rubbish_is_refused(text in ".{0,60}") {
            prop_assert!(text.parse::<Cursor>().is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!("{}".parse::<Cursor>(), Err(CursorError::NotACursor));
        assert_eq!("mbc2,upbit,#0".parse::<Cursor>(), Err(CursorError::TooNew));
        assert_eq!("mbc1,upbit,#0000000000000000".parse::<Cursor>(), Err(CursorError::Damaged));
    }

    #[test]
    fn a_busy_minute_is_short() {
        let ids = (0..6_000).map(|n| TradeId::Number(17_000_000_000_000_000 + 100_000 * n)).collect();
        let moment = Timestamp::from_secs(1_700_000_000);
        let mark = ChannelCheckpoint::Trades(TradeCheckpoint {
            watermark: moment,
            newest: moment,
            complete_until: moment,
            ids,
        });
        let venue = VenueId::new("test");
        let channel = Channel { symbol: Symbol::new(venue, "KRW-BTC").unwrap(), kind: StreamKind::Trade };
        let text = Cursor { venue, checkpoints: [(channel, mark)].into() }.to_string();
        assert!(text.len() < 6_000 * 6, "{}", text.len());
    }
}
