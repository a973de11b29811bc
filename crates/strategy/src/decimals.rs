//! Exact passages between the market's floating-point prices and the decimals of orders.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The powers of ten that an `f64` holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Integers below this are exact as an `f64`.
const EXACT_INTEGERS: u128 = 1 << 53;

/// Returns the decimal as which `value` is written; `None` if it is not finite or a decimal cannot hold it.
///
/// The shortest decimal that reads back as `value` is taken: a venue wrote that one.
#[must_use]
pub fn decimal(value: f64) -> Option<Decimal> {
    if !value.is_finite() {
        return None;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let read = if text.contains('e') { Decimal::from_scientific(text) } else { text.parse() };
    read.ok().map(|read| if read.fract().is_zero() { read.trunc() } else { read })
}

/// Returns the `f64` nearest to `value`: two decimals compare as these do, unless they differ after 15 digits.
#[must_use]
pub fn nearest(value: Decimal) -> f64 {
    let mantissa = value.mantissa();
    if mantissa.unsigned_abs() < EXACT_INTEGERS
        && let Some(power) = EXACT_POWERS.get(value.scale() as usize)
    {
        // Both are exact, so that the quotient is rounded once.
        return mantissa as f64 / power;
    }
    value.to_string().parse().ok().or_else(|| value.to_f64()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_price_is_the_decimal_that_the_venue_wrote() {
        for (value, text) in [
            (0.1, "0.1"),
            (123_456.78, "123456.78"),
            (50_000.0, "50000"),
            (1e-7, "0.0000001"),
            (2e15, "2000000000000000"),
        ] {
            assert_eq!(decimal(value).unwrap().to_string(), text);
        }
        assert_eq!((decimal(f64::NAN), decimal(f64::INFINITY), decimal(1e30)), (None, None, None));
    }

    proptest! {
        #[test]
        fn a_price_comes_back_bit_for_bit(mantissa in 1_i64..1 << 53, scale in 0_u32..12) {
            let price = Decimal::new(mantissa, scale);
            let value = nearest(price);
            prop_assert_eq!(value, price.to_string().parse::<f64>().unwrap());
            prop_assert_eq!(nearest(decimal(value).unwrap()).to_bits(), value.to_bits());
        }
    }
}
