//! The fastest reader of trades: their values are read side by side, because it knows where each one is.
//!
//! A [`CommaIndex`](market_backbone_venue_kit::CommaIndex) has the place of every value of a frame. The order of the fields
//! does not matter. Anything unusual (blanks, escapes, numbers that are not plain, nested values) is left to
//! [`scan`](super::scan).

use market_backbone_venue_kit::{plain_integer, plain_number};

/// How a trade begins.
const TRADE: &str = "{\"ev\":\"T\"";

/// A trade as the socket writes it.
#[derive(Debug, PartialEq)]
pub(super) struct CompactTrade<'a> {
    pub(super) sym: &'a str,
    pub(super) x: i64,
    pub(super) i: &'a str,
    pub(super) p: f64,
    /// The amount: spelt out to the last fraction, or as a number.
    pub(super) size: f64,
    pub(super) t: i64,
    pub(super) q: i64,
    pub(super) trfi: i64,
}

/// A frame, of which events are taken one after the other.
#[derive(Debug)]
pub(super) struct CompactFrame<'a, 'i> {
    text: &'a str,
    /// The positions of the commas, and that of the last byte.
    commas: &'i [u32],
    /// The number of the next comma.
    next: usize,
}

impl<'a, 'i> CompactFrame<'a, 'i> {
    pub(super) const fn new(text: &'a str, commas: &'i [u32]) -> Self {
        Self { text, commas, next: 0 }
    }

    fn position(&self, comma: usize) -> Option<usize> {
        self.commas.get(comma).map(|at| *at as usize)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Reads the trade that begins at `start`, and returns it with the position after it; `None` if there is another kind
    /// of event, or an unusual one.
    pub(super) fn trade(&mut self, start: usize) -> Option<(CompactTrade<'a>, usize)> {
        if !self.text.as_bytes().get(start..)?.starts_with(TRADE.as_bytes()) {
            return None;
        }
        // Other readers have read what lies between.
        while self.position(self.next)? < start {
            self.next += 1;
        }
        if self.position(self.next)? != start + TRADE.len() {
            return None;
        }
        let (mut sym, mut i, mut ds, mut s) = (None, None, None, None);
        let (mut x, mut p, mut t, mut q, mut trfi) = (0, None, None, 0, 0);
        loop {
            let comma = self.position(self.next)?;
            self.next += 1;
            let mut end = self.position(self.next)?;
            let is_last = self.byte(end - 1)? == b'}';
            end -= usize::from(is_last);
            let name = self.text.as_bytes().get(comma + 1..)?.first_chunk::<4>()?;
            // Where the value begins after a name of one letter.
            let value = comma + 5;
            match name {
                b"\"p\":" => p = Some(plain_number(self.text.as_bytes(), value, end)?),
                b"\"s\":" => s = Some(plain_number(self.text.as_bytes(), value, end)?),
                b"\"t\":" => t = Some(plain_integer(self.text.as_bytes(), value, end)?),
                b"\"q\":" => q = plain_integer(self.text.as_bytes(), value, end)?,
                b"\"x\":" => x = plain_integer(self.text.as_bytes(), value, end)?,
                b"\"i\":" => i = Some(self.plain_text(value, end)?),
                b"\"z\":" => drop(plain_integer(self.text.as_bytes(), value, end)?),
                b"\"c\":" => end = self.skip_list(value, end, is_last)?,
                b"\"sym" => sym = Some(self.plain_text(self.after(comma, ",\"sym\":")?, end)?),
                b"\"ds\"" => {
                    let quoted = self.after(comma, ",\"ds\":\"")?;
                    let last = end.checked_sub(1).filter(|last| self.byte(*last) == Some(b'"'))?;
                    ds = Some(plain_number(self.text.as_bytes(), quoted, last)?);
                }
                b"\"trf" if self.after(comma, ",\"trfi\":").is_some() => {
                    trfi = plain_integer(self.text.as_bytes(), comma + 8, end)?;
                }
                b"\"trf" => drop(plain_integer(self.text.as_bytes(), self.after(comma, ",\"trft\":")?, end)?),
                _ => return None,
            }
            if self.byte(end)? == b'}' {
                let size = ds.or(s).unwrap_or(0.0);
                let trade = CompactTrade { sym: sym?, x, i: i?, p: p?, size, t: t?, q, trfi };
                return Some((trade, end + 1));
            }
        }
    }

    /// Returns the position after `name`, if it stands at the comma.
    fn after(&self, comma: usize, name: &str) -> Option<usize> {
        let here = self.text.as_bytes().get(comma..)?.starts_with(name.as_bytes());
        here.then_some(comma + name.len())
    }

    /// Reads a text that is not empty and has no escapes.
    fn plain_text(&self, start: usize, end: usize) -> Option<&'a str> {
        let quoted = self.text.get(start..end)?;
        let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
        let is_plain = !text.is_empty() && !text.bytes().any(|byte| matches!(byte, b'"' | b'\\'));
        is_plain.then_some(text)
    }

    /// Moves to the end of a list of plain numbers, whose first one is from `start` to `end`. Returns where the list ends.
    fn skip_list(&mut self, start: usize, mut end: usize, mut is_last: bool) -> Option<usize> {
        if self.byte(start)? != b'[' {
            return None;
        }
        let mut item = start + 1;
        loop {
            let closes = self.byte(end - 1)? == b']';
            let item_end = end - usize::from(closes);
            if item_end > item || !closes || item != start + 1 {
                plain_integer(self.text.as_bytes(), item, item_end)?;
            }
            if closes {
                return Some(end);
            }
            if is_last {
                return None;
            }
            item = end + 1;
            self.next += 1;
            end = self.position(self.next)?;
            is_last = self.byte(end - 1)? == b'}';
            end -= usize::from(is_last);
        }
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_venue_kit::CommaIndex;

    use super::*;

    const EVENT: &str = r#"{"ev":"T","sym":"BRK.B","x":4,"i":"52983525029461","z":3,"p":171.55,"s":7,"ds":"7.25","c":[14,37,41],"t":1536036818784,"q":3681328,"trfi":202,"trft":1536036818780}"#;

    fn read(frame: &str, start: usize) -> Option<(CompactTrade<'_>, usize)> {
        let mut index = CommaIndex::default();
        CompactFrame::new(frame, index.positions(frame.as_bytes())).trade(start)
    }

    #[test]
    fn a_trade_is_read_in_whatever_order_its_fields_stand() {
        let want = CompactTrade {
            sym: "BRK.B",
            x: 4,
            i: "52983525029461",
            p: 171.55,
            size: 7.25,
            t: 1_536_036_818_784,
            q: 3_681_328,
            trfi: 202,
        };
        let frame = format!("[{EVENT}]");
        assert_eq!(read(&frame, 1), Some((want, frame.len() - 1)));
        let frame = r#"[{"ev":"T","c":[],"p":1.5,"t":1536036818784,"i":"7","c":[1],"s":100,"sym":"A"},{"ev":"T","t":1,"i":"8","sym":"B","p":2,"c":[5]}]"#;
        let mut index = CommaIndex::default();
        let mut events = CompactFrame::new(frame, index.positions(frame.as_bytes()));
        let (first, after) = events.trade(1).unwrap();
        assert_eq!((first.sym, first.size, first.t), ("A", 100.0, 1_536_036_818_784));
        let (second, end) = events.trade(after + 1).unwrap();
        assert_eq!((second.sym, second.i, second.p, end), ("B", "8", 2.0, frame.len() - 1));
    }

    #[test]
    fn anything_unusual_is_left_to_the_next_reader() {
        let changes = [
            ("\"sym\":\"BRK.B\"", "\"sym\":\"BRK\\\\u002eB\""),
            ("\"sym\":\"BRK.B\"", "\"sym\":\"BRK,B\""),
            ("\"sym\":\"BRK.B\",", ""),
            ("\"p\":171.55", "\"p\":1.7155e2"),
            ("\"p\":171.55", "\"p\": 171.55"),
            ("\"p\":171.55", "\"p\":{\"a\":1}"),
            ("[14,37,41]", "[14,[37],41]"),
            ("[14,37,41]", "[14,37,41"),
            ("\"z\":3", "\"new\":3"),
            ("\"ev\":\"T\"", "\"ev\":\"TX\""),
            ("\"ev\":\"T\"", "\"ev\": \"T\""),
            ("1536036818780}", "1536036818780"),
        ];
        for (from, to) in changes {
            assert!(EVENT.contains(from), "{from}");
            assert_eq!(read(&format!("[{}]", EVENT.replace(from, to)), 1), None, "{to}");
        }
        for text in ["", "[", "[]", "[{}]", "[{\"ev\":\"T\"}]", "[{\"ev\":\"T\",\"x\":1}]"] {
            assert_eq!(read(text, 1), None, "{text}");
        }
    }
}
