//! The socket protocol: login, subscriptions and frames.
//!
//! A request names the channels to add or remove; the others stay. The venue ignores unknown names without a
//! reply, so only confirmed channels count.

mod compact;
mod elements;
mod frame;
mod scan;
mod tokens;

pub(crate) use frame::MassiveFrames;

use std::collections::BTreeSet;
use std::time::Duration;

use market_backbone_core::{Channel, ControlMessage, Login, Secret, SourceErrorKind as Kind};
use market_backbone_venue_kit::excerpt;
use serde::Serialize;

use crate::naming::channel_name;
use crate::wire::StatusEvent;

/// The longest time until the key must have been accepted.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(15);
/// The most names in one message. A message with all names would be longer than some servers read.
const MAX_CHANNELS_PER_MESSAGE: usize = 4_000;

/// The time to stay away after an eviction. A client that returns sooner evicts the one that replaced it, which
/// does the same: two programs with one key would evict each other forever.
const EVICTION_COOLDOWN: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct ActionMessage<'a> {
    action: &'a str,
    params: &'a str,
}

/// Returns the login: the venue sends the first message, then expects the key in a message of its own.
pub(crate) fn login(key: &Secret) -> Login {
    let message = encode_action("auth", key.reveal());
    Login { messages: vec![Secret::new(message)], awaits_prompt: true, timeout: LOGIN_TIMEOUT }
}

/// Returns the messages that change the subscription. New channels are added before old ones are removed, so
/// that nothing is missed where one name replaces many.
pub(crate) fn subscribe(has: &[Channel], wanted: &[Channel]) -> Vec<String> {
    let (has, wanted) = (names(has), names(wanted));
    let mut messages = messages("subscribe", wanted.difference(&has));
    messages.extend(self::messages("unsubscribe", has.difference(&wanted)));
    messages
}

/// Returns the names of channels, without those that another one includes: otherwise a trade would arrive both
/// through the channel of all trades and through that of its share.
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
    // The message holds two texts, so writing it cannot fail.
    serde_json::to_string(&ActionMessage { action, params }).unwrap_or_default()
}

/// Returns the channel that the venue sends from now on.
fn confirmed_channel<'a>(row: &'a StatusEvent<'_>) -> Option<&'a str> {
    (row.status == "success").then(|| row.message.strip_prefix("subscribed to: ")).flatten().map(str::trim)
}

/// Returns the message for the connection, or `None` if the status changes nothing.
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
            refused(format!("massive did not receive the key in time: {said}"), (Kind::TimedOut, false))
        }
        "max_connections" => ControlMessage::Evicted { message: said, wait: EVICTION_COOLDOWN },
        "slow_consumer" | "force_disconnect" => ControlMessage::TooSlow { message: said },
        "error" if is_plan_error(&said) => refused(
            format!("a requested channel is not in the plan of this key: {said}"),
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
