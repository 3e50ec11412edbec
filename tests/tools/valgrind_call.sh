#!/bin/sh
# One call from wtelctl on the simulator under valgrind: no error, no leak.
# usage: valgrind_call.sh BUILD-FOLDER
set -eu

wtelctl=$1/cli/wtelctl
place=$(mktemp -d)
trap 'kill $sim 2>/dev/null || :; rm -rf "$place"' EXIT
export WTEL_DB="sqlite:$place/calls.db"
"$wtelctl" sim --listen 127.0.0.1:0 --registrations main=Registered --ring 0.2 --talk 1 --pickup 0.2 >"$place/sim" &
sim=$!
until grep -q listening "$place/sim"; do
	kill -0 "$sim"
	sleep 0.1
done
port=$(sed 's/.*://' "$place/sim")
export WTEL_AMI="ami://wtel:wtel@127.0.0.1:$port"
"$wtelctl" trunk add main --host sip.example.com
# Slow as it is under valgrind, a busy machine may keep it from its connection (exit status 3) for longer than it has patience.
for attempt in 1 2 3 4 5; do
	status=0
	valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$wtelctl" originate 1001 +15550001 || status=$?
	[ $status = 3 ] || exit $status
done
exit $status
