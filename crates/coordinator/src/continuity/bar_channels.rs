//! Maps bar channels to the candle channels they are built from. A reader that asked for bars is informed about
//! bars: channels it did not ask for appear neither in its gaps nor in its history.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Capabilities, Channel, ChannelHistory, Delivery, FeedEvent, Gap, SourceError, SourceErrorKind,
    StreamKind, Subscription, Timeframe,
};

use super::ContinuityConfig;
use super::bar_tracker::BarRules;

/// The use of a forming candle in a feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct CandleUse {
    /// `true` if the reader asked for its states.
    pub(super) is_shown: bool,
    /// The rules of its bars, if the reader asked for bars.
    pub(super) bars: Option<BarRules>,
}

/// The timeframes of which a feed builds bars.
#[derive(Clone, Debug, Default)]
pub(super) struct BarChannels {
    /// The timeframes, each with whether its candles are delivered too.
    timeframes: Vec<(Timeframe, bool)>,
    rules: Option<BarRules>,
}

impl BarChannels {
    /// Returns the timeframes of which bars are built for `subscription`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](SourceErrorKind::Unsupported) if the venue streams no candles of one of them, or if the
    /// reader asks for the latest values only.
    pub(super) fn of(
        subscription: &Subscription,
        venue: &Capabilities,
        config: &ContinuityConfig,
    ) -> Result<Self, SourceError> {
        let kinds = subscription.channels().iter().map(|channel| channel.kind);
        let mut wanted: Vec<_> = kinds
            .filter_map(|kind| if let StreamKind::Bar(timeframe) = kind { Some(timeframe) } else { None })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        check(&wanted, subscription, venue)?;
        let is_shown = |timeframe: Timeframe| {
            let candle = StreamKind::Candle(timeframe);
            subscription.channels().iter().any(|channel| channel.kind == candle)
        };
        let is_provisional = venue.revision_policy.live_is_provisional;
        let rules = BarRules {
            // Such a venue sends a whole bar after its end, so there is nothing to wait for.
            grace: if is_provisional { Duration::ZERO } else { config.bar_grace },
            window: config.allowed_lateness.max(venue.finality_delay),
            includes_quiet: subscription.includes_quiet_bars,
            settling: venue.finality_delay,
        };
        let timeframes = wanted.into_iter().map(|timeframe| (timeframe, is_shown(timeframe))).collect();
        Ok(Self { timeframes, rules: Some(rules) })
    }

    /// Returns whether any bars are built.
    pub(super) const fn is_empty(&self) -> bool {
        self.timeframes.is_empty()
    }

    /// Returns the use of the candles of `timeframe`.
    pub(super) fn of_timeframe(&self, timeframe: Timeframe) -> CandleUse {
        match self.timeframes.iter().find(|(made, _)| *made == timeframe) {
            Some((_, is_shown)) => CandleUse { is_shown: *is_shown, bars: self.rules },
            None => CandleUse { is_shown: true, bars: None },
        }
    }

    /// Returns `event` with the channels that the reader asked for in place of those they are built from.
    pub(super) fn rename(&self, event: FeedEvent) -> FeedEvent {
        if self.is_empty() {
            return event;
        }
        match event {
            FeedEvent::Gap(gap) => {
                let channels = gap.channels.iter().flat_map(|channel| self.asked_for(channel)).collect();
                FeedEvent::Gap(Gap { channels, ..gap })
            }
            FeedEvent::CaughtUp(histories) => {
                let renamed = histories.iter().flat_map(|history| {
                    let channels = self.asked_for(&history.channel);
                    channels.into_iter().map(|channel| ChannelHistory { channel, ..history.clone() })
                });
                FeedEvent::CaughtUp(renamed.collect::<Arc<[_]>>())
            }
            other => other,
        }
    }

    fn asked_for(&self, channel: &Channel) -> Vec<Channel> {
        let StreamKind::Candle(timeframe) = channel.kind else { return vec![channel.clone()] };
        let CandleUse { is_shown, bars } = self.of_timeframe(timeframe);
        let bar = bars.map(|_| Channel { kind: StreamKind::Bar(timeframe), ..channel.clone() });
        is_shown.then(|| channel.clone()).into_iter().chain(bar).collect()
    }
}

fn check(wanted: &[Timeframe], subscription: &Subscription, venue: &Capabilities) -> Result<(), SourceError> {
    let name = venue.venue.without_address();
    let refuse =
        |message: String| Err(SourceError::new(SourceErrorKind::Unsupported, message).at_venue(venue.venue));
    if let Some(timeframe) = wanted.iter().find(|timeframe| !venue.live_timeframes.contains(timeframe)) {
        let there: Vec<_> = venue.live_timeframes.iter().map(|timeframe| timeframe.as_str()).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(" ") };
        let grid = venue.grid;
        let parts = venue.live_timeframes.iter().filter(|part| grid.divides(**part, *timeframe)).max();
        let instead = parts.map_or_else(String::new, |part| {
            format!("; to build them, subscribe to bar.{part} and feed CandleBuilder::on_shorter_candle")
        });
        return refuse(format!(
            "{name} streams no bars of {timeframe}; it streams those of {there}{instead}"
        ));
    }
    if subscription.delivery == Delivery::Conflated {
        return refuse("bars come each once, and cannot be conflated; leave out one of the two".to_owned());
    }
    if subscription.channels().iter().any(|channel| channel.symbol.is_any()) {
        return refuse("bars of all markets at once cannot be made; name the markets".to_owned());
    }
    if subscription.includes_quiet_bars && venue.revision_policy.live_is_provisional {
        return refuse(format!(
            "{name} sends a bar some time after its end, so nobody can tell at once that a slot was quiet; ask for \
             bars without the quiet ones"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use market_backbone_core::Symbol;
    use market_backbone_testkit::CAPABILITIES;

    use super::*;

    /// Returns the text with which bars of `timeframe` are refused by a venue that streams candles of `live`.
    fn refusal(timeframe: Timeframe, live: &'static [Timeframe]) -> String {
        let venue = Capabilities { live_timeframes: live, ..CAPABILITIES };
        let symbol = Symbol::new(venue.venue, "A").unwrap();
        let subscription = Subscription::new([symbol], [StreamKind::Bar(timeframe)]).unwrap();
        let error = check(&[timeframe], &subscription, &venue).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Unsupported);
        error.to_string()
    }

    #[test]
    fn bars_that_the_venue_does_not_stream_are_refused_with_what_there_is_and_what_to_do() {
        let name = CAPABILITIES.venue.without_address();
        let hours = refusal(Timeframe::H1, &[Timeframe::M1, Timeframe::M5, Timeframe::D1]);
        let want = format!(
            "{name} streams no bars of 1h; it streams those of 1m 5m 1d; to build them, subscribe to bar.5m and feed \
             CandleBuilder::on_shorter_candle"
        );
        assert!(hours.contains(&want), "{hours}");
        // Nothing that is there divides a minute, and nothing at all is there: no advice that cannot be followed.
        for (live, there) in [(&[Timeframe::D1][..], "1d"), (&[], "none")] {
            let minutes = refusal(Timeframe::M1, live);
            assert!(
                minutes.ends_with(&format!("streams no bars of 1m; it streams those of {there}")),
                "{minutes}"
            );
        }
    }
}
