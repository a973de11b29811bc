"""How long polars takes to read a Parquet file into columns: `python columns_peer.py FILE ROUNDS`.

Prints a line for each round, in seconds, after one that does not count.
"""

import sys
import time

import polars


def main(path, rounds):
    for number in range(rounds + 1):
        started = time.perf_counter()
        frame = polars.read_parquet(path)
        took = time.perf_counter() - started
        assert frame.height > 0
        del frame
        if number:
            print(f"polars {polars.__version__} {took:.6f}", flush=True)


main(sys.argv[1], int(sys.argv[2]))
