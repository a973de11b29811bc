//! The one TLS configuration, shared by HTTP and sockets.
//!
//! Built here because the clients' own defaults need certificates of the operating system and fail on a
//! machine without any (a slim container), even for plain `http://`. This configuration uses the system's
//! certificates where there are some, and Mozilla's list, compiled in, where there are none. The crypto
//! provider is named, so no process-wide default has to be installed first.

use std::sync::Arc;

use market_backbone_core::{SourceError, SourceErrorKind};
use rustls::{ClientConfig, RootCertStore};

/// The protocols that the HTTP client speaks, the preferred one first.
#[cfg(feature = "http2")]
const HTTP_PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];
#[cfg(not(feature = "http2"))]
const HTTP_PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

/// Builds the configuration for sockets, without protocol negotiation.
///
/// # Errors
///
/// [`Unsupported`](SourceErrorKind::Unsupported) if the crypto provider speaks no common TLS version.
pub fn client_config() -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(
            |error| SourceError::new(SourceErrorKind::Unsupported, "cannot set up TLS").with_source(error),
        )?;
    Ok(builder.with_root_certificates(roots()).with_no_client_auth())
}

/// Builds the configuration for HTTP, which prefers HTTP/2 where the venue speaks it.
pub(crate) fn for_http(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.alpn_protocols = HTTP_PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    config
}

fn roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (kept, _unreadable) = roots.add_parsable_certificates(found.certs);
    if kept == 0 {
        tracing::debug!("no certificates on this machine; using the compiled-in list");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_somebody_to_trust() {
        assert!(!roots().is_empty());
    }

    #[test]
    fn only_http_negotiates_a_protocol() {
        let config = client_config().unwrap();
        assert!(config.alpn_protocols.is_empty());
        assert_eq!(for_http(&config).alpn_protocols, HTTP_PROTOCOLS);
    }
}
