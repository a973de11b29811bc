//! A player in a venue's place: what was recorded is answered, anything else is an error.

use std::io::ErrorKind;
use std::sync::Arc;

use market_backbone_routing::Transport;
use market_backbone_tape::{TapePlayer, TapeTransport};

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_recorded_is_a_clear_error() {
    let player = Arc::new(TapePlayer::default());
    let transport = TapeTransport(Arc::clone(&player));
    let request =
        http::Request::get("http://replay.invalid/v1/candles/minutes/1?market=KRW-BTC").body(()).unwrap();
    let error = transport.send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert_eq!(
        text,
        "GET /v1/candles/minutes/1?market=KRW-BTC was not recorded, and a replay has no network"
    );
    assert_eq!(player.first_unanswered().as_deref(), Some("/v1/candles/minutes/1?market=KRW-BTC"));
}
