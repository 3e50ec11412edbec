#!/bin/sh
# From nothing to calls in a few minutes: installs what is missing, builds, and makes calls.
# usage: sh examples/quickstart.sh              on a simulated Asterisk
#        sh examples/quickstart.sh --asterisk   on a real Asterisk 22 in a folder of its own (root on Debian)
set -eu

cd "$(dirname "$0")/.."
root=$(pwd)
# Debian's own Python has Debian's own packages.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
build=${WTEL_BUILD:-$root/build}/plain
wtelctl=$build/cli/wtelctl

show()
{
	printf '\n$ wtelctl'
	for word in "$@"; do
		case $word in
		*' '*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	# A call that is not answered is no failure of this tour.
	"$wtelctl" "$@" || [ $? -eq 1 ]
}

build()
{
	sh tests/tools/packages.sh build
	if [ ! -e "$build/build.ninja" ]; then
		echo "configuring ..."
		meson setup "$build" "$root" >"$place/meson.log" 2>&1 || { cat "$place/meson.log"; exit 1; }
	fi
	echo "building ..."
	ninja -C "$build" >"$place/ninja.log" 2>&1 || { tail -n 40 "$place/ninja.log"; exit 1; }
}

# Calls with different ends. Trunks and agents are there already.
calls()
{
	show doctor
	show trunk list
	for number in +155500001 +155500002 +155500004 +155500005; do
		show originate 1001 "$number" --agent 1
	done
	show calls history
	show trunk list
	show stats
}

# A first trunk that answers 503: the next one carries the call while the agent waits.
failover()
{
	show trunk add carrier-c --host c.example.com --no-registration --endpoint carrier-c-503 --priority 1
	show trunk explain --to +155500008
	show originate 1001 +155500008
}

accounts()
{
	show peer create --user-id 1 --first-name Ana --last-name 'Muñoz'
	show peer create --user-id 2 --first-name Ana --last-name 'Muñoz'
}

simulated()
{
	"$wtelctl" sim --listen 127.0.0.1:0 --registrations carrier-a=Registered,carrier-b=Registered \
		--pickup 0.3 --ring 0.5 --talk 2 >"$place/sim" &
	sim=$!
	until grep -q listening "$place/sim"; do
		kill -0 "$sim"
		sleep 0.1
	done
	WTEL_AMI=ami://wtel:wtel@127.0.0.1:$(sed 's/.*://' "$place/sim")
	export WTEL_AMI
	show trunk add carrier-a --host a.example.com --max-channels 20 --priority 2
	show trunk add carrier-b --host b.example.com --max-channels 10 --priority 3
	accounts
	calls
	failover
}

# Inside of a running test world (tests/real/world.py): WTEL_AMI and WTEL_DB are set.
real()
{
	show trunk add carrier-a --host 127.0.0.1 --max-channels 20 --priority 1
	show trunk add carrier-b --host 127.0.0.1 --max-channels 10 --priority 2
	accounts
	calls
}

advice()
{
	cat <<'END'

Your own Asterisk: copy examples/asterisk/*.conf (or the parts that you lack), then

  export WTEL_AMI=ami://wtel:SECRET@pbx.example.com:5038
  wtelctl doctor
  wtelctl trunk add NAME --host HOST
  wtelctl originate EXTENSION NUMBER

Your own PostgreSQL: export WTEL_DB=postgresql://user@host/name and wtelctl migrate.
END
}

place=$(mktemp -d)
sim=
trap '[ -z "$sim" ] || { kill "$sim" 2>/dev/null; wait "$sim" 2>/dev/null || :; }; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
case ${1-} in
'')
	build
	export WTEL_DB="sqlite:$place/calls.db"
	simulated
	advice
	;;
--asterisk)
	sh tests/tools/packages.sh test
	build
	sh tests/real/asterisk-root.sh
	export WTEL_DB="sqlite:$place/calls.db"
	python3 tests/real/world.py --run sh examples/quickstart.sh --inside
	advice
	;;
--inside)
	real
	;;
*)
	sed -n '2,4s/^# //p' "$0"
	exit 2
	;;
esac
