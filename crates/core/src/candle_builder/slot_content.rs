//! The content of one slot, by the kind of input it was built from.

use super::ohlcv_accumulator::{OhlcvAccumulator, TradeTick};
use crate::derivation::aggregate;
use crate::{Candle, Timestamp};

/// The known content of one slot.
#[derive(Clone, Debug)]
pub(super) enum SlotContent {
    /// The sums of its trades.
    Trades(OhlcvAccumulator),
    /// The latest state of its candle.
    Candle(Candle),
    /// The shorter candles it is made of.
    Components(ComponentCandles),
}

impl SlotContent {
    /// Adds a trade and returns whether it changed the slot. A slot whose whole candle is known does not change.
    pub(super) fn add(&mut self, tick: TradeTick) -> bool {
        match self {
            Self::Trades(fold) => {
                fold.add(tick);
                true
            }
            Self::Candle(_) | Self::Components(_) => false,
        }
    }

    /// Takes a state of the candle and returns whether it changed the slot. The later of two states has the
    /// larger volume; a final state always wins.
    pub(super) fn replace(&mut self, state: &Candle) -> bool {
        match self {
            Self::Candle(held) => {
                let is_newer = state.is_final || (!held.is_final && held.volume <= state.volume);
                // A page writes the sums of a candle with other digits than the socket.
                let has_changed = !held.agrees_with(state);
                if is_newer {
                    *held = *state;
                }
                is_newer && has_changed
            }
            Self::Trades(_) | Self::Components(_) => {
                *self = Self::Candle(*state);
                true
            }
        }
    }

    /// Adds or replaces a shorter candle and returns whether it changed the slot. Parts that open before
    /// `settled` are not expected to change any more.
    pub(super) fn upsert(&mut self, part: &Candle, settled: Timestamp) -> bool {
        match self {
            Self::Components(parts) => parts.upsert(part, settled),
            Self::Trades(_) | Self::Candle(_) => false,
        }
    }

    pub(super) fn candle(&self, open_time: Timestamp, is_final: bool) -> Option<Candle> {
        match self {
            Self::Trades(fold) => Some(fold.candle(open_time, is_final)),
            Self::Candle(candle) => Some(Candle { is_final, ..*candle }),
            Self::Components(parts) => parts.candle(open_time).map(|candle| Candle { is_final, ..candle }),
        }
    }
}

/// The shorter candles of a slot: those that may still change one by one, all earlier ones merged into one.
#[derive(Clone, Debug)]
pub(super) struct ComponentCandles {
    merged: Option<Candle>,
    // Invariant: strictly rising, all after what is settled.
    recent: Vec<Candle>,
}

impl ComponentCandles {
    pub(super) fn of(part: &Candle) -> Self {
        Self { merged: None, recent: vec![*part] }
    }

    fn upsert(&mut self, part: &Candle, settled: Timestamp) -> bool {
        match self.recent.binary_search_by_key(&part.open_time, |held| held.open_time) {
            Ok(place) => {
                let held = &mut self.recent[place];
                // As with frames, the later of two states has the larger volume.
                let has_changed = part.volume >= held.volume && part != held;
                if has_changed {
                    *held = *part;
                }
                has_changed
            }
            Err(place) => {
                self.recent.insert(place, *part);
                self.merge_older(settled);
                true
            }
        }
    }

    /// Merges the parts that open before `before`, so that a day of seconds is not kept second by second.
    fn merge_older(&mut self, before: Timestamp) {
        let count = self.recent.partition_point(|part| part.open_time < before);
        if count > 0 {
            let parts: Vec<_> = self.merged.into_iter().chain(self.recent.drain(..count)).collect();
            self.merged = parts.first().and_then(|first| aggregate(first.open_time, &parts));
        }
    }

    fn candle(&self, open_time: Timestamp) -> Option<Candle> {
        match self.merged {
            None => aggregate(open_time, &self.recent),
            Some(settled) => {
                let fresh = aggregate(settled.open_time, &self.recent);
                let parts: Vec<_> = [Some(settled), fresh].into_iter().flatten().collect();
                aggregate(open_time, &parts)
            }
        }
    }
}
