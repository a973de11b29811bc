//! The markets, each with its tape.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::region::{self, EmulatedRegion};
use super::tick_sizes;
use crate::calendar::{DAY, HOUR, MINUTE};
use crate::error::EmulatorError;
use crate::hash_random;
use crate::scenario::{MarketActivity, MarketSet, MarketSpec, Scenario, TapeAlignment};
use crate::tape::{
    self, BarCacheBudget, MarketTape, SyntheticMarket, SyntheticMarketConfig, TapeTrade, TickTable,
};

/// The standard set: `code|korean name|english name|price|activity`.
const STANDARD: &str = include_str!("markets.txt");
/// The time before the start when dead markets stopped.
const DEAD_FOR: i64 = 21 * DAY;

/// One market and all its trades.
#[derive(Debug)]
pub(crate) struct EmulatedMarket {
    pub(crate) code: String,
    pub(crate) korean_name: String,
    pub(crate) english_name: String,
    pub(crate) activity: MarketActivity,
    /// The price before the first trade, in units of 1e-8.
    pub(crate) base_price: i64,
    pub(crate) ticks: TickTable,
    pub(crate) tape: MarketTape,
}

impl EmulatedMarket {
    /// Returns the quote currency: `KRW` of `KRW-BTC`.
    pub(crate) fn quote(&self) -> &str {
        quote_of(&self.code)
    }

    /// Returns whether it is quoted in a national currency; its prices have fewer digits.
    pub(crate) fn is_national(&self) -> bool {
        region::is_national(self.quote())
    }
}

/// All markets, in the order of the listing.
#[derive(Debug)]
pub(crate) struct EmulatedMarkets {
    all: Vec<EmulatedMarket>,
    by_code: FxHashMap<String, usize>,
}

impl EmulatedMarkets {
    /// Builds the markets of a scenario that starts now.
    pub(crate) fn of(scenario: &Scenario) -> Result<Self, EmulatorError> {
        let all = match &scenario.tape {
            Some(path) => recorded(scenario, tape::load(path)?),
            None => made_up(scenario)?,
        };
        let by_code = all.iter().enumerate().map(|(at, market)| (market.code.clone(), at)).collect();
        Ok(Self { all, by_code })
    }

    /// Returns a market by its exact code.
    pub(crate) fn get(&self, code: &str) -> Option<&EmulatedMarket> {
        self.by_code.get(code).map(|at| &self.all[*at])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &EmulatedMarket> {
        self.all.iter()
    }
}

/// Returns the standard set of a region.
pub(crate) fn standard(region: EmulatedRegion) -> impl Iterator<Item = MarketSpec> {
    korean().filter_map(move |spec| region.localize(spec))
}

fn korean() -> impl Iterator<Item = MarketSpec> {
    STANDARD.lines().map(|line| {
        let mut fields = line.split('|');
        let mut next = || fields.next().expect("the table has five columns, as its test shows");
        let (code, korean_name, english_name) = (next().to_owned(), next().to_owned(), next().to_owned());
        let price = next().parse().expect("the table's prices are numbers, as its test shows");
        let pace = match next() {
            "busy" => MarketActivity::Busy,
            "normal" => MarketActivity::Normal,
            "thin" => MarketActivity::Thin,
            "fresh" => MarketActivity::Fresh,
            "dead" => MarketActivity::Dead,
            _ => MarketActivity::Never,
        };
        MarketSpec { code, korean_name, english_name, price, activity: pace }
    })
}

fn made_up(scenario: &Scenario) -> Result<Vec<EmulatedMarket>, EmulatorError> {
    let specs: Vec<MarketSpec> = match &scenario.markets {
        MarketSet::Standard => standard(scenario.region).collect(),
        MarketSet::Own(specs) => specs.clone(),
        MarketSet::Only(codes) => {
            let found = |code: &String| {
                let spec = standard(scenario.region).find(|spec| spec.code == *code);
                spec.ok_or_else(|| EmulatorError::UnknownMarket(code.clone()))
            };
            codes.iter().map(found).collect::<Result<_, _>>()?
        }
    };
    let seed = scenario.region.seed(scenario.seed);
    let start = scenario.clock.now_ms();
    let budget = BarCacheBudget::default();
    let outages: Arc<[_]> = scenario.outages.as_slice().into();
    let old = start - start.rem_euclid(DAY) - i64::from(scenario.history_days) * DAY;
    let market = |spec: MarketSpec| {
        let ticks = tick_sizes::table(quote_of(&spec.code));
        let plan = SyntheticMarketConfig {
            activity: spec.activity,
            price: spec.price,
            smallest: tick_sizes::smallest_trade(quote_of(&spec.code)),
            ticks,
            listed_ms: if spec.activity == MarketActivity::Fresh { minute_of(start - HOUR) } else { old },
            until_ms: match spec.activity {
                MarketActivity::Dead => minute_of(start - DEAD_FOR),
                MarketActivity::Never => old,
                MarketActivity::Wild
                | MarketActivity::Busy
                | MarketActivity::Fresh
                | MarketActivity::Normal
                | MarketActivity::Thin => i64::MAX,
            },
            outages: Arc::clone(&outages),
        };
        EmulatedMarket {
            tape: MarketTape::synthetic(SyntheticMarket::new(seed, &spec.code, plan), budget.clone()),
            base_price: ticks.snap((spec.price * 1e8) as i64),
            code: spec.code,
            korean_name: spec.korean_name,
            english_name: spec.english_name,
            activity: spec.activity,
            ticks,
        }
    };
    Ok(specs.into_iter().map(market).collect())
}

fn recorded(
    scenario: &Scenario,
    mut tapes: std::collections::BTreeMap<String, Vec<TapeTrade>>,
) -> Vec<EmulatedMarket> {
    let first = tapes.values().flatten().map(|trade| trade.time_ms).min().unwrap_or(0);
    if scenario.tape_start == TapeAlignment::Now {
        let shift = scenario.clock.now_ms() - first;
        tapes.values_mut().flatten().for_each(|trade| {
            trade.time_ms += shift;
            trade.id += shift * tape::IDS_PER_MS;
        });
    }
    let budget = BarCacheBudget::default();
    let known: FxHashMap<String, MarketSpec> =
        standard(scenario.region).map(|spec| (spec.code.clone(), spec)).collect();
    let market = |(code, trades): (String, Vec<TapeTrade>)| {
        let base = code.split_once('-').map_or(code.as_str(), |(_, base)| base).to_owned();
        let names = known.get(&code);
        EmulatedMarket {
            korean_name: names.map_or_else(|| base.clone(), |spec| spec.korean_name.clone()),
            english_name: names.map_or(base, |spec| spec.english_name.clone()),
            activity: MarketActivity::Normal,
            base_price: trades.first().map_or(1, |trade| trade.price_e8),
            ticks: tick_sizes::table(quote_of(&code)),
            tape: MarketTape::recorded(hash_random::key(scenario.seed, &code), trades, budget.clone()),
            code,
        }
    };
    tapes.into_iter().map(market).collect()
}

fn quote_of(code: &str) -> &str {
    code.split_once('-').map_or(code, |(quote, _)| quote)
}

const fn minute_of(ms: i64) -> i64 {
    ms - ms.rem_euclid(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_set_holds_every_kind() {
        let set: Vec<MarketSpec> = korean().collect();
        let krw = set.iter().filter(|spec| spec.code.starts_with("KRW-")).count();
        assert!((140..=160).contains(&krw), "{krw}");
        assert!(STANDARD.lines().all(|line| line.split('|').count() == 5));
        for pace in [
            MarketActivity::Busy,
            MarketActivity::Fresh,
            MarketActivity::Normal,
            MarketActivity::Thin,
            MarketActivity::Dead,
            MarketActivity::Never,
        ] {
            assert!(set.iter().any(|spec| spec.activity == pace), "{pace:?}");
        }
        assert!(set.iter().all(|spec| spec.price > 0.0));
    }

    #[test]
    fn each_region_lists_markets_of_its_own() {
        for region in [EmulatedRegion::Singapore, EmulatedRegion::Indonesia, EmulatedRegion::Thailand] {
            let set: Vec<MarketSpec> = standard(region).collect();
            assert!((60..140).contains(&set.len()), "{region:?}: {}", set.len());
            assert!(set.iter().any(|spec| spec.code == format!("{}-BTC", region.currency())));
            assert!(set.iter().any(|spec| spec.code.starts_with("USDT-")));
            assert!(set.iter().all(|spec| !spec.code.starts_with("KRW-")), "{region:?}");
        }
    }
}
