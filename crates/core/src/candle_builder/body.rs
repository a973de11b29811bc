//! What is known of one slot, by the kind of input it was built from.

use super::fold::{Fold, Print};
use crate::derive::join;
use crate::{Candle, Timestamp};

/// What is known of one slot.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Its trades.
    Trades(Fold),
    /// The latest of its own states.
    Frame(Candle),
    /// Its parts.
    Parts(Parts),
}

impl Body {
    /// Whether the trade made a difference. It makes none to a slot that is known as a whole.
    pub(super) fn add(&mut self, print: Print) -> bool {
        match self {
            Self::Trades(fold) => {
                fold.add(print);
                true
            }
            Self::Frame(_) | Self::Parts(_) => false,
        }
    }

    /// Whether the state made a difference. The later of two states has the larger volume; a final one has the last word.
    pub(super) fn replace(&mut self, state: &Candle) -> bool {
        match self {
            Self::Frame(held) => {
                let is_newer = state.is_final || (!held.is_final && held.volume <= state.volume);
                let says_more = Candle { is_final: held.is_final, ..*state } != *held;
                if is_newer {
                    *held = *state;
                }
                is_newer && says_more
            }
            Self::Trades(_) | Self::Parts(_) => {
                *self = Self::Frame(*state);
                true
            }
        }
    }

    /// Whether the part made a difference; parts that open before `settled` are not expected to change any more.
    pub(super) fn put(&mut self, part: &Candle, settled: Timestamp) -> bool {
        match self {
            Self::Parts(parts) => parts.put(part, settled),
            Self::Trades(_) | Self::Frame(_) => false,
        }
    }

    pub(super) fn candle(&self, open_time: Timestamp, is_final: bool) -> Option<Candle> {
        match self {
            Self::Trades(fold) => Some(fold.candle(open_time, is_final)),
            Self::Frame(candle) => Some(Candle { is_final, ..*candle }),
            Self::Parts(parts) => parts.candle(open_time).map(|candle| Candle { is_final, ..candle }),
        }
    }
}

/// Shorter candles of a slot: those that may still change one by one, those before them as one.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    settled: Option<Candle>,
    // Invariant: strictly rising, all after what is settled.
    fresh: Vec<Candle>,
}

impl Parts {
    pub(super) fn of(part: &Candle) -> Self {
        Self { settled: None, fresh: vec![*part] }
    }

    fn put(&mut self, part: &Candle, settled: Timestamp) -> bool {
        match self.fresh.binary_search_by_key(&part.open_time, |held| held.open_time) {
            Ok(place) => {
                let held = &mut self.fresh[place];
                // As with frames: the later state of two has the larger volume.
                let news = part.volume >= held.volume && part != held;
                if news {
                    *held = *part;
                }
                news
            }
            Err(place) => {
                self.fresh.insert(place, *part);
                self.settle(settled);
                true
            }
        }
    }

    /// So that a day of seconds is not kept second by second.
    fn settle(&mut self, before: Timestamp) {
        let count = self.fresh.partition_point(|part| part.open_time < before);
        if count > 0 {
            let parts: Vec<_> = self.settled.into_iter().chain(self.fresh.drain(..count)).collect();
            self.settled = parts.first().and_then(|first| join(first.open_time, &parts));
        }
    }

    fn candle(&self, open_time: Timestamp) -> Option<Candle> {
        match self.settled {
            None => join(open_time, &self.fresh),
            Some(settled) => {
                let fresh = join(settled.open_time, &self.fresh);
                let parts: Vec<_> = [Some(settled), fresh].into_iter().flatten().collect();
                join(open_time, &parts)
            }
        }
    }
}
