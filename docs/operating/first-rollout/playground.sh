#!/bin/sh
# A fleet of your own to play with: a server, keys, two releases and 300 devices, all of it in the
# folder `playground` and on this machine. Stop it with: kill $(cat playground/pids)
set -eu
programs=${PROGRAMS:-$(cd "$(dirname "$0")/../../.." && pwd)/target/release}
PATH="$programs:$PATH"
mkdir playground && cd playground

rolloutd init server >token.txt
rolloutd serve --config server/rolloutd.toml --set poll=1s >server.txt 2>server.log &
echo $! >pids
until address=$(sed -n 's/^devices *//p' server.txt) && [ -n "$address" ]; do
    kill -0 "$(cat pids)" 2>/dev/null || { cat server.log >&2; exit 1; }
    sleep 0.1
done
ROLLOUT_SERVER=$(sed -n 's/^operators *//p' server.txt)
ROLLOUT_TOKEN=$(sed -n 3p token.txt)
export ROLLOUT_SERVER ROLLOUT_TOKEN
rollout login playground

for role in root release binding; do rollout key new --role $role --out $role.pem; done
rollout root new --fleet playground --root-key root.pem --release-key release.pem \
    --binding-key binding.pem --out root.cose
rollout root publish root.cose
back=none
for version in 1.0.0 1.1.0; do
    firmware-agent image --product vacuum --image-version $version --out vacuum-$version.bin
    rollout release publish --product vacuum --image vacuum-$version.bin:v980 --key release.pem \
        --way-back $back
    back=$version
done

echo id,model >devices.csv
for i in $(seq 1 300); do printf 'dev-%04d,v980\n' "$i"; done >>devices.csv
rollout device import devices.csv
ROLLOUT_ENROLL_TOKEN=$(rollout device enroll-token --hardware v980 --count 300 |
    sed -n 's/^token *//p')
export ROLLOUT_ENROLL_TOKEN
firmware-agent fleet --server "$address" --dir devices --root root.cose \
    --factory vacuum-1.0.0.bin --product vacuum --hardware v980 --count 300 >devices.log 2>&1 &
echo $! >>pids
cat >plan.toml <<'PLAN'
name    = "vacuum 1.1.0"
release = "vacuum@1.1.0"
ladder  = ["20", "25%", "100%"]
soak    = "0s"

[gate.silence]
at_least = "6s"
PLAN
echo "300 devices run 1.0.0; plan.toml is to bring them 1.1.0"
