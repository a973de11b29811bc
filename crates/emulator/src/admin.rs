//! The admin endpoints for tests: traffic counters, and control of faults. They are never rate-limited and
//! have no faults.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::faults::ScriptedFault;
use crate::json::JsonObject;
use crate::response::EmulatorResponse;
use crate::world::EmulatorWorld;

/// The path prefix of the admin endpoints.
pub(crate) const PREFIX: &str = "/__admin/";
/// The largest body, in bytes: more than any change of faults needs.
const BODY_LIMIT: usize = 64 * 1024;

/// Answers a request to an admin endpoint.
pub(crate) async fn answer(world: &EmulatorWorld, request: Request<Body>) -> EmulatorResponse {
    let (parts, body) = request.into_parts();
    let name = parts.uri.path().trim_start_matches(PREFIX).to_owned();
    match (parts.method, name.as_str()) {
        (Method::GET, "report") => json(&world.traffic_log.report()),
        (Method::GET, "faults") => json(&world.faults.get()),
        (Method::POST, "reset") => {
            world.reset();
            json(&world.faults.get())
        }
        (Method::GET, "sockets") => json(&world.sockets.open()),
        (Method::POST, "drop") => drop_sockets(world, None),
        (Method::POST, which) if which.starts_with("drop/") => match which["drop/".len()..].parse() {
            Ok(number) => drop_sockets(world, Some(number)),
            Err(_) => error_response(StatusCode::BAD_REQUEST, "a socket has a number, as GET sockets tells"),
        },
        (Method::POST, "faults") => {
            let changed = match axum::body::to_bytes(body, BODY_LIMIT).await {
                Ok(bytes) => world.faults.patch(&bytes),
                Err(error) => Err(error.to_string()),
            };
            changed.map_or_else(|why| error_response(StatusCode::BAD_REQUEST, &why), |faults| json(&faults))
        }
        (Method::POST, "script") => match replace_script(world, body).await {
            Ok(count) => {
                EmulatorResponse::json(StatusCode::OK, JsonObject::new().int("scripted", count).end())
            }
            Err(why) => error_response(StatusCode::BAD_REQUEST, &why),
        },
        _ => error_response(
            StatusCode::NOT_FOUND,
            "there are GET report, GET faults, POST faults, POST script, POST reset, GET sockets, POST drop and POST drop/N",
        ),
    }
}

/// Replaces the fault script by the one in a request body.
async fn replace_script(world: &EmulatorWorld, body: Body) -> Result<i64, String> {
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&bytes).map_err(|error| error.to_string())?;
    let script = ScriptedFault::parse_list(text).map_err(|error| error.to_string())?;
    let count = i64::try_from(script.len()).unwrap_or(i64::MAX);
    world.faults.set_script(script);
    Ok(count)
}

fn drop_sockets(world: &EmulatorWorld, which: Option<u64>) -> EmulatorResponse {
    let dropped = i64::try_from(world.sockets.disconnect(which)).unwrap_or(i64::MAX);
    EmulatorResponse::json(StatusCode::OK, JsonObject::new().int("dropped", dropped).end())
}

fn json(value: &impl serde::Serialize) -> EmulatorResponse {
    match serde_json::to_string(value) {
        Ok(body) => EmulatorResponse::json(StatusCode::OK, body),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn error_response(status: StatusCode, why: &str) -> EmulatorResponse {
    EmulatorResponse::json(status, JsonObject::new().text("error", why).end())
}
