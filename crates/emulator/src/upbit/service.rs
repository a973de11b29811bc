//! From request to answer: count it, let it fail if it must, else look it up.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::candles::{self, View};
use super::refusal::{self, Refusal};
use super::route::{self, Parameters, Route};
use super::{book, listing, summary, trades};
use crate::chance;
use crate::connection::{Reset, Talk, UpgradeSlot};
use crate::faults::{Around, Failure, PagePlan, elements};
use crate::json;
use crate::limiter::{Limit, Verdict};
use crate::reply::Reply;
use crate::world::World;

const REMAINING: HeaderName = HeaderName::from_static("remaining-req");
const LIMITED_BY_IP: HeaderName = HeaderName::from_static("limit-by-ip");

/// Answers a request, or resets its connection.
pub(crate) async fn answer(
    world: &Arc<World>,
    peer: IpAddr,
    mut request: Request<Incoming>,
    slot: &UpgradeSlot,
) -> Result<Response<Body>, Reset> {
    let now_us = world.scenario.clock.now_us();
    let route = Route::of(request.uri().path()).filter(|_| request.method() == Method::GET);
    let Some(route) = route else {
        world.witness.arrival("none", "none", now_us);
        return Ok(Refusal::NoRoute.reply().send(request.headers()));
    };
    let has_origin = request.headers().contains_key(header::ORIGIN) && route != Route::Socket;
    let limit = if has_origin { route::ORIGIN } else { route.limit() };
    let number = world.witness.arrival(limit.group, route.name(), now_us);
    let verdict = world.limiter.ask(peer, limit, now_us);
    note(world, limit, verdict);

    let faults = world.faults.get();
    let seed = world.scenario.seed;
    let delay = faults.delay(seed, number);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let left = match verdict {
        Verdict::Accepted { left } => left,
        Verdict::Rejected => return Ok(counted(Refusal::Throttled.reply(), limit, 0).send(request.headers())),
        Verdict::Banned { seconds } => {
            let body = world.scenario.ban.unwrap_or_default().body;
            return Ok(refusal::banned(body, seconds).send(request.headers()));
        }
    };
    if route == Route::Socket {
        let refusal = if chance::unit(chance::draw(seed ^ 0x50C7, number)) < faults.refuse_sockets {
            Some("refuse_sockets")
        } else {
            world.faults.refuses_socket(world.steady_ms()).then_some("refuse_ws_ms")
        };
        if let Some(name) = refusal {
            world.witness.spoiled(&[name]);
            return Ok(Reply::html(StatusCode::SERVICE_UNAVAILABLE).send(request.headers()));
        }
        return Ok(upgrade(&mut request, slot, limit, left));
    }
    if route == Route::Listing && faults.mutes_listing(seed, number) {
        world.witness.spoiled(&["mute_listing"]);
        // Until whoever asked hangs up.
        return std::future::pending().await;
    }
    let failure = faults.draw(seed, number);
    if let Some(failure) = failure {
        world.witness.spoiled(&[failure.name()]);
    }
    match failure {
        Some(Failure::Reset) => return Err(Reset),
        Some(Failure::Html) => return Ok(Reply::html(StatusCode::BAD_GATEWAY).send(request.headers())),
        Some(Failure::Throttle) => {
            let refusal = match faults.retry_after {
                0 => Refusal::Throttled.reply(),
                seconds => Refusal::Throttled.reply().with(header::RETRY_AFTER, &seconds.to_string()),
            };
            return Ok(counted(refusal, limit, 0).send(request.headers()));
        }
        Some(Failure::Cut) | None => {}
    }
    let reply = counted(look_up(world, route, &request).await, limit, left);
    let headers = request.headers();
    Ok(if failure == Some(Failure::Cut) { reply.send_cut(headers) } else { reply.send(headers) })
}

fn note(world: &World, limit: Limit, verdict: Verdict) {
    world.witness.group(limit.group, |group| match verdict {
        Verdict::Accepted { .. } => group.accepted += 1,
        Verdict::Rejected => group.rejected += 1,
        Verdict::Banned { .. } => group.banned += 1,
    });
}

/// Adds what every routed reply carries.
fn counted(reply: Reply, limit: Limit, left: u32) -> Reply {
    let remaining = format!("group={}; min={}; sec={left}", limit.group, route::minute_constant(limit));
    reply
        .with(REMAINING, &remaining)
        .with(LIMITED_BY_IP, "Yes")
        .with(header::CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate")
}

/// Folding history can take a while, so it happens beside the runtime's own threads.
async fn look_up(world: &Arc<World>, route: Route, request: &Request<Incoming>) -> Reply {
    let (world, parameters) = (Arc::clone(world), Parameters::of(request.uri()));
    let plan = route.page().map(|page| world.faults.page(world.scenario.seed, page));
    let found = tokio::task::spawn_blocking(move || {
        let now_ms = world.now_ms();
        let body = make(&world, route, &parameters, now_ms, View { at_ms: now_ms, late_rows: 0 })?;
        match plan {
            Some(plan) if plan.delays() || plan.spoils() => {
                spoil(&world, route, &parameters, now_ms, &plan, &body)
            }
            Some(_) | None => Ok(body),
        }
    });
    match found.await {
        Ok(Ok(body)) => {
            let etag = format!("W/\"{:016x}\"", chance::key(0, &body));
            Reply::json(StatusCode::OK, body).with(header::ETAG, &etag)
        }
        Ok(Err(refusal)) => refusal.reply(),
        Err(error) => {
            tracing::error!(%error, "an answer failed");
            Reply::html(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn make(
    world: &World,
    route: Route,
    parameters: &Parameters,
    now_ms: i64,
    view: View,
) -> Result<String, Refusal> {
    match route {
        Route::Listing => listing::all(world, parameters),
        Route::Candles(frame) => candles::page(world, frame, parameters, view),
        Route::BadMinutes(refusal) => Err(refusal),
        Route::Trades => trades::page(world, parameters, view.at_ms),
        Route::Ticker => summary::some(world, parameters, now_ms),
        Route::TickerAll => Ok(summary::all(world, parameters, now_ms)),
        Route::Orderbook => book::some(world, parameters, now_ms),
        Route::Instruments => listing::instruments(world, parameters, now_ms),
        Route::Socket => Err(Refusal::NoRoute),
    }
}

/// The page as its plan spoils it, noted where it is not what the venue has.
fn spoil(
    world: &World,
    route: Route,
    parameters: &Parameters,
    now_ms: i64,
    plan: &PagePlan,
    honest: &str,
) -> Result<String, Refusal> {
    let view = View { at_ms: now_ms - plan.behind_ms(), late_rows: plan.late_rows };
    let seen = if plan.delays() { make(world, route, parameters, now_ms, view)? } else { honest.to_owned() };
    let mut played = if seen == honest { Vec::new() } else { plan.delay_names() };
    let mut rows = elements(&seen);
    if plan.empty && honest != "[]" {
        played.push("empty_page");
        rows.clear();
    }
    let asked = parameters.get(&["market"]).unwrap_or_default();
    let foreign = world.markets.iter().map(|market| market.code.as_str()).find(|code| *code != asked);
    let around = Around {
        columns: route.columns(),
        foreign: foreign.unwrap_or("XXX-NONE"),
        most: match route {
            Route::Candles(_) => parameters.count(1, candles::PAGE)?,
            Route::Trades => parameters.count(1, trades::PAGE)?,
            _ => usize::MAX,
        },
        now_ms,
    };
    played.extend(plan.spoil(&mut rows, &around));
    world.witness.spoiled(&played);
    Ok(json::array(rows))
}

/// Shakes hands for a WebSocket.
fn upgrade(request: &mut Request<Incoming>, slot: &UpgradeSlot, limit: Limit, left: u32) -> Response<Body> {
    let asks = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).filter(|_| asks).cloned();
    let Some(key) = key else {
        return Reply::text(StatusCode::UPGRADE_REQUIRED, "Upgrade Required").send(request.headers());
    };
    slot.put(hyper::upgrade::on(&mut *request), Talk::Upbit);
    let reply = counted(Reply::text(StatusCode::SWITCHING_PROTOCOLS, ""), limit, left)
        .with(header::UPGRADE, "websocket")
        .with(header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    let mut response = reply.send(request.headers());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}
