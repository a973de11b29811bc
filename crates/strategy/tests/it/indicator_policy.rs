//! Every indicator of the catalogue: equal to TA-Lib, streaming equal to columns, warm when it says so, settled when it
//! says so.

use market_backbone_core::{Candle, CandleColumns, Grid};
use market_backbone_strategy::indicator::{BarRuns, Indicator, IndicatorSpec, Memory, catalogue};
use proptest::prelude::*;
use ta_lib::Core;
use ta_lib::abstract_api::{InputType, OptInputType, OutputType, get_func_handle};

use super::bars::walk;

fn every_spec() -> impl Iterator<Item = IndicatorSpec> {
    catalogue().map(|info| IndicatorSpec::named(info.name, &[]).unwrap())
}

/// The same with windows of two and three bars where there are windows.
fn every_short_spec() -> impl Iterator<Item = IndicatorSpec> {
    every_spec().map(|spec| {
        let short = |(row, parameter): (usize, &market_backbone_strategy::indicator::IndicatorParameter)| {
            if parameter.whole { parameter.min.max(2.0) + row as f64 } else { parameter.default }
        };
        let parameters: Vec<f64> = spec.parameter_list().iter().enumerate().map(short).collect();
        IndicatorSpec::named(spec.name(), &parameters).unwrap()
    })
}

/// What TA-Lib's own registry answers to the same call.
fn by_registry(spec: &IndicatorSpec, bars: &CandleColumns) -> Option<(usize, Vec<Vec<f64>>)> {
    let id = get_func_handle(spec.name())?;
    let core = Core::new();
    let mut call = id.new_call(&core);
    for (slot, input) in id.info().inputs.iter().enumerate() {
        if input.kind == InputType::Real {
            call.set_input(slot, bars.closes()).unwrap();
        } else {
            call.set_price_input(
                slot,
                Some(bars.opens()),
                Some(bars.highs()),
                Some(bars.lows()),
                Some(bars.closes()),
                Some(bars.volumes()),
                None,
            )
            .unwrap();
        }
    }
    let mut given = spec.parameters().iter();
    for (index, option) in id.info().opt_inputs.iter().enumerate() {
        // Bands take one width for above and below.
        let value = |given: &mut std::slice::Iter<'_, f64>| given.next().copied();
        match option.kind {
            OptInputType::IntegerRange { .. } => {
                let value = value(&mut given).unwrap();
                call.set_opt_input(index, value as i32).unwrap();
            }
            OptInputType::RealRange { default, .. } => {
                let last = spec.parameters().get(1).copied().unwrap_or(default);
                let value = value(&mut given).unwrap_or(last);
                call.set_opt_input(index, value).unwrap();
            }
            _ => {}
        }
    }
    let mut outputs = vec![vec![0.0; bars.len()]; id.info().outputs.len()];
    let mut whole = vec![0; bars.len()];
    for (index, (output, info)) in outputs.iter_mut().zip(id.info().outputs).enumerate() {
        if info.kind == OutputType::Real {
            call.set_output(index, output).unwrap();
        } else {
            call.set_int_output(index, &mut whole).unwrap();
            break;
        }
    }
    let range = call.call(0, bars.len() - 1).unwrap();
    for (output, info) in outputs.iter_mut().zip(id.info().outputs) {
        if info.kind == OutputType::Integer {
            *output = whole.iter().map(|value| f64::from(*value)).collect();
        }
        output.truncate(range.count);
    }
    Some((range.beg_idx, outputs))
}

#[test]
fn every_formula_equals_ta_lib() {
    let rows = walk(1, 600);
    let bars: CandleColumns = rows.iter().collect();
    let mut compared = 0;
    for spec in every_spec() {
        let Some((first, expected)) = by_registry(&spec, &bars) else { continue };
        if spec.name() == "vwap" {
            continue; // TA-Lib's has no sessions
        }
        assert_eq!(first + 1, spec.warm_up(), "{spec}");
        let columns = spec.over(&bars, &BarRuns::unbroken(&bars), Grid::Utc);
        for (place, expected) in expected.iter().enumerate() {
            for (row, expected) in (first..).zip(expected) {
                let found = columns.get_output(place, row).unwrap();
                assert!(
                    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                    "{spec} output {place} row {row}"
                );
            }
        }
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn every_indicator_is_warm_exactly_when_it_says() {
    let rows = walk(2, 700);
    for spec in every_spec() {
        let mut indicator = Indicator::new(spec);
        for (row, bar) in rows.iter().enumerate() {
            let peeked = indicator.peek(bar).unwrap();
            let reading = indicator.update(bar).unwrap();
            assert_eq!(peeked, reading, "{spec} row {row}");
            assert_eq!(reading.value().is_some(), row + 1 >= spec.warm_up(), "{spec} row {row}");
            assert_eq!(reading.is_warming(), row + 1 < spec.warm_up(), "{spec} row {row}");
        }
    }
}

#[test]
fn every_name_reads_back() {
    for info in catalogue() {
        for output in info.outputs {
            let spec = IndicatorSpec::named(info.name, &[]).unwrap().output(output).unwrap();
            assert_eq!(spec.to_string().parse::<IndicatorSpec>().unwrap(), spec, "{spec}");
        }
    }
}

/// The largest difference of two computations that began at different bars, from `bars` bars after the later start on.
fn difference(spec: &IndicatorSpec, rows: &[Candle], later: usize, bars: usize) -> (f64, f64) {
    let over = |from: usize| {
        let bars: CandleColumns = rows[from..].iter().collect();
        spec.over(&bars, &BarRuns::unbroken(&bars), Grid::Utc)
    };
    let (early, late) = (over(0), over(later));
    let (mut most, mut low, mut high) = (0.0_f64, f64::MAX, f64::MIN);
    for row in bars - 1..rows.len() - later {
        let (one, other) = (early.get(row + later).unwrap(), late.get(row).unwrap());
        most = most.max((one - other).abs());
        (low, high) = (low.min(one), high.max(one));
    }
    (most, high - low)
}

#[test]
fn every_indicator_has_forgotten_its_start_when_it_says() {
    let rows = walk(3, 6_000);
    for spec in every_spec() {
        let Some(settle) = spec.settle() else { continue };
        if spec.name() == "vwap" {
            continue; // it forgets at the end of its day
        }
        let (most, spread) = difference(&spec, &rows, 777, settle);
        assert!(most <= 1e-6 * spread, "{spec}: {most} of {spread} after {settle} bars");
        if let Memory::Fades(_) = spec.memory() {
            // A quarter of it would not do, so that the figure is not merely large. (What is left of a T3's start has both
            // signs and cancels sooner; a KAMA is as slow as its bound only where prices go nowhere.)
            let early = spec.warm_up() + (settle - spec.warm_up()) / 4;
            let (most, spread) = difference(&spec, &rows, 777, early);
            assert!(
                ["kama", "t3"].contains(&spec.name()) || most > 1e-6 * spread,
                "{spec}: {most} of {spread} after {early} bars"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Streaming and columns answer the same for every row, across unknown slots and refused bars, for every formula.
    #[test]
    fn streaming_equals_columns(
        seed in any::<u64>(), count in 1_usize..90, cuts in proptest::collection::btree_set(1_usize..90, 0..4),
        refused in proptest::collection::btree_set(0_usize..90, 0..3), flat in 0_usize..90,
    ) {
        let mut rows = walk(seed, count);
        for row in flat..(flat + 12).min(count) {
            let price = rows[flat].close;
            rows[row] = super::bars::point(row as i64, price);
        }
        for row in refused.iter().filter(|row| **row < count) {
            rows[*row].close = f64::NAN;
            rows[*row].volume = f64::NAN;
            rows[*row].high = f64::INFINITY;
        }
        let bars: CandleColumns = rows.iter().collect();
        let runs = BarRuns::cut_before(count, cuts);
        for spec in every_short_spec() {
            let columns = spec.over(&bars, &runs, Grid::Utc);
            let mut indicator = Indicator::new(spec);
            for (row, bar) in rows.iter().enumerate() {
                if runs.is_cut_before(row) {
                    indicator.unknown_slot();
                }
                let reading = indicator.update(bar);
                for place in 0..spec.outputs().len() {
                    let (one, other) = (reading.ok().and_then(|reading| reading.get(place)), columns.get_output(place, row));
                    match (one, other) {
                        (Some(one), Some(other)) => prop_assert!((one - other).abs() <= 1e-9 * one.abs().max(1.0), "{} row {}: {} {}", spec, row, one, other),
                        _ => prop_assert_eq!(one, other, "{} row {}", spec, row),
                    }
                }
                prop_assert_eq!(reading.is_ok_and(|reading| reading.is_flat()), columns.is_flat(row), "{} row {}", spec, row);
            }
            prop_assert!((0..spec.outputs().len()).all(|place| columns.column(place).iter().all(|value| value.is_finite())));
        }
    }
}
