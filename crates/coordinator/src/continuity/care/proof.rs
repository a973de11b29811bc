//! What proves that something is missing though nobody said so: a ticker that knows of more trades than were heard, and
//! trades of which a candle knows nothing.

use std::time::Duration;

use market_backbone_core::{FeedEvent, GapCause, Loss, StreamKind, Ticker, Timestamp};
use tokio::time::Instant;

use super::{Audit, Care, Phase};
use crate::continuity::closing::Closing;

impl Care {
    /// An audit for each market whose trades are followed with its ticker.
    pub(super) fn pair_audits(&mut self) {
        for (trades, ticker) in self.lanes.with_ticker() {
            self.lanes[trades].audit = Some(self.audits.len());
            self.lanes[ticker].audit = Some(self.audits.len());
            self.audits.push(Audit::new(self.config.doubt_after));
        }
    }

    /// Has candles compared with the trades of their markets where both are followed. Closed ones can be had `settling`
    /// after their end.
    pub(in crate::continuity) fn compare_candles(&mut self, settling: Duration) {
        let wait = self.config.doubt_after.max(settling);
        for (trades, candles) in self.lanes.with_candles() {
            if self.lanes[candles].audit_against(trades, wait) {
                self.lanes[trades].candles.push(candles);
            }
        }
    }

    /// A ticker has come by its lane.
    pub(super) fn has_heard(&mut self, ticker: &Ticker, number: usize) {
        if let Some(audit) = self.lanes[number].audit
            && let Some(trades) = self.lanes.find(&ticker.symbol, StreamKind::Trade)
        {
            let is_whole = self.lanes[trades].phase == Phase::Live;
            self.audits[audit].ticker(ticker, is_whole, Instant::now());
            self.alarm = self.audits[audit].due().into_iter().chain(self.alarm).min();
        }
    }

    /// An event of a lane is being handed out.
    pub(super) fn has_handed_out(&mut self, number: usize, event: &FeedEvent) {
        match event {
            FeedEvent::Trade(trade) => {
                if let Some(audit) = self.lanes[number].audit {
                    self.audits[audit].traded(trade);
                }
                for place in 0..self.lanes[number].candles.len() {
                    let candles = self.lanes[number].candles[place];
                    self.compare(candles, |closing, now| closing.traded(trade, now));
                }
            }
            FeedEvent::Candle { candle, .. } => {
                self.compare(number, |closing, now| closing.heard(candle, now));
            }
            _ => {}
        }
    }

    fn compare(&mut self, candles: usize, with: impl FnOnce(&mut Closing, Instant)) {
        if let Some(closing) = &mut self.lanes[candles].closing {
            with(closing, Instant::now());
            self.alarm = closing.due().into_iter().chain(self.alarm).min();
        }
    }

    /// When there is something to judge.
    pub(super) fn next_verdict(&self) -> Option<Instant> {
        let closings = self.lanes.iter().filter_map(|lane| lane.closing.as_ref());
        self.audits.iter().filter_map(Audit::due).chain(closings.filter_map(Closing::due)).min()
    }

    pub(super) fn judge_all(&mut self, now: Instant) {
        for number in 0..self.lanes.len() {
            self.judge(number, now);
            self.judge_candles(number, now);
        }
    }

    /// If trades are missing, the same frames may have told of candles, and may have been the last that did.
    fn judge(&mut self, number: usize, now: Instant) {
        let lane = &self.lanes[number];
        let Some(audit) = lane.audit.filter(|_| lane.is_fetched()) else { return };
        let Some(between) = self.audits[audit].judge(now) else { return };
        if lane.phase != Phase::Live {
            return;
        }
        let mut concerned = self.lanes.candles_of(&lane.channel.symbol);
        concerned.retain(|candles| self.lanes[*candles].phase == Phase::Live);
        concerned.iter().for_each(|candles| self.lanes[*candles].step_back(between.0));
        concerned.push(number);
        self.misses(&concerned, between);
    }

    fn judge_candles(&mut self, number: usize, now: Instant) {
        let Some(trades) = self.lanes[number].closing.as_ref().map(|closing| closing.trades) else { return };
        let is_whole = [trades, number].iter().all(|lane| self.lanes[*lane].phase == Phase::Live);
        let closing = self.lanes[number].closing.as_mut();
        let Some(open) = closing.and_then(|closing| closing.judge(is_whole, now)) else { return };
        self.lanes[number].step_back(open);
        self.misses(&[number], (open, self.heard));
    }

    fn misses(&mut self, lanes: &[usize], between: (Timestamp, Timestamp)) {
        let channels = lanes.iter().map(|lane| self.lanes[*lane].channel.clone()).collect();
        let gap = self.gap(channels, between, GapCause::MissingPrints);
        self.gone_through(&gap);
    }

    /// What may have been missing has been fetched. Returns what is missing still, if the volume of a ticker shows it.
    pub(super) fn settle_audit(&mut self, number: usize, events: &[FeedEvent]) -> Option<Loss> {
        let lane = &self.lanes[number];
        let mut is_lost = false;
        if let Some(audit) = lane.audit {
            // What has happened since is fetched as well, and says nothing.
            let found = |until| {
                let is_of_it = |event: &FeedEvent| event.stamp().is_some_and(|stamp| stamp <= until);
                events.iter().any(|event| is_of_it(event) && lane.lacks(event))
            };
            is_lost = self.audits[audit].settled(found, Instant::now());
        }
        if let Some(closing) = &mut self.lanes[number].closing {
            closing.settled(events, Instant::now());
        }
        is_lost.then(|| Loss::Unproven { message: "by the volume of the day more was traded".into() })
    }
}
