//! The settings that say when the silence of a channel or a connection is suspicious.

use std::time::Duration;

/// The settings that say when the silence of a channel or a connection is suspicious, and what happens then.
///
/// An uncertain channel is probed over REST. If the venue has nothing newer than was received, the market is
/// quiet and its silence limit doubles. If it has, the channel is dead and is subscribed again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LivenessConfig {
    pub(crate) check_interval: Duration,
    pub(crate) mean_gap_factor: f64,
    pub(crate) min_silence: Duration,
    pub(crate) max_silence: Duration,
    pub(crate) suspect_after: Duration,
    pub(crate) probe_interval: Duration,
    pub(crate) delivery_grace: Duration,
}

market_backbone_core::setters!(LivenessConfig {
    /// The interval between two checks of the channels. Default: 1 s.
    #[getter(get_check_interval)]
    check_interval: Duration,
    /// The silence, in mean gaps between events, after which a channel is uncertain. Default: 20.
    #[getter(get_mean_gap_factor)]
    mean_gap_factor: f64,
    /// The shortest silence that makes a channel uncertain. Default: 30 s.
    #[getter(get_min_silence)]
    min_silence: Duration,
    /// The longest silence that leaves a channel certain, unless it was found quiet before. Default: 10 min.
    #[getter(get_max_silence)]
    max_silence: Duration,
    /// The time after which a connection without data or a successful probe is suspect: its values are not
    /// live. Default: 60 s.
    ///
    /// After half of it, all its channels are uncertain.
    #[getter(get_suspect_after)]
    suspect_after: Duration,
    /// The shortest time between two probes, each of which is one request. Default: 30 s.
    #[getter(get_probe_interval)]
    probe_interval: Duration,
    /// The time that the venue's data may be in flight to us. Default: 2 s.
    #[getter(get_delivery_grace)]
    delivery_grace: Duration,
});

impl Default for LivenessConfig {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(1),
            mean_gap_factor: 20.0,
            min_silence: Duration::from_secs(30),
            max_silence: Duration::from_secs(600),
            suspect_after: Duration::from_secs(60),
            probe_interval: Duration::from_secs(30),
            delivery_grace: Duration::from_secs(2),
        }
    }
}
