//! `market-backbone store seal`: copies stored candles into the files that long ranges are read from.

use market_backbone::SqliteStore;

use super::stats::size;
use crate::output::Output;
use crate::progress::Working;

pub(super) async fn run(store: &SqliteStore) -> anyhow::Result<()> {
    let working = Working::begin("sealing".to_owned());
    let report = store.seal().await?;
    drop(working);
    let mut output = Output::open(None)?;
    let all = store.stats().await?;
    output.line(&format!(
        "{} candles sealed in {} files; all sealed files: {} candles, {}",
        report.rows,
        report.files,
        all.sealed_rows(),
        size(all.sealed_bytes()),
    ))?;
    output.finish()
}
