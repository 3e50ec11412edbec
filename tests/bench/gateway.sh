# Sourced by run.sh: the gateway beside the same routes on Express 5 (peer_express.js), each with a simulated Asterisk of its
# own and PostgreSQL, in turns. Wants wrk, curl, and the npm packages of the peer.
wtelctl=$build/cli/wtelctl

# Processes of the present world: the server, then its simulator.
world=
end_world()
{
	for one in $world; do
		kill "$one" 2>/dev/null && wait "$one" || :
	done
	world=
}

# usage: until_said FILE PID: an address was printed; sets `said`
until_said()
{
	until said=$(sed -n 's/.*listening on \([^ ]*\).*/\1/p' "$1") && [ -n "$said" ]; do
		kill -0 "$2" || { cat "$1" >&2; return 1; }
		sleep 0.05
	done
}

# usage: start_sim OPTIONS...: sets `ami_port`
start_sim()
{
	: >"$place/sim"
	"$wtelctl" sim --listen 127.0.0.1:0 --pickup 0.05 --ring 0.05 --registrations main=Registered "$@" >"$place/sim" &
	world="$!"
	until_said "$place/sim" $!
	ami_port=${said##*:}
}

# The new server's address is in `address`, what lets one in is in `token`.
start_gateway()
{
	: >"$place/server"
	WTEL_AMI=ami://wtel:wtel@127.0.0.1:$ami_port WTEL_DB=$gateway_db "$wtelctl" serve --listen 127.0.0.1:0 --user-rate 0 --user-streams 0 --drain 0 \
		2>"$place/server" &
	world="$! $world"
	until_said "$place/server" $!
	address=${said%/api/telephony}
	token=$gateway_token
}

start_express()
{
	: >"$place/server"
	NODE_ENV=production NODE_PATH="$place/npm/node_modules" \
		node "$here/peer_express.js" "$WTEL_TEST_PG" "$ami_port" wtel_express 100000 "$audit" >"$place/server" 2>&1 &
	world="$! $world"
	until_said "$place/server" $!
	address=$said
	token=wtel_express
}

# usage: get PATH
get()
{
	curl -s -f -H "Authorization: Bearer $token" "$address/api/telephony/$1"
}

until_connected()
{
	until get status | jq -e .status.connected >/dev/null; do sleep 0.1; done
}

# Calls through the server itself. With a rate: one after the other, in the background's own time.
# usage: originate COUNT NUMBER CURL-OPTIONS...
originate()
{
	count=$1
	number=$2
	shift 2
	for url in $(seq "$count"); do
		echo "url = \"$address/api/telephony/call/originate\""
		echo 'output = "/dev/null"'
	done >"$place/urls.$number"
	curl -s -S -f --no-progress-meter -K "$place/urls.$number" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@" \
		-d "{\"agentExtension\": \"1001\", \"customerPhone\": \"$number\", \"campaignId\": 1, \"leadId\": 2}"
}

# wrk for a few seconds. Appends "SERVER-PLAN RATE P99-IN-MS" to figures; fails when a request was refused or lost.
# usage: press SERVER PLAN SECONDS PATH WRK-OPTIONS...
press()
{
	what=$1-$2
	seconds=$3
	path=$4
	shift 4
	wrk -t1 -c32 -d"$seconds" --timeout 60s --latency -H "Authorization: Bearer $token" "$@" "$address/api/telephony/$path" >"$place/wrk"
	if grep -E 'Non-2xx|Socket errors' "$place/wrk"; then
		echo "$what was not answered as it should be" >&2
		return 1
	fi
	awk -v what="$what" '
		$1 == "99%" { p99 = $2 ~ /us$/ ? $2 / 1000 : $2 ~ /ms$/ ? $2 + 0 : $2 * 1000 }
		$1 == "Requests/sec:" { rate = $2 }
		END { print what, rate, p99 }' "$place/wrk" >>"$place/figures"
}

# The keys of one call are the same on both sides: what is compared is the same work.
# usage: keep_keys SERVER
keep_keys()
{
	get calls/active | jq -S '.calls[0] | keys, (.legs[0] | keys)' >"$place/keys.$1"
	get status | jq -S '.status | keys' >"$place/status.$1"
}

# 500 calls that last, and twenty a second that come to a busy number and go, so that no answer is as the last was.
# usage: measure SERVER
measure()
{
	start_sim --talk 3600
	"start_$1"
	until_connected
	originate 500 +15551230001 -Z --parallel-max 20
	until [ "$(get status | jq .status.callsInProgress)" = 500 ]; do sleep 0.1; done
	[ -e "$place/keys.$1" ] || keep_keys "$1"
	press "$1" warm 1 status
	press "$1" status 3 status
	originate 100 +15551230002 --rate 20/s &
	trickle=$!
	press "$1" active 3 calls/active
	wait $trickle || { echo "$1: a call beside was refused" >&2; return 1; }
	end_world
	measure_originate "$1" originate
}

# usage: measure_originate SERVER PLAN
measure_originate()
{
	start_sim --talk 0.1
	"start_$1"
	until_connected
	press "$1" warm 1 call/originate -s "$place/originate.lua"
	press "$1" "$2" 4 call/originate -s "$place/originate.lua"
	end_world
}

# usage: pressed SERVER-PLAN FIELD: of the run with the highest rate
pressed()
{
	awk -v what="$1" -v field="$2" '$1 == what && $2 > most { most = $2; out = $field } END { printf "%.*f", field == 3 ? 1 : 0, out }' \
		"$place/figures"
}

# usage: compare PLAN TITLE BUDGET [FLOOR]
compare()
{
	ours=$(pressed "gateway-$1" 2)
	theirs=$(pressed "express-$1" 2)
	printf '  %-56s %14s   (p99 %s ms)\n' "$2: Express 5, requests a second" "$theirs" "$(pressed "express-$1" 3)" \
		"$2: gateway, requests a second" "$ours" "$(pressed "gateway-$1" 3)"
	judge "$2: times Express 5" "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.1f", a / b }')" at-least "$3" ${4+"$4"}
}

# 1 000 readers of every event of twenty calls a second. Appends what they saw and the processor time of the server to readers.
# usage: read_events SERVER
read_events()
{
	start_sim --talk 3 --load 20
	"start_$1"
	until_connected
	before=$(processor_time "${world%% *}")
	"$programs/bench_events" "${address##*:}" "$token" 1000 8 >"$place/events"
	after=$(processor_time "${world%% *}")
	jq -r --arg server "$1" --argjson ticks $((after - before)) \
		'"\($server) \(.lost + .closed) \(.delay_ms.p50) \(.delay_ms.p99) \(.delay_ms.max) \($ticks / 100) \(.deliveries)"' \
		"$place/events" >>"$place/readers"
	end_world
}

# usage: processor_time PID: hundredths of a second, the kernel's work for it included
processor_time()
{
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# usage: heard SERVER FIELD: of the run with the lowest p99
heard()
{
	sort -k4,4g "$place/readers" | awk -v what="$1" -v field="$2" '$1 == what { print $field; exit }'
}

compare_readers()
{
	for server in express gateway; do
		printf '  %-56s %14s   (p50 %s, max %s ms; %s s of processor for %s deliveries)\n' "$server, p99 in ms" "$(heard $server 4)" \
			"$(heard $server 3)" "$(heard $server 5)" "$(heard $server 6)" "$(heard $server 7)"
	done
	judge "events lost by 1000 WebSocket clients, all runs" "$(awk '$1 == "gateway" { n += $2 } END { print n }' "$place/readers")" at-most 0
	judge "delay of an event at 1000 clients, p99 in ms" "$(heard gateway 4)" at-most 50
}

# A database of the gateway's own, a trunk that takes all calls, and a token.
prepare_gateway()
{
	gateway_db=$WTEL_TEST_PG
	export WTEL_DB="$gateway_db"
	"$wtelctl" migrate >/dev/null
	"$wtelctl" trunk add main --host 127.0.0.1 --max-channels 100000 >/dev/null
	gateway_token=$("$wtelctl" token create --name bench --role admin --json | jq -r .secret)
	unset WTEL_DB
	cat >"$place/originate.lua" <<-'LUA'
		wrk.method = "POST"
		wrk.headers["Content-Type"] = "application/json"
		wrk.body = '{"agentExtension": "1001", "customerPhone": "+15551230001", "campaignId": 1, "leadId": 2}'
	LUA
}

gateway()
{
	if [ -z "${WTEL_TEST_PG-}" ] || ! command -v wrk >/dev/null || ! ldd "$wtelctl" | grep -q libnghttp2; then
		echo "NO POSTGRESQL, WRK OR GATEWAY: its figures are not measured"
		return
	fi
	npm install --silent --no-audit --no-fund --prefix "$place/npm" express express-rate-limit pg asterisk-manager ws >/dev/null
	prepare_gateway
	audit=audit
	: >"$place/figures"
	: >"$place/readers"
	for run in 1 2 3; do
		measure gateway
		measure express
		audit=no-audit
		measure_originate express unaudited
		audit=audit
	done
	if ! diff "$place/keys.gateway" "$place/keys.express"; then
		echo "calls have other keys on both sides" >&2
		return 1
	fi
	for run in 1 2; do
		read_events gateway
		read_events express
	done
	# The first has little to spare where another program takes a core, and the last reaches it only just: for a call
	# PostgreSQL does as much as all the rest (its row with eight indexes, its end, its trunk, its entry in the audit log), on
	# both sides.
	echo "REST over HTTP, 32 connections, 500 calls under way:"
	compare status "GET status" 10 8
	compare active "GET calls/active" 10
	compare originate "POST call/originate" 10 7
	printf '    %-54s %14s   (p99 %s ms)\n' "Express 5 without the audit log, which libwtel writes" \
		"$(pressed express-unaudited 2)" "$(pressed express-unaudited 3)"
	echo "events of 20 calls a second to 1000 WebSocket clients, each of them to all:"
	compare_readers
}
