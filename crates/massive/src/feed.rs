//! The socket: how to be let in, what to send to be told, and how what comes reads.
//!
//! A request names what it adds or takes away; what is held already stays. Nothing is said of names the venue does not
//! know, so only what it confirms counts.

mod frame;
mod scan;
mod tokens;

pub(crate) use frame::decode;

use std::collections::BTreeSet;
use std::time::Duration;

use market_backbone_core::{Channel, Control, Greeting, Secret};
use serde::Serialize;

use crate::code::channel_name;
use crate::error::excerpt;
use crate::wire::StatusEvent;

/// The longest it may take until the key has been accepted.
const GREETING_WITHIN: Duration = Duration::from_secs(15);
/// So many names go into one message; with all there are it would be longer than some servers read.
const NAMES: usize = 4_000;

/// How long to stay away after being put out. Whoever comes back sooner puts out whoever took the place, who does
/// the same: two programs with one key would throw each other out for ever.
const EVICTED_FOR: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Message<'a> {
    action: &'a str,
    params: &'a str,
}

/// The venue speaks first, then wants the key, in a message of its own.
pub(crate) fn greeting(key: &Secret) -> Greeting {
    let message = written("auth", key.reveal());
    Greeting { messages: vec![Secret::new(message)], awaits_hello: true, within: GREETING_WITHIN }
}

/// What is new is asked for before what is not wanted any more is given up, so that nothing is missed where one name
/// takes the place of many.
pub(crate) fn subscribe(has: &[Channel], wanted: &[Channel]) -> Vec<String> {
    let (has, wanted) = (names(has), names(wanted));
    let mut messages = messages("subscribe", wanted.difference(&has));
    messages.extend(self::messages("unsubscribe", has.difference(&wanted)));
    messages
}

/// The names of channels, without those that another one includes: all trades of the market and the trades of one share
/// would come twice.
fn names(channels: &[Channel]) -> BTreeSet<String> {
    let whole: BTreeSet<_> =
        channels.iter().filter(|channel| channel.symbol.is_any()).map(|channel| channel.kind).collect();
    let alone = |channel: &&Channel| channel.symbol.is_any() || !whole.contains(&channel.kind);
    let named = |channel: &Channel| Some(format!("{}.{}", channel_name(channel.kind)?, channel.symbol));
    channels.iter().filter(alone).filter_map(named).collect()
}

fn messages<'a>(action: &str, names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let names: Vec<_> = names.map(String::as_str).collect();
    names.chunks(NAMES).map(|names| written(action, &names.join(","))).collect()
}

fn written(action: &str, params: &str) -> String {
    // Two texts: nothing about them can fail to be written.
    serde_json::to_string(&Message { action, params }).unwrap_or_default()
}

/// The channel that is sent from now on.
fn confirmed<'a>(row: &'a StatusEvent<'_>) -> Option<&'a str> {
    (row.status == "success").then(|| row.message.strip_prefix("subscribed to: ")).flatten().map(str::trim)
}

/// What it means for the connection; `None` for what changes nothing.
fn control(row: &StatusEvent<'_>) -> Option<Control> {
    let said = excerpt(row.message.as_bytes());
    Some(match &*row.status {
        "connected" => Control::Hello,
        "auth_success" => Control::Ready,
        "success" => return None,
        "auth_failed" => refused(format!("massive does not let this key in: {said}"), true),
        "auth_timeout" => refused(format!("massive got no key in time: {said}"), false),
        "max_connections" => Control::Evicted { message: said, wait: EVICTED_FOR },
        "slow_consumer" | "force_disconnect" => Control::TooSlow { message: said },
        "error" if is_about_the_plan(&said) => {
            refused(format!("something that was asked for is not in the plan of this key: {said}"), true)
        }
        "error" => refused(format!("massive refuses what was sent: {said}"), false),
        _ => Control::Alive,
    })
}

fn refused(message: String, terminal: bool) -> Control {
    Control::Refused { message, terminal }
}

fn is_about_the_plan(said: &str) -> bool {
    said.contains("not authorized") || said.contains("access")
}
