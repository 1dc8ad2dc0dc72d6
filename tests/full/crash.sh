#!/bin/sh
# The crash test, longer: `tests/full/crash.sh [KILLS [SEED]]`, 500 kills and a fresh seed if not
# said otherwise. Prints the seed, how many kills fell inside a commit, and how long it took.
set -eu
cd "$(dirname "$0")/../.."
ROLLOUT_KILLS="${1:-500}"
ROLLOUT_SEED="${2:-$(date +%s)}"
export ROLLOUT_KILLS ROLLOUT_SEED
exec cargo test -p rollout-tests --test it -- --exact --nocapture \
    crash::killed_at_any_moment_the_server_forgets_nothing_and_counts_nobody_twice
