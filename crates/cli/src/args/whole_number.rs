//! Whole numbers.

use std::str::FromStr;

/// Reads a whole number that fits into `T`.
pub(crate) fn whole_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("cannot read `{text}` as a whole number; write it like 1000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_whole_number_is_said_to_be_none() {
        assert_eq!(whole_number::<usize>("1000"), Ok(1_000));
        for text in ["x", "", "1.5", "-1", "1,000", "99999999999999999999999"] {
            assert!(whole_number::<usize>(text).unwrap_err().contains("write it like 1000"), "{text}");
        }
    }
}
