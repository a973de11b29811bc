//! What only Massive has: an account with a plan, and its client.

use market_backbone_core::{Day, Priority, VenueId};
use market_backbone_massive::{
    DESCRIPTOR, MASSIVE, MassiveClient, MassivePlan, MassiveRate, PLAN_OPTION, RATE_OPTION,
};

use super::VenueConfig;
use crate::venue_stack::VenueStack;
use crate::{Backbone, Builder, Error, PinnedMarkets};

/// An account with Massive.
#[derive(Clone, Debug)]
#[must_use = "it is given to `Builder::massive_account`"]
pub struct MassiveAccount(VenueConfig);

impl MassiveAccount {
    /// Describes the account of the owner of `key`, who has paid for `plan`, at the venue's own addresses: the socket is the
    /// one that the plan has access to.
    pub fn new(key: impl Into<Box<str>>, plan: MassivePlan) -> Self {
        Self(VenueConfig::new(&DESCRIPTOR).key(key).set(PLAN_OPTION, plan.as_str()))
    }

    /// Talks to the venue at other addresses: an emulator, a proxy.
    pub fn at(self, rest_url: &str, ws_url: &str) -> Self {
        Self(self.0.at(rest_url, ws_url))
    }

    /// Says that the very data of `source` is served at those addresses: by a proxy (`massive`), or by an emulator that is
    /// to keep its data apart from one that stood there before (`massive@seed-7`).
    pub fn same_as(self, source: VenueId) -> Self {
        Self(self.0.same_as(source))
    }

    /// Asks at another rate than the plan's.
    pub fn rate(self, rate: MassiveRate) -> Self {
        Self(self.0.set(RATE_OPTION, rate.as_str()))
    }

    /// Says how many connections the account may have at once (default: 1); more than one have to be bought.
    pub fn connections(self, connections: u32) -> Self {
        Self(self.0.connections(connections))
    }

    /// Gives these markets a connection of their own, called `name` where health is told. All others go to the one that
    /// carries least. More such connections than the account [may have](Self::connections) are refused when the backbone is
    /// built.
    pub fn pin(self, name: impl Into<String>, markets: PinnedMarkets) -> Self {
        Self(self.0.pin(name, markets))
    }
}

impl From<MassiveAccount> for VenueConfig {
    fn from(account: MassiveAccount) -> Self {
        account.0
    }
}

impl Builder {
    /// Talks to Massive, for the owner of `key`, who has paid for `plan`.
    #[must_use]
    pub fn massive(self, key: impl Into<Box<str>>, plan: MassivePlan) -> Self {
        self.massive_account(MassiveAccount::new(key, plan))
    }

    /// Talks to Massive at these addresses instead of its own.
    #[must_use]
    pub fn massive_at(
        self,
        key: impl Into<Box<str>>,
        plan: MassivePlan,
        rest_url: &str,
        ws_url: &str,
    ) -> Self {
        self.massive_account(MassiveAccount::new(key, plan).at(rest_url, ws_url))
    }

    /// Talks to Massive with this account.
    #[must_use]
    pub fn massive_account(self, account: MassiveAccount) -> Self {
        self.connect(account)
    }
}

impl Backbone {
    /// Returns what only Massive offers: grouped days, snapshots, splits, holidays and the like; `None` if the backbone was
    /// not built for it.
    #[must_use]
    pub fn massive(&self) -> Option<MassiveClient> {
        self.inner().family(MASSIVE).map(|stack: &VenueStack| MassiveClient::new(stack.calls()))
    }

    /// Asks Massive for the bars of all shares on `day`, and keeps them: see
    /// [`store_market_day`](Self::store_market_day).
    ///
    /// # Errors
    ///
    /// If this backbone does not talk to Massive, and as [`store_market_day`](Self::store_market_day).
    pub async fn store_massive_day(&self, day: Day, priority: Priority) -> Result<usize, Error> {
        self.at(MASSIVE)?.store_market_day(day, priority).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown_by_mistake() {
        let account =
            MassiveAccount::new("s3cret", MassivePlan::Basic).at("http://u:s3cret@h", "ws://h/?s3cret");
        let shown = format!("{account:?} {:?}", Builder::default().massive_account(account.clone()));
        assert!(!shown.contains("s3cret") && shown.contains("basic"), "{shown}");
    }
}
