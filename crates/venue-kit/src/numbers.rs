//! Numbers as venues spell them: as numbers, as texts, or as both.

/// Reads a number that is spelt as a text; `None` if it is none, or not finite.
#[must_use]
pub fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads an amount that is spelt out to the last fraction, or stands there as a number; 0 where it is left out.
#[must_use]
pub fn amount(spelt: Option<&str>, number: Option<f64>) -> f64 {
    spelt.and_then(finite).or(number).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_before_a_number_and_no_text_is_infinite() {
        assert_eq!(
            (finite("0.00100000"), finite("nan"), finite("inf"), finite("")),
            (Some(0.001), None, None, None)
        );
        assert_eq!(amount(Some("0.7118"), Some(0.0)), 0.7118);
        assert_eq!(amount(Some("much"), Some(3.0)), 3.0);
        assert_eq!(amount(None, None), 0.0);
    }
}
