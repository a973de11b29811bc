//! What goes wrong in a soak, stretch by stretch.

use std::time::Duration;

use market_backbone_emulator::Faults;

/// A stretch of bad weather.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) name: &'static str,
    pub(crate) faults: Faults,
    /// Whether all sockets are cut as it begins.
    pub(crate) begins_with_a_cut: bool,
}

/// One REST answer in ten is no answer; frames come twice and out of order.
fn always() -> Faults {
    Faults {
        latency_ms: 10,
        jitter_ms: 20,
        html: 0.04,
        cut: 0.03,
        reset: 0.03,
        duplicate: 0.05,
        reorder: 0.05,
        ..Faults::default()
    }
}

/// The stretches of a soak in which each lasts `lasts`, over and over.
pub(crate) fn storm(lasts: Duration) -> impl Iterator<Item = Weather> {
    let lasts_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    let well = always();
    let cut = |name, faults| Weather { name, faults, begins_with_a_cut: true };
    // A connection that has stood for two seconds is replaced at once; younger ones make the next wait longer.
    let young = 2_100;
    let stretches = [
        cut("sockets are cut", Faults { drop_after_ms: lasts_ms / 2, age_jitter_ms: lasts_ms / 4, ..well }),
        // Frames are lost though the connection stands: missing trades show in the tickers' sums, missing states of
        // candles in those of the trades.
        Weather {
            name: "frames are swallowed",
            faults: Faults { swallow: 0.03, ..well },
            begins_with_a_cut: false,
        },
        cut(
            "sockets stall and come back",
            Faults { stall_after_ms: young, stall_for_ms: lasts_ms / 3, ..well },
        ),
        cut(
            "sockets go mute and come back",
            Faults { mute_after_ms: young, mute_for_ms: lasts_ms / 3, ..well },
        ),
        cut("sockets are refused", Faults { refuse_sockets: 0.5, ..well }),
        cut("sockets stall for good", Faults { stall_after_ms: young, ..well }),
        // What gaps are healed with cannot be taken at its word.
        cut(
            "pages are empty, stale, late and full of holes",
            Faults {
                empty_page: 0.1,
                stale_page: 0.1,
                stale_age_ms: 60_000,
                late_rows: 2,
                late_share: 0.2,
                lagging_trades: 1_500,
                holey_trades: 0.1,
                ..well
            },
        ),
        cut(
            "rows are bad and stamps of the future",
            Faults { bad_row: 0.1, doubled_row: 0.1, future_trade: 0.002, future_ms: 3_600_000, ..well },
        ),
    ];
    stretches.into_iter().cycle()
}
