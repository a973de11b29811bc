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

use market_backbone_core::{Channel, ControlMessage, Login, Secret, SourceErrorKind as Kind};
use serde::Serialize;

use crate::error::excerpt;
use crate::naming::channel_name;
use crate::wire::StatusEvent;

/// The longest it may take until the key has been accepted.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(15);
/// So many names go into one message; with all there are it would be longer than some servers read.
const MAX_CHANNELS_PER_MESSAGE: usize = 4_000;

/// How long to stay away after being put out. Whoever comes back sooner puts out whoever took the place, who does
/// the same: two programs with one key would throw each other out for ever.
const EVICTION_COOLDOWN: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct ActionMessage<'a> {
    action: &'a str,
    params: &'a str,
}

/// The venue speaks first, then wants the key, in a message of its own.
pub(crate) fn login(key: &Secret) -> Login {
    let message = encode_action("auth", key.reveal());
    Login { messages: vec![Secret::new(message)], awaits_prompt: true, timeout: LOGIN_TIMEOUT }
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
    names.chunks(MAX_CHANNELS_PER_MESSAGE).map(|names| encode_action(action, &names.join(","))).collect()
}

fn encode_action(action: &str, params: &str) -> String {
    // Two texts: nothing about them can fail to be written.
    serde_json::to_string(&ActionMessage { action, params }).unwrap_or_default()
}

/// The channel that is sent from now on.
fn confirmed_channel<'a>(row: &'a StatusEvent<'_>) -> Option<&'a str> {
    (row.status == "success").then(|| row.message.strip_prefix("subscribed to: ")).flatten().map(str::trim)
}

/// What it means for the connection; `None` for what changes nothing.
fn control(row: &StatusEvent<'_>) -> Option<ControlMessage> {
    let said = excerpt(row.message.as_bytes());
    Some(match &*row.status {
        "connected" => ControlMessage::LoginPrompt,
        "auth_success" => ControlMessage::LoggedIn,
        "success" => return None,
        "auth_failed" if is_plan_error(&said) => {
            refused(format!("massive does not let this key in: {said}"), (Kind::Forbidden, true))
        }
        "auth_failed" => refused(
            format!("massive does not let this key in: {said}; check MASSIVE_API_KEY"),
            (Kind::Unauthorized, true),
        ),
        "auth_timeout" => {
            refused(format!("massive got no key in time: {said}"), (Kind::TimedOut, false))
        }
        "max_connections" => ControlMessage::Evicted { message: said, wait: EVICTION_COOLDOWN },
        "slow_consumer" | "force_disconnect" => ControlMessage::TooSlow { message: said },
        "error" if is_plan_error(&said) => refused(
            format!("something that was asked for is not in the plan of this key: {said}"),
            (Kind::Forbidden, true),
        ),
        "error" => refused(format!("massive refuses what was sent: {said}"), (Kind::BadRequest, false)),
        _ => ControlMessage::Heartbeat,
    })
}

fn refused(message: String, (kind, terminal): (Kind, bool)) -> ControlMessage {
    ControlMessage::Refused { message, kind, terminal }
}

fn is_plan_error(said: &str) -> bool {
    said.contains("not authorized") || said.contains("access")
}
