//! Reads a tape from a file of recorded trades, plain or gzipped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::{IDS_PER_MS, TakerSide, TapeTrade};
use crate::error::EmulatorError;
use crate::number::parse_e8;

/// The header line of every tape file.
const HEADER: &str = "trade_timestamp_ms,market,trade_price,trade_volume";

/// Reads a tape file: the trades of each market, in the order of their ids.
///
/// Recordings have no ids and no sides: ids number the trades of a millisecond in the order of the file, and
/// sides alternate.
pub(crate) fn load(path: &Path) -> Result<BTreeMap<String, Vec<TapeTrade>>, EmulatorError> {
    let unreadable = |source| EmulatorError::TapeUnreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut magic = [0; 2];
    let read = file.read(&mut magic).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let reader: Box<dyn Read> =
        if read == 2 && magic == [0x1F, 0x8B] { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };

    let mut markets: BTreeMap<String, Vec<TapeTrade>> = BTreeMap::new();
    for (at, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        let bad = |reason: String| EmulatorError::TapeRow { path: path.to_owned(), line: at + 1, reason };
        if at == 0 {
            if line.trim_end() != HEADER {
                return Err(bad(format!("expected the header {HEADER}")));
            }
            continue;
        }
        let (market, trade) = row(line.trim_end()).map_err(bad)?;
        match markets.get_mut(market) {
            Some(trades) => trades.push(trade),
            None => {
                markets.insert(market.to_owned(), vec![trade]);
            }
        }
    }
    markets.values_mut().for_each(|trades| assign_ids(trades));
    Ok(markets)
}

fn row(line: &str) -> Result<(&str, TapeTrade), String> {
    let fields: Vec<&str> = line.split(',').collect();
    let &[time, market, price, size] = fields.as_slice() else {
        return Err(format!("expected 4 fields, found {}", fields.len()));
    };
    let time_ms: i64 = time.parse().map_err(|_| format!("{time:?} is no time in ms"))?;
    // Beyond the year 5000 the ids would overflow.
    if !(0..100_000_000_000_000).contains(&time_ms) {
        return Err(format!("{time:?} is no time in ms"));
    }
    if market.is_empty() || !market.contains('-') {
        return Err(format!("{market:?} is no market"));
    }
    let amount = |text: &str, what: &str| {
        parse_e8(text).filter(|units| *units > 0).ok_or_else(|| format!("{text:?} is no {what}"))
    };
    let (price_e8, size_e8) = (amount(price, "price")?, amount(size, "volume")?);
    Ok((market, TapeTrade { time_ms, id: 0, price_e8, size_e8, side: TakerSide::Buy }))
}

/// Sorts trades and assigns ids and sides.
pub(crate) fn assign_ids(trades: &mut [TapeTrade]) {
    trades.sort_by_key(|trade| trade.time_ms);
    let mut last = i64::MIN;
    for (at, trade) in trades.iter_mut().enumerate() {
        trade.id = (trade.time_ms * IDS_PER_MS).max(last + 1);
        trade.side = if at % 2 == 0 { TakerSide::Buy } else { TakerSide::Sell };
        last = trade.id;
    }
}
