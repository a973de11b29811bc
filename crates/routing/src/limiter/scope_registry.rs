//! The scopes in use: two backbones of one process on one venue must not each spend the whole budget.

use std::sync::{Mutex, PoisonError, Weak};

use market_backbone_core::RateLimitRule;

use super::handle::{Limiter, LimiterScope};
use super::rule_set::by_group;

/// The scopes in use.
static SCOPES: Mutex<Vec<(String, Weak<LimiterScope>)>> = Mutex::new(Vec::new());

/// Returns the limiter of the scope with this name and these rules, made by `new` if there is none.
///
/// Other rules for the same name are another scope: a key with higher limits is counted apart.
pub(super) fn find_or(name: &str, rules: &[RateLimitRule], new: impl FnOnce() -> Limiter) -> Limiter {
    let mut scopes = SCOPES.lock().unwrap_or_else(PoisonError::into_inner);
    scopes.retain(|(_, scope)| scope.strong_count() > 0);
    let rules = by_group(rules);
    let same = |scope: &LimiterScope| scope.groups.iter().map(|group| group.rules()).eq(rules.iter());
    let mut named = scopes.iter().filter(|(known, _)| known == name).filter_map(|(_, scope)| scope.upgrade());
    if let Some(scope) = named.find(|scope| same(scope)) {
        return Limiter { scope };
    }
    let limiter = new();
    scopes.push((name.to_owned(), std::sync::Arc::downgrade(&limiter.scope)));
    limiter
}
