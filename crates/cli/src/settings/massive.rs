//! The account with Massive: the `[massive]` part of the settings file, and the key, which is never in a
//! file.

use market_backbone::{MassiveAccount, MassivePlan, MassiveRate, VenueId};
use serde::{Deserialize, Deserializer};

use super::addresses::{Addresses, spelt};
use super::connections::{ConnectionsTable, connections};
use super::environment::variable;
use crate::args::VenueArg;
use crate::exit::UsageError;
use crate::secret_arg::SecretArg;

const KEY: &str = "MASSIVE_API_KEY";
const PLAN: &str = "MARKET_BACKBONE_MASSIVE_PLAN";
/// The rate limits, as they are written.
const RATES: [(&str, MassiveRate); 3] = [
    ("5/min", MassiveRate::FivePerMinute),
    ("100/min", MassiveRate::HundredPerMinute),
    ("100/s", MassiveRate::HundredPerSecond),
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MassiveSettings {
    rest_url: Option<SecretArg>,
    ws_url: Option<SecretArg>,
    #[serde(deserialize_with = "spelt")]
    same_as: Option<VenueId>,
    #[serde(deserialize_with = "plan")]
    plan: Option<MassivePlan>,
    #[serde(deserialize_with = "rate")]
    rate: Option<MassiveRate>,
    connections: ConnectionsTable,
}

impl MassiveSettings {
    /// Returns the addresses in the file.
    pub(super) fn addresses(&self) -> Addresses {
        let (rest_url, ws_url) = (self.rest_url.clone(), self.ws_url.clone());
        Addresses { rest_url, ws_url, region: None, same_as: self.same_as }
    }

    /// Builds the account from the environment and the file, at these addresses.
    pub(super) fn account(self, addresses: Addresses) -> Result<MassiveAccount, UsageError> {
        let key = variable(KEY).map(|key| SecretArg::from(key.as_str()));
        let named = variable(PLAN).map(|name| name.parse()).transpose();
        let named = named.map_err(|error| UsageError(format!("{PLAN}: {error}")))?;
        let account = account(key, named.or(self.plan), self.rate, addresses)?;
        let Some(several) = connections(&self.connections, variable).map_err(UsageError)? else {
            return Ok(account);
        };
        let pins = several.pinned.into_iter();
        Ok(pins.fold(account.connections(several.max), |account, (name, markets)| account.pin(name, markets)))
    }
}

fn account(
    key: Option<SecretArg>,
    plan: Option<MassivePlan>,
    rate: Option<MassiveRate>,
    addresses: Addresses,
) -> Result<MassiveAccount, UsageError> {
    let key = key.ok_or_else(|| {
        UsageError(format!(
            "massive requires a key: put yours, from https://massive.com/dashboard/keys, into the \
             environment as {KEY} (for the emulator: test-key)"
        ))
    })?;
    let mut account = MassiveAccount::new(key.reveal(), plan.unwrap_or(MassivePlan::Advanced));
    if let Some(rate) = rate {
        account = account.rate(rate);
    }
    if let Some(source) = addresses.same_as {
        account = account.same_as(source);
    }
    if let Some((rest, socket)) = addresses.both(VenueArg::Massive)? {
        account = account.at(&rest, &socket);
    }
    Ok(account)
}

fn plan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MassivePlan>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MassiveRate>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let rate = RATES.into_iter().find(|(name, _)| *name == text).map(|(_, rate)| rate);
    let unknown = || format!("no rate `{text}`; there are 5/min, 100/min and 100/s");
    rate.map(Some).ok_or_else(|| serde::de::Error::custom(unknown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_named_and_so_is_a_rate() {
        let read =
            |text: &str| toml::from_str::<MassiveSettings>(text).map_err(|error| error.message().to_owned());
        let file = read("plan = \"free\"\nrate = \"100/min\"").unwrap();
        assert_eq!(file.plan, Some(MassivePlan::Basic));
        assert_eq!(file.rate, Some(MassiveRate::HundredPerMinute));
        assert!(read("plan = \"golden\"").unwrap_err().contains("basic, starter, developer and advanced"));
        assert!(read("rate = \"7/s\"").unwrap_err().contains("100/min"));
        let key = read("key = \"abc\"").unwrap_err();
        assert!(key.contains("unknown field `key`"), "{key}");
    }

    #[test]
    fn without_a_key_it_is_said_where_to_put_one_and_with_one_it_is_not_shown() {
        let UsageError(message) = account(None, None, None, Addresses::default()).unwrap_err();
        assert!(message.contains("MASSIVE_API_KEY") && message.contains("massive.com"), "{message}");
        let account = account(Some(SecretArg::from("s3cret")), None, None, Addresses::default()).unwrap();
        assert!(!format!("{account:?}").contains("s3cret"));
    }
}
