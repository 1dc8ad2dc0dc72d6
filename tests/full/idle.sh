#!/usr/bin/env bash
# What the dashboard costs while nothing happens:
#   tests/full/idle.sh [SECONDS]            default: 60
# `rollout watch` in a terminal of tmux, on an idle server with 1 000 devices that never call; the CPU
# of dashboard and server by the kernel's own count, twice: with the terminal in front, and behind.
# Fails if the dashboard takes more than PER_MILLE (1) thousandth of a core. Takes tmux.
set -euo pipefail
cd "$(dirname "$0")/../.."
for_secs=${1:-60} per_mille=${PER_MILLE:-1}
[ -n "${PROGRAMS:-}" ] || cargo build --release --locked --quiet -p rolloutd -p rollout-tui
programs=$(realpath "${PROGRAMS:-${CARGO_TARGET_DIR:-target}/release}")
folder=$(mktemp -d)
socket=idle-$$ daemon=
terminal() { tmux -L "$socket" -f /dev/null "$@"; }
clean_up() {
    terminal kill-server 2>/dev/null || true
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
export LC_ALL=C.UTF-8
cd "$folder"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
"$programs/rolloutd" init server >token.txt
ROLLOUT_TOKEN=$(sed -n 3p token.txt)
ROLLOUT_LISTEN_OPERATORS=127.0.0.1:0 ROLLOUT_LISTEN_DEVICES=127.0.0.1:0 \
    "$programs/rolloutd" serve --config server/rolloutd.toml >said.txt 2>log.txt &
daemon=$!
until ROLLOUT_SERVER=$(sed -n 's/^operators //p' said.txt) && [ -n "$ROLLOUT_SERVER" ]; do
    kill -0 "$daemon" 2>/dev/null || fail "the server does not start: $(tail -n 3 log.txt)"
    sleep 0.05
done
export ROLLOUT_SERVER ROLLOUT_TOKEN
awk 'BEGIN { print "id,model"; for (i = 1; i <= 1000; i++) printf "sn-%04d,bench\n", i }' >devices.csv
"$programs/rollout" device import devices.csv >/dev/null

terminal -u new-session -d -s watch -x 120 -y 40 "exec '$programs/rollout' watch"
watch=$(terminal list-panes -t watch -F '#{pane_pid}')
end=$((SECONDS + 20))
until terminal capture-pane -p -t watch | grep -q '1,000 devices .* lag'; do
    [ "$SECONDS" -lt "$end" ] || fail "the dashboard shows no fleet"
    sleep 0.05
done
[ "$(sed 's/ .*//' <(tr '\0' ' ' <"/proc/$watch/cmdline"))" = "$programs/rollout" ] ||
    fail "process $watch is not the dashboard"

cpu_us() { # of a process: by the scheduler, to the nanosecond; ticks are too coarse for so little
    cat /proc/"$1"/task/*/schedstat | awk '{ all += $1 } END { printf "%d", all / 1000 }'
}
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
measure() { # how
    local one=$(cpu_us "$watch") two=$(cpu_us "$daemon") began from
    from=$(ticks "$watch")
    began=$(date +%s%N)
    sleep "$for_secs"
    local us=$((($(date +%s%N) - began) / 1000))
    one=$(($(cpu_us "$watch") - one)) two=$(($(cpu_us "$daemon") - two))
    awk -v how="$1" -v one="$one" -v two="$two" -v us="$us" -v ticks=$(($(ticks "$watch") - from)) 'BEGIN {
        printf "%s: dashboard %.1f ms of CPU in %.0f s = %.3f %% of a core", how, one / 1000, us / 1e6, 100 * one / us
        printf " (utime + stime: %d ticks of 10 ms); server %.3f %%\n", ticks, 100 * two / us }'
    [ $((one * 1000)) -le $((us * per_mille)) ] || fail "more than $per_mille thousandths of a core"
}
measure 'in front'
terminal send-keys -t watch -H 1b 5b 4f
measure 'behind'
