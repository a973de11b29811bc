//! `market-backbone emulate`: an emulated venue on its own.

use anyhow::Context;
use market_backbone_emulator::{
    EmulatedRegion, EvictionPolicy, ExchangeHours, Faults, LimiterKind, Scenario, ScriptedFault,
    SocketTermination, SplitSpec, StocksScenario, TapeAlignment, TickerSet, TradeFlood,
};
use tokio::net::TcpListener;

use crate::args::{self, EmulateArgs, EvictArg, LimiterArg, StockArgs};
use crate::exit::UsageError;
use crate::{output, stop};

/// Runs the emulator.
///
/// `region` says which of the venue's regions it emulates: markets, trades and books of its own.
pub(crate) async fn run(args: EmulateArgs, region: Option<&str>) -> anyhow::Result<()> {
    let scenario = scenario(&args, region)?;
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("cannot listen on port {}; choose another with --port", args.port))?;
    let address = listener.local_addr()?;
    let (name, socket) = (args.whose.display_name, args.whose.socket_path);
    output::note(&format!(
        "{name} emulator on http://{address} and ws://{address}/{socket}; its report: \
         http://{address}/__admin/report"
    ));
    let stop = async {
        stop::wait().await;
    };
    Ok(market_backbone_emulator::serve(listener, scenario, stop).await?)
}

fn scenario(args: &EmulateArgs, whose: Option<&str>) -> anyhow::Result<Scenario> {
    let scenario = Scenario {
        seed: args.seed,
        tape: args.tape.clone(),
        tape_start: match args.tape_start {
            args::TapeStartArg::Recorded => TapeAlignment::Recorded,
            args::TapeStartArg::Now => TapeAlignment::Now,
        },
        limiter: match args.limiter {
            LimiterArg::Sliding => LimiterKind::Sliding,
            LimiterArg::Anchored => LimiterKind::Anchored,
            LimiterArg::Fixed => LimiterKind::Fixed,
        },
        limits: args.limit.clone(),
        faults: faults(args)?,
        script: ScriptedFault::parse_list(args.script.as_deref().unwrap_or_default())
            .map_err(|error| UsageError(format!("--script: {error}")))?,
        region: region(args, whose)?,
        ..Scenario::default()
    };
    Ok(scenario.with_stocks(stocks(&args.stocks)?))
}

/// The number of tickers that take turns in a flood.
const FLOOD_TICKERS: usize = 10_000;

fn stocks(options: &StockArgs) -> Result<StocksScenario, UsageError> {
    Ok(StocksScenario {
        hours: match options.hours {
            args::HoursArg::NewYork => ExchangeHours::NewYork,
            args::HoursArg::Always => ExchangeHours::Always,
            args::HoursArg::AlwaysRegular => ExchangeHours::AlwaysRegular,
        },
        tickers: TickerSet::Standard(options.tickers),
        splits: splits(options.splits.as_deref().unwrap_or_default())?,
        max_connections: options.max_connections,
        evict: match options.evict {
            EvictArg::Oldest => EvictionPolicy::Oldest,
            EvictArg::Newest => EvictionPolicy::Newest,
        },
        auth_timeout_ms: options.auth_timeout.saturating_mul(1_000),
        queue_bytes: options.queue_bytes,
        late_share: options.late_rate,
        duplicate_share: options.dup_rate,
        exp_volume: options.exp_volume,
        retry_after: options.retry_after,
        requests_per_minute: options.per_minute,
        termination: options.drop_code.map_or(SocketTermination::Abort, SocketTermination::Close),
        flood: options.flood.map(|per_second| TradeFlood { per_second, tickers: FLOOD_TICKERS }),
        ..StocksScenario::default()
    })
}

fn splits(text: &str) -> Result<Vec<(String, SplitSpec)>, UsageError> {
    SplitSpec::parse_list(text).map_err(|error| UsageError(format!("--splits: {error}")))
}

fn region(args: &EmulateArgs, region: Option<&str>) -> Result<EmulatedRegion, UsageError> {
    let (venue, Some(name)) = (args.whose, region) else { return Ok(EmulatedRegion::default()) };
    match venue.regions.first() {
        // The only region of a venue that has no others is no choice.
        None if name.parse() == Ok(EmulatedRegion::default()) => Ok(EmulatedRegion::default()),
        None => Err(UsageError(format!("--region: {} has no regions", venue.display_name))),
        Some(_) => name.parse().map_err(|error| UsageError(format!("--region: {error}"))),
    }
}

fn faults(args: &EmulateArgs) -> Result<Faults, UsageError> {
    let faults = args.faults.as_deref().unwrap_or_default().parse();
    let faults: Faults = faults.map_err(|error| UsageError(format!("--faults: {error}")))?;
    let faults = args.latency_ms.map_or(faults, |range| faults.with_latency(range));
    Ok(args.service_ms.map_or(faults, |range| faults.with_service(range)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use market_backbone_emulator::{FaultTarget, PageFault, PageKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct EmulateCli {
        #[command(flatten)]
        emulate: EmulateArgs,
    }

    fn read(line: &str, region: Option<&str>) -> anyhow::Result<Scenario> {
        scenario(&EmulateCli::parse_from(format!("emulate {line}").split_whitespace()).emulate, region)
    }

    #[test]
    fn faults_scripts_and_regions_are_read_as_they_are_written() {
        let scenario = read(
            "upbit --faults empty_page=0.05,late_rows=3,bad_row_kind=null --script hole@trades:2",
            Some("id"),
        )
        .unwrap();
        assert_eq!(scenario.region, EmulatedRegion::Indonesia);
        assert_eq!((scenario.faults.empty_page, scenario.faults.late_rows), (0.05, 3));
        let want =
            ScriptedFault { target: FaultTarget::NthPage(PageKind::Trades, 2), fault: PageFault::Hole };
        assert_eq!(scenario.script, [want]);
        assert_eq!(read("massive", None).unwrap().region, EmulatedRegion::Korea);
    }

    #[test]
    fn delays_and_limits_are_read_as_they_are_written() {
        let line = "upbit --faults jitter_ms=3,html=0.5 --latency-ms 40±10 --service-ms 5..20 --limit candles=20/1s,weight:4 \
                    --limit candles=100/10s --limiter anchored";
        let scenario = read(line, None).unwrap();
        let Faults { latency_ms, jitter_ms, service_ms, service_jitter_ms, html, .. } = scenario.faults;
        assert_eq!((latency_ms, jitter_ms, service_ms, service_jitter_ms, html), (30, 20, 5, 15, 0.5));
        assert_eq!(scenario.limits.iter().map(|rule| rule.max).collect::<Vec<_>>(), [20, 100]);
        assert_eq!(scenario.limiter, LimiterKind::Anchored);
        for wrong in ["--latency-ms 10±40", "--service-ms soon", "--limit candles=10"] {
            let line = format!("emulate upbit {wrong}");
            assert!(EmulateCli::try_parse_from(line.split_whitespace()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_wrong_usage() {
        for line in ["upbit --script odd@x", "upbit --faults late_rows=few"] {
            assert!(read(line, None).unwrap_err().is::<UsageError>(), "{line}");
        }
        assert!(read("massive", Some("th")).unwrap_err().is::<UsageError>());
    }
}
