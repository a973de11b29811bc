//! The examples at the end of each command's help. A test reads every line of them as a command line.

/// The examples of the command at `path`.
pub(crate) fn of(path: &[&str]) -> Option<&'static str> {
    Some(match path {
        ["demo"] => DEMO,
        ["candles"] => CANDLES,
        ["daily"] => DAILY,
        ["plan"] => PLAN,
        ["screen"] => SCREEN,
        ["ticker"] => TICKER,
        ["scores"] => SCORES,
        ["watch"] => WATCH,
        ["record"] => RECORD,
        ["replay"] => REPLAY,
        ["markets"] => MARKETS,
        ["backtest"] => BACKTEST,
        ["sweep"] => SWEEP,
        ["diff"] => DIFF,
        ["emulate"] => EMULATE,
        ["completions"] => COMPLETIONS,
        ["man"] => MAN,
        ["store", "stats"] => STORE_STATS,
        ["store", "check"] => STORE_CHECK,
        ["store", "seal"] => STORE_SEAL,
        ["store", "vacuum"] => STORE_VACUUM,
        ["store", "forget"] => STORE_FORGET,
        ["store", "export"] => STORE_EXPORT,
        ["store", "import"] => STORE_IMPORT,
        ["store", "claim"] => STORE_CLAIM,
        ["universe", "list"] => UNIVERSE_LIST,
        ["universe", "show"] => UNIVERSE_SHOW,
        ["universe", "import"] => UNIVERSE_IMPORT,
        ["universe", "add"] => UNIVERSE_ADD,
        ["universe", "remove"] => UNIVERSE_REMOVE,
        _ => return None,
    })
}

const DEMO: &str = "\
Examples:
  market-backbone demo
  market-backbone demo --for 30s
  market-backbone demo --venue massive     # US stocks";

const CANDLES: &str = "\
Examples:
  market-backbone candles KRW-BTC 1m
  market-backbone candles KRW-BTC 1m --from 7d --output week.csv
  market-backbone candles KRW-BTC 1h --from \"2026-11-28 03:00\" --count 24
  market-backbone candles KRW-BTC KRW-ETH 1m,1h --from 2026-11-01 --output-dir candles
  market-backbone candles KRW-IOTA 1m --fill forward --format json
  market-backbone candles AAPL 1d --venue massive --from 2026-01-01 --adjusted

A TIME is one of: 7d, 12h, 30m (so long ago), now, 2026-11-28, \"2026-11-28 03:00\" (UTC),
2026-11-28T12:00:00+09:00, 03:00 (the last time it was 03:00 UTC), or a Unix time as this
program writes it, in ms or ns.";

const DAILY: &str = "\
Examples:
  market-backbone daily 2026-11-18 --venue massive
  market-backbone daily 2026-11-16 2026-11-17 2026-11-18 --venue massive";

const RECORD: &str = "\
Examples:
  market-backbone record tape KRW-BTC KRW-ETH
  market-backbone record tape KRW-BTC --kinds trade,book,candle.1m --for 1h";

const REPLAY: &str = "\
Examples:
  market-backbone replay tape
  market-backbone replay tape --kinds bar.1m --speed 60 --format json
  market-backbone replay tape --from \"2026-11-28 03:00\" --to \"2026-11-28 04:00\"";

const PLAN: &str = "\
Examples:
  market-backbone plan KRW-BTC 1m --count 100000
  market-backbone plan KRW-BTC 1m --from 30d --format json";

const SCREEN: &str = "\
Examples:
  market-backbone screen \"rsi(14, 15m) < 30 && turnover(24h) > 1e9\" --quote KRW --sort \"turnover(24h)\"
  market-backbone screen \"close > sma(20) and close[1] <= sma(20)[1]\" --universe majors
  market-backbone screen \"change(24h) > 5\" KRW-BTC KRW-ETH --forming --format json
  market-backbone screen \"bbands(20, 2, 1h).lower > close(1h)\" --quote KRW --all --format csv

Quantities: indicators, with the timeframe last; close, open, high, low, volume, turnover of the
newest bar; change(24h) in percent, high(7d), low(7d), volume(24h), turnover(24h). [n] is n bars back.
Operators: || && ! < <= > >= == != + - * / and brackets; also the words or, and, not.
What is unknown never matches: stderr says of which market, and why.";

const TICKER: &str = "\
Examples:
  market-backbone ticker KRW-BTC KRW-ETH
  market-backbone ticker --universe majors --format csv
  market-backbone ticker AAPL MSFT --venue massive";

const SCORES: &str = "\
Examples:
  market-backbone scores KRW-BTC
  market-backbone scores KRW-BTC KRW-ETH --format json
  market-backbone scores KRW-BTC --watch --for 1m
  market-backbone scores AAPL --venue massive --ignition steps

docs/scores.md says how each score is computed.";

const WATCH: &str = "\
Examples:
  market-backbone watch KRW-BTC
  market-backbone watch KRW-BTC --kinds trade,book,candle.1m --format json
  market-backbone watch KRW-BTC --from 1h --for 10m
  market-backbone watch KRW-BTC --resume place.json --output trades.ndjson
  market-backbone watch AAPL --venue massive --kinds trade,candle.1s

In JSON, `timestamp` is Unix ms, and what ends in `_ns` is Unix ns.";

const MARKETS: &str = "\
Examples:
  market-backbone markets --quote KRW
  market-backbone markets --format csv > markets.csv";

const BACKTEST: &str = "\
Examples:
  market-backbone backtest sma-cross KRW-BTC 1m --from 30d --fee 0.0005 --fetch
  market-backbone backtest sma-cross KRW-BTC 1m --fast 20 --slow 60 --from 2026-10-01 --to 2026-11-01 --fee 0.0005 --format json
  market-backbone backtest sma-cross KRW-BTC 1m --from 30d --fee 0.0005 --report month.html
  market-backbone backtest sma-cross --bars bars.csv --fee 0.001 --quantity 1 --cash 10000
  market-backbone backtest sma-cross --bars bars.csv --fee 0.001 --check --monte-carlo 1000
  market-backbone backtest sma-cross AAPL 1d --venue massive --from 2025-01-01 --fee 0 --fetch

Strategies: sma-cross buys when the fast average of closes crosses above the slow one, and
sells when it crosses below. It decides at the close of a bar; the next bar's open fills it.

A trade is a position from the fill that opens it to the fill that closes it. A position that
is still open at the end is valued at the last close and counted in open_positions.
In JSON, shares are fractions (0.05 is 5 %) and what is not defined is null; pessimistic and
optimistic are the final equity if each ambiguous fill had gone against or for the account.
sharpe comes from daily equity; annualised_by is the number of days of the venue's year.";

const SWEEP: &str = "\
Examples:
  market-backbone sweep sma-cross KRW-BTC 1m --fast 5..50:5 --slow 20..200:20 --from 30d --fee 0.0005 --fetch
  market-backbone sweep sma-cross --bars bars.csv --fast 5..50 --slow 20..200 --fee 0.0005 --report heat.html
  market-backbone sweep sma-cross KRW-BTC 1m --fast 10 --slow 30..60:10 --from 7d --fee 0.0005 --format json
  market-backbone sweep sma-cross --bars bars.csv --walk-forward 5 --fee 0.0005

A range is 20, 5..50 (both ends belong to it) or 5..50:5 (steps of 5). Pairs whose fast window
is not shorter than the slow one are left out.";

const DIFF: &str = "\
Examples:
  market-backbone diff live.jsonl backtest.jsonl
  market-backbone diff live.jsonl replay.jsonl --format json

Logs are written by --decisions. The exit code is 0 if they are equal and 1 if they are not.";

const EMULATE: &str = "\
Examples:
  market-backbone emulate upbit
  market-backbone emulate upbit --port 9001 --faults html=0.1,drop_after_ms=5000
  market-backbone emulate upbit --region sg --script empty@candles:4
  market-backbone emulate massive --port 9002 --hours new-york

Another terminal then asks it like the venue:
  market-backbone candles KRW-BTC 1m --rest-url http://127.0.0.1:9001";

const COMPLETIONS: &str = "\
Examples:
  market-backbone completions bash > ~/.local/share/bash-completion/completions/market-backbone
  market-backbone completions zsh > ~/.zfunc/_market-backbone
  market-backbone completions fish > ~/.config/fish/completions/market-backbone.fish";

const MAN: &str = "\
Examples:
  market-backbone man ~/.local/share/man/man1     # a page for each command; then: man market-backbone
  market-backbone man > market-backbone.1";

const STORE_STATS: &str = "\
Examples:
  market-backbone store stats
  market-backbone store stats --series --format json";

const STORE_CHECK: &str = "\
Examples:
  market-backbone store check
  market-backbone store check --repair";

const STORE_SEAL: &str = "\
Examples:
  market-backbone store seal
  market-backbone store stats                        # how much space the sealed files take";

const STORE_VACUUM: &str = "\
Examples:
  market-backbone store vacuum
  market-backbone store vacuum --data-dir /data/market";

const STORE_FORGET: &str = "\
Examples:
  market-backbone store forget KRW-BTC 1m --from \"2026-11-28 03:00\" --to \"2026-11-28 04:00\"
  market-backbone store forget KRW-BTC 1m --yes";

const STORE_EXPORT: &str = "\
Examples:
  market-backbone store export --output export
  market-backbone store export --series \"KRW-BTC 1m\" --from 30d --format parquet --output btc";

const STORE_IMPORT: &str = "\
Examples:
  market-backbone store import export
  market-backbone store import export --as upbit-sg";

const STORE_CLAIM: &str = "\
Examples:
  market-backbone store claim upbit
  market-backbone store claim upbit --as upbit@127.0.0.1:9001";

const UNIVERSE_LIST: &str = "\
Examples:
  market-backbone universe list
  market-backbone universe list --format json";

const UNIVERSE_SHOW: &str = "\
Examples:
  market-backbone universe show majors
  market-backbone universe show majors:memes";

const UNIVERSE_IMPORT: &str = "\
Examples:
  market-backbone universe import lists.json
  market-backbone universe import codes.txt --key majors

A file holds one of:
  {\"majors\": [\"KRW-BTC\", \"KRW-ETH\"], \"memes\": [\"KRW-DOGE\"]}   lists by name
  [\"KRW-BTC\", \"KRW-ETH\"]                                       one list; --key names it
  KRW-BTC, KRW-ETH                                             the same, as plain text
  [{\"type\": \"etf\", \"key\": \"XLK\", \"value\": [\"MSFT\"]}]           lists with a kind

Plain text separates codes by commas or lines; # begins a remark. A list may also be
{\"symbols\": […]} or {\"stocks\": [{\"ticker\": \"MSFT\"}]}, and the file may be what
`markets --format json` prints.";

const UNIVERSE_ADD: &str = "\
Examples:
  market-backbone universe add majors KRW-BTC KRW-ETH
  market-backbone universe add tech AAPL MSFT --venue massive
  market-backbone universe add old KRW-LUNA --unlisted";

const UNIVERSE_REMOVE: &str = "\
Examples:
  market-backbone universe remove majors KRW-ETH
  market-backbone universe remove majors";
