//! The settings of the store: the `[store]` part of the settings file.

use std::path::PathBuf;
use std::time::Duration;

use market_backbone::{Retention, StoreConfig, Timeframe};
use serde::{Deserialize, Deserializer};

use crate::secret_arg::SecretArg;

const DAY_SECS: u64 = 86_400;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StoreSettings {
    cache_mib: Option<u64>,
    tables_per_shard: Option<u32>,
    open_shards: Option<usize>,
    pub(super) url: Option<SecretArg>,
    // 0 for never.
    care_secs: Option<u64>,
    retain: Vec<RetentionRule>,
}

/// An entry of `[[store.retain]]`: how much of the series of one timeframe is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetentionRule {
    #[serde(deserialize_with = "timeframe")]
    timeframe: Timeframe,
    keep_days: u64,
}

impl StoreSettings {
    /// Returns the settings of a store in `folder`.
    pub(super) fn config(&self, folder: PathBuf) -> StoreConfig {
        let mut store = StoreConfig::new(folder);
        if let Some(mib) = self.cache_mib {
            store = store.cache_bytes(mib.saturating_mul(1 << 20));
        }
        if let Some(tables) = self.tables_per_shard {
            store = store.tables_per_shard(tables);
        }
        if let Some(shards) = self.open_shards {
            store = store.open_shards(shards);
        }
        let mut maintenance = store.get_maintenance().clone().retain(self.retention());
        if let Some(secs) = self.care_secs {
            maintenance = maintenance.every((secs > 0).then(|| Duration::from_secs(secs)));
        }
        store.maintenance(maintenance)
    }

    fn retention(&self) -> Vec<Retention> {
        let keep = |rule: &RetentionRule| Duration::from_secs(rule.keep_days.saturating_mul(DAY_SECS));
        self.retain.iter().map(|rule| Retention::new(rule.timeframe, keep(rule))).collect()
    }
}

fn timeframe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timeframe, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<StoreConfig, String> {
        let store: StoreSettings = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        Ok(store.config("data".into()))
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        assert_eq!(config(""), Ok(StoreConfig::new("data")));
    }

    #[test]
    fn maintenance_is_told_how_often_and_what_to_keep() {
        let store = config("care_secs = 0\n[[retain]]\ntimeframe = \"1m\"\nkeep_days = 90").unwrap();
        let rule = Retention::new(Timeframe::M1, Duration::from_secs(90 * DAY_SECS));
        let maintenance = store.get_maintenance();
        assert_eq!((maintenance.get_every(), maintenance.get_retain()), (None, &[rule][..]));
        let error = config("[[retain]]\ntimeframe = \"7m\"\nkeep_days = 1").unwrap_err();
        assert!(error.contains("no timeframe `7m`"), "{error}");
    }
}
