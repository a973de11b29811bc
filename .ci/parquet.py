"""Opens what we write as others do, and computes the content hash of archives from the documentation alone."""

import hashlib
import json
import pathlib
import struct
import sys
from datetime import datetime, timezone

import duckdb
import pandas
import polars
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.parquet

FIGURES = ["open", "high", "low", "close", "volume", "turnover"]
BEGINNING, END = -(2**63), 2**63 - 1


def nanoseconds(text, otherwise):
    if text is None:
        return otherwise
    moment = datetime.fromisoformat(text).astimezone(timezone.utc)
    return int(moment.timestamp()) * 10**9  # slots open on whole seconds


def series_hash(entry, frame):
    name = f"market-backbone series 1\n{entry['venue']}\n{entry['symbol']}\n{entry['timeframe']}\n"
    digest = hashlib.sha256(name.encode())
    for row in frame[["timestamp", *FIGURES]].itertuples(index=False):
        digest.update(struct.pack("<q6d", int(row[0]) * 10**6, *row[1:]))
    digest.update(struct.pack("<Q", len(frame)))
    for stretches in (entry["coverage"]["known"], entry["coverage"].get("disputed", [])):
        for stretch in stretches:
            ends = nanoseconds(stretch["from"], BEGINNING), nanoseconds(stretch["to"], END)
            digest.update(struct.pack("<2q", *ends))
        digest.update(struct.pack("<Q", len(stretches)))
    return digest.digest()


def read_csv(path):
    frame = pandas.read_csv(path)
    assert all(frame[figure].dtype == "float64" for figure in FIGURES if figure in frame), frame.dtypes
    assert frame.timestamp.dtype == "int64" and frame.final.dtype == "bool", frame.dtypes
    return frame


def read_parquet(path):
    frame = pandas.read_parquet(path)
    assert str(frame.timestamp.dtype) == "datetime64[us, UTC]", frame.timestamp.dtype
    assert all(frame[figure].dtype == "float64" for figure in FIGURES), frame.dtypes
    assert frame.final.dtype == "bool" and frame.final.all(), frame.final
    frame["timestamp"] = frame.timestamp.astype("int64") // 1_000
    return frame


def check_archive(folder, read):
    manifest = json.loads((folder / "_manifest.json").read_text())
    hashes = []
    for entry in manifest["series"]:
        frame = read(folder / entry["file"])
        assert len(frame) == entry["rows"] > 0, entry
        hashes.append(series_hash(entry, frame))
        assert hashes[-1].hex() == entry["content_hash"], entry["file"]
    whole = hashlib.sha256(b"market-backbone archive 1\n" + b"".join(hashes)).hexdigest()
    assert whole == manifest["content_hash"], folder
    return manifest


def check_others(path, rows, newest):
    """polars and DuckDB see the same rows, and times as times."""
    frame = polars.read_parquet(path)
    assert frame.height == rows and frame.schema["final"] == polars.Boolean and str(frame.schema["timestamp"]) == "Datetime(time_unit='us', time_zone='UTC')"
    assert frame["close"][-1] == newest
    count, last, kind = duckdb.sql(
        f"select count(*), last(close order by timestamp), any_value(typeof(timestamp)) from '{path}'"
    ).fetchall()[0]
    assert (count, last, kind) == (rows, newest, "TIMESTAMP WITH TIME ZONE"), (count, last, kind)


def check_notes(path, entry):
    notes = {key.decode(): value.decode() for key, value in pyarrow.parquet.read_metadata(path).metadata.items()}
    for key in ("venue", "symbol", "timeframe", "content_hash"):
        assert notes[key] == entry[key], key
    assert json.loads(notes["coverage"]) == entry["coverage"]


def check_answer(path):
    frame = pandas.read_parquet(path)
    assert len(frame) == 500 and frame.timestamp.is_monotonic_increasing
    assert frame.final[:-1].all() and not frame.filled.any() and (frame.truth[:-1] == "present").all(), frame
    check_others(path, 500, frame.close.iloc[-1])


def check_holes(path):
    """A second without a trade is a row that says so."""
    frame = pandas.read_parquet(path)
    assert set(frame.truth) == {"present", "empty"} and (frame.truth == "present").sum() == 200, frame.truth.unique()
    assert (frame.close.isna() == (frame.truth == "empty")).all()
    assert (frame.timestamp.diff().dropna() == pandas.Timedelta(seconds=1)).all()


def check_whole(path):
    """Whole prices for 30,000 rows are floats in every program, and the 99.9 at the end is one."""
    frame = read_csv(path)
    assert len(frame) == 30_001 and frame.close.iloc[0] == 100.0 and frame.close.iloc[-1] == 99.9, frame
    frame = polars.read_csv(path)
    assert [frame.schema[name] for name in ("close", "volume", "final")] == [polars.Float64, polars.Float64, polars.Boolean]
    assert frame["close"][-1] == 99.9
    kinds = "any_value(typeof(close)), any_value(typeof(volume)), any_value(typeof(final)), any_value(typeof(timestamp))"
    said = duckdb.sql(f"select count(*), last(close order by timestamp), {kinds} from '{path}'").fetchall()[0]
    assert said == (30_001, 99.9, "DOUBLE", "DOUBLE", "BOOLEAN", "BIGINT"), said


def check_arrow(path, csv):
    """An Arrow file is the CSV's table: the same rows, types and times."""
    names = ["open", "high", "low", "close", "volume", "final", "filled"]
    frame = pandas.read_feather(path)
    assert str(frame.timestamp.dtype) == "datetime64[ns, UTC]", frame.timestamp.dtype
    assert (frame.timestamp.astype("int64") // 10**6).equals(csv.timestamp), frame.timestamp
    assert frame[names].equals(csv[names]), frame.dtypes
    assert (frame.truth == "present").all()
    frame = polars.read_ipc(path)
    assert frame.height == len(csv) and str(frame.schema["timestamp"]) == "Datetime(time_unit='ns', time_zone='UTC')"
    assert [frame.schema[name] for name in names] == [polars.Float64] * 5 + [polars.Boolean] * 2
    assert frame["timestamp"].dt.epoch("ms").to_list() == csv.timestamp.to_list()
    assert all(frame[name].to_list() == csv[name].to_list() for name in names)
    candles = pyarrow.ipc.open_file(path).read_all()
    notes = candles.schema.metadata
    assert (notes[b"symbol"], notes[b"timeframe"]) == (b"KRW-MBL", b"1m") and b"known" in notes[b"coverage"], notes
    kinds = ", ".join(f"any_value(typeof({name}))" for name in ["timestamp", "close", "final"])
    said = duckdb.sql(f"select count(*), min(epoch_ms(timestamp::timestamptz)), last(close order by timestamp), {kinds} from candles")
    want = (len(csv), csv.timestamp.iloc[0], csv.close.iloc[-1], "TIMESTAMPTZ_NS", "DOUBLE", "BOOLEAN")
    assert said.fetchall()[0] == want, said


def check_folder(archive, rows, series, months):
    """An archive is one table, with the names of its folders as columns."""
    names = {"source", "symbol", "timeframe"}
    frame = pandas.read_parquet(archive)
    assert len(frame) == rows and names < set(frame.columns), frame.columns
    assert str(frame.timestamp.dtype) == "datetime64[us, UTC]" and frame.final.dtype == "bool", frame.dtypes
    assert set(zip(frame.symbol, frame.timeframe)) == series, frame
    table = pyarrow.dataset.dataset(archive, partitioning="hive").to_table()
    assert table.num_rows == rows and names < set(table.column_names), table.schema
    frame = polars.read_parquet(archive / "data")
    assert frame.height == rows and set(frame.select("symbol", "timeframe").iter_rows()) == series, frame.schema
    assert polars.scan_parquet(archive / "data").filter(polars.col("timeframe") == "1M").collect().height == months
    for place in (f"{archive}/**/*.parquet", f"{archive}/data"):
        found = duckdb.sql(f"select distinct symbol, timeframe from read_parquet('{place}', hive_partitioning = true)")
        assert set(found.fetchall()) == series


def check_text_folder(archive, rows, series):
    frame = polars.read_csv(archive / "data", infer_schema_length=100)
    assert frame.height == rows and frame.schema["close"] == polars.Float64, frame.schema
    table = pyarrow.dataset.dataset(archive, format="csv", partitioning="hive").to_table()
    assert table.num_rows == rows and str(table.schema.field("close").type) == "double", table.schema
    found = duckdb.sql(f"select symbol, timeframe, typeof(any_value(close)) from read_csv('{archive}/**/*.csv',"
                       " hive_partitioning = true) group by all").fetchall()
    assert set(found) == {(*names, "DOUBLE") for names in series}, found


def check_several(file, folder):
    """Several series in one file, and a file each: whose a row is, it says."""
    want = {(symbol, timeframe) for symbol in ("KRW-BTC", "KRW-ETH") for timeframe in ("1m", "1h")}
    frame = pandas.read_parquet(file)
    assert set(frame[["symbol", "timeframe"]].itertuples(index=False, name=None)) == want and len(frame) == 200
    assert frame.final.dtype == "bool" and 0 < (~frame.final).sum() <= 4, "the forming ones alone are not final"
    frame = polars.read_csv(folder)
    assert set(frame.select("symbol", "timeframe").iter_rows()) == want and frame.height == 200
    assert duckdb.sql(f"select distinct symbol, timeframe from '{folder}/*.csv'").df().shape == (4, 2)


work = pathlib.Path(sys.argv[1])
csv, parquet = work / "csv", work / "parquet"
texts, tables = check_archive(csv, read_csv), check_archive(parquet, read_parquet)
assert texts["content_hash"] == tables["content_hash"]
for text, table in zip(texts["series"], tables["series"], strict=True):
    pandas.testing.assert_frame_equal(read_csv(csv / text["file"]), read_parquet(parquet / table["file"]))
    check_others(parquet / table["file"], table["rows"], read_parquet(parquet / table["file"]).close.iloc[-1])
    check_notes(parquet / table["file"], table)
rows = sum(entry["rows"] for entry in tables["series"])
series = {(entry["symbol"], entry["timeframe"]) for entry in tables["series"]}
months = sum(entry["rows"] for entry in tables["series"] if entry["timeframe"] == "1M")
check_folder(parquet, rows, series, months)
check_text_folder(csv, rows, series)
check_answer(work / "answer.parquet")
check_holes(work / "holes.parquet")
check_several(work / "several.parquet", work / "several-csv")
check_whole(work / "whole.csv")
check_arrow(work / "whole.arrow", pandas.read_csv(work / "whole.csv"))
[whole] = check_archive(work / "whole-csv", read_csv)["series"]
check_whole(work / "whole-csv" / whole["file"])
print(f"{len(series)} series, {rows} rows: pandas, polars, pyarrow and DuckDB read them; hash {tables['content_hash']}")
