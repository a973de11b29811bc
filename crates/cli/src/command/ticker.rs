//! `market-backbone ticker`: the latest prices.

use comfy_table::{Cell, Table};
use market_backbone::{Backbone, PlainDecimal, Ticker as Glance};

use super::market_selection::MarketSelection;
use crate::args::{OutputFormat, TickerArgs};
use crate::output::{self, Output};
use crate::terminal::TextStyle;
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
            output.line("symbol,price,change_rate,day_volume,timestamp")?;
            tickers.iter().try_for_each(|ticker| output.line(&csv(ticker)))?;
        }
        OutputFormat::Table => output.line(&table(&tickers, TextStyle::of_stdout()).to_string())?,
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

/// The tickers as a table.
pub(crate) fn table(tickers: &[Glance], style: TextStyle) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    // A venue that does not tell the last 24 hours tells the day.
    let by_day = tickers.iter().all(|ticker| ticker.turnover_24h == 0.0);
    let turnover = if by_day { "day turnover" } else { "24 h turnover" };
    table.set_header(["market", "price", "change", "day high", "day low", turnover, "trade (UTC)"]);
    for ticker in tickers {
        let Glance { symbol, price, high, low, trade_time, .. } = ticker;
        let [price, high, low] = [price, high, low].map(|price| row::number(*price, style));
        let rate = ticker.change_rate();
        let change = style.cell(Some(row::tint_of_change(rate)), format!("{:+.2} %", rate * 100.0));
        let turnover = if by_day { ticker.day_turnover } else { ticker.turnover_24h };
        let turnover = style.number(&format!("{turnover:.0}"));
        let [symbol, price, high, low, turnover, time] =
            [symbol.to_string(), price, high, low, turnover, row::clock(*trade_time)].map(Cell::new);
        table.add_row([symbol, price, change, high, low, turnover, time]);
    }
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table
}
