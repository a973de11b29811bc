//! A client that knows no limiter: ten requests at once, each second. It is right as long as no request overtakes another.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::{Instant, sleep_until};

use crate::remote_emulator::{RemoteEmulator, http_client};

const BURST: u32 = 10;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches `pages` of 200 candles, and returns how long that took.
pub(crate) async fn fetch(venue: &RemoteEmulator, pages: u32) -> anyhow::Result<Duration> {
    let http = http_client(TIMEOUT)?;
    let started = Instant::now();
    for burst in 0..pages.div_ceil(BURST) {
        sleep_until(started + Duration::from_secs(burst.into())).await;
        let ask = |page: u32| {
            let url = page_url(venue, page);
            let http = &http;
            // A refusal is an answer too: the emulator's report counts it.
            async move { http.get(url).send().await?.bytes().await }
        };
        let first = burst * BURST;
        try_join_all((first..pages.min(first + BURST)).map(ask)).await?;
    }
    Ok(started.elapsed())
}

/// The answers that are timed one after the other: fewer than the limit.
const SINGLE: u32 = 8;

/// Returns how long each of some answers takes that are asked for one after the other.
pub(crate) async fn single_answers(venue: &RemoteEmulator) -> anyhow::Result<Vec<Duration>> {
    let http = http_client(TIMEOUT)?;
    let mut times = Vec::new();
    for page in 0..=SINGLE {
        let url = page_url(venue, page);
        let started = Instant::now();
        http.get(url).send().await?.error_for_status()?.bytes().await?;
        times.push(started.elapsed());
    }
    times.remove(0); // it opens the connection
    Ok(times)
}

/// Returns the address of a page of 200 minutes, each of which is older than the one before it.
fn page_url(venue: &RemoteEmulator, page: u32) -> String {
    format!("{}/v1/candles/minutes/1?market=KRW-BTC&count=200&to={}", venue.rest_url(), before(page))
}

/// Returns a moment of the last weeks, for the `to` of a page.
fn before(page: u32) -> String {
    let minutes = page * 200;
    let (day, minute) = (28 - minutes / 1_440, 1_439 - minutes % 1_440);
    format!("2026-11-{day:02}T{:02}:{:02}:00Z", minute / 60, minute % 60)
}
