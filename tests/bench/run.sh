#!/bin/sh
# Measures libwtel and its peers in one run on one captured stream, and holds the budgets.
# usage: run.sh BUILD-FOLDER RESULTS-FOLDER [PACKAGES-FOLDER [PART...]]     packages: node/ and python/, as tests/bindings.sh
# keeps them; parts: see the end of this file
#
# A figure is the best of three runs: the machine's other work can only make it worse. What is compared are ratios of the same run.
# A budget that a quiet machine reaches with little to spare, or just not, is printed as such and held at a lower floor.
set -eu

build=$1
results=$2
packages=${3-}
here=$(cd "$(dirname "$0")" && pwd)
session=$here/../golden/sessions/answered.ami
programs=$build/tests/bench
place=$(mktemp -d)
. "$here/gateway.sh"
trap 'end_world; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
tap=$results/bench.tap
# What npm has fetched already it need not ask for again, and a network may fail for a moment.
export npm_config_prefer_offline=true npm_config_fetch_retries=6
: >"$tap"

# usage: reaches FIGURE at-least|at-most LIMIT
reaches()
{
	awk -v a="$1" -v b="$3" -v how="$2" 'BEGIN { exit !(how == "at-least" ? a >= b : a <= b) }'
}

# usage: judge NAME FIGURE at-least|at-most BUDGET [FLOOR]
judge()
{
	verdict=ok
	remark=
	reaches "$2" "$3" "$4" || remark='  below the budget'
	reaches "$2" "$3" "${5-$4}" || { verdict='not ok'; remark='  NOT HELD'; }
	echo "$verdict - $1: $2, budget $3 $4${5:+, held at $5}" >>"$tap"
	printf '%-58s %14s   (%s %s%s)%s\n' "$1" "$2" "$3" "$4" "${5:+, held at $5}" "$remark"
}

# One client on the replayed stream. Sets `rate` (events a second); fails if an event was lost.
# usage: replay PASSES COMMAND...
replay()
{
	passes=$1
	shift
	rate=0
	for attempt in 1 2 3; do
		: >"$place/port"
		python3 "$here/replay.py" "$session" "$passes" >"$place/port" &
		server=$!
		until [ -s "$place/port" ]; do sleep 0.05; done
		read -r port events bytes <"$place/port"
		timeout 120 "$@" "$port" >"$place/out" 2>"$place/err" || { cat "$place/err"; kill "$server" 2>/dev/null; return 1; }
		wait "$server" || :
		read -r seen seconds rest <"$place/out"
		if [ "$seen" != $((events * passes)) ]; then
			echo "$* saw $seen of $((events * passes)) events" >&2
			return 1
		fi
		rate=$(awk -v n="$seen" -v s="$seconds" -v r="$rate" 'BEGIN { x = n / s / 1000; printf "%.0f", (x > r ? x : r) }')
	done
}

peers()
{
	npm install --silent --no-audit --no-fund --prefix "$place/npm" asterisk-manager >/dev/null
	export NODE_PATH="$place/npm/node_modules"
	replay 3000 node "$here/peer_asterisk_manager.js"
	manager=$rate
	replay 3000 python3 "$here/peer_panoramisk.py"
	panoramisk=$rate
}

streams()
{
	printf '#!/bin/sh\nexec "%s/bench_socket" "$1" track\n' "$programs" >"$place/track"
	chmod +x "$place/track"
	replay 60000 "$programs/bench_socket"
	decode=$rate
	replay 60000 "$place/track"
	tracking=$rate
	peers
	echo "events through a loopback socket, thousands a second ($events events, $((bytes / events)) bytes each on average):"
	printf '  %-56s %14s\n' "asterisk-manager (npm)" "$manager" "panoramisk" "$panoramisk" "libwtel, decode and typed events" "$decode" \
		"libwtel, with call tracking" "$tracking"
	judge "decode and typed events, thousands a second" "$decode" at-least 1000
	judge "with call tracking, thousands a second" "$tracking" at-least 700
	judge "decode: times asterisk-manager" "$(awk -v a="$decode" -v b="$manager" 'BEGIN { printf "%.1f", a / b }')" at-least 6
	judge "decode: times panoramisk" "$(awk -v a="$decode" -v b="$panoramisk" 'BEGIN { printf "%.1f", a / b }')" at-least 5
	languages
}

# Events into callbacks of the language packages, each with its name read in JavaScript and one field in Python.
languages()
{
	if [ ! -d "$packages/node" ] || [ ! -d "$packages/python" ]; then
		echo "NO PACKAGES: events into callbacks of Node and Python are not measured (step bindings builds them)"
		return
	fi
	export WTEL_NODE="$packages/node" PYTHONPATH="$packages/python"
	printf '#!/bin/sh\nexec node "%s/peer_libwtel.mjs" "$1" name\n' "$here" >"$place/javascript"
	printf '#!/bin/sh\nexec python3 "%s/peer_libwtel.py" "$1" Channel\n' "$here" >"$place/python"
	chmod +x "$place/javascript" "$place/python"
	replay 30000 "$place/javascript"
	judge "events into JavaScript callbacks, thousands a second" "$rate" at-least 300
	judge "JavaScript callbacks: times asterisk-manager" "$(awk -v a="$rate" -v b="$manager" 'BEGIN { printf "%.1f", a / b }')" at-least 6
	replay 30000 "$place/python"
	judge "events into Python callbacks, thousands a second" "$rate" at-least 300
	judge "Python callbacks: times panoramisk" "$(awk -v a="$rate" -v b="$panoramisk" 'BEGIN { printf "%.1f", a / b }')" at-least 5
	unset WTEL_NODE PYTHONPATH
}

choice()
{
	"$programs/bench_choose" >"$place/out"
	read -r first last <"$place/out"
	echo "choice among 1000 trunks with 10000 prefixes, ns:"
	judge "the first is free" "$first" at-most 1000
	judge "only the last is free" "$last" at-most 1000
	judge "all of equal priority, by weight" "$(awk '$1 == "weighted" { print $2 }' "$place/out")" at-most 1000
	judge "a campaign of 100, only its last is free" "$(awk '$1 == "campaign" { print $2 }' "$place/out")" at-most 1000
}

# In memory, without a socket: a thousand calls at once, of several kinds.
tracking()
{
	sessions=
	for name in answered busy no_answer congestion inbound_queue; do
		sessions="$sessions $here/../golden/sessions/$name.ami"
	done
	"$programs/bench_decode" $sessions
	"$programs/bench_track" $sessions >"$place/out"
	read -r decoded tracked ended bytes <"$place/out"
	judge "1000 calls at once: decode, thousands a second" "$decoded" at-least 1000
	judge "1000 calls at once: with tracking, thousands a second" "$tracked" at-least 700
	judge "bytes of an active call, two legs, 100 000 active" "$bytes" at-most 1024
}

# usage: best KEY: of three runs of bench_store
best()
{
	awk -v key="$1" '$1 == key && $2 > most { most = $2 } END { print most + 0 }' "$place/store"
}

store()
{
	if [ -z "${WTEL_TEST_PG-}" ]; then
		echo "NO POSTGRESQL: its figures are not measured"
		return
	fi
	npm install --silent --no-audit --no-fund --prefix "$place/npm" sequelize pg >/dev/null
	: >"$place/store"
	for run in 1 2 3; do
		"$programs/bench_store" "$WTEL_TEST_PG" 20000 >>"$place/store"
		NODE_PATH="$place/npm/node_modules" node "$here/peer_sequelize.js" "$WTEL_TEST_PG" 3000 >"$place/out"
		sed 's/^/sequelize /' "$place/out" >>"$place/store"
		NODE_PATH="$place/npm/node_modules" node "$here/peer_sequelize.js" "$WTEL_TEST_PG" 3000 50 bare >"$place/out"
		sed 's/^/bare /' "$place/out" >>"$place/store"
	done
	sequelize=$(best sequelize)
	durable=$(best durable_calls)
	printf '  %-56s %14s\n' "durable calls a second, Sequelize with 10 connections" "$sequelize" \
		"  without the trunks' statistics, which libwtel writes" "$(best bare)" \
		"durable calls a second, the same writes in C, 10 connections" "$(best before_calls)"
	# Two cores shared with the server reach the first two on a quiet machine with little to spare.
	judge "durable calls a second (insert, answer, end, legs)" "$durable" at-least 20000 10000
	judge "durable calls: times Sequelize" "$(awk -v a="$durable" -v b="$sequelize" 'BEGIN { printf "%.1f", a / b }')" at-least 30 18
	judge "reservations a second, 8 processes, ends included" "$(best reserve_8)" at-least 3000
	judge "  nine full trunks before the free one" "$(best reserve_8_full_first)" at-least 1500
	printf '  %-56s %14s\n' "reservations a second, 1 process" "$(best reserve_1)"
}

if [ $# -gt 3 ]; then
	shift 3
else
	set -- streams tracking choice store gateway
fi
for part in "$@"; do
	"$part"
done
