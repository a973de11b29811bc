//! Checks that a configuration has no more connections than the venue allows.

use market_backbone_core::{Capabilities, SourceError, SourceErrorKind};

use super::config::SessionConfig;

impl SessionConfig {
    /// Checks that the venue allows the configured connections.
    ///
    /// # Errors
    ///
    /// Returns an error with the surplus: the venue would accept all connections and then evict one after the
    /// other, for ever.
    pub fn check(&self, capabilities: &Capabilities) -> Result<(), SourceError> {
        let (named, venue) = (self.pinned.len(), capabilities.venue);
        let refuse = |why: String| {
            let names: Vec<_> = self.pinned.iter().map(|pinned| pinned.name.as_str()).collect();
            let message = format!("{named} connections are configured ({}), but {why}", names.join(", "));
            Err(SourceError::new(SourceErrorKind::Unsupported, message).at_venue(venue))
        };
        let most = capabilities.socket.max_connections.and_then(|most| usize::try_from(most).ok());
        match most {
            Some(most) if named > most => refuse(format!(
                "the account may have {most} at {venue}; it would evict the others one after the other"
            )),
            _ if named > self.max_connections => {
                refuse(format!("no more than {} are to be opened", self.max_connections))
            }
            _ => Ok(()),
        }
    }
}
