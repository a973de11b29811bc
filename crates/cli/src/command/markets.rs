//! `market-backbone markets`: the venue's listing.

use comfy_table::Table;
use market_backbone::{Backbone, Instrument, Priority};

use crate::args::{MarketsArgs, OutputFormat};
use crate::output::Output;
use crate::row;

pub(crate) async fn run(args: MarketsArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let mut markets = backbone.client(Priority::Normal).markets().await?;
    if let Some(quote) = &args.quote {
        let mut known: Vec<_> = markets.iter().map(|market| market.quote.clone()).collect();
        known.sort_unstable();
        known.dedup();
        markets.retain(|market| market.quote.eq_ignore_ascii_case(quote));
        let venue = backbone.venue();
        anyhow::ensure!(
            !markets.is_empty(),
            "no market of {venue} is priced in {quote}; they are priced in {}",
            known.join(", ")
        );
    }
    markets.sort_by(|a, b| a.symbol.cmp(&b.symbol));
    let mut output = Output::open(None)?;
    match args.format {
        OutputFormat::Json => {
            markets.iter().try_for_each(|market| output.line(&row::market_json(market).to_string()))?
        }
        OutputFormat::Csv => {
            output.line("symbol,base,quote,name,warning")?;
            markets.iter().try_for_each(|market| output.line(&csv(market)))?;
        }
        OutputFormat::Table => output.line(&table(&markets).to_string())?,
    }
    output.finish()
}

fn csv(market: &Instrument) -> String {
    let Instrument { symbol, base, quote, name, warning, .. } = market;
    format!("{symbol},{base},{quote},\"{}\",{warning}", name.replace('"', "\"\""))
}

fn table(markets: &[Instrument]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["market", "name", "", ""]);
    for market in markets {
        table.add_row([
            market.symbol.code(),
            &market.name,
            market.local_name.as_deref().unwrap_or_default(),
            if market.warning { "warning" } else { "" },
        ]);
    }
    table
}
