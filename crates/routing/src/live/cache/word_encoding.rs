//! Encodes market data as words, and back: the content of an entry of the realtime cache.
//!
//! The symbol stays outside (the reader asked with it), so every value is plain numbers and a write copies no
//! text.

use market_backbone_core::{
    BandIndicators, Candle, Level, OrderBook, PriceBand, Side, Symbol, Ticker, Timestamp, Trade, TradeId,
    TradeIdText,
};

/// The deepest book the cache keeps; deeper levels are left out of the cached copy, not of the feed.
pub(super) const DEPTH: usize = 30;

pub(super) const TICKER_WORDS: usize = 14;
pub(super) const TRADE_WORDS: usize = 9;
pub(super) const CANDLE_WORDS: usize = 9;
pub(super) const BAND_WORDS: usize = 5;
/// The words of a book before its levels: two times, two totals, two counts with flags.
const BOOK_HEAD: usize = 6;
/// The head, then asks and bids.
pub(super) const BOOK_WORDS: usize = BOOK_HEAD + 4 * DEPTH;

/// The position of the time of receipt among the words.
pub(super) const TICKER_RECEIVED: usize = 13;
pub(super) const CANDLE_RECEIVED: usize = 8;
pub(super) const BAND_RECEIVED: usize = 4;
pub(super) const BOOK_RECEIVED: usize = 1;

fn word(time: Timestamp) -> u64 {
    time.as_nanos().cast_unsigned()
}

fn time(word: u64) -> Timestamp {
    Timestamp::from_nanos(word.cast_signed())
}

fn side_word(side: Option<Side>) -> u64 {
    match side {
        None => 0,
        Some(Side::Buy) => 1,
        Some(Side::Sell) => 2,
    }
}

fn side(word: u64) -> Option<Side> {
    match word {
        1 => Some(Side::Buy),
        2 => Some(Side::Sell),
        _ => None,
    }
}

pub(super) fn ticker_words(ticker: &Ticker) -> [u64; TICKER_WORDS] {
    [
        ticker.price.to_bits(),
        ticker.open.to_bits(),
        ticker.high.to_bits(),
        ticker.low.to_bits(),
        ticker.previous_close.to_bits(),
        ticker.size.to_bits(),
        side_word(ticker.side),
        ticker.day_volume.to_bits(),
        ticker.day_turnover.to_bits(),
        ticker.volume_24h.to_bits(),
        ticker.turnover_24h.to_bits(),
        word(ticker.trade_time),
        word(ticker.time),
        word(ticker.received),
    ]
}

pub(super) fn ticker_from(symbol: &Symbol, words: &[u64; TICKER_WORDS]) -> Ticker {
    let number = |at: usize| f64::from_bits(words[at]);
    Ticker {
        symbol: symbol.clone(),
        price: number(0),
        open: number(1),
        high: number(2),
        low: number(3),
        previous_close: number(4),
        size: number(5),
        side: side(words[6]),
        day_volume: number(7),
        day_turnover: number(8),
        volume_24h: number(9),
        turnover_24h: number(10),
        trade_time: time(words[11]),
        time: time(words[12]),
        received: time(words[13]),
    }
}

/// How the words of a trade hold its id; the taker's side stands above it in the same word.
const ID_NUMBER: u64 = 0;
const ID_PACKED: u64 = 1;
/// The id does not fit: the trade is kept elsewhere.
const ID_ELSEWHERE: u64 = 2;
const SIDE_SHIFT: u32 = 8;

/// Returns the words of a trade. A text id that is not [packed](TradeIdText::as_words) does not fit: then
/// [`holds_id`] says so, and the trade has to be kept elsewhere.
pub(super) fn trade_words(trade: &Trade) -> [u64; TRADE_WORDS] {
    let (holding, [first, second, third, fourth]) = match &trade.id {
        TradeId::Number(id) => (ID_NUMBER, [id.cast_unsigned(), 0, 0, 0]),
        TradeId::Text(text) => text.as_words().map_or((ID_ELSEWHERE, [0; 4]), |words| (ID_PACKED, words)),
    };
    [
        holding | side_word(trade.side) << SIDE_SHIFT,
        first,
        second,
        third,
        fourth,
        trade.price.to_bits(),
        trade.size.to_bits(),
        word(trade.time),
        word(trade.received),
    ]
}

/// Returns whether the words of a trade hold its id.
pub(super) const fn holds_id(words: &[u64; TRADE_WORDS]) -> bool {
    words[0] & 0xff != ID_ELSEWHERE
}

/// Returns the trade; `None` if its id did not fit into the words.
pub(super) fn trade_from(symbol: &Symbol, words: &[u64; TRADE_WORDS]) -> Option<Trade> {
    let [head, first, second, third, fourth, price, size, happened, received] = *words;
    let id = match head & 0xff {
        ID_NUMBER => TradeId::Number(first.cast_signed()),
        ID_PACKED => TradeId::Text(TradeIdText::from_words([first, second, third, fourth])),
        _ => return None,
    };
    Some(Trade {
        symbol: symbol.clone(),
        id,
        price: f64::from_bits(price),
        size: f64::from_bits(size),
        side: side(head >> SIDE_SHIFT),
        time: time(happened),
        received: time(received),
    })
}

pub(super) fn band_words(band: &PriceBand) -> [u64; BAND_WORDS] {
    [band.low.to_bits(), band.high.to_bits(), band.indicators.to_bits(), word(band.time), word(band.received)]
}

pub(super) fn band_from(symbol: &Symbol, words: &[u64; BAND_WORDS]) -> PriceBand {
    let [low, high, indicators, happened, received] = *words;
    PriceBand {
        symbol: symbol.clone(),
        low: f64::from_bits(low),
        high: f64::from_bits(high),
        indicators: BandIndicators::from_bits(indicators),
        time: time(happened),
        received: time(received),
    }
}

pub(super) fn candle_words(candle: &Candle, received: Timestamp) -> [u64; CANDLE_WORDS] {
    [
        word(candle.open_time),
        candle.open.to_bits(),
        candle.high.to_bits(),
        candle.low.to_bits(),
        candle.close.to_bits(),
        candle.volume.to_bits(),
        candle.turnover.to_bits(),
        u64::from(candle.is_final),
        word(received),
    ]
}

/// Decodes a candle and its time of receipt.
pub(super) fn candle_from(words: &[u64; CANDLE_WORDS]) -> (Candle, Timestamp) {
    let number = |at: usize| f64::from_bits(words[at]);
    let candle = Candle {
        open_time: time(words[0]),
        open: number(1),
        high: number(2),
        low: number(3),
        close: number(4),
        volume: number(5),
        turnover: number(6),
        is_final: words[7] == 1,
    };
    (candle, time(words[8]))
}

/// Encodes a book, cut off at [`DEPTH`] levels a side. Returns its words and the number of those that hold something; the
/// others are 0.
pub(super) fn encode_book(book: &OrderBook) -> ([u64; BOOK_WORDS], usize) {
    let mut words = [0; BOOK_WORDS];
    let (asks, bids) = (book.asks.len().min(DEPTH), book.bids.len().min(DEPTH));
    let (head, levels) = words.split_at_mut(BOOK_HEAD);
    head.copy_from_slice(&[
        word(book.time),
        word(book.received),
        book.total_ask_size.unwrap_or_default().to_bits(),
        book.total_bid_size.unwrap_or_default().to_bits(),
        pack_count(asks, book.total_ask_size.is_some()),
        pack_count(bids, book.total_bid_size.is_some()),
    ]);
    let (ask_words, bid_words) = levels.split_at_mut(2 * asks);
    for (side, side_words) in [(&book.asks, ask_words), (&book.bids, bid_words)] {
        for (pair, level) in side_words.chunks_exact_mut(2).zip(side).take(DEPTH) {
            (pair[0], pair[1]) = (level.price.to_bits(), level.size.to_bits());
        }
    }
    (words, BOOK_HEAD + 2 * (asks + bids))
}

/// Sets the words to 0 that the book encoded in them does not need: they are of an earlier, deeper one.
pub(super) fn clear_unused_book_words(words: &mut [u64; BOOK_WORDS]) {
    let levels = usize::try_from(words[4] / 2 + words[5] / 2).unwrap_or(2 * DEPTH);
    words[BOOK_HEAD..].iter_mut().skip(2 * levels).for_each(|word| *word = 0);
}

pub(super) fn book_from(symbol: &Symbol, words: &[u64; BOOK_WORDS]) -> OrderBook {
    let (asks, total_asks) = (words[4] / 2, words[4] % 2 == 1);
    let (bids, total_bids) = (words[5] / 2, words[5] % 2 == 1);
    let mut levels = words[BOOK_HEAD..]
        .chunks_exact(2)
        .map(|pair| Level { price: f64::from_bits(pair[0]), size: f64::from_bits(pair[1]) });
    let mut take = |count: u64| levels.by_ref().take(usize::try_from(count).unwrap_or(DEPTH)).collect();
    OrderBook {
        symbol: symbol.clone(),
        asks: take(asks),
        bids: take(bids),
        total_ask_size: total_asks.then_some(f64::from_bits(words[2])),
        total_bid_size: total_bids.then_some(f64::from_bits(words[3])),
        time: time(words[0]),
        received: time(words[1]),
    }
}

/// Packs a count and a flag into one word.
fn pack_count(count: usize, flag: bool) -> u64 {
    count as u64 * 2 + u64::from(flag)
}

#[cfg(test)]
mod tests {
    use market_backbone_core::VenueId;

    use super::*;

    fn symbol() -> Symbol {
        Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap()
    }

    fn book(levels: usize) -> OrderBook {
        let side = |step: f64| {
            (0..levels).map(|at| Level { price: 100.0 + step * at as f64, size: at as f64 }).collect()
        };
        OrderBook {
            symbol: symbol(),
            asks: side(1.0),
            bids: side(-1.0),
            total_ask_size: Some(7.0),
            total_bid_size: None,
            time: Timestamp::from_millis(5),
            received: Timestamp::from_millis(-6),
        }
    }

    #[test]
    fn a_ticker_comes_back_as_it_was() {
        let ticker = Ticker {
            symbol: symbol(),
            price: 1.0,
            open: 2.0,
            high: 3.0,
            low: 4.0,
            previous_close: 5.0,
            size: 6.0,
            side: Some(Side::Sell),
            day_volume: 7.0,
            day_turnover: 8.0,
            volume_24h: 9.0,
            turnover_24h: 10.0,
            trade_time: Timestamp::from_millis(11),
            time: Timestamp::from_millis(12),
            received: Timestamp::from_millis(13),
        };
        assert_eq!(ticker_from(&symbol(), &ticker_words(&ticker)), ticker);
    }

    #[test]
    fn an_id_beyond_a_floats_reach_comes_back_whole() {
        let (time, received) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let (symbol, price, size) = (symbol(), 3.0, 0.1);
        let number = TradeId::Number(17_789_561_234_560_001);
        let tape = TradeId::Text("1536036818784:000003681328:12:202:52983525029461".into());
        for (id, side) in [(number, Some(Side::Buy)), (tape, None)] {
            let trade = Trade { symbol: symbol.clone(), id, price, size, side, time, received };
            let words = trade_words(&trade);
            assert!(holds_id(&words));
            assert_eq!(trade_from(&symbol, &words), Some(trade));
        }
        let id = TradeId::Text("a text of letters".into());
        let words =
            trade_words(&Trade { symbol: symbol.clone(), id, price, size, side: None, time, received });
        assert_eq!((holds_id(&words), trade_from(&symbol, &words)), (false, None));
    }

    #[test]
    fn a_candle_comes_back_as_it_was() {
        let open_time = Timestamp::from_secs(60);
        let candle = Candle {
            open_time,
            open: 1.0,
            high: 2.0,
            low: 0.5,
            close: 1.5,
            volume: 3.0,
            turnover: 4.0,
            is_final: true,
        };
        let received = Timestamp::from_millis(61_234);
        assert_eq!(candle_from(&candle_words(&candle, received)), (candle, received));
    }

    #[test]
    fn a_book_comes_back_as_it_was_down_to_the_depth_kept() {
        for levels in [0, 1, DEPTH] {
            assert_eq!(book_from(&symbol(), &encode_book(&book(levels)).0), book(levels));
        }
        assert_eq!(book_from(&symbol(), &encode_book(&book(DEPTH + 5)).0), book(DEPTH));
        let used = [0, 1, DEPTH, DEPTH + 5].map(|levels| encode_book(&book(levels)).1);
        assert_eq!(used, [6, 10, BOOK_WORDS, BOOK_WORDS]);
        let (mut left, shallow) = (encode_book(&book(DEPTH)).0, encode_book(&book(2)).0);
        left[..14].copy_from_slice(&shallow[..14]);
        clear_unused_book_words(&mut left);
        assert_eq!(left, shallow);
        let one_sided = OrderBook { asks: Vec::new(), ..book(3) };
        assert_eq!(book_from(&symbol(), &encode_book(&one_sided).0), one_sided);
    }
}
