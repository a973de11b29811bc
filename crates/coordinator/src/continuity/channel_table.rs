//! The channels of a feed, and which of them an event belongs to.

use std::ops::{Index, IndexMut};

use market_backbone_core::{Channel, Gap, StreamKind, Symbol};
use rustc_hash::FxHashMap;

use super::channel_state::ChannelState;

#[derive(Debug)]
pub(super) struct ChannelTable {
    all: Vec<ChannelState>,
    by_symbol: FxHashMap<Symbol, Vec<(StreamKind, usize)>>,
}

impl ChannelTable {
    pub(super) fn new(all: Vec<ChannelState>) -> Self {
        let mut by_symbol: FxHashMap<Symbol, Vec<_>> = FxHashMap::default();
        for (number, state) in all.iter().enumerate() {
            by_symbol.entry(state.channel.symbol.clone()).or_default().push((state.channel.kind, number));
        }
        Self { all, by_symbol }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ChannelState> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ChannelState> {
        self.all.iter_mut()
    }

    pub(super) fn find(&self, symbol: &Symbol, kind: StreamKind) -> Option<usize> {
        let kinds = self.by_symbol.get(symbol)?;
        kinds.iter().find(|(other, _)| *other == kind).map(|(_, number)| *number)
    }

    /// Returns the channels in `gap` of which something has to be fetched.
    pub(super) fn fetched_of(&self, gap: &Gap) -> Vec<usize> {
        let number = |channel: &Channel| self.find(&channel.symbol, channel.kind);
        gap.channels.iter().filter_map(number).filter(|number| self.all[*number].is_backfillable()).collect()
    }

    /// Returns, for each market whose trades are fetched and whose ticker is followed, the channels of both.
    pub(super) fn with_ticker(&self) -> Vec<(usize, usize)> {
        let symbols = self.by_symbol.keys();
        let pairs = symbols.filter_map(|symbol| {
            let trades =
                self.find(symbol, StreamKind::Trade).filter(|trades| self.all[*trades].is_backfillable());
            Some((trades?, self.find(symbol, StreamKind::Ticker)?))
        });
        pairs.collect()
    }

    /// Returns, for each market whose trades and candles are fetched, the channels of the trades and of one
    /// candle.
    pub(super) fn with_candles(&self) -> Vec<(usize, usize)> {
        let fetched = |kind: StreamKind, number: usize| {
            matches!(kind, StreamKind::Candle(_)) && self.all[number].is_backfillable()
        };
        let pairs = self.by_symbol.values().flat_map(|kinds| {
            let trades = kinds.iter().find(|(kind, _)| *kind == StreamKind::Trade);
            let trades =
                trades.map(|(_, number)| *number).filter(|trades| self.all[*trades].is_backfillable());
            let candles = kinds.iter().filter(move |(kind, number)| fetched(*kind, *number));
            candles.filter_map(move |(_, candles)| Some((trades?, *candles)))
        });
        pairs.collect()
    }

    /// Returns the channels of a market's candles.
    pub(super) fn candles_of(&self, symbol: &Symbol) -> Vec<usize> {
        let kinds = self.by_symbol.get(symbol).into_iter().flatten();
        let is_candle = |kind: StreamKind| matches!(kind, StreamKind::Candle(_));
        kinds.filter(|(kind, _)| is_candle(*kind)).map(|(_, number)| *number).collect()
    }

    /// Returns the gap with its channels named. A gap that names no channel affects all.
    pub(super) fn name_channels(&self, gap: Gap) -> Gap {
        if !gap.channels.is_empty() {
            return gap;
        }
        Gap { channels: self.all.iter().map(|state| state.channel.clone()).collect(), ..gap }
    }
}

impl Index<usize> for ChannelTable {
    type Output = ChannelState;

    fn index(&self, number: usize) -> &ChannelState {
        &self.all[number]
    }
}

impl IndexMut<usize> for ChannelTable {
    fn index_mut(&mut self, number: usize) -> &mut ChannelState {
        &mut self.all[number]
    }
}
