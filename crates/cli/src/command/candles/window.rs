//! Which candles of a series are wanted, and how they are asked for.

use std::time::Duration;

use market_backbone::{
    Backbone, CandleRequest, CandleSet, DefaultWindow, Error, Grid, Progress, TimeRange, Timeframe, Timestamp,
};

use crate::args::{CandleRangeArgs, PriorityArg, TimeArg};
use crate::exit::UsageError;
use crate::stats::AnswerSummary;

const DEFAULT_COUNT: usize = 200;
/// A machine's clock is hardly off by more before anybody notices.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(86_400);
/// Where fewer candles were found than wanted, so many times as many slots are looked through next.
const WIDEN: u64 = 4;

/// The candles that are wanted of each series, with times that no longer depend on when they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WantedCandles {
    count: Option<usize>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    as_of: Option<Timestamp>,
    closed: bool,
    priority: PriorityArg,
}

impl WantedCandles {
    /// What the arguments mean when it is `now`.
    ///
    /// # Errors
    ///
    /// If a time from which, or as of which, candles are wanted lies in the future.
    pub(crate) fn of(args: &CandleRangeArgs, now: Timestamp) -> Result<Self, UsageError> {
        let past = |time: Option<TimeArg>, name| time.map(|time| time.past(name, now)).transpose();
        let CandleRangeArgs { count, from, to, closed, as_of, priority } = *args;
        let (from, as_of) = (past(from, "--from")?, past(as_of, "--as-of")?);
        Ok(Self { count, from, to: to.map(|time| time.at(now)), as_of, closed, priority })
    }

    /// The moment as of which is asked, if one was named.
    pub(super) const fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Where the answer begins and ends, as far as the arguments say; with a count it ends with its newest candle.
    pub(super) fn bounds(
        &self,
        summary: &AnswerSummary,
        grid: Grid,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let newest = summary.newest().filter(|_| self.from.is_some());
        let is_cut = self.count.is_some_and(|count| summary.rows >= count);
        let close = newest.filter(|_| is_cut).map(|newest| grid.close(summary.timeframe, newest));
        (self.from, close.or(self.to))
    }

    /// The beginning or the count, of which only one is `None`; nothing where the answer is about an earlier moment.
    pub(super) fn selection(&self) -> Option<(Option<Timestamp>, Option<usize>)> {
        let count = self.count.or_else(|| self.from.is_none().then_some(DEFAULT_COUNT));
        (self.as_of.is_none() && !(self.from.is_some() && count.is_some())).then_some((self.from, count))
    }

    /// The end, if one was named.
    pub(super) const fn until(&self) -> Option<Timestamp> {
        self.to
    }

    /// What is wanted from `moment` on, if anything is.
    pub(super) fn after(&self, moment: Timestamp) -> Option<Self> {
        self.to.is_none_or(|to| moment < to).then_some(Self { from: Some(moment), ..*self })
    }

    /// The newest `count` of what is wanted.
    pub(super) fn newest(&self, count: usize) -> Self {
        Self { count: Some(count), ..*self }
    }

    /// A request without a window, of this priority.
    pub(super) fn plain(
        &self,
        (market, timeframe): (&str, Timeframe),
        backbone: &Backbone,
    ) -> CandleRequest<DefaultWindow> {
        let request = backbone.client(self.priority.into()).candles(market, timeframe);
        if self.closed { request.closed() } else { request }
    }

    /// One request for all of it. With a count and a beginning, it spans so many slots.
    pub(crate) fn request(&self, market: &str, timeframe: Timeframe, backbone: &Backbone) -> CandleRequest {
        let request = backbone.client(self.priority.into()).candles(market, timeframe);
        let now = backbone.now();
        let to = match self.first() {
            Some((from, count)) => {
                slots_after(backbone.grid(), timeframe, (from, self.end(now)), count as u64).or(self.to)
            }
            None => self.to,
        };
        let request = match (self.from, to) {
            // Up to now, whatever this machine takes that for; what lies ahead of both clocks runs backwards.
            (Some(from), None) if from < now.plus(MAX_CLOCK_DIFFERENCE) => request.range(from..).any_window(),
            (Some(from), to) => request.range(from..to.unwrap_or(now)).any_window(),
            (None, Some(to)) => request.last(self.count.unwrap_or(DEFAULT_COUNT)).before(to).any_window(),
            (None, None) => request.last(self.count.unwrap_or(DEFAULT_COUNT)).any_window(),
        };
        let request = self.as_of.into_iter().fold(request, CandleRequest::as_of);
        if self.closed { request.closed() } else { request }
    }

    /// Asks for the candles of a series. The first so many from a moment on may lie in more slots than that: then further
    /// ones are looked through, of which those that are known cost no request.
    pub(super) async fn fetch<P: FnMut(Progress) + Send + 'static>(
        &self,
        (market, timeframe): (&str, Timeframe),
        is_adjusted: bool,
        backbone: &Backbone,
        progress: impl Fn() -> P,
    ) -> Result<CandleSet, Error> {
        let send = async |window: Self| {
            let request = window.request(market, timeframe, backbone).on_progress(progress());
            if is_adjusted { request.adjusted().await } else { request.await }
        };
        let Some((from, count)) = self.first() else { return send(*self).await };
        let (grid, mut slots) = (backbone.grid(), count as u64);
        loop {
            let span = (from, self.end(backbone.now()));
            let stop = slots_after(grid, timeframe, span, slots);
            let mut set = send(Self { count: None, to: stop.or(self.to), ..*self }).await?;
            if set.candles.len() >= count || stop.is_none() {
                set.candles.truncate(count);
                return Ok(set);
            }
            slots = slots.saturating_mul(WIDEN);
        }
    }

    /// The beginning, and how many candles from there on.
    fn first(&self) -> Option<(Timestamp, usize)> {
        self.from.zip(self.count)
    }

    fn end(&self, now: Timestamp) -> Timestamp {
        self.to.unwrap_or(now)
    }
}

/// The end of the first `slots` slots that open in the stretch; `None` if it has no more than that.
fn slots_after(
    grid: Grid,
    timeframe: Timeframe,
    (from, end): (Timestamp, Timestamp),
    slots: u64,
) -> Option<Timestamp> {
    let available = grid.slots(timeframe, TimeRange::new(from, end).ok()?);
    let steps = i64::try_from(slots).ok().filter(|_| slots < available)?;
    Some(grid.step(timeframe, grid.ceil(timeframe, from), steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_slots_end_where_the_next_begins_unless_there_are_no_more() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let span = (at("2026-11-28T03:00:30Z"), at("2026-11-28T03:10:00Z"));
        let after = |slots| slots_after(Grid::Utc, Timeframe::M1, span, slots);
        assert_eq!(after(3), Some(at("2026-11-28T03:04:00Z")));
        assert_eq!((after(9), after(u64::MAX)), (None, None));
        assert_eq!(slots_after(Grid::Utc, Timeframe::M1, (span.1, span.0), 3), None, "it runs backwards");
    }
}
