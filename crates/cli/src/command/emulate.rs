//! `market-backbone emulate`: a look-alike of a venue, alone.

use anyhow::Context;
use market_backbone::UpbitRegion;
use market_backbone_emulator::{
    Ending, Evict, Faults, Flood, Hours, LimiterKind, Massive, Region, Scenario, Scripted, Split, TapeStart,
    TickerSet,
};
use tokio::net::TcpListener;

use crate::args::{self, Counting, Emulate, StockOptions, Victim, Whose};
use crate::exit::Usage;
use crate::{output, stop};

/// `region` says which of Upbit's houses it is to look like: markets, trades and books of its own.
pub(crate) async fn run(args: Emulate, region: Option<UpbitRegion>) -> anyhow::Result<()> {
    let scenario = scenario(&args, region)?;
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("cannot listen on port {}; choose another with --port", args.port))?;
    let address = listener.local_addr()?;
    let (name, socket) = match args.whose {
        Whose::Upbit => ("Upbit", "websocket/v1"),
        Whose::Massive => ("Massive", "stocks"),
    };
    output::note(&format!(
        "{name} look-alike on http://{address} and ws://{address}/{socket}; what it was asked: http://{address}/__admin/report"
    ));
    let stop = async {
        stop::wait().await;
    };
    Ok(market_backbone_emulator::serve(listener, scenario, stop).await?)
}

fn scenario(args: &Emulate, whose: Option<UpbitRegion>) -> anyhow::Result<Scenario> {
    Ok(Scenario {
        seed: args.seed,
        tape: args.tape.clone(),
        tape_start: match args.tape_start {
            args::TapeStart::Recorded => TapeStart::Recorded,
            args::TapeStart::Now => TapeStart::Now,
        },
        limiter: match args.limiter {
            Counting::Sliding => LimiterKind::Sliding,
            Counting::Fixed => LimiterKind::Fixed,
        },
        faults: faults(args.faults.as_deref().unwrap_or_default())?,
        script: Scripted::list(args.script.as_deref().unwrap_or_default())
            .map_err(|error| Usage(format!("--script: {error}")))?,
        region: region(args, whose)?,
        massive: stocks(&args.stocks)?,
        ..Scenario::default()
    })
}

/// Tickers that take turns in a flood.
const FLOOD_TICKERS: usize = 10_000;

fn stocks(options: &StockOptions) -> Result<Massive, Usage> {
    Ok(Massive {
        hours: match options.hours {
            args::Hours::NewYork => Hours::NewYork,
            args::Hours::Always => Hours::Always,
        },
        tickers: TickerSet::Standard(options.tickers),
        splits: splits(options.splits.as_deref().unwrap_or_default())?,
        max_connections: options.max_connections,
        evict: match options.evict {
            Victim::Oldest => Evict::Oldest,
            Victim::Newest => Evict::Newest,
        },
        auth_timeout_ms: options.auth_timeout.saturating_mul(1_000),
        queue_bytes: options.queue_bytes,
        late_share: options.late_rate,
        duplicate_share: options.dup_rate,
        exp_volume: options.exp_volume,
        retry_after: options.retry_after,
        requests_per_minute: options.per_minute,
        ending: options.drop_code.map_or(Ending::Abort, Ending::Close),
        flood: options.flood.map(|per_second| Flood { per_second, tickers: FLOOD_TICKERS }),
        ..Massive::default()
    })
}

fn splits(text: &str) -> Result<Vec<(String, Split)>, Usage> {
    Split::parse_list(text).map_err(|error| Usage(format!("--splits: {error}")))
}

fn region(args: &Emulate, region: Option<UpbitRegion>) -> Result<Region, Usage> {
    match (args.whose, region.unwrap_or_default()) {
        (_, UpbitRegion::Korea) => Ok(Region::Korea),
        (Whose::Massive, _) => Err(Usage("--region: only Upbit has regions".to_owned())),
        (Whose::Upbit, UpbitRegion::Singapore) => Ok(Region::Singapore),
        (Whose::Upbit, UpbitRegion::Indonesia) => Ok(Region::Indonesia),
        (Whose::Upbit, UpbitRegion::Thailand) => Ok(Region::Thailand),
    }
}

fn faults(text: &str) -> Result<Faults, Usage> {
    text.parse().map_err(|error| Usage(format!("--faults: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use market_backbone_emulator::{Page, PageFault, When};

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        emulate: Emulate,
    }

    fn read(line: &str, region: Option<UpbitRegion>) -> anyhow::Result<Scenario> {
        scenario(&Alone::parse_from(format!("emulate {line}").split_whitespace()).emulate, region)
    }

    #[test]
    fn faults_scripts_and_regions_are_read_as_they_are_written() {
        let scenario = read(
            "upbit --faults empty_page=0.05,late_rows=3,bad_row_kind=null --script hole@trades:2",
            Some(UpbitRegion::Indonesia),
        )
        .unwrap();
        assert_eq!(scenario.region, Region::Indonesia);
        assert_eq!((scenario.faults.empty_page, scenario.faults.late_rows), (0.05, 3));
        let want = Scripted { when: When::Nth(Page::Trades, 2), fault: PageFault::Hole };
        assert_eq!(scenario.script, [want]);
        assert_eq!(read("massive", None).unwrap().region, Region::Korea);
    }

    #[test]
    fn what_makes_no_sense_is_wrong_usage() {
        for line in ["upbit --script odd@x", "upbit --faults late_rows=few"] {
            assert!(read(line, None).unwrap_err().is::<Usage>(), "{line}");
        }
        assert!(read("massive", Some(UpbitRegion::Thailand)).unwrap_err().is::<Usage>());
    }
}
