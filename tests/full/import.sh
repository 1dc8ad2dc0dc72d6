#!/usr/bin/env bash
# Imports a million devices through the API, and says what it took:
#   tests/full/import.sh [ROWS]             default: 1000000
# First a table with a bad row at seven tenths, then an import whose client is killed in the middle,
# then the same table again: all of it is in, once. Memory is the peak that the system has counted.
set -eu
cd "$(dirname "$0")/../.."
rows=${1:-1000000}
cargo build --release --locked --quiet --package rolloutd --package rollout-tui
programs=$PWD/${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

"$programs/rolloutd" init server >token.txt
ROLLOUT_TOKEN=$(sed -n 3p token.txt)
ROLLOUT_LISTEN_OPERATORS=127.0.0.1:0 ROLLOUT_LISTEN_DEVICES=127.0.0.1:0 \
    "$programs/rolloutd" serve --config server/rolloutd.toml >said.txt &
daemon=$!
until ROLLOUT_SERVER=$(sed -n 's/^operators //p' said.txt) && [ -n "$ROLLOUT_SERVER" ]; do
    sleep 0.1
done
export ROLLOUT_SERVER ROLLOUT_TOKEN

awk -v rows="$rows" 'BEGIN {
    print "id,model,region,line"
    for (i = 1; i <= rows; i++) printf "sn-%08d,bench-%d,eu-%d,%d\n", i, i % 3, i % 7, i % 40
}' >good.csv
bad=$((rows * 7 / 10 + 1))
sed "${bad}s/^sn-/sn /" good.csv >bad.csv

peak() { awk '/VmHWM/ { printf "%d MB", $2 / 1000 }' "/proc/$daemon/status"; }
count() { "$programs/rollout" device list --limit 1 --json | sed -n 's/.*"total": *\([0-9]*\).*/\1/p'; }
import() { # what the client used, and what it said
    local began ended
    began=$(date +%s%N)
    code=0
    python3 - "$programs/rollout" device import "$@" <<'PY' || code=$?
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
said = (done.stdout + done.stderr).strip()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000
print(f"  {said}\n  client: peak {peak} MB")
sys.exit(done.returncode)
PY
    ended=$(date +%s%N)
    echo "  exit $code after $(((ended - began) / 1000000)) ms; server: peak $(peak)"
}

echo "$rows devices, $(wc -c <good.csv) bytes; server before: peak $(peak)"
echo "dry run of the table with a bad row in line $bad:"
import --dry-run bad.csv
[ "$code" = 1 ]
echo "import, its client killed in the middle:"
"$programs/rollout" device import good.csv &
client=$!
until [ "$(count)" -gt $((rows / 3)) ]; do sleep 0.1; done
kill -9 "$client"
wait "$client" 2>/dev/null || true
before=$(count)
echo "  $before devices are in; server: peak $(peak)"
echo "the same table again:"
import good.csv
[ "$code" = 0 ] && [ "$(count)" = "$rows" ]
echo "and once more:"
import good.csv
[ "$(count)" = "$rows" ]
