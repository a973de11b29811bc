//! Lengths of time: `10s`, `500ms`, `2m`, `1h`, `7d`, `2w`.

use std::time::Duration;

/// Reads a length of time: `10s`, `500ms`, `2m`, `1h`, `7d`, `2w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unreadable =
        || format!("cannot read `{text}` as a length of time; write it like 10s, 500ms, 2m, 1h, 7d");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(unreadable)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(unreadable()),
    };
    let length = number.parse::<f64>().map_err(|_| unreadable())? * seconds;
    Duration::try_from_secs_f64(length).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_they_are_said() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for text in ["10", "s", "-5s", "10 days", ""] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
