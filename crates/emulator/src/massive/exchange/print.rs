//! One print of the tape, and which fields of a bar it may change.

/// The condition codes of a print, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrintConditions(u8);

impl PrintConditions {
    pub(crate) const AVERAGE: Self = Self(1);
    pub(crate) const FORM_T: Self = Self(1 << 1);
    pub(crate) const SWEEP: Self = Self(1 << 2);
    pub(crate) const ODD_LOT: Self = Self(1 << 3);
    pub(crate) const EXEMPT: Self = Self(1 << 4);
    /// The venue's numbers for the bits.
    const CODES: [(Self, u8); 5] =
        [(Self::AVERAGE, 2), (Self::FORM_T, 12), (Self::SWEEP, 14), (Self::ODD_LOT, 37), (Self::EXEMPT, 41)];

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn codes(self) -> impl Iterator<Item = u8> {
        Self::CODES.into_iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, code)| code)
    }
}

/// One print of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StockPrint {
    /// The timestamp of the consolidated tape, in ns, which assigns it to bars. It is unique for a ticker.
    pub(crate) sip_ns: i64,
    /// The time at which the venue publishes it, in ns.
    pub(crate) known_ns: i64,
    /// The time at which it happened at its exchange, in ns.
    pub(crate) participant_ns: i64,
    /// The sequence number, which grows through the day with gaps.
    pub(crate) sequence: i64,
    pub(crate) id: i64,
    pub(crate) price_e8: i64,
    pub(crate) size_e8: i64,
    /// The quote at that time.
    pub(crate) bid_e8: i64,
    pub(crate) ask_e8: i64,
    /// The venue's number of the exchange.
    pub(crate) exchange: u8,
    /// The reporting facility, for off-exchange prints.
    pub(crate) facility: Option<u8>,
    pub(crate) conditions: PrintConditions,
    /// True if sockets deliver it; the rest is for REST, the next morning.
    pub(crate) is_streamed: bool,
}

impl StockPrint {
    /// The time between the quote and the print, in ns.
    pub(crate) const QUOTED_BEFORE_NS: i64 = 1_000;

    /// Returns whether open, high, low and close of a minute may come from it; volume always may.
    pub(crate) const fn moves_price(&self) -> bool {
        !self.conditions.has(PrintConditions::ODD_LOT) && !self.conditions.has(PrintConditions::AVERAGE)
    }

    /// Returns the time at which the reporting facility had it, in ns.
    pub(crate) const fn facility_ns(&self) -> i64 {
        self.sip_ns - 10_000
    }

    /// Returns the made-up number of shares offered at that time.
    pub(crate) const fn ask_size(&self) -> i64 {
        100 * (1 + (self.sequence * 7 + self.size_e8 / 100_000_000) % 9)
    }

    /// Returns the made-up number of shares wanted at that time.
    pub(crate) const fn bid_size(&self) -> i64 {
        100 * (1 + (self.sequence * 3 + self.size_e8 / 100_000_000) % 9)
    }
}
