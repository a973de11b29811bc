#!/usr/bin/env bash
# cargo-hack 0.6.46: `--no-dev-deps` cannot be combined with `--locked`, though Cargo.lock is up to date.
#
# Expected: a package whose lock file is up to date is checked with `--locked`, with or without `--no-dev-deps`; the flag
#           only keeps dev-dependencies out of the build.
# Seen:     with `--no-dev-deps` the manifest on disk loses its dev-dependencies while cargo runs. The lock file, which
#           holds them, no longer fits, and `--locked` refuses. Plain `cargo hack check --locked` passes.
# For CI:   leave `--no-dev-deps` out; `cargo check` of a library builds no dev-dependencies in any case.
#
# Fails if this changes. Needs cargo and the registry.
set -euo pipefail
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
cargo install --quiet --locked --root "$temp/tools" cargo-hack@0.6.46
export PATH="$temp/tools/bin:$PATH"
cargo hack --version

mkdir -p "$temp/package/src" && cd "$temp/package"
printf '[package]\nname = "sample"\nversion = "0.1.0"\nedition = "2021"\n\n[features]\nextra = []\n\n[dev-dependencies]\nitoa = "=1.0.15"\n' > Cargo.toml
printf 'pub fn one() -> u8 {\n    1\n}\n' > src/lib.rs
cargo generate-lockfile --quiet

cargo check --quiet --locked
echo "cargo check --locked: passes"
cargo hack check --each-feature --quiet --locked 2> /dev/null
echo "cargo hack check --each-feature --locked: passes"
if cargo hack check --each-feature --no-dev-deps --quiet --locked 2> seen; then
  echo "changed: --no-dev-deps and --locked work together now" >&2
  exit 1
fi
grep -q -- '--locked was passed' seen || { echo "changed: it fails for another reason:" >&2; cat seen >&2; exit 1; }
echo "cargo hack check --each-feature --no-dev-deps --locked: refused: $(grep -m1 -- '--locked was passed' seen | sed "s#$temp#TEMP#")"
