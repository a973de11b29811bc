//! The quickest reader of trades: the times of a trade have the same places in every message, so they are checked and read
//! at once, and only what follows them has to be indexed.

use market_backbone_venue_kit::{CommaIndex, find_near, has_layout, plain_integer};

use super::CompactMessage;
use crate::wire::TradeRow;

/// How a trade begins, before its code.
const HEAD: &[u8; 20] = b"{\"ty\":\"trade\",\"cd\":\"";
/// What follows the code; a `0` is any digit.
const TIMES: &[u8; 83] =
    b"\",\"tms\":0000000000000,\"td\":\"0000-00-00\",\"ttm\":\"00:00:00\",\"ttms\":0000000000000,\"tp\":";
/// Where the two times stand in it.
const SENT_AT: (usize, usize) = (8, 21);
const TRADED_AT: (usize, usize) = (64, 77);

/// A trade whose times are read, and whose market is known.
#[derive(Clone, Copy, Debug)]
pub(in crate::feed) struct TradeHead<'a> {
    frame: &'a [u8],
    pub(in crate::feed) code: &'a [u8],
    timestamp: i64,
    trade_timestamp: i64,
}

impl<'a> TradeHead<'a> {
    /// Reads a message up to the price; `None` if it does not have the layout of a trade.
    #[inline(always)]
    pub(in crate::feed) fn read(frame: &'a [u8]) -> Option<Self> {
        if frame.first_chunk()? != HEAD {
            return None;
        }
        let code_end = find_near(frame, HEAD.len(), b'"')?;
        let times: &[u8; TIMES.len()] = frame.get(code_end..)?.first_chunk()?;
        if !has_layout(times, TIMES) {
            return None;
        }
        Some(Self {
            frame,
            code: frame.get(HEAD.len()..code_end)?,
            timestamp: plain_integer(times, SENT_AT.0, SENT_AT.1)?,
            trade_timestamp: plain_integer(times, TRADED_AT.0, TRADED_AT.1)?,
        })
    }

    /// Reads the rest; `code` is the code as a text.
    #[inline(always)]
    pub(in crate::feed) fn finish(self, code: &'a str, index: &mut CommaIndex) -> Option<TradeRow<'a>> {
        let price = HEAD.len() + self.code.len() + TIMES.len();
        index.positions_from(self.frame, price);
        // The code is that of a known market, and the layout is ASCII.
        if !index.is_ascii() {
            return None;
        }
        let message = CompactMessage { bytes: self.frame, commas: index.found(), next: 0 };
        message.finish_trade(code, (self.timestamp, self.trade_timestamp), price)
    }
}
