//! Scales of values and times, with round numbers beside them.

use market_backbone_core::Timestamp;

use super::WIDTH;
use super::markup::place;

/// The space left of a chart, for the numbers of its axis.
pub(super) const LEFT: f64 = 84.0;
/// The space right of a chart.
pub(super) const RIGHT: f64 = 12.0;
/// The space above a chart, for its title.
pub(super) const TOP: f64 = 26.0;
/// The space below a chart, for its times.
pub(super) const BOTTOM: f64 = 22.0;

const DAY_NS: f64 = 86_400e9;

/// Places values and times on a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChartScale {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) inner: f64,
}

impl ChartScale {
    /// Returns a scale for these bounds on a chart whose inside is `inner` high. Values get a little air.
    pub(super) fn new(times: (Timestamp, Timestamp), values: (f64, f64), inner: f64) -> Self {
        let (low, high) = values;
        let air = if high > low { (high - low) * 0.04 } else { high.abs().max(1.0) * 0.01 };
        Self { from: times.0, to: times.1, low: low - air, high: high + air, inner }
    }

    pub(super) fn x(&self, time: Timestamp) -> f64 {
        let whole = (self.to.as_nanos() - self.from.as_nanos()).max(1) as f64;
        let share = (time.as_nanos() - self.from.as_nanos()) as f64 / whole;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        TOP + (self.high - value) / (self.high - self.low) * self.inner
    }

    /// Draws title, grid and numbers.
    pub(super) fn frame(&self, title: &str, label: impl Fn(f64) -> String) -> String {
        let mut svg =
            format!("<text class=\"title\" x=\"{LEFT}\" y=\"15\">{}</text>", super::markup::escaped(title));
        for value in round_values(self.low, self.high, 5) {
            let y = place(self.y(value));
            svg += &format!(
                "<path class=\"grid\" d=\"M{LEFT} {y}H{}\"/><text x=\"{}\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                label(value)
            );
        }
        let bottom = TOP + self.inner + 15.0;
        let whole = (self.to.as_nanos() - self.from.as_nanos()) as f64;
        for tick in 0..=4 {
            let share = f64::from(tick) / 4.0;
            let time = Timestamp::from_nanos(self.from.as_nanos() + (whole * share) as i64);
            let text = crate::report::text::minute(time);
            let text = if whole > 6.0 * DAY_NS { text.split(' ').next().unwrap_or(&text) } else { &text };
            let anchor = ["start", "middle", "middle", "middle", "end"][tick as usize];
            svg += &format!(
                "<text x=\"{}\" y=\"{bottom}\" text-anchor=\"{anchor}\">{text}</text>",
                place(self.x(time))
            );
        }
        svg
    }
}

/// Round numbers between two values: multiples of 1, 2 or 5 times a power of ten.
pub(super) fn round_values(low: f64, high: f64, about: u32) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return Vec::new();
    }
    let raw = span / f64::from(about);
    let power = 10_f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|unit| unit * power).find(|step| *step >= raw).unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|multiple| multiple as f64 * step).collect()
}

/// A value as short as its size allows.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        1e9.. => format!("{:.2}G", value / 1e9),
        1e6.. => format!("{:.2}M", value / 1e6),
        1e4.. => format!("{:.1}k", value / 1e3),
        1.0.. => format!("{value:.2}"),
        _ if size == 0.0 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_an_axis_are_round() {
        assert_eq!(round_values(0.3, 10.2, 5), [2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(round_values(-120.0, 90.0, 4), [-100.0, 0.0]);
        assert_eq!(round_values(5.0, 5.0, 4), [0.0; 0]);
        assert_eq!([1_234_567.0, 12_345.6, 5.0, 0.0].map(short), ["1.23M", "12.3k", "5.00", "0"]);
    }
}
