#!/usr/bin/env bash
# TA-Lib: the RSI of prices that do not move is 0 in Python (0.8.2, on C 0.8.1) and 50 in the project's own port to Rust (0.8.3).
#
# Expected: one library gives one value for one input; elsewhere the two agree bit for bit.
# Seen:     RSI(14) of forty equal closes is 0.0 in Python and 50.0 in Rust.
# For users: a market that stands still reads as "oversold" to a rule like `rsi < 30` in Python. Our indicators give 50
#           and mark the value as flat.
#
# Fails if this changes. Needs python3 with venv, PyPI, cargo and crates.io; the crate takes a minute to build.
set -euo pipefail
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
python3 -m venv "$temp/venv"
"$temp/venv/bin/pip" install --quiet --disable-pip-version-check TA-Lib==0.8.2
python=$("$temp/venv/bin/python" - <<'PY'
import numpy
import talib

print(f"{talib.RSI(numpy.full(40, 100.0), 14)[-1]:.1f}")
PY
)
mkdir -p "$temp/flat/src"
cat > "$temp/flat/Cargo.toml" <<'TOML'
[package]
name = "flat"
version = "0.0.0"
edition = "2024"

[dependencies]
ta-lib = "=0.8.3"
TOML
cat > "$temp/flat/src/main.rs" <<'RUST'
fn main() {
    let (closes, core) = ([100.0; 40], ta_lib::Core::new());
    let (_, latest) = core.rsi_open(&closes, 14).expect("forty closes are enough");
    println!("{latest:.1}");
}
RUST
rust=$(cargo run --quiet --manifest-path "$temp/flat/Cargo.toml")
echo "RSI(14) of forty equal closes: Python $python, Rust $rust"
if [ "$python" != 0.0 ] || [ "$rust" != 50.0 ]; then
    echo "this has changed" >&2
    exit 1
fi
