//! `market-backbone ticker`: the latest prices.

use comfy_table::Table;
use market_backbone::{Backbone, PlainDecimal, Ticker as Glance};

use super::market_selection::MarketSelection;
use crate::args::{OutputFormat, TickerArgs};
use crate::output::{self, Output};
use crate::{row, stats};

pub(crate) async fn run(args: TickerArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    let client = backbone.client(args.priority.into());
    let wanted = MarketSelection::of(backbone, args.markets, args.universe.as_deref()).await?;
    let tickers = match client.tickers(wanted.all()).await {
        // The venue refuses the whole request for one market that it no longer knows.
        Err(error) if wanted.can_drop_unlisted(&error) => {
            client.tickers(wanted.without_unlisted(&client).await?.all()).await?
        }
        answer => answer?,
    };
    match args.format {
        OutputFormat::Json => {
            tickers.iter().try_for_each(|ticker| output.line(&row::ticker_json(ticker).to_string()))?
        }
        OutputFormat::Csv => {
            output.line("symbol,price,change_rate,day_volume,time")?;
            tickers.iter().try_for_each(|ticker| output.line(&csv(ticker)))?;
        }
        OutputFormat::Table => output.line(&table(&tickers).to_string())?,
    }
    output.finish()?;
    if args.stats {
        output::set_summary(stats::live_stats(tickers.len(), &backbone.metrics()).to_string());
    }
    Ok(())
}

fn csv(ticker: &Glance) -> String {
    let Glance { symbol, price, day_volume, time, .. } = ticker;
    let [price, change, volume] = [*price, ticker.change_rate(), *day_volume].map(PlainDecimal);
    format!("{symbol},{price},{change},{volume},{}", time.as_millis())
}

/// Builds a table of tickers for people.
pub(crate) fn table(tickers: &[Glance]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["market", "price", "change", "day high", "day low", "24 h turnover", "trade (UTC)"]);
    for ticker in tickers {
        table.add_row([
            ticker.symbol.to_string(),
            ticker.price.to_string(),
            format!("{:+.2} %", ticker.change_rate() * 100.0),
            ticker.high.to_string(),
            ticker.low.to_string(),
            format!("{:.0}", ticker.turnover_24h),
            row::clock(ticker.trade_time),
        ]);
    }
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table
}
