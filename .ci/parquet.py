"""Opens an archive as others do, and computes its content hash from the documentation alone."""

import hashlib
import json
import pathlib
import struct
import sys
from datetime import datetime, timezone

import duckdb
import pandas
import polars
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
    return pandas.read_csv(path, dtype={figure: "float64" for figure in FIGURES})


def read_parquet(path):
    frame = pandas.read_parquet(path)
    assert str(frame.timestamp.dtype) == "datetime64[ms, UTC]", frame.timestamp.dtype
    assert all(frame[figure].dtype == "float64" for figure in FIGURES), frame.dtypes
    frame["timestamp"] = frame.timestamp.astype("int64")
    return frame


def check_archive(folder, read):
    manifest = json.loads((folder / "manifest.json").read_text())
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
    assert frame.height == rows and str(frame.schema["timestamp"]) == "Datetime(time_unit='ms', time_zone='UTC')"
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


csv, parquet, answer, holes = (pathlib.Path(argument) for argument in sys.argv[1:])
texts, tables = check_archive(csv, read_csv), check_archive(parquet, read_parquet)
assert texts["content_hash"] == tables["content_hash"]
for text, table in zip(texts["series"], tables["series"], strict=True):
    pandas.testing.assert_frame_equal(read_csv(csv / text["file"]), read_parquet(parquet / table["file"]))
    check_others(parquet / table["file"], table["rows"], read_parquet(parquet / table["file"]).close.iloc[-1])
    check_notes(parquet / table["file"], table)
check_answer(answer)
check_holes(holes)
rows = sum(entry["rows"] for entry in tables["series"])
print(f"{len(tables['series'])} series, {rows} rows: pandas, polars and DuckDB read them; hash {tables['content_hash']}")
