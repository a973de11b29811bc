"""What ccxt.pro and cryptofeed make of the frames in a folder: `python live_others.py FOLDER`.

Each is handed the bytes as its own socket hands them on, and does what it always does with them: decode, keep, call
back. ccxt reads frames with long names, because those are what it asks Upbit for. Prints `program kind frames/s`, by
processor time.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

SECONDS = 0.5

COMMON = {"ty": "type", "cd": "code", "tms": "timestamp", "st": "stream_type"}
TRADE = {
    "td": "trade_date", "ttm": "trade_time", "ttms": "trade_timestamp", "tp": "trade_price", "tv": "trade_volume",
    "ab": "ask_bid", "pcp": "prev_closing_price", "c": "change", "cp": "change_price", "sid": "sequential_id",
    "bap": "best_ask_price", "bas": "best_ask_size", "bbp": "best_bid_price", "bbs": "best_bid_size",
}
TICKER = {
    "op": "opening_price", "hp": "high_price", "lp": "low_price", "tp": "trade_price", "pcp": "prev_closing_price",
    "atp": "acc_trade_price", "c": "change", "cp": "change_price", "scp": "signed_change_price", "cr": "change_rate",
    "scr": "signed_change_rate", "ab": "ask_bid", "tv": "trade_volume", "atv": "acc_trade_volume",
    "tdt": "trade_date", "ttm": "trade_time", "ttms": "trade_timestamp", "aav": "acc_ask_volume",
    "abv": "acc_bid_volume", "h52wp": "highest_52_week_price", "h52wdt": "highest_52_week_date",
    "l52wp": "lowest_52_week_price", "l52wdt": "lowest_52_week_date", "ms": "market_state",
    "its": "is_trading_suspended", "dd": "delisting_date", "mw": "market_warning",
    "atp24h": "acc_trade_price_24h", "atv24h": "acc_trade_volume_24h",
}
BOOK = {"tas": "total_ask_size", "tbs": "total_bid_size", "obu": "orderbook_units", "lv": "level"}
UNIT = {"ap": "ask_price", "bp": "bid_price", "as": "ask_size", "bs": "bid_size"}
NAMES = {"trade": COMMON | TRADE, "ticker": COMMON | TICKER, "orderbook": COMMON | BOOK}


def long_names(frame, kind):
    message = {NAMES[kind][key]: value for key, value in json.loads(frame).items()}
    if kind == "orderbook":
        message["orderbook_units"] = [{UNIT[k]: v for k, v in unit.items()} for unit in message["orderbook_units"]]
    return json.dumps(message, separators=(",", ":")).encode()


def frames(folder, kind):
    return [line for line in (folder / kind).read_bytes().splitlines() if line]


def report(program, kind, fed, took):
    print(program, kind, round(fed / took, 1), flush=True)


async def ccxt_pro(folder):
    import ccxt.pro

    exchange = ccxt.pro.upbit({"newUpdates": False})
    codes = {json.loads(frame)["cd"] for kind in NAMES for frame in frames(folder, kind)}
    exchange.set_markets([exchange.parse_market({"market": code}) for code in codes])
    client = exchange.client("wss://nowhere.invalid")
    for kind in NAMES:
        mine = [long_names(frame, kind) for frame in frames(folder, kind)]
        # A book must begin with a snapshot, or ccxt does not know it.
        for frame in mine if kind == "orderbook" else []:
            client.handle_text_or_binary_message(frame.replace(b"REALTIME", b"SNAPSHOT"))
        fed, used, started = 0, time.process_time(), time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            for frame in mine:
                client.handle_text_or_binary_message(frame)
            fed += len(mine)
        report("ccxt.pro", kind, fed, time.process_time() - used)
    assert exchange.trades and exchange.tickers and exchange.orderbooks, "ccxt kept nothing"
    await exchange.close()


async def cryptofeed(folder):
    from cryptofeed.defines import L2_BOOK, TRADES
    from cryptofeed.exchanges import Upbit
    from cryptofeed.symbols import Symbols

    codes = {json.loads(frame)["cd"] for kind in ("trade", "orderbook") for frame in frames(folder, kind)}
    table, info = Upbit._parse_symbol_data([{"market": code} for code in codes])
    Symbols.set(Upbit.id, table, info)
    heard = 0

    async def reader(_event, _received):
        nonlocal heard
        heard += 1

    feed = Upbit(symbols=list(table), channels=[TRADES, L2_BOOK], callbacks={TRADES: reader, L2_BOOK: reader})
    for kind in ("trade", "orderbook"):
        mine = frames(folder, kind)
        fed, used, started = 0, time.process_time(), time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            for frame in mine:
                await feed.message_handler(frame, None, 0.0)
            fed += len(mine)
        report("cryptofeed", kind, fed, time.process_time() - used)
    assert heard, "cryptofeed called nobody back"


if __name__ == "__main__":
    asyncio.run(ccxt_pro(Path(sys.argv[1])))
    asyncio.run(cryptofeed(Path(sys.argv[1])))
