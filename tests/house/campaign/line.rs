//! What a line of the table consists of.

use market_backbone_emulator::{PageFault, PageKind};

/// What the lines of a group show together; a test is named after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Empty,
    Stale,
    Late,
    Bad,
    Clock,
    Gap,
    Future,
}

/// The markets that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Market {
    /// One of Upbit's that trades every minute.
    Btc,
    /// One of Upbit's that trades in one minute of 25.
    Iota,
    /// Two of Upbit's that trade ten times a second.
    Coins,
    /// A share that trades every minute.
    Aapl,
    /// Two shares that trade three times a second.
    Shares,
}

impl Market {
    pub(super) const fn is_of_massive(self) -> bool {
        matches!(self, Self::Aapl | Self::Shares)
    }
}

/// What the venue does that it should not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    /// Its pages are not what they should be, until the question is asked for the fourth time.
    Pages { faults: &'static str, script: &'static str },
    /// So far are its clock and ours off true time, before a step and after it.
    Clocks { before: Off, after: Off },
    /// Something happens to a feed; from then on there are these faults, the next pages have those.
    Feed { happens: Happens, faults: &'static str, next: &'static [(PageKind, PageFault)] },
}

/// How far the venue's clock is ahead of true time, and how far ours is, in ms; true time never steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Off {
    pub(super) venue: i64,
    pub(super) ours: i64,
}

/// What happens to a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happens {
    /// Its sockets are cut; new ones are refused for so many ms.
    Cut(u64),
    /// Its sockets are cut, and new ones are refused for so many ms by the venue's clock. Where time is real, the clocks are
    /// moved by as much once the feed has noticed, and new ones are let in.
    Away(u64),
    /// Its first socket is refused for so many ms.
    RefusedAtFirst(u64),
    /// The next trade of each market is stamped so many ms ahead, with the ticker or quote that comes with it.
    OneAhead(u64),
    /// Some trades are stamped ahead.
    SomeAhead,
}

/// What must hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    /// Of a range that is asked for five times: see [`Rows`].
    Rows(Rows),
    /// The newest ten minutes, asked for as often, are those of the venue, and no later ones; the newest ten closed ones are
    /// closed and so. When the venue is well again all are there.
    Newest,
    /// The last ten closed minutes, asked for twice before a step and twice after it, are closed and so.
    Closed,
    /// Each trade is told once; the gap was told, and that it is healed.
    Healed,
    /// Each trade is told once, or the gap in which it is missing is told, and that it is lost.
    Reported,
    /// Each trade is told once, but for those that were stamped ahead. Tickers and quotes go on.
    GoesOn,
}

/// What must hold besides the truth of every answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// The minutes before a minute that ended,
    pub(super) minutes: i64,
    /// so long ago.
    pub(super) into_ms: i64,
    /// From this answer on every minute is there,
    pub(super) whole_at: usize,
    /// but for this one, of which nobody can tell what it was: it is in dispute, or not known.
    pub(super) but: Option<&'static str>,
    /// An answer names a row that was left out, and why.
    pub(super) names: bool,
    /// So many requests in all five, at most; the last costs none.
    pub(super) requests: u64,
}

/// One line of the table: what the venue does, and what must hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) rule: Rule,
    pub(super) name: &'static str,
    pub(super) market: Market,
    pub(super) does: Does,
    pub(super) holds: Holds,
}

pub(super) const fn line(rule: Rule, name: &'static str, market: Market, does: Does, holds: Holds) -> Line {
    Line { rule, name, market, does, holds }
}

pub(super) const fn faults(faults: &'static str) -> Does {
    Does::Pages { faults, script: "" }
}

pub(super) const fn script(script: &'static str) -> Does {
    Does::Pages { faults: "", script }
}

pub(super) const fn clocks(before: Off, after: Off) -> Does {
    Does::Clocks { before, after }
}

pub(super) const fn feed(happens: Happens, faults: &'static str) -> Does {
    Does::Feed { happens, faults, next: &[] }
}

pub(super) const fn feed_then(happens: Happens, next: &'static [(PageKind, PageFault)]) -> Does {
    Does::Feed { happens, faults: "", next }
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) struct Ask(pub(super) i64, pub(super) i64);

/// All is there from this answer on, for so many requests.
pub(super) const fn whole(ask: Ask, whole_at: usize, requests: u64) -> Holds {
    Holds::Rows(Rows { minutes: ask.0, into_ms: ask.1, whole_at, but: None, names: false, requests })
}

/// All is there when the venue is well again, for so many requests.
pub(super) const fn late(ask: Ask, requests: u64) -> Holds {
    whole(ask, 4, requests)
}

/// The same, and what was left out is named.
pub(super) const fn named(ask: Ask, requests: u64) -> Holds {
    let (minutes, into_ms) = (ask.0, ask.1);
    Holds::Rows(Rows { minutes, into_ms, whole_at: 4, but: None, names: true, requests })
}

/// The same but for one minute.
pub(super) const fn named_but(ask: Ask, requests: u64, but: &'static str) -> Holds {
    Holds::Rows(Rows { minutes: ask.0, into_ms: ask.1, whole_at: 4, but: Some(but), names: true, requests })
}
