//! The thread of a replay: a backbone on the recording, and the driver that plays it.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use market_backbone_core::{Clock, FeedEvent, Priority, Timestamp};
use market_backbone_routing::{ReconnectConfig, RouterConfig, SessionConfig};
use market_backbone_tape::{TapeDriver, TapePlayer, TapeReader, TapeSession, TapeTransport};

use super::{ReplayError, ReplayOptions, ReplayReport, ReplayStopper};
use crate::{Backbone, VenueConfig, known_venues};

/// The longest that a paced replay sleeps before it looks whether it was stopped.
const NAP: Duration = Duration::from_millis(50);

/// What a replay's thread shares with its owner.
pub(super) struct ReplayOutput {
    pub(super) events: SyncSender<FeedEvent>,
    pub(super) stopper: ReplayStopper,
}

/// Plays a recording through a backbone of its own, on paused time.
pub(super) async fn play(
    options: ReplayOptions,
    reader: TapeReader,
    output: ReplayOutput,
) -> Result<ReplayReport, ReplayError> {
    let session = reader.session().clone();
    let player = Arc::new(TapePlayer::default());
    let transport = Arc::new(TapeTransport(Arc::clone(&player)));
    let Some((mut driver, clock)) = TapeDriver::new(reader, Arc::clone(&player))? else {
        return Ok(ReplayReport::default());
    };
    let begin = clock.now();
    let builder = Backbone::builder().connect(venue_of(&session)?).clock(clock).in_memory();
    let backbone = builder.router(router_of(transport)).build().await?;
    let mut kinds = options.kinds.clone();
    if kinds.is_empty() {
        kinds.extend(session.channels.iter().map(|channel| channel.kind));
    }
    let mut codes: Vec<_> = session.channels.iter().map(|channel| channel.symbol.code()).collect();
    codes.dedup();
    let client = backbone.client(Priority::High);
    let mut request = client.subscribe(codes, kinds);
    if options.quiet_bars {
        request = request.quiet_bars();
    }
    let mut feed = request.await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the pace is that of the wall; time itself is the recording's"
    )]
    let started = Instant::now();
    let pace = |moment: Timestamp| {
        let Some(speed) = options.speed else { return !output.stopper.is_stopped() };
        let due = moment.since(begin).div_f64(speed);
        while let Some(left) = due.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
            if output.stopper.is_stopped() {
                return false;
            }
            thread::sleep(left.min(NAP));
        }
        !output.stopper.is_stopped()
    };
    let mut outcome = Ok(());
    {
        let driving = driver.run(pace);
        tokio::pin!(driving);
        loop {
            tokio::select! {
                biased;
                event = feed.next() => {
                    let Some(event) = event else { break };
                    if output.events.send(event).is_err() {
                        break;
                    }
                }
                ended = &mut driving => {
                    outcome = ended;
                    break;
                }
            }
        }
    }
    // What the last records brought. Nothing is waited for: the recording knows no more.
    while let Some(Some(event)) = tokio::task::unconstrained(feed.next()).now_or_never() {
        if output.events.send(event).is_err() {
            break;
        }
    }
    drop(feed);
    backbone.shutdown().await;
    outcome?;
    let torn_tails = driver.torn_tails().to_vec();
    Ok(ReplayReport { stats: driver.stats(), torn_tails, first_unanswered: player.first_unanswered() })
}

/// Returns the venue of a recording, at addresses that lead nowhere.
fn venue_of(session: &TapeSession) -> Result<VenueConfig, ReplayError> {
    let unknown = |_| ReplayError::Venue(session.venue.to_string());
    let descriptor = known_venues().find(session.venue).map_err(unknown)?;
    let config = VenueConfig::new(descriptor).at("http://replay.invalid", "ws://replay.invalid");
    let config = if descriptor.required_key().is_some() { config.key("replay") } else { config };
    Ok(config.same_as(session.venue))
}

/// Returns the settings of a router that opens a connection as soon as the recording has one.
fn router_of(transport: Arc<TapeTransport>) -> RouterConfig {
    let soon = Duration::from_millis(1);
    let reconnect = ReconnectConfig::default()
        .max_immediate_delay(Duration::ZERO)
        .initial_delay(soon)
        .max_delay(soon)
        .jitter(0.0);
    let session = SessionConfig::default().connect_timeout(Duration::from_secs(86_400)).reconnect(reconnect);
    RouterConfig::default().transport(Some(transport as _)).session(session)
}
