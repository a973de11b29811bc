//! `market-backbone screen`: which markets meet a condition.

mod print;

use std::collections::BTreeMap;

use anyhow::Context;
use market_backbone::strategy::screen::{BarsNeeded, MarketBars, ScoreValues, Screen, ScreenAnswer, Verdict};
use market_backbone::{Backbone, CandleSet, Client};

use self::print::Row;
use super::market_selection::MarketSelection;
use crate::args::ScreenArgs;
use crate::output::{self, note};
use crate::stats;

/// The most failures and unknown markets that are told one by one.
const MOST_TOLD: usize = 5;

pub(crate) async fn run(args: ScreenArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let mut screen = Screen::parse_with(&args.condition, args.timeframe, ScoreValues::default())?;
    if let Some(sort) = &args.sort {
        screen = screen.sorted_by(sort).context("--sort")?;
    }
    let client = backbone.client(args.priority.into());
    let markets = markets(&args, &client, backbone).await?;
    let now = backbone.now();
    let mut fetched = Fetched::default();
    for need in screen.needs(backbone.grid()) {
        fetched.fetch(&client, &markets, need, args.forming).await;
    }
    let mut rows: Vec<Row> = markets
        .into_iter()
        .map(|market| {
            let sets = fetched.sets.remove(&market).unwrap_or_default();
            let answer = screen.evaluate(&MarketBars { sets: &sets, grid: backbone.grid(), now });
            Row { market, answer }
        })
        .collect();
    rows.sort_by(|one, other| one.answer.order(&other.answer).then_with(|| one.market.cmp(&other.market)));
    tell_unknown(&rows);
    let count = rows.len();
    rows.retain(|row| args.all || row.answer.verdict == Verdict::Match);
    rows.truncate(args.limit.map_or(usize::MAX, Into::into));
    let names: Vec<String> = screen.terms().into_iter().map(ToString::to_string).collect();
    print::rows(&rows, &names, args.sort.is_some(), args.format)?;
    if args.stats {
        output::set_summary(stats::live_stats(count, &backbone.metrics()).to_string());
    }
    fetched.outcome()
}

/// The markets to judge: those that are named, those of the universe, and all that are priced in a currency.
async fn markets(args: &ScreenArgs, client: &Client, backbone: &Backbone) -> anyhow::Result<Vec<String>> {
    let named = MarketSelection::of(backbone, args.markets.clone(), args.universe.as_deref()).await?;
    let mut markets: Vec<String> = match args.markets.is_empty() && args.universe.is_none() {
        true => Vec::new(),
        false => named.without_unlisted(client).await?.all().map(str::to_owned).collect(),
    };
    if let Some(quote) = &args.quote {
        let listed = client.markets().await?;
        let priced = listed.iter().filter(|market| market.quote.eq_ignore_ascii_case(quote));
        let before = markets.len();
        markets.extend(priced.map(|market| market.symbol.code().to_owned()));
        anyhow::ensure!(markets.len() > before, "no market of {} is priced in {quote}", backbone.venue());
    }
    markets.sort_unstable();
    markets.dedup();
    Ok(markets)
}

/// The bars of the markets, and what could not be fetched.
#[derive(Default)]
struct Fetched {
    sets: BTreeMap<String, Vec<CandleSet>>,
    failures: Vec<String>,
}

impl Fetched {
    async fn fetch(&mut self, client: &Client, markets: &[String], need: BarsNeeded, forming: bool) {
        let request = client.candles_of(markets, need.timeframe).last(need.bars);
        let answers = if forming { request.all().await } else { request.closed().all().await };
        for answer in answers {
            match answer.candles {
                Ok(set) => self.sets.entry(answer.market).or_default().push(set),
                Err(error) => self.failures.push(format!("{} {}: {error}", answer.market, answer.timeframe)),
            }
        }
    }

    /// Fails if anything could not be fetched; what could be judged has been printed.
    fn outcome(self) -> anyhow::Result<()> {
        let Some((first, others)) = self.failures.split_first() else { return Ok(()) };
        let more = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
        anyhow::bail!("not all markets could be judged: {first}{more}")
    }
}

/// Says on stderr which markets are neither in nor out, and why.
fn tell_unknown(rows: &[Row]) {
    let unknown: Vec<&Row> = rows.iter().filter(|row| row.answer.verdict == Verdict::Unknown).collect();
    for row in unknown.iter().take(MOST_TOLD) {
        note(&format!("unknown: {}; {}", row.market, reasons(&row.answer)));
    }
    if unknown.len() > MOST_TOLD {
        note(&format!("unknown: {} more markets; --all lists them", unknown.len() - MOST_TOLD));
    }
}

fn reasons(answer: &ScreenAnswer) -> String {
    let reasons: Vec<String> = answer.unknown().map(|(name, why)| format!("{name}: {why}")).collect();
    if reasons.is_empty() { "a division by zero".to_owned() } else { reasons.join("; ") }
}
