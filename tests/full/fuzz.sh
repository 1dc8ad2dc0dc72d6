#!/usr/bin/env bash
# Queries of cohorts, made up by a fuzzer that watches which code each of them reaches:
#   tests/full/fuzz.sh [SECONDS]            default: 300
# Fails with the query that broke something, and leaves it beside this script's folder of finds.
# What was found interesting is kept in target/fuzz and is where the next run begins. Takes g++.
set -euo pipefail
cd "$(dirname "$0")/../.."
for_secs=${1:-300}
root=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
mkdir -p "$root/corpus" "$root/finds"
printf '%s\n' '==' '!=' '<=' '>=' '=lt=' '=in=(' '=out=(' '=null=true' 'model' 'version' 'battery' \
    '"' "'" '\\\\' '*' ';' ',' '(' ')' '2.10.0-rc.1' '29.50' | sed 's/.*/"&"/; s/"""/"\\""/' >"$root/words"
# Which code a query reaches: counters that the compiler puts into every branch.
export RUSTFLAGS='--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Ccodegen-units=1'
triple=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --quiet --manifest-path tests/fuzz/Cargo.toml \
    --target "$triple" --target-dir "$root/target"
"$root/target/$triple/release/selector" "$root/corpus" -dict="$root/words" -max_len=600 \
    -max_total_time="$for_secs" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$root/finds/"
