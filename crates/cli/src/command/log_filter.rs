//! What `--log` names: a level, or levels of modules.

use tracing_subscriber::EnvFilter;

use crate::exit::UsageError;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads a filter. A word that is no level would be taken for a module of which everything is wanted, so it is refused.
pub(super) fn parse(text: &str) -> Result<EnvFilter, UsageError> {
    let refused = |why: &str| {
        let levels = LEVELS.join(", ");
        UsageError(format!("--log {text}: {why}; write one of {levels}, or MODULE=LEVEL, joined by commas"))
    };
    for word in text.split(',').map(str::trim) {
        let is_plain = !word.contains(['=', '[']);
        if is_plain && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)) {
            return Err(refused(&format!("`{word}` is no level")));
        }
    }
    EnvFilter::try_new(text).map_err(|error| refused(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_the_level_of_a_module_is_read() {
        for text in ["warn", "INFO", "off", "info,market_backbone_routing=trace", "hyper=debug"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused_with_those_that_are() {
        for text in ["loud", "info,verbose", "", "hyper=loud"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("--log") && error.contains("debug"), "{error}");
        }
    }
}
