//! From request to answer: who asks, how often, does it fail; else look it up.

mod aggs;
mod asked;
mod days;
mod query;
mod reference;
mod refusal;
pub(super) mod route;
mod snapshot;
mod spoil;
pub(super) mod trades;
mod window;

use std::sync::Arc;

use axum::body::Body;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use self::asked::Asked;
use self::query::Parameters;
use self::refusal::Refusal;
use self::route::Route;
use super::exchange::Exchange;
use super::plan::Plan;
use crate::chance;
use crate::connection::{Reset, Talk, UpgradeSlot};
use crate::faults::Failure;
use crate::reply::Reply;
use crate::world::World;

/// All requests in the report.
const GROUP: &str = "massive";
/// All socket connects in the report.
const SOCKET_GROUP: &str = "massive-socket";

/// Answers a request, or resets its connection.
pub(crate) async fn answer(
    world: &Arc<World>,
    mut request: Request<Incoming>,
    slot: &UpgradeSlot,
) -> Result<Response<Body>, Reset> {
    let now_us = world.scenario.clock.now_us();
    let Some(route) = Route::of(request.uri().path()).filter(|_| request.method() == Method::GET) else {
        world.witness.arrival("none", "none", now_us);
        return Ok(Refusal::NoRoute.reply("").send(request.headers()));
    };
    let is_socket = matches!(route, Route::Socket { .. });
    let group = if is_socket { SOCKET_GROUP } else { GROUP };
    let number = world.witness.arrival(group, route.name(), now_us);
    let admitted = if is_socket { Ok(Plan::Basic) } else { admit(world, &request, &route, now_us) };
    world.witness.group(group, |figures| match &admitted {
        Err(Refusal::Throttled(_)) => figures.rejected += 1,
        _ => figures.accepted += 1,
    });
    let (faults, seed) = (world.faults.get(), world.scenario.seed);
    let delay = faults.delay(seed, number);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let Route::Socket { delayed } = route {
        let refusal = if chance::unit(chance::draw(seed ^ 0x50C7, number)) < faults.refuse_sockets {
            Some("refuse_sockets")
        } else {
            world.faults.refuses_socket(world.steady_ms()).then_some("refuse_ws_ms")
        };
        if let Some(name) = refusal {
            world.witness.spoiled(&[name]);
            return Ok(Reply::html(StatusCode::SERVICE_UNAVAILABLE).send(request.headers()));
        }
        return Ok(upgrade(&mut request, slot, delayed));
    }
    if route == Route::Tickers && faults.mutes_listing(seed, number) {
        world.witness.spoiled(&["mute_listing"]);
        // Until whoever asked hangs up.
        return std::future::pending().await;
    }
    let request_id = format!("{:016x}{:016x}", chance::draw(seed, number), chance::draw(!seed, number));
    let failure = faults.draw(seed, number).filter(|_| admitted.is_ok());
    if let Some(failure) = failure {
        world.witness.spoiled(&[failure.name()]);
    }
    let headers = request.headers();
    let plan = match (failure, admitted) {
        (Some(Failure::Reset), _) => return Err(Reset),
        (Some(Failure::Html), _) => return Ok(Reply::html(StatusCode::BAD_GATEWAY).send(headers)),
        (Some(Failure::Throttle), _) => {
            return Ok(Refusal::Throttled((faults.retry_after > 0).then_some(faults.retry_after.into()))
                .reply(&request_id)
                .send(headers));
        }
        (_, Err(refusal)) => return Ok(refusal.reply(&request_id).send(headers)),
        (Some(Failure::Cut) | None, Ok(plan)) => plan,
    };
    let asked = ask(&request, plan, request_id, world.now_ms());
    let reply = look_up(world, route, asked).await;
    Ok(if failure == Some(Failure::Cut) { reply.send_cut(headers) } else { reply.send(headers) })
}

/// Who asks, whether the plan has it, and whether it may ask again already.
fn admit(world: &World, request: &Request<Incoming>, route: &Route, now_us: i64) -> Result<Plan, Refusal> {
    let stage = &world.exchange().stage;
    let key = key_of(request.headers(), request.uri()).ok_or(Refusal::NoKey)?;
    let known = stage.keys.iter().find(|(known, _)| *known == key);
    let plan = known.map(|(_, plan)| *plan).ok_or(Refusal::UnknownKey)?;
    let limit = plan.requests_per_minute().or(stage.requests_per_minute);
    world
        .exchange()
        .quota
        .ask(&key, limit, now_us)
        .map_err(|seconds| Refusal::Throttled(stage.retry_after.then_some(seconds)))?;
    if plan.has(route.good()) { Ok(plan) } else { Err(Refusal::NotInPlan) }
}

fn key_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(key) = bearer.and_then(|text| text.strip_prefix("Bearer ")) {
        return Some(key.trim().to_owned());
    }
    // Not through `Parameters`: a cursor hides what stands beside it.
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let named = query.0.into_iter().find(|(name, _)| name == "apiKey");
    named.map(|(_, key)| key).filter(|key| !key.is_empty())
}

fn ask(request: &Request<Incoming>, plan: Plan, request_id: String, now_ms: i64) -> Asked {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let visible_ms = match plan {
        Plan::Basic => days::last_finished_ms(now_ms),
        Plan::Starter | Plan::Developer | Plan::Advanced => now_ms - plan.delay_ms(),
    };
    Asked {
        parameters: Parameters::of(request.uri()),
        plan,
        origin: format!("http://{host}"),
        path: request.uri().path().to_owned(),
        request_id,
        now_ms,
        visible_ms,
        late_rows: 0,
    }
}

/// Folding history can take a while, so it happens beside the runtime's own threads.
async fn look_up(world: &Arc<World>, route: Route, asked: Asked) -> Reply {
    let world = Arc::clone(world);
    let plan = route.page().map(|page| world.faults.page(world.scenario.seed, page));
    let found = tokio::task::spawn_blocking(move || {
        let request_id = asked.request_id.clone();
        let found = make(world.exchange(), &route, &asked).and_then(|body| match plan {
            Some(plan) if plan.delays() || plan.spoils() => spoil::play(&world, &route, asked, &plan, body),
            Some(_) | None => Ok(body),
        });
        match found {
            Ok(body) => Reply::json(StatusCode::OK, body),
            Err(refusal) => refusal.reply(&request_id),
        }
    });
    found.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer failed");
        Reply::html(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

fn make(exchange: &Exchange, route: &Route, asked: &Asked) -> Result<String, Refusal> {
    match route {
        Route::Range { ticker, multiplier, timespan, from, to } => {
            aggs::range(exchange, asked, ticker, (multiplier, timespan), (from, to))
        }
        Route::Grouped { date } => days::grouped(exchange, asked, date),
        Route::Previous { ticker } => days::previous(exchange, asked, ticker),
        Route::OpenClose { ticker, date } => days::open_close(exchange, asked, ticker, date),
        Route::Trades { ticker } => trades::page(exchange, asked, ticker, trades::Row::Trade),
        Route::Quotes { ticker } => trades::page(exchange, asked, ticker, trades::Row::Quote),
        Route::LastTrade { ticker } => trades::last(exchange, asked, ticker, trades::Row::Trade),
        Route::LastQuote { ticker } => trades::last(exchange, asked, ticker, trades::Row::Quote),
        Route::Snapshots => Ok(snapshot::all(exchange, asked)),
        Route::Snapshot { ticker } => snapshot::one(exchange, asked, ticker),
        Route::Movers { gainers } => Ok(snapshot::movers(exchange, asked, *gainers)),
        Route::Tickers => reference::tickers(exchange, asked),
        Route::TickerDetails { ticker } => reference::ticker(exchange, asked, ticker),
        Route::StatusNow => Ok(reference::status_now(exchange, asked)),
        Route::StatusUpcoming => Ok(reference::status_upcoming(asked)),
        Route::Splits => reference::splits(exchange, asked),
        Route::Dividends => Ok(reference::nothing(asked)),
        Route::Exchanges => Ok(reference::exchanges(asked)),
        Route::Conditions => Ok(reference::conditions(asked)),
        Route::Socket { .. } => Err(Refusal::NoRoute),
    }
}

/// Shakes hands for a WebSocket; who it is says the first message.
fn upgrade(request: &mut Request<Incoming>, slot: &UpgradeSlot, delayed: bool) -> Response<Body> {
    let headers = request.headers();
    let asks =
        headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks).cloned() else {
        return Reply::text(StatusCode::BAD_REQUEST, "Bad Request").send(headers);
    };
    slot.put(hyper::upgrade::on(&mut *request), Talk::Massive { delayed });
    let reply = Reply::text(StatusCode::SWITCHING_PROTOCOLS, "")
        .with(header::UPGRADE, "websocket")
        .with(header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    let mut response = reply.send(request.headers());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}
