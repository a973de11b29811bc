//! The argument type for markets: one name, or any list of names.

use std::borrow::Cow;

/// A list of markets: `&str` or `String` for one of them, or an array, a slice, a vector, a set or an iterator of names.
///
/// `How` distinguishes the ways in which a type can be a list; it is inferred and never written.
///
/// ```
/// # use market_backbone::MarketList;
/// fn count<How>(markets: impl MarketList<How>) -> usize {
///     markets.into_names().len()
/// }
/// let owned = vec!["KRW-BTC".to_owned(), "KRW-ETH".to_owned()];
/// assert_eq!(count("KRW-BTC"), 1);
/// assert_eq!(count(["KRW-BTC", "KRW-ETH"]), 2);
/// assert_eq!(count(&owned), 2);
/// assert_eq!(count(&owned[..1]), 1);
/// assert_eq!(count(owned.iter().filter(|name| name.ends_with("BTC"))), 1);
/// assert_eq!(count(owned), 2);
/// ```
pub trait MarketList<How> {
    /// Returns the names, in order.
    fn into_names(self) -> Vec<String>;
}

/// Marks types that are one name.
#[derive(Debug)]
pub struct OneMarket;

/// Marks types that hold several names.
#[derive(Debug)]
pub struct ManyMarkets;

impl MarketList<OneMarket> for &str {
    fn into_names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl MarketList<OneMarket> for String {
    fn into_names(self) -> Vec<String> {
        vec![self]
    }
}

impl MarketList<OneMarket> for &String {
    fn into_names(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl MarketList<OneMarket> for Cow<'_, str> {
    fn into_names(self) -> Vec<String> {
        vec![self.into_owned()]
    }
}

impl<I> MarketList<ManyMarkets> for I
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(|name| name.as_ref().to_owned()).collect()
    }
}
