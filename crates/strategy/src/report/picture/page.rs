//! The page of a run: figures, pictures and tables in one file.

use super::RunPicture;
use super::STYLE;
use super::equity_chart;
use super::markup::escaped;
use crate::backtest::RoundTrip;
use crate::report::MarketResult;
use crate::report::text::{minute, money, percent, rows, unsigned};

/// The most trades that are listed.
const MOST_TRADES: usize = 200;

const PAGE_STYLE: &str = include_str!("page.css");

/// A page around `body`.
pub(super) fn shell(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{0}</title>\n<style>{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n{body}\n</body>\n</html>\n",
        escaped(title)
    )
}

pub(super) fn page(picture: &RunPicture<'_>) -> String {
    let report = picture.report();
    let mut body = headline(picture);
    let overview = picture.overview();
    body += &figure(&overview.to_inline_svg("Candles with entries and exits"));
    body += "<p class=\"key\"><span class=\"entry\">▲</span> entry &nbsp; <span class=\"exit\">▼</span> exit &nbsp; \
             <span class=\"doubt\">red</span>: the order of prices inside a bar decided</p>\n";
    if let Some(detail) = picture.detail() {
        body += &figure(&detail.to_inline_svg("The last trades on candles"));
    }
    body += &figure(&equity_chart::equity(report).to_inline_svg("Equity"));
    body += &figure(&equity_chart::drawdown(report).to_inline_svg("Drawdown"));
    body += &results(picture);
    body += "<h2>Figures</h2>\n<table>\n";
    for (name, value) in rows(report, picture.year_origin) {
        body += &format!("<tr><th>{name}</th><td>{}</td></tr>\n", escaped(&value));
    }
    body += "</table>\n";
    body += &markets(&report.markets);
    body += &trades(&report.round_trips, &report.markets);
    body += ASSUMPTIONS;
    shell(picture.title, &body)
}

/// How fills come about, so that nobody has to guess.
const ASSUMPTIONS: &str = "<h2>How it was computed</h2>\n<p>A decision at the close of a bar is filled at later prices: a market \
order at the open of the next bar, a stop at the worse of its level and that open. Of a stop and a target in one bar the worse one \
counts. A trade runs from the fill that opens a position to the fill that closes it; an open position is valued at the last close. \
Sharpe, Sortino and Calmar come from the equity at the end of each day.</p>\n";

fn figure(svg: &str) -> String {
    format!("<figure>{svg}</figure>\n")
}

/// The figures that one looks for first.
fn headline(picture: &RunPicture<'_>) -> String {
    let report = picture.report();
    let figures = &report.performance;
    let ratio = figures.sharpe.map_or("-".to_owned(), |sharpe| format!("{sharpe:.2}"));
    let cards = [
        ("return", percent(report.total_return)),
        ("final equity", money(report.final_equity)),
        ("Sharpe", ratio),
        ("max drawdown", unsigned(Some(figures.max_drawdown))),
        ("trades", report.trades.count.to_string()),
        ("fees", money(report.fees)),
    ];
    let cards: String =
        cards.iter().map(|(name, value)| format!("<div><b>{value}</b><span>{name}</span></div>")).collect();
    format!(
        "<p class=\"sub\">{} &middot; {} bars from {} to {}</p>\n<div class=\"cards\">{cards}</div>\n",
        escaped(&picture.series.to_string()),
        report.bars,
        minute(report.begin),
        minute(report.end)
    )
}

/// The three results.
fn results(picture: &RunPicture<'_>) -> String {
    let ways = picture.ways;
    let mut table = "<h2>How certain it is</h2>\n<table>\n<tr><th></th><th>final equity</th><th>return</th><th>drawdown</th>\
                     <th>trades</th></tr>\n"
        .to_owned();
    for (name, path) in
        [("pessimistic", ways.pessimistic), ("assumed", ways.assumed()), ("optimistic", ways.optimistic)]
    {
        table += &format!(
            "<tr><th>{name}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            money(path.final_equity),
            percent(path.total_return),
            unsigned(Some(path.max_drawdown)),
            path.trades
        );
    }
    let fills = ways.assumed.fills;
    format!(
        "{table}</table>\n<p>{} fills are proven by the data, {} follow from a rule that no order of prices inside the bar \
         contradicts, {} depend on that order.</p>\n",
        fills.proven, fills.assumed, fills.ambiguous
    )
}

fn markets(markets: &[MarketResult]) -> String {
    let mut table = "<h2>Markets</h2>\n<table>\n<tr><th>market</th><th>fills</th><th>trades</th><th>won</th><th>profit</th>\
                     <th>fees</th><th>traded</th></tr>\n"
        .to_owned();
    for market in markets {
        table += &format!(
            "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td></tr>\n",
            escaped(market.symbol.code()),
            market.fills,
            market.trades,
            market.wins,
            market.profit,
            market.fees,
            market.traded
        );
    }
    table + "</table>\n"
}

fn trades(trips: &[RoundTrip], markets: &[MarketResult]) -> String {
    let shown = trips.len().min(MOST_TRADES);
    let title = if shown < trips.len() {
        format!("The last {shown} of {} trades", trips.len())
    } else {
        "Trades".to_owned()
    };
    let mut table = format!(
        "<h2>{title}</h2>\n<table>\n<tr><th>market</th><th>entered</th><th>left</th><th>quantity</th><th>entry</th><th>exit</th>\
         <th>fees</th><th>profit</th><th></th><th>certainty</th></tr>\n"
    );
    for trip in trips.iter().rev().take(shown) {
        let market = markets.get(trip.market as usize).map_or("", |market| market.symbol.code());
        let class = if trip.profit > 0.0 { "gain" } else { "loss" };
        table += &format!(
            "<tr><th>{}</th><td>{}</td><td>{}</td><td>{:.8}</td><td>{}</td><td>{}</td><td>{:.2}</td><td class=\"{class}\">{:.2}</td>\
             <td class=\"{class}\">{}</td><td>{:?}</td></tr>\n",
            escaped(market),
            minute(trip.entered),
            minute(trip.left),
            trip.quantity,
            trip.entry_price,
            trip.exit_price,
            trip.fees,
            trip.profit,
            percent(Some(trip.profit_share())),
            trip.certainty
        );
    }
    table + "</table>\n"
}
