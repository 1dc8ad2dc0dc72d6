#!/usr/bin/env bash
# Imports a million devices through the API, and says what it took:
#   tests/full/import.sh [ROWS]             default: 1000000
# A table with a bad row at seven tenths names line and column; the whole table goes into an empty
# server under a progress bar, and once more to no effect; into another server it goes although
# client and server are killed in the middle. Fails on a wrong count, on a client of more than
# CLIENT_MB, and on a journal that is not good afterward. A server keeps all devices in memory, so it
# has three bounds: DRY_MB where none is kept, SERVER_MB where all are, and IMPORT_MB beyond what the
# same devices take once it has started again. Memory is the system's own count of peaks.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-1000000}
client_mb=${CLIENT_MB:-32} dry_mb=${DRY_MB:-96} import_mb=${IMPORT_MB:-160}
server_mb=${SERVER_MB:-$((96 + rows * 16 / 10000))}
[ -n "${PROGRAMS:-}" ] || cargo build --release --locked --quiet -p rolloutd -p rollout-tui
programs=$(realpath "${PROGRAMS:-${CARGO_TARGET_DIR:-target}/release}")
folder=$(mktemp -d)
daemon='' client=''
clean_up() {
    [ -z "$client" ] || kill -9 "$client" 2>/dev/null || true
    [ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
cd "$folder"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
serve() { # folder: starts a server that was made there, and waits until it listens
    local began
    began=$(date +%s%N)
    ROLLOUT_TOKEN=$(sed -n 3p "$1.txt")
    : >said.txt
    ROLLOUT_LISTEN_OPERATORS=127.0.0.1:0 ROLLOUT_LISTEN_DEVICES=127.0.0.1:0 \
        "$programs/rolloutd" serve --config "$1/rolloutd.toml" >said.txt 2>>log.txt &
    daemon=$!
    until ROLLOUT_SERVER=$(sed -n 's/^operators //p' said.txt) && [ -n "$ROLLOUT_SERVER" ]; do
        kill -0 "$daemon" 2>/dev/null || fail "the server does not start: $(tail -n 3 log.txt)"
        sleep 0.05
    done
    export ROLLOUT_SERVER ROLLOUT_TOKEN
    serving_ms=$((($(date +%s%N) - began) / 1000000))
}
stop() { # signal
    kill "-$1" "$daemon"
    { wait "$daemon" || true; } 2>/dev/null
    daemon=''
}
server_peak() { awk '/VmHWM/ { printf "%d", $2 / 1000 }' "/proc/$daemon/status"; }
server_cpu_ms() { # ticks are a hundredth of a second on every Linux
    awk '{ sub(/.*\) /, ""); print ($12 + $13) * 10 }' "/proc/$daemon/stat"
}
count() { "$programs/rollout" device list --limit 1 --json | sed -n 's/.*"total": *\([0-9]*\).*/\1/p'; }
expect_count() {
    local counted
    counted=$(count)
    [ "$counted" = "$1" ] || fail "$counted devices are in, not $1"
}
within() { # what MB bound
    [ "$2" -le "$3" ] || fail "the $1 had $2 MB, more than $3"
}
import() { # a table, and options: what it took; `code` and `said` are left behind
    local began cpu
    began=$(date +%s%N) cpu=$(server_cpu_ms)
    code=0
    python3 - "$programs/rollout" device import "$@" >figures.txt 2>said-by-client.txt <<'PY' || code=$?
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss // 1000, int((used.ru_utime + used.ru_stime) * 1000))
sys.exit(done.returncode)
PY
    said=$(cat said-by-client.txt)
    local peak client_ms ms=$((($(date +%s%N) - began) / 1000000))
    read -r peak client_ms <figures.txt
    cpu=$(($(server_cpu_ms) - cpu))
    sed 's/^/  /' said-by-client.txt
    echo "  exit $code after $ms ms, $((rows * 1000 / ms)) rows/s;" \
        "server: $cpu ms of CPU, peak $(server_peak) MB; client: $client_ms ms, peak $peak MB"
    within client "$peak" "$client_mb"
    within server "$(server_peak)" "$server_mb"
}
expect_said() {
    grep -qE "$1" said-by-client.txt || fail "not said: $1"
}
until_in() { # waits until so many devices are in
    local in
    until in=$(count) && [ "$in" -ge "$1" ]; do
        kill -0 "$client" 2>/dev/null || fail "the import ended at $in devices, before its kill"
        sleep 0.05
    done
}

awk -v rows="$rows" 'BEGIN {
    print "id,model,region,line"
    for (i = 1; i <= rows; i++) printf "sn-%08d,bench-%d,eu-%d,%d\n", i, i % 3, i % 7, i % 40
}' >good.csv
bad=$((rows * 7 / 10 + 1))
sed "${bad}s/^sn-/sn /" good.csv >bad.csv

"$programs/rolloutd" init first >first.txt
serve first
echo "$rows devices, $(wc -c <good.csv) bytes, $(nproc) cores; the empty server: $(server_peak) MB"

echo "dry run of the table with a bad row in line $bad:"
import --dry-run bad.csv
[ "$code" = 1 ] || fail "exit $code, not 1"
expect_said "line $bad column 1 \(.id.\)"
expect_count 0
within server "$(server_peak)" "$dry_mb"

echo 'import of the whole table:'
import good.csv
[ "$code" = 0 ] || fail "exit $code"
expect_said "^$rows devices: $rows added, 0 known"
expect_count "$rows"

echo 'the same again:'
import good.csv
[ "$code" = 0 ] || fail "exit $code"
expect_said "^$rows devices: 0 added, $rows known"
expect_count "$rows"

echo 'and once more in a terminal, whose last bar was:'
# A terminal of no width, as `script` makes it here, gets no bar.
script --quiet --return --flush screen.txt \
    --command "stty columns 80 rows 24; '$programs/rollout' device import good.csv" \
    </dev/null >/dev/null
bar=$(tr '\r' '\n' <screen.txt | grep -aoE 'good\.csv \[=.*left' | tail -n 1) || fail 'no bar was drawn'
echo "  $bar"
expect_count "$rows"
peak=$(server_peak)
stop TERM
serve first
echo "started again: $rows devices are there after $serving_ms ms, peak $(server_peak) MB"
within 'server while it imported' "$peak" $(($(server_peak) + import_mb))
expect_count "$rows"
stop TERM
rm -rf first

"$programs/rolloutd" init second >second.txt
serve second
echo 'the bad table, for good:'
import bad.csv
[ "$code" = 1 ] || fail "exit $code, not 1"
expect_said "line $bad column 1 \(.id.\)"
before=$(count)
[ "$before" -lt "$bad" ] || fail "$before devices are in, beyond line $bad"
expect_said "\($before rows before it are in\)"
stop TERM
rm -rf second

"$programs/rolloutd" init third >third.txt
serve third
echo 'import whose client is killed in the middle:'
"$programs/rollout" device import good.csv >/dev/null 2>&1 &
client=$!
until_in $((rows / 4))
kill -9 "$client"
{ wait "$client" || true; } 2>/dev/null
echo "  $(count) devices are in"
echo 'the same again, its server killed in the middle:'
"$programs/rollout" device import good.csv >cut.txt 2>&1 &
client=$!
until_in $((rows * 3 / 5))
before=$(count)
stop KILL
code=0
wait "$client" || code=$?
client=''
sed 's/^/  /' cut.txt
[ "$code" = 3 ] || fail "the client ended with $code, not with 3 for a server that is gone"
grep -q 'send the same table again' cut.txt || fail 'the client does not say what to do'
serve third
after=$(count)
echo "  $before devices were counted before, $after after, when it had started again in $serving_ms ms"
[ "$after" -ge "$before" ] || fail 'acknowledged devices are gone'
echo 'and a third time, to its end:'
import good.csv
[ "$code" = 0 ] || fail "exit $code"
expect_said "^$rows devices: $((rows - after)) added, $after known"
expect_count "$rows"
stop TERM
"$programs/rolloutd" check --config third/rolloutd.toml >checked.txt || fail "$(tail -n 3 checked.txt)"
sed 's/^/  /' checked.txt | tail -n 2
echo "all of it holds: $rows devices, once each"
