//! How long a formula remembers its start.

use super::kernel::Formula;

/// The weight below which a start counts as forgotten.
const FORGOTTEN: f64 = 1e-6;

/// The way in which a value depends on the bar at which the computation began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Memory {
    /// A window: a value depends on the last [`warm_up`](super::IndicatorSpec::warm_up) bars and on nothing older.
    Window,
    /// A recursion that fades: after this many bars beyond the warm-up, what the start has left in a value is a millionth
    /// of what it was.
    Fades(u32),
    /// A running total (OBV) or a path that turns at its own levels (SAR, SuperTrend): two starts may never agree.
    Lasting,
}

/// Returns the bars after which an exponential average with the weight `alpha`, applied `stages` times over, has
/// forgotten its start.
///
/// Of `stages` averages in a row, each of which keeps `1 - alpha` of itself a bar, the start still weighs what the
/// probability is that fewer than `stages` of `k` draws with the chance `alpha` succeed: for one stage `(1 - alpha)^k`. The
/// result is the smallest `k` that brings it below 10⁻⁶.
fn fade(alpha: f64, stages: u32) -> u32 {
    let keep = 1.0 - alpha;
    if keep <= 0.0 {
        return stages;
    }
    let (mut least, mut most) = (0_u32, 1_u32);
    let left = |bars: u32| {
        let mut term = keep.powf(f64::from(bars));
        let mut sum = term;
        for hit in 1..stages {
            term *= (f64::from(bars) - f64::from(hit) + 1.0) / f64::from(hit) * alpha / keep;
            sum += term;
        }
        sum
    };
    while left(most) > FORGOTTEN {
        (least, most) = (most, most.saturating_mul(2));
    }
    while most - least > 1 {
        let middle = least + (most - least) / 2;
        if left(middle) > FORGOTTEN { least = middle } else { most = middle }
    }
    most
}

/// An exponential average over `period` bars.
fn ema(period: f64, stages: u32) -> u32 {
    fade(2.0 / (period + 1.0), stages)
}

/// Wilder's average over `period` bars.
fn wilder(period: f64, stages: u32) -> u32 {
    fade(1.0 / period, stages)
}

/// Returns how `formula` remembers its start. The parameters have been checked.
pub(super) fn memory(formula: Formula, parameters: &[f64]) -> Memory {
    let n = parameters.first().copied().unwrap_or(1.0);
    let second = parameters.get(1).copied().unwrap_or(1.0);
    Memory::Fades(match formula {
        Formula::Ema | Formula::Zlema | Formula::Efi => ema(n, 1),
        Formula::Rma | Formula::Rsi | Formula::Cmo | Formula::Stochrsi => wilder(n, 1),
        Formula::Atr | Formula::Natr | Formula::Dx | Formula::PlusDi | Formula::MinusDi => wilder(n, 1),
        Formula::Adx | Formula::Adxr => wilder(n, 2),
        Formula::Dema => ema(n, 2),
        Formula::Tema | Formula::Trix => ema(n, 3),
        Formula::T3 => ema(n, 6),
        Formula::Macd => {
            let signal = parameters.get(2).copied().unwrap_or(1.0);
            ema(n.max(second), 1) + ema(signal, 1)
        }
        Formula::Tsi => ema(n, 1) + ema(second, 1),
        Formula::Adosc => ema(n.max(second), 1),
        Formula::Kc => ema(n, 1).max(wilder(second, 1)),
        // It is slowest where prices go nowhere: then it is an average over 30 bars, squared.
        Formula::Kama => fade((2.0_f64 / 31.0).powi(2), 1),
        Formula::Obv | Formula::Ad | Formula::Sar | Formula::Supertrend => return Memory::Lasting,
        _ => return Memory::Window,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stage_fades_as_a_power() {
        // (19/21)^k < 1e-6 from k = 139 on, (13/14)^k from 187 on.
        assert_eq!(ema(20.0, 1), 139);
        assert_eq!(wilder(14.0, 1), 187);
        assert_eq!(ema(1.0, 1), 1);
    }

    #[test]
    fn more_stages_fade_later() {
        assert!(ema(20.0, 2) > ema(20.0, 1) && ema(20.0, 3) > ema(20.0, 2));
        // Two stages: (1-a)^k + k a (1-a)^(k-1) is 10⁻⁶ near k = 170 for an average over 20.
        let (alpha, k) = (2.0_f64 / 21.0, i32::try_from(ema(20.0, 2)).unwrap());
        let left = |k: i32| (1.0 - alpha).powi(k) + f64::from(k) * alpha * (1.0 - alpha).powi(k - 1);
        assert!(left(k) <= 1e-6 && left(k - 1) > 1e-6);
    }
}
