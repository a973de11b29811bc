//! The listed markets, and their price grids.

use super::api_error::UpbitApiError;
use super::markets::EmulatedMarket;
use super::route::UpbitQueryParams;
use crate::hash_random;
use crate::json::{self, JsonObject};
use crate::number::{NumberStyle, WireNumber};
use crate::tape::IDS_PER_MS;
use crate::world::EmulatorWorld;

/// The cautions that `is_details` shows, in wire order.
const CAUTIONS: [&str; 5] = [
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
];
/// The number of groupings of books besides "0": by ten ticks, a hundred, and so on, up to 10^4.
const GROUPINGS: u32 = 4;

/// Answers `GET /v1/market/all`.
pub(crate) fn all(world: &EmulatorWorld, parameters: &UpbitQueryParams) -> Result<String, UpbitApiError> {
    let detailed = parameters.flag(&["is_details", "isDetails"])?;
    let row = |market: &EmulatedMarket| {
        if !world.scenario.region.is_korea() {
            let warning = if has_warning(market) { "CAUTION" } else { "NONE" };
            return JsonObject::new()
                .text("market", &market.code)
                .text("english_name", &market.english_name)
                .text("market_warning", warning)
                .end();
        }
        let row = JsonObject::new()
            .text("market", &market.code)
            .text("korean_name", &market.korean_name)
            .text("english_name", &market.english_name);
        if detailed { row.raw("market_event", &event(market)).end() } else { row.end() }
    };
    Ok(json::array(world.markets.iter().map(row)))
}

/// Returns whether the venue warns of a market: one in fifteen.
pub(crate) fn has_warning(market: &EmulatedMarket) -> bool {
    hash_random::draw(market.tape.key(), 0x3A11).is_multiple_of(15)
}

fn event(market: &EmulatedMarket) -> String {
    let draw = hash_random::draw(market.tape.key(), 0xCA07);
    let cautions = CAUTIONS.iter().enumerate().fold(JsonObject::new(), |object, (at, name)| {
        let is_set = (draw >> (8 * at)) & 31 == 0;
        object.raw(*name, if is_set { "true" } else { "false" })
    });
    let warning = if has_warning(market) { "true" } else { "false" };
    JsonObject::new().raw("warning", warning).raw("caution", &cautions.end()).end()
}

/// Returns the markets of `markets=`; fails if one of them is unknown.
pub(crate) fn named<'a>(
    world: &'a EmulatorWorld,
    list: &str,
) -> Result<Vec<&'a EmulatedMarket>, UpbitApiError> {
    list.split(',').map(|code| world.markets.get(code.trim()).ok_or(UpbitApiError::UnknownMarket)).collect()
}

/// Answers `GET /v1/orderbook/instruments`.
pub(crate) fn instruments(
    world: &EmulatorWorld,
    parameters: &UpbitQueryParams,
    now_ms: i64,
) -> Result<String, UpbitApiError> {
    let markets = named(world, parameters.required("markets")?)?;
    let row = |market: &&EmulatedMarket| {
        let levels = levels(market, now_ms).into_iter().map(|level| json::quoted(&plain(level)));
        JsonObject::new()
            .text("market", &market.code)
            .text("quote_currency", market.quote())
            .text("tick_size", &plain(tick(market, now_ms)))
            .raw("supported_levels", &json::array(levels))
            .end()
    };
    Ok(json::array(markets.iter().map(row)))
}

/// Returns the sizes by which a market's book can be grouped, in units of 1e-8; 0 is not grouped.
pub(crate) fn levels(market: &EmulatedMarket, now_ms: i64) -> Vec<i64> {
    let groupings = if market.quote() == "KRW" { GROUPINGS } else { 0 };
    let tick = tick(market, now_ms);
    std::iter::once(0).chain((1..=groupings).map(|power| tick * 10_i64.pow(power))).collect()
}

fn tick(market: &EmulatedMarket, now_ms: i64) -> i64 {
    let last = market.tape.last_before((now_ms + 1) * IDS_PER_MS);
    market.ticks.tick(last.map_or(market.base_price, |trade| trade.price_e8))
}

fn plain(units: i64) -> String {
    let mut out = String::new();
    WireNumber::e8(units.into()).write(NumberStyle::Plain, &mut out);
    out
}
