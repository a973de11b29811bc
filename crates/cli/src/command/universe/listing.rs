//! Whether the venue lists the markets that are to be added. A venue that cannot say it refuses nothing.

use std::time::Duration;

use market_backbone::{Backbone, Error, Priority, SourceErrorKind};
use tokio::time::timeout;

use crate::args::GlobalArgs;
use crate::output::note;
use crate::settings;

/// The venue has so long to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Refuses markets that the venue does not list, with the nearest name. Notes it where the venue cannot be asked.
pub(super) async fn ensure_listed(markets: &[String], global: &GlobalArgs) -> anyhow::Result<()> {
    let backbone = match settings::builder(global) {
        Ok(builder) => builder.without_store().build().await?,
        Err(error) => {
            note(&format!("not checked whether the venue lists them: {error}"));
            return Ok(());
        }
    };
    let outcome = ask(&backbone, markets).await;
    backbone.shutdown().await;
    outcome
}

async fn ask(backbone: &Backbone, markets: &[String]) -> anyhow::Result<()> {
    let client = backbone.client(Priority::Normal);
    let asked = client.require(markets.iter().map(String::as_str));
    match timeout(ANSWER_TIMEOUT, asked).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if is_unlisted(&error) => {
            anyhow::bail!(
                "{error}; nothing was added. `--venue` names another venue, `--unlisted` adds it all the same"
            )
        }
        Ok(Err(error)) => {
            note(&format!("not checked whether the venue lists them: {error}"));
            Ok(())
        }
        Err(_elapsed) => {
            let waited = ANSWER_TIMEOUT.as_secs();
            note(&format!("not checked whether the venue lists them: it has not answered within {waited} s"));
            Ok(())
        }
    }
}

fn is_unlisted(error: &Error) -> bool {
    match error {
        Error::Symbol(_) => true,
        Error::Source(error) => error.kind() == SourceErrorKind::UnknownMarket,
        _ => false,
    }
}
