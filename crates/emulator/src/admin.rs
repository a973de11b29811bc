//! The back door for tests: what was asked, and what shall go wrong. Never limited, never faulted.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::faults::Scripted;
use crate::json::Object;
use crate::reply::Reply;
use crate::world::World;

/// Everything below this path is the back door.
pub(crate) const PREFIX: &str = "/__admin/";
/// More than any change of faults needs.
const BODY_LIMIT: usize = 64 * 1024;

/// Answers a request to the back door.
pub(crate) async fn answer(world: &World, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    let name = parts.uri.path().trim_start_matches(PREFIX).to_owned();
    match (parts.method, name.as_str()) {
        (Method::GET, "report") => json(&world.witness.report()),
        (Method::GET, "faults") => json(&world.faults.get()),
        (Method::POST, "reset") => {
            world.reset();
            json(&world.faults.get())
        }
        (Method::GET, "sockets") => json(&world.sockets.open()),
        (Method::POST, "drop") => dropped(world, None),
        (Method::POST, which) if which.starts_with("drop/") => match which["drop/".len()..].parse() {
            Ok(number) => dropped(world, Some(number)),
            Err(_) => refusal(StatusCode::BAD_REQUEST, "a socket has a number, as GET sockets tells"),
        },
        (Method::POST, "faults") => {
            let changed = match axum::body::to_bytes(body, BODY_LIMIT).await {
                Ok(bytes) => world.faults.patch(&bytes),
                Err(error) => Err(error.to_string()),
            };
            changed.map_or_else(|why| refusal(StatusCode::BAD_REQUEST, &why), |faults| json(&faults))
        }
        (Method::POST, "script") => match scripted(world, body).await {
            Ok(count) => Reply::json(StatusCode::OK, Object::new().int("scripted", count).end()),
            Err(why) => refusal(StatusCode::BAD_REQUEST, &why),
        },
        _ => refusal(
            StatusCode::NOT_FOUND,
            "there are GET report, GET faults, POST faults, POST script, POST reset, GET sockets, POST drop and POST drop/N",
        ),
    }
}

/// Replaces the script by that of a body.
async fn scripted(world: &World, body: Body) -> Result<i64, String> {
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&bytes).map_err(|error| error.to_string())?;
    let script = Scripted::list(text).map_err(|error| error.to_string())?;
    let count = i64::try_from(script.len()).unwrap_or(i64::MAX);
    world.faults.set_script(script);
    Ok(count)
}

fn dropped(world: &World, which: Option<u64>) -> Reply {
    let dropped = i64::try_from(world.sockets.cut(which)).unwrap_or(i64::MAX);
    Reply::json(StatusCode::OK, Object::new().int("dropped", dropped).end())
}

fn json(value: &impl serde::Serialize) -> Reply {
    match serde_json::to_string(value) {
        Ok(body) => Reply::json(StatusCode::OK, body),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn refusal(status: StatusCode, why: &str) -> Reply {
    Reply::json(status, Object::new().text("error", why).end())
}
