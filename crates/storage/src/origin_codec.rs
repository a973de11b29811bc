//! The spelling of origins in a database; the words are part of the files' format.

use market_backbone_core::Origin;

/// Returns the word for `origin`.
pub(crate) fn encode(origin: Origin) -> Result<&'static str, sqlx::Error> {
    match origin {
        Origin::Rest => Ok("rest"),
        Origin::Early => Ok("early"),
        Origin::Socket => Ok("socket"),
        Origin::Provisional => Ok("provisional"),
        Origin::BeforeListing => Ok("listed"),
        Origin::Import => Ok("import"),
        unknown => Err(sqlx::Error::Protocol(format!("the ledger has no name for {unknown:?}"))),
    }
}

/// Returns the origin for `word`.
pub(crate) fn decode(word: &str) -> Result<Origin, sqlx::Error> {
    match word {
        "rest" => Ok(Origin::Rest),
        "early" => Ok(Origin::Early),
        "socket" => Ok(Origin::Socket),
        "provisional" => Ok(Origin::Provisional),
        "listed" => Ok(Origin::BeforeListing),
        "import" => Ok(Origin::Import),
        unknown => Err(sqlx::Error::Protocol(format!("the ledger has the unknown origin `{unknown}`"))),
    }
}
