//! The filter between all markets and those that are worth watching.

use std::fmt;

use market_backbone_core::Symbol;
use serde::{Deserialize, Serialize};

/// The way by which a market came to the scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarketSource {
    /// The scan of daily candles.
    Daily,
    /// The list of the day's gainers.
    RealtimeGainer,
}

impl MarketSource {
    /// Returns `daily` or `realtime_gainer`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::RealtimeGainer => "realtime_gainer",
        }
    }
}

/// The facts about a market that the filter asks for, where they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketFacts {
    /// The market, spelt as the venue does. The filter looks at nothing but the whole of it.
    pub symbol: Symbol,
    /// The price of the market.
    pub price: Option<f64>,
    /// The market capitalisation.
    pub market_cap: Option<f64>,
    /// The number of shares in free float.
    pub float_shares: Option<f64>,
    /// The mean volume of a day.
    pub average_volume: Option<f64>,
    /// The change against the previous close, in percent.
    pub change_percent: Option<f64>,
}

impl MarketFacts {
    /// Returns a market of which nothing is known.
    #[must_use]
    pub const fn unknown(symbol: Symbol) -> Self {
        let (price, market_cap, float_shares, average_volume, change_percent) =
            (None, None, None, None, None);
        Self { symbol, price, market_cap, float_shares, average_volume, change_percent }
    }
}

/// The least and the greatest value of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactBounds {
    /// The least value, which is allowed.
    pub least: Option<f64>,
    /// The greatest value, which is allowed.
    pub most: Option<f64>,
}

impl FactBounds {
    /// No bounds: the fact need not be known.
    pub const NONE: Self = Self { least: None, most: None };

    /// Returns bounds on both sides.
    #[must_use]
    pub const fn between(least: f64, most: f64) -> Self {
        Self { least: Some(least), most: Some(most) }
    }

    /// Returns a lower bound.
    #[must_use]
    pub const fn at_least(least: f64) -> Self {
        Self { least: Some(least), most: None }
    }

    /// Returns an upper bound.
    #[must_use]
    pub const fn at_most(most: f64) -> Self {
        Self { least: None, most: Some(most) }
    }

    fn exclude(&self, fact: &'static str, value: Option<f64>) -> Result<(), Exclusion> {
        if *self == Self::NONE {
            return Ok(());
        }
        let value = value.filter(|value| value.is_finite()).ok_or(Exclusion::Unknown { fact })?;
        let is_inside =
            self.least.is_none_or(|least| least <= value) && self.most.is_none_or(|most| value <= most);
        if is_inside { Ok(()) } else { Err(Exclusion::Outside { fact, value }) }
    }
}

/// The reason why a market is not worth watching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exclusion {
    /// The list of allowed markets does not name it.
    NotListed,
    /// The list of refused markets names it.
    Refused,
    /// A fact with bounds is not known.
    Unknown {
        /// The name of the fact.
        fact: &'static str,
    },
    /// A fact lies outside its bounds.
    Outside {
        /// The name of the fact.
        fact: &'static str,
        /// The value of the fact.
        value: f64,
    },
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("not among the listed markets"),
            Self::Refused => f.write_str("among the refused markets"),
            Self::Unknown { fact } => write!(f, "its {fact} is not known"),
            Self::Outside { fact, value } => write!(f, "its {fact} is {value}"),
        }
    }
}

/// The bounds of the facts, and lists of names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniverseFilter {
    /// The bounds of the price.
    pub price: FactBounds,
    /// The bounds of the market capitalisation.
    pub market_cap: FactBounds,
    /// The bounds of the shares in free float.
    pub float_shares: FactBounds,
    /// The bounds of the mean volume of a day.
    pub average_volume: FactBounds,
    /// The bounds of the change in percent.
    pub change_percent: FactBounds,
    /// The only markets that are allowed, in the venue's spelling; `None` allows all, an empty list none.
    pub listed: Option<Vec<String>>,
    /// The markets that are refused, in the venue's spelling.
    pub refused: Vec<String>,
}

impl UniverseFilter {
    /// Returns the filter that excludes nothing.
    #[must_use]
    pub const fn everything() -> Self {
        let none = FactBounds::NONE;
        Self {
            price: none,
            market_cap: none,
            float_shares: none,
            average_volume: none,
            change_percent: none,
            listed: None,
            refused: Vec::new(),
        }
    }

    /// Returns the filter of the strategy: US stocks from 2 to 10, worth 50 to 300 million, with at most 15 million shares
    /// in free float, a volume of 100,000 and a rise of at most 5 %.
    #[must_use]
    pub fn small_caps() -> Self {
        Self {
            price: FactBounds::between(2.0, 10.0),
            market_cap: FactBounds::between(50e6, 300e6),
            float_shares: FactBounds::at_most(15e6),
            average_volume: FactBounds::at_least(100e3),
            change_percent: FactBounds::between(0.0, 5.0),
            ..Self::everything()
        }
    }

    /// Returns the filter of the old scanner: as [`small_caps`](Self::small_caps), with prices up to 20.
    #[must_use]
    pub fn small_caps_to_twenty() -> Self {
        Self { price: FactBounds::between(2.0, 20.0), ..Self::small_caps() }
    }

    /// Returns the filter of the older guide: worth 1 to 300 million, below 50 million shares, from -5 to +5 %.
    #[must_use]
    pub fn older_guide() -> Self {
        Self {
            market_cap: FactBounds::between(1e6, 300e6),
            float_shares: FactBounds::at_most(50e6),
            change_percent: FactBounds::between(-5.0, 5.0),
            ..Self::small_caps()
        }
    }

    /// Returns whether a market is worth watching.
    ///
    /// # Errors
    ///
    /// [`Exclusion`] with the first reason why it is not. What is bounded and not known excludes.
    pub fn admit(&self, facts: &MarketFacts) -> Result<(), Exclusion> {
        let code = facts.symbol.code();
        if self.listed.as_ref().is_some_and(|listed| !listed.iter().any(|name| name == code)) {
            return Err(Exclusion::NotListed);
        }
        if self.refused.iter().any(|name| name == code) {
            return Err(Exclusion::Refused);
        }
        self.price.exclude("price", facts.price)?;
        self.market_cap.exclude("market capitalisation", facts.market_cap)?;
        self.float_shares.exclude("free float", facts.float_shares)?;
        self.average_volume.exclude("mean volume", facts.average_volume)?;
        self.change_percent.exclude("change in percent", facts.change_percent)
    }
}
