//! The bars of a run, from the store, from the venue, or from a file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use market_backbone::{
    Backbone, CandleColumns, CandleRequest, Grid, Plan, Priority, RangeWindow, Series, Symbol, TimeRange,
    Timeframe, Timestamp,
};

use super::{bars_csv, bars_parquet};
use crate::args::{BarSourceArgs, GlobalArgs};
use crate::exit::UsageError;
use crate::file_format::FileFormat;
use crate::progress;

/// So many of the newest slots may still be unknown where no end was named: the venue has not closed them yet.
const UNSETTLED_SLOTS: u64 = 10;

/// The bars of a run and what they are.
#[derive(Debug)]
pub(crate) struct BarData {
    pub(crate) series: Series,
    pub(crate) candles: CandleColumns,
    pub(crate) grid: Grid,
    /// The number of trading days of a year of the venue.
    pub(crate) days_per_year: u16,
    /// The number of slots in the range in which nobody traded, or of which a file has no row.
    pub(crate) empty_slots: u64,
    /// The number of slots about which two observations disagree.
    pub(crate) disputed_slots: u64,
}

impl BarData {
    /// Loads the bars that the arguments name.
    pub(crate) async fn load(
        args: &BarSourceArgs,
        global: &GlobalArgs,
        backbone: Option<&Backbone>,
    ) -> anyhow::Result<Self> {
        match (&args.bars, backbone) {
            (Some(file), _) => Self::of_file(args, global, file),
            (None, Some(backbone)) => Self::of_store(args, global, backbone).await,
            (None, None) => Err(UsageError("name a file with --bars".to_owned()).into()),
        }
    }

    fn of_file(args: &BarSourceArgs, global: &GlobalArgs, path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let opened = || File::open(path).with_context(|| format!("cannot read {shown}"));
        let read = match FileFormat::of(path) {
            Some(FileFormat::Csv | FileFormat::Text) => bars_csv::read(BufReader::new(opened()?)),
            Some(FileFormat::Parquet) => bars_parquet::read(opened()?),
            _ => {
                return Err(UsageError(format!(
                    "--bars {shown}: bars are read from .csv and .parquet files"
                ))
                .into());
            }
        };
        let candles = read.with_context(|| shown.to_string())?;
        let venue = global.venue.descriptor();
        let grid = venue.capabilities().grid;
        let code = args.market.as_deref().unwrap_or("BARS");
        let timeframe = match args.timeframe {
            Some(timeframe) => timeframe,
            None => inferred(&candles, grid).with_context(|| {
                format!(
                    "{shown}: the distance of its bars is no timeframe; name one: backtest {} {code} 1m",
                    args.strategy
                )
            })?,
        };
        if let Some(row) = candles.iter().position(|bar| !grid.is_open_time(timeframe, bar.open_time)) {
            let time = candles.get(row).map_or(Timestamp::EPOCH, |bar| bar.open_time);
            anyhow::bail!(
                "{shown}: bar {} opens at {time} (timestamp {}), where no bar of {timeframe} begins; timestamps are open \
                 times in Unix ms",
                row + 1,
                time.as_millis()
            );
        }
        let now = candles.last().map_or(Timestamp::EPOCH, |bar| bar.open_time);
        let from = args.from.map_or(0, |time| candles.rows_before(time.at(now)));
        let to = args.to.map_or(candles.len(), |time| candles.rows_before(time.at(now)));
        let candles = candles.slice(from.min(to)..to);
        let series = Series::new(Symbol::new(venue.id(), code)?, timeframe);
        let whole = span(&candles, grid, timeframe);
        let slots = whole.map_or(0, |whole| grid.slots(timeframe, whole));
        let empty_slots = slots.saturating_sub(candles.len() as u64);
        let days_per_year = venue.hours().days_per_year();
        Ok(Self { series, candles, grid, days_per_year, empty_slots, disputed_slots: 0 })
    }

    async fn of_store(
        args: &BarSourceArgs,
        global: &GlobalArgs,
        backbone: &Backbone,
    ) -> anyhow::Result<Self> {
        const HOW: &str =
            "write the market and the timeframe behind the strategy: KRW-BTC 1m, or name a file with --bars";
        let (Some(market), Some(timeframe)) = (&args.market, args.timeframe) else {
            return Err(UsageError(HOW.to_owned()).into());
        };
        let Some(from) = args.from else {
            return Err(UsageError(
                "name the beginning of the run: --from 30d, or --from 2026-10-01".to_owned(),
            )
            .into());
        };
        let (now, grid) = (backbone.now(), backbone.grid());
        let from = grid.ceil(timeframe, from.past("--from", now)?);
        let as_of = args.as_of.map(|time| time.past("--as-of", now)).transpose()?;
        let end = args.to.map_or(now, |time| time.at(now)).min(as_of.unwrap_or(Timestamp::MAX)).min(now);
        let end = grid.floor(timeframe, end);
        let Ok(whole) = TimeRange::new(from, end) else {
            return Err(UsageError(format!("no bar of {timeframe} lies from {from} to {end}")).into());
        };
        let request = || {
            let request = backbone.client(Priority::Low).candles(market, timeframe).range(from..end).closed();
            as_of.into_iter().fold(request, CandleRequest::<RangeWindow>::as_of)
        };
        if !args.fetch {
            let known = request().coverage().await?;
            let missing = without_unsettled(known.missing(whole), whole, timeframe, grid, args.to.is_none());
            if !missing.is_empty() {
                return Err(unknown(&missing, whole, &request().plan().await?));
            }
        }
        let bar = progress::bar();
        let shown = bar.clone();
        let set = request().on_progress(move |progress| progress::advance(&shown, progress)).await;
        bar.finish_and_clear();
        let set = set?;
        let missing =
            without_unsettled(set.coverage.missing(whole), whole, timeframe, grid, args.to.is_none());
        if let Some(first) = missing.first() {
            anyhow::bail!(
                "{market} {timeframe}: {} is still unknown after the fetch: {}; choose another range, or try again later",
                first,
                "the venue did not say what happened then"
            );
        }
        let end = set.coverage.missing(whole).first().map_or(end, |unsettled| unsettled.from());
        let slots = TimeRange::new(from, end).map_or(0, |known| grid.slots(timeframe, known));
        let disputes = set.coverage.disputes().iter();
        let disputed_slots = disputes.map(|dispute| grid.slots(timeframe, dispute.range)).sum();
        let empty_slots = slots.saturating_sub(set.candles.len() as u64);
        let days_per_year = global.venue.descriptor().hours().days_per_year();
        Ok(Self {
            series: set.series,
            candles: set.candles,
            grid,
            days_per_year,
            empty_slots,
            disputed_slots,
        })
    }
}

/// The range of bars.
pub(crate) fn span(candles: &CandleColumns, grid: Grid, timeframe: Timeframe) -> Option<TimeRange> {
    let (first, last) = (candles.first()?, candles.last()?);
    TimeRange::new(first.open_time, grid.close(timeframe, last.open_time)).ok()
}

/// Leaves out the newest slots, which nobody can know yet, where the end of the run was not named.
fn without_unsettled(
    mut missing: Vec<TimeRange>,
    whole: TimeRange,
    timeframe: Timeframe,
    grid: Grid,
    is_open_ended: bool,
) -> Vec<TimeRange> {
    if is_open_ended
        && let Some(last) = missing.last()
        && last.to() == whole.to()
        && last.from() > whole.from()
        && grid.slots(timeframe, *last) <= UNSETTLED_SLOTS
    {
        missing.pop();
    }
    missing
}

/// Says what is missing and what it costs.
fn unknown(missing: &[TimeRange], whole: TimeRange, plan: &Plan) -> anyhow::Error {
    let shown: Vec<_> = missing.iter().take(3).map(ToString::to_string).collect();
    let more = missing.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more stretches") } else { String::new() };
    let requests: Vec<_> = plan.requests.iter().map(|(group, count)| format!("{count} {group}")).collect();
    anyhow::anyhow!(
        "{}: {} of {} slots from {whole} are unknown ({}{more}); add --fetch to fetch them: {} pages, requests: {}, about {:.0} s",
        plan.series,
        plan.unknown_slots,
        plan.unknown_slots + plan.known_slots,
        shown.join("; "),
        plan.pages,
        requests.join(", "),
        plan.eta.as_secs_f64().ceil()
    )
}

/// The longest timeframe on which all bars lie, and that is the least distance of two.
fn inferred(candles: &CandleColumns, grid: Grid) -> Option<Timeframe> {
    let times = candles.open_times_ns();
    let least = times.windows(2).map(|pair| pair[1] - pair[0]).min()?;
    let typical = |timeframe: &Timeframe| i64::try_from(timeframe.typical().as_nanos()).unwrap_or(i64::MAX);
    // Months, and days of New York, are not all equally long.
    let is_near = |timeframe: &Timeframe| (typical(timeframe) - least).abs() <= typical(timeframe) / 10;
    Timeframe::ALL
        .into_iter()
        .rev()
        .find(|timeframe| is_near(timeframe) && grid.are_open_times(*timeframe, times))
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone::Candle;
    use market_backbone_testkit::flat_candle;

    #[test]
    fn the_timeframe_of_a_file_is_the_least_distance_of_its_bars() {
        let at = |seconds: &[i64]| -> CandleColumns {
            let bar = |secs: &i64| Candle { is_final: true, ..flat_candle(Timestamp::from_secs(*secs), 1.0) };
            seconds.iter().map(bar).collect()
        };
        assert_eq!(inferred(&at(&[0, 60, 180]), Grid::Utc), Some(Timeframe::M1));
        assert_eq!(inferred(&at(&[0, 86_400, 259_200]), Grid::Utc), Some(Timeframe::D1));
        assert_eq!(inferred(&at(&[0, 61]), Grid::Utc), None);
        assert_eq!(inferred(&at(&[0]), Grid::Utc), None);
    }
}
