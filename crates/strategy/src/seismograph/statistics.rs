//! Means, medians and curves of short series.

/// The mean of `values`, or `None` if there are none.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The mean and the deviation of the population of `values`, or `None` if there are none.
pub(crate) fn mean_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    let mean = mean(values)?;
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    Some((mean, (squares / values.len() as f64).sqrt()))
}

/// The median of `values`, or `None` if there are none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// The logistic function of `x`, between 0 and 1.
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The value of `x` between 0 and 1.
pub(crate) const fn unit(x: f64) -> f64 {
    x.clamp(0.0, 1.0)
}

/// The value of `x` to `places` decimals.
pub(crate) fn rounded(x: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (x * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_short_series() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean_and_deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), Some((5.0, 2.0)));
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
        assert_eq!((sigmoid(0.0), unit(-1.0), unit(3.0), rounded(2.345_67, 2)), (0.5, 0.0, 1.0, 2.35));
    }
}
