//! Audits that find unreported losses: a ticker that counts more trades than arrived, and trades that a candle
//! does not contain.

use std::time::Duration;

use market_backbone_core::{FeedEvent, GapCause, LossReason, StreamKind, Ticker, Timestamp};
use tokio::time::Instant;

use super::{ChannelPhase, GapHealer, VolumeAudit};
use crate::continuity::candle_audit::CandleAudit;

impl GapHealer {
    /// Creates an audit for each market whose trades are followed with its ticker.
    pub(super) fn pair_audits(&mut self) {
        for (trades, ticker) in self.channels.with_ticker() {
            self.channels[trades].volume_audit = Some(self.volume_audits.len());
            self.channels[ticker].volume_audit = Some(self.volume_audits.len());
            self.volume_audits.push(VolumeAudit::new(self.config.audit_delay));
        }
    }

    /// Compares candles with the trades of their markets where both are followed. Closed candles are available
    /// `settling` after their end.
    pub(in crate::continuity) fn compare_candles(&mut self, settling: Duration) {
        let wait = self.config.audit_delay.max(settling);
        for (trades, candles) in self.channels.with_candles() {
            if self.channels[candles].audit_against(trades, wait) {
                self.channels[trades].candle_channels.push(candles);
            }
        }
    }

    /// Processes a ticker of a channel.
    pub(super) fn audit_ticker(&mut self, ticker: &Ticker, number: usize) {
        if let Some(audit) = self.channels[number].volume_audit
            && let Some(trades) = self.channels.find(&ticker.symbol, StreamKind::Trade)
        {
            let is_whole = self.channels[trades].phase == ChannelPhase::Live;
            self.volume_audits[audit].on_ticker(ticker, is_whole, Instant::now());
            self.wake_at = self.volume_audits[audit].due().into_iter().chain(self.wake_at).min();
        }
    }

    /// Records an event of a channel that is being delivered.
    pub(super) fn audit_delivered(&mut self, number: usize, event: &FeedEvent) {
        match event {
            FeedEvent::Trade(trade) => {
                if let Some(audit) = self.channels[number].volume_audit {
                    self.volume_audits[audit].on_trade(trade);
                }
                for place in 0..self.channels[number].candle_channels.len() {
                    let candles = self.channels[number].candle_channels[place];
                    self.with_candle_audit(candles, |closing, now| closing.on_trade(trade, now));
                }
            }
            FeedEvent::Candle { candle, .. } => {
                self.with_candle_audit(number, |closing, now| closing.on_candle(candle, now));
            }
            _ => {}
        }
    }

    fn with_candle_audit(&mut self, candles: usize, with: impl FnOnce(&mut CandleAudit, Instant)) {
        if let Some(closing) = &mut self.channels[candles].candle_audit {
            with(closing, Instant::now());
            self.wake_at = closing.due().into_iter().chain(self.wake_at).min();
        }
    }

    /// Returns the time of the next check.
    pub(super) fn next_check(&self) -> Option<Instant> {
        let closings = self.channels.iter().filter_map(|state| state.candle_audit.as_ref());
        self.volume_audits
            .iter()
            .filter_map(VolumeAudit::due)
            .chain(closings.filter_map(CandleAudit::due))
            .min()
    }

    pub(super) fn check_all(&mut self, now: Instant) {
        for number in 0..self.channels.len() {
            self.check_trades(number, now);
            self.check_candles(number, now);
        }
    }

    /// Checks a market's trades. If some are missing, the lost frames may have held candle states too, possibly
    /// the last ones.
    fn check_trades(&mut self, number: usize, now: Instant) {
        let state = &self.channels[number];
        let Some(audit) = state.volume_audit.filter(|_| state.is_backfillable()) else { return };
        let Some(between) = self.volume_audits[audit].check(now) else { return };
        if state.phase != ChannelPhase::Live {
            return;
        }
        let mut concerned = self.channels.candles_of(&state.channel.symbol);
        concerned.retain(|candles| self.channels[*candles].phase == ChannelPhase::Live);
        concerned.iter().for_each(|candles| self.channels[*candles].reopen_from(between.0));
        concerned.push(number);
        self.report_missing(&concerned, between);
    }

    fn check_candles(&mut self, number: usize, now: Instant) {
        let Some(trades) = self.channels[number].candle_audit.as_ref().map(|closing| closing.trade_channel)
        else {
            return;
        };
        let is_whole =
            [trades, number].iter().all(|number| self.channels[*number].phase == ChannelPhase::Live);
        let closing = self.channels[number].candle_audit.as_mut();
        let Some(open) = closing.and_then(|closing| closing.check(is_whole, now)) else { return };
        self.channels[number].reopen_from(open);
        self.report_missing(&[number], (open, self.last_heard_at));
    }

    fn report_missing(&mut self, numbers: &[usize], between: (Timestamp, Timestamp)) {
        let channels = numbers.iter().map(|number| self.channels[*number].channel.clone()).collect();
        let gap = self.gap(channels, between, GapCause::MissingPrints);
        self.record_past_gap(&gap);
    }

    /// Records that the suspected trades have been fetched. Returns the range that is still missing, if the
    /// volume of a ticker shows it.
    pub(super) fn settle_audit(&mut self, number: usize, events: &[FeedEvent]) -> Option<LossReason> {
        let state = &self.channels[number];
        let mut is_lost = false;
        if let Some(audit) = state.volume_audit {
            // Later events are fetched as well, and say nothing.
            let found = |until| {
                let is_of_it = |event: &FeedEvent| event.time().is_some_and(|stamp| stamp <= until);
                events.iter().any(|event| is_of_it(event) && state.is_missing(event))
            };
            is_lost = self.volume_audits[audit].on_backfilled(found, Instant::now());
        }
        if let Some(closing) = &mut self.channels[number].candle_audit {
            closing.on_backfilled(events, Instant::now());
        }
        is_lost.then(|| LossReason::Unproven { message: "the day's volume shows more trades".into() })
    }
}
