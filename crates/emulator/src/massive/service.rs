//! Answers requests: checks the account, the limits and the faults, then looks up the data.

mod aggregate_window;
mod aggregates;
mod api_error;
mod daily_bars;
mod page_faults;
mod query;
mod reference;
mod request_context;
pub(super) mod route;
mod snapshot;
pub(super) mod trades;

use std::sync::Arc;

use axum::body::Body;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use self::api_error::MassiveApiError;
use self::query::MassiveQueryParams;
use self::request_context::RestRequestContext;
use self::route::MassiveRoute;
use super::exchange::StockExchange;
use super::plan::EmulatedPlan;
use crate::connection::{ConnectionReset, UpgradeSlot};
use crate::faults::CallFailure;
use crate::hash_random;
use crate::response::EmulatorResponse;
use crate::world::EmulatorWorld;

/// The group of all requests in the report.
const GROUP: &str = "massive";
/// The group of all socket connects in the report.
const SOCKET_GROUP: &str = "massive-socket";

/// Answers a request, or resets its connection.
pub(crate) async fn answer(
    world: &Arc<EmulatorWorld>,
    mut request: Request<Incoming>,
    slot: &UpgradeSlot,
) -> Result<Response<Body>, ConnectionReset> {
    world.server.travel(&world.faults.get(), world.scenario.seed).await;
    let now_us = world.scenario.clock.now_us();
    let Some(route) = MassiveRoute::of(request.uri().path()).filter(|_| request.method() == Method::GET)
    else {
        world.traffic_log.record_arrival("none", "none", now_us);
        return Ok(MassiveApiError::NoRoute.reply("").send(request.headers()));
    };
    let is_socket = matches!(route, MassiveRoute::Socket { .. });
    let group = if is_socket { SOCKET_GROUP } else { GROUP };
    let number = world.traffic_log.record_arrival(group, route.name(), now_us);
    let admitted = if is_socket { Ok(EmulatedPlan::Basic) } else { admit(world, &request, &route, now_us) };
    world.traffic_log.update_group(group, |figures| match &admitted {
        Err(MassiveApiError::Throttled(_)) => figures.rejected += 1,
        _ => figures.accepted += 1,
    });
    let (faults, seed) = (world.faults.get(), world.scenario.seed);
    let delay = faults.delay(seed, number);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let MassiveRoute::Socket { delayed } = route {
        let refusal = if hash_random::unit(hash_random::draw(seed ^ 0x50C7, number)) < faults.refuse_sockets {
            Some("refuse_sockets")
        } else {
            world.faults.refuses_socket(world.monotonic_ms()).then_some("refuse_ws_ms")
        };
        if let Some(name) = refusal {
            world.traffic_log.record_faulted_request(&[name]);
            return Ok(EmulatorResponse::html(StatusCode::SERVICE_UNAVAILABLE).send(request.headers()));
        }
        return Ok(upgrade(&mut request, slot, delayed));
    }
    if route == MassiveRoute::Tickers && faults.mutes_listing(seed, number) {
        world.traffic_log.record_faulted_request(&["mute_listing"]);
        // Until the client closes the connection.
        return std::future::pending().await;
    }
    let request_id =
        format!("{:016x}{:016x}", hash_random::draw(seed, number), hash_random::draw(!seed, number));
    let failure = faults.draw(seed, number).filter(|_| admitted.is_ok());
    if let Some(failure) = failure {
        world.traffic_log.record_faulted_request(&[failure.name()]);
    }
    let headers = request.headers();
    let plan = match (failure, admitted) {
        (Some(CallFailure::Reset), _) => return Err(ConnectionReset),
        (Some(CallFailure::Html), _) => {
            return Ok(EmulatorResponse::html(StatusCode::BAD_GATEWAY).send(headers));
        }
        (Some(CallFailure::Throttle), _) => {
            return Ok(MassiveApiError::Throttled(
                (faults.retry_after > 0).then_some(faults.retry_after.into()),
            )
            .reply(&request_id)
            .send(headers));
        }
        (_, Err(refusal)) => return Ok(refusal.reply(&request_id).send(headers)),
        (Some(CallFailure::Cut) | None, Ok(plan)) => plan,
    };
    world.server.serve(&faults, seed, number).await;
    let asked = request_context(&request, plan, request_id, world.now_ms());
    let reply = look_up(world, route, asked).await;
    Ok(if failure == Some(CallFailure::Cut) { reply.send_truncated(headers) } else { reply.send(headers) })
}

/// Identifies the account, checks its plan and its rate limit.
fn admit(
    world: &EmulatorWorld,
    request: &Request<Incoming>,
    route: &MassiveRoute,
    now_us: i64,
) -> Result<EmulatedPlan, MassiveApiError> {
    let stage = &world.exchange().scenario;
    let key = key_of(request.headers(), request.uri()).ok_or(MassiveApiError::NoKey)?;
    let known = stage.keys.iter().find(|(known, _)| *known == key);
    let plan = known.map(|(_, plan)| *plan).ok_or(MassiveApiError::UnknownKey)?;
    let limit = plan.requests_per_minute().or(stage.requests_per_minute);
    world
        .exchange()
        .quota
        .check(&key, limit, now_us)
        .map_err(|seconds| MassiveApiError::Throttled(stage.retry_after.then_some(seconds)))?;
    if plan.has(route.entitlement()) { Ok(plan) } else { Err(MassiveApiError::NotInPlan) }
}

fn key_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(key) = bearer.and_then(|text| text.strip_prefix("Bearer ")) {
        return Some(key.trim().to_owned());
    }
    // Not through `MassiveQueryParams`: a cursor hides the parameters beside it.
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let named = query.0.into_iter().find(|(name, _)| name == "apiKey");
    named.map(|(_, key)| key).filter(|key| !key.is_empty())
}

fn request_context(
    request: &Request<Incoming>,
    plan: EmulatedPlan,
    request_id: String,
    now_ms: i64,
) -> RestRequestContext {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let visible_ms = match plan {
        EmulatedPlan::Basic => daily_bars::last_finished_ms(now_ms),
        EmulatedPlan::Starter | EmulatedPlan::Developer | EmulatedPlan::Advanced => now_ms - plan.delay_ms(),
    };
    RestRequestContext {
        parameters: MassiveQueryParams::of(request.uri()),
        plan,
        origin: format!("http://{host}"),
        path: request.uri().path().to_owned(),
        request_id,
        now_ms,
        visible_ms,
        late_rows: 0,
    }
}

/// Looks up the data. Folding history can take a while, so it runs on a blocking thread.
async fn look_up(
    world: &Arc<EmulatorWorld>,
    route: MassiveRoute,
    asked: RestRequestContext,
) -> EmulatorResponse {
    let world = Arc::clone(world);
    let plan = route.page().map(|page| world.faults.next_page_plan(world.scenario.seed, page));
    let found = tokio::task::spawn_blocking(move || {
        let request_id = asked.request_id.clone();
        let found = build_body(world.exchange(), &route, &asked).and_then(|body| match plan {
            Some(plan) if plan.is_delayed() || plan.corrupts_rows() => {
                page_faults::apply(&world, &route, asked, &plan, body)
            }
            Some(_) | None => Ok(body),
        });
        match found {
            Ok(body) => EmulatorResponse::json(StatusCode::OK, body),
            Err(refusal) => refusal.reply(&request_id),
        }
    });
    found.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer failed");
        EmulatorResponse::html(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

fn build_body(
    exchange: &StockExchange,
    route: &MassiveRoute,
    asked: &RestRequestContext,
) -> Result<String, MassiveApiError> {
    match route {
        MassiveRoute::Range { ticker, multiplier, timespan, from, to } => {
            aggregates::range(exchange, asked, ticker, (multiplier, timespan), (from, to))
        }
        MassiveRoute::Grouped { date } => daily_bars::grouped(exchange, asked, date),
        MassiveRoute::Previous { ticker } => daily_bars::previous(exchange, asked, ticker),
        MassiveRoute::OpenClose { ticker, date } => daily_bars::open_close(exchange, asked, ticker, date),
        MassiveRoute::Trades { ticker } => trades::page(exchange, asked, ticker, trades::TickRowKind::Trade),
        MassiveRoute::Quotes { ticker } => trades::page(exchange, asked, ticker, trades::TickRowKind::Quote),
        MassiveRoute::LastTrade { ticker } => {
            trades::last(exchange, asked, ticker, trades::TickRowKind::Trade)
        }
        MassiveRoute::LastQuote { ticker } => {
            trades::last(exchange, asked, ticker, trades::TickRowKind::Quote)
        }
        MassiveRoute::Snapshots => Ok(snapshot::all(exchange, asked)),
        MassiveRoute::Snapshot { ticker } => snapshot::one(exchange, asked, ticker),
        MassiveRoute::Movers { gainers } => Ok(snapshot::movers(exchange, asked, *gainers)),
        MassiveRoute::Tickers => reference::tickers(exchange, asked),
        MassiveRoute::TickerDetails { ticker } => reference::ticker(exchange, asked, ticker),
        MassiveRoute::StatusNow => Ok(reference::status_now(exchange, asked)),
        MassiveRoute::StatusUpcoming => Ok(reference::status_upcoming(asked)),
        MassiveRoute::Splits => reference::splits(exchange, asked),
        MassiveRoute::Dividends => Ok(reference::empty_list(asked)),
        MassiveRoute::Exchanges => Ok(reference::exchanges(asked)),
        MassiveRoute::Conditions => Ok(reference::conditions(asked)),
        MassiveRoute::Socket { .. } => Err(MassiveApiError::NoRoute),
    }
}

/// Accepts a WebSocket upgrade; the first message identifies the account.
fn upgrade(request: &mut Request<Incoming>, slot: &UpgradeSlot, delayed: bool) -> Response<Body> {
    let headers = request.headers();
    let asks =
        headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks).cloned() else {
        return EmulatorResponse::text(StatusCode::BAD_REQUEST, "Bad Request").send(headers);
    };
    slot.put(hyper::upgrade::on(&mut *request), move |socket, world| {
        super::socket::run(socket, world, delayed)
    });
    let reply = EmulatorResponse::text(StatusCode::SWITCHING_PROTOCOLS, "")
        .with(header::UPGRADE, "websocket")
        .with(header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    let mut response = reply.send(request.headers());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}
