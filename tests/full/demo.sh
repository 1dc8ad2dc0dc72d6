#!/usr/bin/env bash
# Plays the demo over seeds and kinds of badness, and once with 5 000 devices; prints one line for
# each and fails if any promise is broken. Takes about ten minutes in release mode:
#   tests/full/demo.sh [SEEDS] [FLEET]      defaults: 5 seeds, 5000 devices; FLEET 0 leaves it out
set -u
cd "$(dirname "$0")/../.."
seeds=${1:-5} fleet=${2:-5000}
cargo build --release --locked --quiet --package rolloutd --bin rolloutd || exit 2
daemon=${CARGO_TARGET_DIR:-target}/release/rolloutd
ulimit -n "$(ulimit -Hn)"
broken=0

summary=$(cat <<'PY'
import json, sys
name, code, dark = sys.argv[1], int(sys.argv[2]), sys.argv[1].split()[0] == "dark"
lines = [line for line in sys.stdin if line.strip()]
try:
    last = json.loads(lines[-1])
    good, bad, back = last["rollouts"]
except (IndexError, KeyError, ValueError):
    print(f"{name:<22} no summary, exit {code}")
    sys.exit(1)
n, rate = last["devices"], name.split()[0] not in ("explicit", "dark")
wrong = [what for kept, what in [
    (code == 0, f"exit {code}"),
    (good["phase"] == "Completed" and good["confirmed"] == n, "good release"),
    (bad["phase"] == "Halted" and bad["cause"] == "evidence", "bad release"),
    (rate or bad["exposed"] <= 20, "more than 20 exposed"),
    (bad["booted_bad_by_flash"] == bad["exposed"], "boots are not permits"),
    (last["buckets_sum"] == n, "buckets"),
    (back["phase"] == "Completed", "way back"),
] if not kept]
print(f"{name:<22} {n:>7} {good['confirmed']:>9} {str(good['proven_at']):>7} {bad['phase']:>8}"
      f" {bad['exposed']:>7} {bad['booted_bad_by_flash']:>6} {bad['rolled_back']:>5}"
      f" {bad['silent']:>6} {back['confirmed']:>5} {last['seconds']:>5}"
      f"  {'; '.join(wrong) or 'kept'}")
sys.exit(bool(wrong))
PY
)

play() { # bad seed devices seconds
    local out code
    out=$(timeout "$4" "$daemon" demo --json --bad "$1" --seed "$2" --devices "$3" --horizon 3 2>&1)
    code=$?
    python3 -c "$summary" "$1 seed $2" "$code" <<<"$out" && return
    broken=$((broken + 1))
    tail -n 3 <<<"$out" | cut -c 1-300 >&2
}

printf '%-22s %7s %9s %7s %8s %7s %6s %5s %6s %5s %5s  %s\n' "bad release" devices confirmed \
    proven phase exposed booted back silent again secs promises
for ((seed = 1; seed <= seeds; seed++)); do
    for bad in explicit dark 0.2; do
        play "$bad" "$seed" 300 300
    done
done
if ((fleet > 0)); then
    play explicit 1 "$fleet" 1500
fi
echo "$broken runs broke a promise"
((broken == 0))
