//! Answers requests: counts them, applies faults, then looks up the data.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::api_error::{self, UpbitApiError};
use super::candles::{self, CandleVisibility};
use super::route::{self, UpbitQueryParams, UpbitRoute};
use super::{listing, order_book, ticker, trades};
use crate::connection::{ConnectionReset, UpgradeSlot};
use crate::faults::{CallFailure, CorruptionContext, PageFaultPlan, elements};
use crate::hash_random;
use crate::json;
use crate::limiter::{EmulatorLimit, RateDecision};
use crate::response::EmulatorResponse;
use crate::world::EmulatorWorld;

const REMAINING: HeaderName = HeaderName::from_static("remaining-req");
const LIMITED_BY_IP: HeaderName = HeaderName::from_static("limit-by-ip");

/// Answers a request, or resets its connection.
pub(crate) async fn answer(
    world: &Arc<EmulatorWorld>,
    peer: IpAddr,
    mut request: Request<Incoming>,
    slot: &UpgradeSlot,
) -> Result<Response<Body>, ConnectionReset> {
    world.server.travel(&world.faults.get(), world.scenario.seed).await;
    let now_us = world.scenario.clock.now_us();
    let route = UpbitRoute::of(request.uri().path()).filter(|_| request.method() == Method::GET);
    let Some(route) = route else {
        world.traffic_log.record_arrival("none", "none", now_us);
        return Ok(UpbitApiError::NoRoute.reply().send(request.headers()));
    };
    let has_origin = request.headers().contains_key(header::ORIGIN) && route != UpbitRoute::Socket;
    let limit = if has_origin { route::ORIGIN } else { route.limit() };
    let number = world.traffic_log.record_arrival(limit.group, route.name(), now_us);
    let verdict = world.limiter.check(peer, limit, now_us);
    record_decision(world, limit, verdict);

    let faults = world.faults.get();
    let seed = world.scenario.seed;
    let delay = faults.delay(seed, number);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let left = match verdict {
        RateDecision::Accepted { left } => left,
        RateDecision::Rejected => {
            return Ok(with_rate_headers(UpbitApiError::Throttled.reply(), limit, 0).send(request.headers()));
        }
        RateDecision::Banned { seconds } => {
            let body = world.scenario.ban.unwrap_or_default().body;
            return Ok(api_error::banned(body, seconds).send(request.headers()));
        }
    };
    if route == UpbitRoute::Socket {
        let refusal = if hash_random::unit(hash_random::draw(seed ^ 0x50C7, number)) < faults.refuse_sockets {
            Some("refuse_sockets")
        } else {
            world.faults.refuses_socket(world.monotonic_ms()).then_some("refuse_ws_ms")
        };
        if let Some(name) = refusal {
            world.traffic_log.record_faulted_request(&[name]);
            return Ok(EmulatorResponse::html(StatusCode::SERVICE_UNAVAILABLE).send(request.headers()));
        }
        return Ok(upgrade(&mut request, slot, limit, left));
    }
    if route == UpbitRoute::Listing && faults.mutes_listing(seed, number) {
        world.traffic_log.record_faulted_request(&["mute_listing"]);
        // Until the client closes the connection.
        return std::future::pending().await;
    }
    let failure = faults.draw(seed, number);
    if let Some(failure) = failure {
        world.traffic_log.record_faulted_request(&[failure.name()]);
    }
    match failure {
        Some(CallFailure::Reset) => return Err(ConnectionReset),
        Some(CallFailure::Html) => {
            return Ok(EmulatorResponse::html(StatusCode::BAD_GATEWAY).send(request.headers()));
        }
        Some(CallFailure::Throttle) => {
            let refusal = match faults.retry_after {
                0 => UpbitApiError::Throttled.reply(),
                seconds => UpbitApiError::Throttled.reply().with(header::RETRY_AFTER, &seconds.to_string()),
            };
            return Ok(with_rate_headers(refusal, limit, 0).send(request.headers()));
        }
        Some(CallFailure::Cut) | None => {}
    }
    world.server.serve(&faults, seed, number).await;
    let reply = with_rate_headers(look_up(world, route, &request).await, limit, left);
    let headers = request.headers();
    Ok(if failure == Some(CallFailure::Cut) { reply.send_truncated(headers) } else { reply.send(headers) })
}

fn record_decision(world: &EmulatorWorld, limit: EmulatorLimit, verdict: RateDecision) {
    world.traffic_log.update_group(limit.group, |group| match verdict {
        RateDecision::Accepted { .. } => group.accepted += 1,
        RateDecision::Rejected => group.rejected += 1,
        RateDecision::Banned { .. } => group.banned += 1,
    });
}

/// Adds the headers of every routed reply.
fn with_rate_headers(reply: EmulatorResponse, limit: EmulatorLimit, left: u32) -> EmulatorResponse {
    let remaining = format!("group={}; min={}; sec={left}", limit.group, route::minute_constant(limit));
    reply
        .with(REMAINING, &remaining)
        .with(LIMITED_BY_IP, "Yes")
        .with(header::CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate")
}

/// Looks up the data. Folding history can take a while, so it runs on a blocking thread.
async fn look_up(
    world: &Arc<EmulatorWorld>,
    route: UpbitRoute,
    request: &Request<Incoming>,
) -> EmulatorResponse {
    let (world, parameters) = (Arc::clone(world), UpbitQueryParams::of(request.uri()));
    let plan = route.page().map(|page| world.faults.next_page_plan(world.scenario.seed, page));
    let found = tokio::task::spawn_blocking(move || {
        let now_ms = world.now_ms();
        let body =
            build_body(&world, route, &parameters, now_ms, CandleVisibility { at_ms: now_ms, late_rows: 0 })?;
        match plan {
            Some(plan) if plan.is_delayed() || plan.corrupts_rows() => {
                apply_page_faults(&world, route, &parameters, now_ms, &plan, &body)
            }
            Some(_) | None => Ok(body),
        }
    });
    match found.await {
        Ok(Ok(body)) => {
            let etag = format!("W/\"{:016x}\"", hash_random::key(0, &body));
            EmulatorResponse::json(StatusCode::OK, body).with(header::ETAG, &etag)
        }
        Ok(Err(refusal)) => refusal.reply(),
        Err(error) => {
            tracing::error!(%error, "an answer failed");
            EmulatorResponse::html(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn build_body(
    world: &EmulatorWorld,
    route: UpbitRoute,
    parameters: &UpbitQueryParams,
    now_ms: i64,
    view: CandleVisibility,
) -> Result<String, UpbitApiError> {
    match route {
        UpbitRoute::Listing => listing::all(world, parameters),
        UpbitRoute::Candles(frame) => candles::page(world, frame, parameters, view),
        UpbitRoute::BadMinutes(refusal) => Err(refusal),
        UpbitRoute::Trades => trades::page(world, parameters, view.at_ms),
        UpbitRoute::Ticker => ticker::for_markets(world, parameters, now_ms),
        UpbitRoute::TickerAll => Ok(ticker::all(world, parameters, now_ms)),
        UpbitRoute::Orderbook => order_book::for_markets(world, parameters, now_ms),
        UpbitRoute::Instruments => listing::instruments(world, parameters, now_ms),
        UpbitRoute::Socket => Err(UpbitApiError::NoRoute),
    }
}

/// Applies the plan to the page, and records the faults that occurred.
fn apply_page_faults(
    world: &EmulatorWorld,
    route: UpbitRoute,
    parameters: &UpbitQueryParams,
    now_ms: i64,
    plan: &PageFaultPlan,
    honest: &str,
) -> Result<String, UpbitApiError> {
    let view = CandleVisibility { at_ms: now_ms - plan.lag_ms(), late_rows: plan.late_rows };
    let seen = if plan.is_delayed() {
        build_body(world, route, parameters, now_ms, view)?
    } else {
        honest.to_owned()
    };
    let mut played = if seen == honest { Vec::new() } else { plan.delay_names() };
    let mut rows = elements(&seen);
    if plan.empty && honest != "[]" {
        played.push("empty_page");
        rows.clear();
    }
    let asked = parameters.get(&["market"]).unwrap_or_default();
    let foreign = world.markets.iter().map(|market| market.code.as_str()).find(|code| *code != asked);
    let around = CorruptionContext {
        columns: route.columns(),
        other_market: foreign.unwrap_or("XXX-NONE"),
        most: match route {
            UpbitRoute::Candles(_) => parameters.count(1, candles::PAGE)?,
            UpbitRoute::Trades => parameters.count(1, trades::PAGE)?,
            _ => usize::MAX,
        },
        now_ms,
    };
    played.extend(plan.corrupt_rows(&mut rows, &around));
    world.traffic_log.record_faulted_request(&played);
    Ok(json::array(rows))
}

/// Accepts a WebSocket upgrade.
fn upgrade(
    request: &mut Request<Incoming>,
    slot: &UpgradeSlot,
    limit: EmulatorLimit,
    left: u32,
) -> Response<Body> {
    let asks = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).filter(|_| asks).cloned();
    let Some(key) = key else {
        return EmulatorResponse::text(StatusCode::UPGRADE_REQUIRED, "Upgrade Required")
            .send(request.headers());
    };
    slot.put(hyper::upgrade::on(&mut *request), super::socket::run);
    let reply = with_rate_headers(EmulatorResponse::text(StatusCode::SWITCHING_PROTOCOLS, ""), limit, left)
        .with(header::UPGRADE, "websocket")
        .with(header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    let mut response = reply.send(request.headers());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}
