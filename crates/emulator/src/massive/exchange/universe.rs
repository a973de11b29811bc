//! The listed stocks: well-known active ones, and thousands of made-up ones that hardly trade.

use rustc_hash::FxHashMap;

use super::split_dates;
use super::splits::{SplitDay, Splits};
use super::stock::EmulatedStock;
use crate::hash_random;
use crate::massive::new_york;
use crate::massive::scenario::{SplitSpec, StockActivity, StocksScenario, TickerSet, TickerSpec};

/// The well-known stocks: (ticker, name, price, activity), the most active first.
const KNOWN: [(&str, &str, f64, StockActivity); 16] = [
    ("SPY", "SPDR S&P 500 ETF Trust", 640.0, StockActivity::Thick),
    ("QQQ", "Invesco QQQ Trust", 570.0, StockActivity::Thick),
    ("AAPL", "Apple Inc.", 230.0, StockActivity::Busy),
    ("MSFT", "Microsoft Corporation", 510.0, StockActivity::Busy),
    ("NVDA", "NVIDIA Corporation", 180.0, StockActivity::Busy),
    ("TSLA", "Tesla, Inc.", 330.0, StockActivity::Busy),
    ("AMZN", "Amazon.com, Inc.", 225.0, StockActivity::Busy),
    ("GOOG", "Alphabet Inc.", 200.0, StockActivity::Busy),
    ("META", "Meta Platforms, Inc.", 750.0, StockActivity::Busy),
    ("AMD", "Advanced Micro Devices, Inc.", 165.0, StockActivity::Busy),
    ("AIG", "American International Group, Inc.", 80.0, StockActivity::Medium),
    ("IBM", "International Business Machines Corporation", 240.0, StockActivity::Medium),
    ("BRK.A", "Berkshire Hathaway Inc. Class A", 720_000.0, StockActivity::Thin),
    ("BRK.B", "Berkshire Hathaway Inc. Class B", 480.0, StockActivity::Medium),
    ("SHY", "iShares 1-3 Year Treasury Bond ETF", 83.0, StockActivity::Thin),
    ("KIMpL", "Kimco Realty Corporation Preferred L", 21.0, StockActivity::Rare),
];

/// All stocks, in the order of their tickers.
#[derive(Debug)]
pub(crate) struct StockUniverse {
    stocks: Vec<EmulatedStock>,
    by_ticker: FxHashMap<String, u32>,
}

impl StockUniverse {
    pub(crate) fn new(seed: u64, stage: &StocksScenario, now_ms: i64) -> Self {
        let today = new_york::day_of(now_ms);
        let specs = match &stage.tickers {
            TickerSet::Standard(count) => standard(seed, *count, today),
            TickerSet::Own(specs) => specs.clone(),
        };
        let mut stocks: Vec<EmulatedStock> =
            specs.iter().map(|spec| stock(seed, spec, &stage.splits, today)).collect();
        stocks.sort_by(|a, b| a.ticker.cmp(&b.ticker));
        stocks.dedup_by(|a, b| a.ticker == b.ticker);
        let numbered = (0_u32..).zip(&stocks);
        let by_ticker = numbered.map(|(at, stock)| (stock.ticker.clone(), at)).collect();
        Self { stocks, by_ticker }
    }

    pub(crate) fn find(&self, ticker: &str) -> Option<u32> {
        self.by_ticker.get(ticker).copied()
    }

    pub(crate) fn get(&self, at: u32) -> &EmulatedStock {
        &self.stocks[at as usize]
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &EmulatedStock)> + ExactSizeIterator {
        self.stocks.iter().enumerate().map(|(at, stock)| (at as u32, stock))
    }
}

fn stock(seed: u64, spec: &TickerSpec, others: &[(String, SplitSpec)], today: i64) -> EmulatedStock {
    let others = others.iter().filter(|(ticker, _)| *ticker == spec.ticker).map(|(_, split)| split);
    let splits = spec.splits.iter().chain(others).filter_map(|split| {
        let day = new_york::parse_day(&split.date)?;
        Some(SplitDay { day, from: i64::from(split.from.max(1)), to: i64::from(split.to.max(1)) })
    });
    let splits = Splits::new(splits.collect());
    EmulatedStock::new(seed, &spec.ticker, &spec.name, spec.price, spec.activity).with_splits(splits, today)
}

fn standard(seed: u64, count: usize, today: i64) -> Vec<TickerSpec> {
    let mut specs: Vec<TickerSpec> = KNOWN
        .into_iter()
        .map(|(ticker, name, price, thickness)| TickerSpec {
            ticker: ticker.to_owned(),
            name: name.to_owned(),
            price,
            activity: thickness,
            splits: split_dates::of_known(ticker, today),
        })
        .collect();
    specs.extend((0..).map(|n| filler(seed, n, today)).take(count.saturating_sub(KNOWN.len())));
    specs.truncate(count);
    specs
}

/// Creates the n-th made-up stock, with five letters from `XAAAA` on, which no real ticker uses.
fn filler(seed: u64, n: u64, today: i64) -> TickerSpec {
    let mut rest = n;
    let mut letters = [b'X', 0, 0, 0, 0];
    for letter in letters[1..].iter_mut().rev() {
        *letter = b'A' + (rest % 26) as u8;
        rest /= 26;
    }
    let ticker = String::from_utf8_lossy(&letters).into_owned();
    let draw = hash_random::draw(seed ^ 0xF111, n);
    let splits = split_dates::of_made_up(n, today);
    let thickness = match draw % 100 {
        _ if !splits.is_empty() => StockActivity::Medium,
        0..3 => StockActivity::Thin,
        3..95 => StockActivity::Rare,
        _ => StockActivity::Never,
    };
    let price = 2.0 + 98.0 * hash_random::unit(hash_random::draw(draw, 1));
    TickerSpec { name: format!("{ticker} Holdings"), ticker, price, activity: thickness, splits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_thousand_are_listed_in_order() {
        let universe = StockUniverse::new(1, &StocksScenario::default(), 1_786_022_055_678);
        assert_eq!(universe.iter().len(), 12_000);
        let tickers: Vec<&str> = universe.iter().map(|(_, stock)| stock.ticker.as_str()).collect();
        assert!(tickers.is_sorted());
        let nvda = universe.get(universe.find("NVDA").unwrap());
        let split = nvda.splits.iter().next().unwrap();
        let today = new_york::day_of(1_786_022_055_678);
        let since = |day| nvda.splits.between(day, today);
        assert_eq!((since(split.day - 1), since(split.day)), ((1, 10), (1, 1)));
    }
}
