#!/usr/bin/env bash
# DuckDB 2.0.0 (Python): an Arrow column timestamp[ns, UTC] becomes TIMESTAMPTZ_NS, for which `epoch_ms` is missing.
#
# Expected: a table with such a column works with the functions of time that take TIMESTAMP WITH TIME ZONE, as the same
#           column in microseconds does.
# Seen:     `epoch_ms(time)` ends in a binder error that names no function for TIMESTAMPTZ_NS; with a cast to `timestamptz`
#           it answers. The same column in microseconds arrives as TIMESTAMP WITH TIME ZONE and needs no cast.
# For users: write `time::timestamptz` in queries on Arrow data with nanoseconds, or cast the column in Arrow.
#
# Fails if this changes. Needs python3 with venv, and PyPI.
set -euo pipefail
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
python3 -m venv "$temp/venv"
"$temp/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
"$temp/venv/bin/python" - <<'PY'
import sys
import duckdb
import pyarrow as pa

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__)


def column(unit, factor):
    values = pa.array([1_700_000_000 * factor], pa.int64()).cast(pa.timestamp(unit, "UTC"))
    return pa.table({"time": values})


def ask(table, expression):
    try:
        connection = duckdb.connect()
        connection.register("ticks", table)
        return connection.sql(f"select {expression} from ticks").fetchall()[0][0]
    except duckdb.Error as error:
        return f"refused: {str(error).splitlines()[0]}"


micros, nanos = column("us", 10**6), column("ns", 10**9)
seen = {
    "us type": ask(micros, "typeof(time)"),
    "us epoch_ms": ask(micros, "epoch_ms(time)"),
    "ns type": ask(nanos, "typeof(time)"),
    "ns epoch_ms": ask(nanos, "epoch_ms(time)"),
    "ns epoch_ms after a cast": ask(nanos, "epoch_ms(time::timestamptz)"),
}
for name, value in seen.items():
    print(f"{name}: {value}")
as_before = (
    seen["us type"] == "TIMESTAMP WITH TIME ZONE"
    and seen["us epoch_ms"] == 1_700_000_000_000
    and seen["ns type"] == "TIMESTAMPTZ_NS"
    and str(seen["ns epoch_ms"]).startswith("refused: Binder Error")
    and seen["ns epoch_ms after a cast"] == 1_700_000_000_000
)
sys.exit(0 if as_before else "changed: see above")
PY
