//! The spelling of origins in a database; the words are part of the files' format.

use market_backbone_core::Origin;

/// An origin, or a word for one, that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OriginCodecError(String);

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl From<OriginCodecError> for sqlx::Error {
    fn from(error: OriginCodecError) -> Self {
        Self::Protocol(error.0)
    }
}

/// Returns the word for `origin`.
pub(crate) fn encode(origin: Origin) -> Result<&'static str, OriginCodecError> {
    match origin {
        Origin::Rest => Ok("rest"),
        Origin::Early => Ok("early"),
        Origin::Socket => Ok("socket"),
        Origin::Provisional => Ok("provisional"),
        Origin::BeforeListing => Ok("listed"),
        Origin::Import => Ok("import"),
        unknown => Err(OriginCodecError(format!("the ledger has no name for {unknown:?}"))),
    }
}

/// Returns the origin for `word`.
pub(crate) fn decode(word: &str) -> Result<Origin, OriginCodecError> {
    match word {
        "rest" => Ok(Origin::Rest),
        "early" => Ok(Origin::Early),
        "socket" => Ok(Origin::Socket),
        "provisional" => Ok(Origin::Provisional),
        "listed" => Ok(Origin::BeforeListing),
        "import" => Ok(Origin::Import),
        unknown => Err(OriginCodecError(format!("the ledger has the unknown origin `{unknown}`"))),
    }
}
