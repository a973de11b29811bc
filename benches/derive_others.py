"""What polars makes of the minutes in an Arrow file: `python derive_others.py FILE`.

Folds them into hours several times, in memory, and prints `version milliseconds hours sum-of-closes` with the median time.
"""

import statistics
import sys
import time

import polars

ROUNDS = 9


def fold(frame):
    return frame.group_by_dynamic("timestamp", every="1h").agg(
        polars.col("open").first(),
        polars.col("high").max(),
        polars.col("low").min(),
        polars.col("close").last(),
        polars.col("volume").sum(),
        polars.col("turnover").sum(),
    )


frame = polars.read_ipc(sys.argv[1]).set_sorted("timestamp").rechunk()
times = []
for _ in range(ROUNDS):
    begun = time.perf_counter()
    hours = fold(frame)
    times.append(time.perf_counter() - begun)
print(polars.__version__, statistics.median(times) * 1e3, hours.height, hours["close"].sum())
