//! The share of a day's volume that is usually traded by a time of day.

use market_backbone_core::Candle;

use crate::seismograph::SessionPlan;

/// The equal parts into which a session is cut.
const PARTS: usize = 96;
/// The fewest sessions that make a profile.
const FEWEST_SESSIONS: usize = 5;

/// A profile of volume over a session: opening and close are busier than noon.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeOfDayVolume {
    // Invariant: 97 shares that rise from 0 to 1.
    shares: Box<[f64]>,
}

/// The volume of one session by its parts.
struct SessionVolume {
    start: i64,
    parts: [f64; PARTS],
}

impl TimeOfDayVolume {
    /// Returns the profile of these candles, oldest first, which are shorter than a day.
    ///
    /// Each session counts alike, however busy it was. `None` stands for fewer than five sessions with volume. Give whole
    /// sessions: one that has not ended would make its hours look quiet.
    #[must_use]
    pub fn new(sessions: &SessionPlan, candles: &[Candle]) -> Option<Self> {
        let mut days: Vec<SessionVolume> = Vec::new();
        for candle in candles.iter().filter(|candle| candle.is_valid()) {
            let time = candle.open_time;
            let Some(range) = sessions.main_session(time).filter(|range| range.contains(time)) else {
                continue;
            };
            let (start, end) = (range.from().as_nanos(), range.to().as_nanos());
            let place = (time.as_nanos() - start) as f64 / (end - start) as f64;
            if days.last().is_none_or(|day| day.start != start) {
                days.push(SessionVolume { start, parts: [0.0; PARTS] });
            }
            if let Some(day) = days.last_mut() {
                day.parts[((place * PARTS as f64) as usize).min(PARTS - 1)] += candle.volume;
            }
        }
        Self::of_days(&days)
    }

    fn of_days(days: &[SessionVolume]) -> Option<Self> {
        let mut parts = [0.0; PARTS];
        let mut counted = 0;
        for day in days {
            let total: f64 = day.parts.iter().sum();
            if total > 0.0 && total.is_finite() {
                counted += 1;
                parts.iter_mut().zip(&day.parts).for_each(|(part, volume)| *part += volume / total);
            }
        }
        if counted < FEWEST_SESSIONS {
            return None;
        }
        let mut sum = 0.0;
        let mut shares = vec![0.0];
        shares.extend(parts.iter().map(|part| {
            sum += part / counted as f64;
            sum
        }));
        // The last share is the whole, whatever the rounding of the others.
        if let Some(last) = shares.last_mut() {
            *last = 1.0;
        }
        Some(Self { shares: shares.into() })
    }

    /// Returns the share of the volume that is usually traded when the share `elapsed` of the session's time has passed.
    #[must_use]
    pub fn share(&self, elapsed: f64) -> f64 {
        let place = elapsed.clamp(0.0, 1.0) * PARTS as f64;
        let part = (place as usize).min(PARTS - 1);
        let (from, to) = (self.shares[part], self.shares[part + 1]);
        from + (to - from) * (place - part as f64)
    }
}
