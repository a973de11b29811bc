//! Daily scores in a screen.

use market_backbone_core::{
    Candle, CandleSet, Grid, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_strategy::screen::{MarketBars, ScoreValues, Screen, ScreenAnswer, Verdict};
use market_backbone_strategy::zen::{PriceMeasure, ZenBaseline};

use super::bars::walk;

/// Days of a walk, of which the last has ten times the volume; from `unknown` on, one day is missing and not proven.
fn days(count: usize, unknown: Option<usize>) -> CandleSet {
    let day = |at: usize| Timestamp::from_secs(at as i64 * 86_400);
    let mut rows: Vec<Candle> = walk(8, count);
    for (at, row) in rows.iter_mut().enumerate() {
        row.open_time = day(at);
    }
    rows[count - 1].volume *= 10.0;
    let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
    let mut set = CandleSet::empty(Series::new(symbol, Timeframe::D1));
    let known = |range| Span {
        range,
        provenance: Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH },
    };
    set.coverage.insert(known(TimeRange::new(day(0), day(count)).unwrap()));
    if let Some(at) = unknown {
        rows.remove(at);
        set.coverage.remove(TimeRange::new(day(at), day(at + 1)).unwrap());
    }
    set.candles = rows.into();
    set
}

fn judge(text: &str, set: &CandleSet, count: usize) -> ScreenAnswer {
    let screen = Screen::parse_with(text, Timeframe::H1, ScoreValues::default()).unwrap();
    let now = Timestamp::from_secs(count as i64 * 86_400);
    screen.evaluate(&MarketBars { sets: std::slice::from_ref(set), grid: Grid::Utc, now })
}

#[test]
fn a_score_is_that_of_its_module() {
    let set = days(80, None);
    let rows = set.candles.to_vec();
    let score = ZenBaseline::new(&rows[..79]).unwrap().day(&rows[79], PriceMeasure::Change);
    let answer = judge("zen_v > 2 && zen_p < 100 && zen_divergence < 1000 && accumulation >= 0", &set, 80);
    assert_eq!(answer.verdict, Verdict::Match, "{answer:?}");
    assert_eq!(answer.values[0].value, Ok(score.volume.unwrap()));
    assert_eq!(answer.values[1].value, Ok(score.price.unwrap()));
    assert_eq!(answer.values[2].value, Ok(score.divergence().unwrap()));
}

#[test]
fn a_score_of_days_that_are_not_known_is_unknown() {
    for (set, count, days) in [(days(15, None), 15, 14), (days(80, Some(70)), 80, 8)] {
        let answer = judge("zen_v > 2", &set, count);
        let reasons: Vec<_> = answer.unknown().map(|(name, why)| format!("{name}: {why}")).collect();
        assert_eq!(answer.verdict, Verdict::Unknown);
        assert_eq!(reasons, [format!("zen_v(1d): {days} closed days of the 19 that are needed")]);
    }
    assert_eq!(judge("accumulation > 0", &days(10, None), 10).verdict, Verdict::Unknown);
}
