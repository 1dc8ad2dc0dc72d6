#!/usr/bin/env bash
# The dashboard as a user sees it: `rolloutd demo` in a terminal of tmux, keys typed, screens read.
#   tests/full/dashboard.sh [FOLDER]        where captures go; default: docs/operating/captures
# Each screen is waited for by the words that must be on it, and is kept as text (`.txt`) and, where
# python3 has Pillow (PYTHON names another), as a picture (`.png`). The session is recorded; played
# again to its end, it must show the last screen it showed, but for the first and the last line, which
# say that it is a recording. Takes tmux, and a minute after the build.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "${1:-docs/operating/captures}"
captures=$(realpath "${1:-docs/operating/captures}")
renderer=$PWD/tests/full/render.py
python=${PYTHON:-python3}
[ -n "${PROGRAMS:-}" ] || cargo build --release --locked --quiet -p rolloutd -p rollout-tui
programs=$(realpath "${PROGRAMS:-${CARGO_TARGET_DIR:-target}/release}")
folder=$(mktemp -d)
socket=dashboard-$$
terminal() { tmux -L "$socket" -f /dev/null "$@"; }
clean_up() {
    terminal kill-server 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
export LC_ALL=C.UTF-8 TZ=UTC
unset NO_COLOR TMUX

fail() {
    echo "FAILED: $*" >&2
    terminal capture-pane -p -t "$pane" >&2 || true
    exit 1
}
open() { # name command: a terminal of 120 by 40
    pane=$1
    terminal -u new-session -d -s "$1" -x 120 -y 40 "${@:2}"
    terminal set-option -g remain-on-exit on
}
screen() { terminal capture-pane -p -t "$pane"; }
awaits() { # pattern [seconds]: until it is on the screen
    local end=$((SECONDS + ${2:-20}))
    until screen | grep -qE -- "$1"; do
        [ "$SECONDS" -lt "$end" ] || fail "not on the screen: $1"
        sleep 0.05
    done
    checks=$((checks + 1))
}
goes() { # pattern: until it is on the screen no more
    local end=$((SECONDS + 20))
    while screen | grep -qE -- "$1"; do
        [ "$SECONDS" -lt "$end" ] || fail "still on the screen: $1"
        sleep 0.05
    done
    checks=$((checks + 1))
}
keys() { terminal send-keys -t "$pane" "$@"; }
types() { terminal send-keys -t "$pane" -l -- "$1"; }
keep() { # name: the screen as it is, on which each pattern must be
    terminal capture-pane -e -p -t "$pane" >"$folder/$1.ansi"
    screen | sed 's/ *$//' >"$captures/$1.txt"
    local pattern
    for pattern in "${@:2}"; do
        grep -qE -- "$pattern" "$captures/$1.txt" || fail "$1 does not show: $pattern"
        checks=$((checks + 1))
    done
    kept+=("$1")
}
checks=0 kept=()

open live "exec '$programs/rolloutd' demo --devices 300 --record '$folder/session.jsonl'"
terminal pipe-pane -t live "exec cat >'$folder/live.raw'"
awaits 'Rollouts  1' 60
awaits 'good 1.1.0 +DEPLOYING'

keys '?'
awaits 'Help: overview'
keep help 'pause .*stop offers and permits|stop offers and permits' 'you are demo' 'Signs|time travel'
keys Escape
awaits 'Rollouts  1'

awaits 'rung [34]/4' 60
keys Enter
awaits '┌ Ladder'
awaits '┌ Gate'
awaits 'ln e'
keys p
awaits 'Pause good 1.1.0\?'
keys Enter
awaits 'a reason is needed'
types 'the shops open at nine'
goes 'a reason is needed'
keep pause 'No offer and no permit will be given until one person resumes it' \
    'Reason \(shown to everyone\): the shops open at nine' 'Esc leave everything as it is'
keys Enter
awaits 'PAUSED'
awaits 'the shops open at nine'
keys r
awaits 'Resume good 1.1.0\?'
keys Enter
awaits '(DEPLOYING|SOAKING)'
keep rollout 'rung [34]/4' 'bounds .*p_max' 'in flight' 'confirmed [0-9]+' 'Events of this rollout'

keys d
awaits 'Devices  all'
keys /
types 'dev-00'
keys Enter
awaits 'Devices  .*dev-00'
keys Down Down Down
keep devices 'dev-0001' 'dev-0002' 'v980'
keys Enter
awaits 'Why, in good 1.1.0'
awaits 'What happened to it'
keep device '✔ belongs to the cohort' 'enrolled as v980'
keys Escape
awaits 'Devices  /dev-00'
keys Escape
awaits '┌ Ladder'
keys m
awaits 'Census  model × version'
keep matrix 'v980' '300'
keys Escape
awaits '┌ Ladder'
keys v
awaits 'Releases  3'
keep releases 'vacuum@1.1.0' 'way back' '◂ 1.0.0'
keys Escape
awaits '┌ Ladder'
keys Escape
awaits 'Rollouts  '

awaits 'HALTED bad 1.2.0' 120
awaits 'the demo is over: look around, q leaves' 240
keys g
for _ in 1 2 3; do
    screen | grep -q '┌ bad 1.2.0' && break
    keys Down
    sleep 0.5
done
awaits '┌ bad 1.2.0'
awaits 'waits for two people'
keys l
awaits 'bad 1.2.0, fails its self-test is HALTED'
awaits 'good 1.1.0 opened rung 4 of 4'
keys Escape
awaits '┌ bad 1.2.0'
keys x
keep overview 'HALTED bad 1.2.0' 'waits for two people to resume it' 'confirmed [0-9,]+ ' 'failure rate'
keys q
awaits 'HALTED by evidence'
terminal pipe-pane -t live

# What the terminal was sent up to its return to lines is the last screen.
python3 - "$folder/live.raw" "$folder/last.raw" <<'PY'
import sys
sent = open(sys.argv[1], "rb").read()
last, left, _ = sent.rpartition(b"\x1b[?1049l")
assert left, "the dashboard has not given the terminal back"
open(sys.argv[2], "wb").write(last + b"\x1b[H\x1b[?25l")
PY
open last "stty raw -echo; cat '$folder/last.raw'; exec cat"
awaits 'Rollouts  '
goes '^\$ '
body() { screen | sed '1d;$d; s/ *$//'; }
open again "exec '$programs/rollout' watch --replay '$folder/session.jsonl'"
awaits 'replaying'
keys End
awaits '([0-9]+)/\1'
body >"$folder/again.txt"
pane='last'
body >"$folder/last.txt"
if ! diff "$folder/last.txt" "$folder/again.txt"; then
    echo 'FAILED: the recording ends with another screen' >&2
    exit 1
fi
checks=$((checks + 1))
pane='again'
keys Home
awaits ' 0/[0-9]+'
keys q
pane=live
awaits 'What happened, in' 120
awaits 'bad 1.2.0, fails its self-test: halted'
echo "$checks checks of screens hold; the recording of" \
    "$(wc -l <"$folder/session.jsonl") lines, $(wc -c <"$folder/session.jsonl") bytes, ends as it was seen"

if "$python" -c 'import PIL' 2>/dev/null; then
    for name in "${kept[@]}"; do
        "$python" "$renderer" "$folder/$name.ansi" "$captures/$name.png"
        bytes=$(wc -c <"$captures/$name.png")
        echo "  $name.png: $bytes bytes"
        [ "$bytes" -le 61440 ] || fail "$name.png is larger than 60 KiB"
    done
else
    echo 'no pictures: python3 has no Pillow'
fi
