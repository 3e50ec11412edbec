#!/bin/sh
# Packs, installs and tests the language packages, each in a folder of its own.
# usage: sh tests/bindings.sh BUILD-FOLDER RESULTS-FOLDER [node|python...]
#
# BUILD-FOLDER has cli/wtelctl (with the simulator). Results: node-*.tap, python*.xml, and logs. The real Asterisk is used where it can be.
# With WTEL_KEEP the packages stay there, as node/ and python/: the measurements use them.
set -u

build=$(cd "$1" && pwd)
mkdir -p "$2"
results=$(cd "$2" && pwd)
shift 2
cd "$(dirname "$0")/.."
root=$(pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export WTELCTL="$build/cli/wtelctl"
# What npm has fetched already it need not ask for again, and a network may fail for a moment.
export npm_config_prefer_offline=true npm_config_fetch_retries=6
failed=0

# One line of TAP for a command.
# usage: tap FILE NAME COMMAND...
tap()
{
	tap_file=$results/$1.tap
	tap_name=$2
	shift 2
	if "$@" >"$place/log" 2>&1; then
		echo "ok - $tap_name" >>"$tap_file"
		return 0
	fi
	echo "not ok - $tap_name" >>"$tap_file"
	echo "FAILED: $tap_name ($*)"
	tail -n 60 "$place/log"
	failed=1
	return 1
}

# ---- Node --------------------------------------------------------------

# From the checkout as a link, as a copy (npm 9's way, Debian 12 has it), and as the tarball that npm would publish, which
# has all its sources in it.
node_install()
{
	mkdir -p "$place/link" "$place/copy" "$place/packed" "$place/npm"
	# What only has to load is not optimised.
	tap node-install "npm install from the checkout" env CFLAGS=-O0 npm install --no-audit --no-fund --prefix "$place/link" "$root/bindings/node" || return
	tap node-install "the package of the checkout loads" node -e \
		"process.chdir('$place/link'); const wtel = require('$place/link/node_modules/wtel'); new wtel.Parser()" || return
	tap node-install "npm install from the checkout as a copy" env CFLAGS=-O0 npm install --no-audit --no-fund --install-links \
		--prefix "$place/copy" "$root/bindings/node" || return
	tap node-install "the copied package loads" node -e "new (require('$place/copy/node_modules/wtel').Parser)()" || return
	tap node-install "npm pack" sh -c "cd '$root/bindings/node' && npm pack --pack-destination '$place'" || return
	tap node-install "npm install of the tarball" npm install --no-audit --no-fund --prefix "$place/packed" "$place"/wtel-*.tgz || return
	tap node-install "peers for the tests" npm install --no-audit --no-fund --prefix "$place/npm" asterisk-manager express@5 \
		express-session@1 express-rate-limit@8 typescript @types/node@20
	export WTEL_NODE="$place/packed/node_modules/wtel" WTEL_NPM="$place/npm"
	if [ -n "${WTEL_KEEP-}" ]; then
		rm -rf "$WTEL_KEEP/node" && mkdir -p "$WTEL_KEEP" && cp -rL "$WTEL_NODE" "$WTEL_KEEP/node"
	fi
}

node_types()
{
	mkdir -p "$place/types/node_modules"
	cp "$root"/tests/node/types.?ts "$place/types/"
	ln -s "$WTEL_NODE" "$place/types/node_modules/wtel"
	ln -s "$place/npm/node_modules/@types" "$place/types/node_modules/@types"
	echo '{"type": "commonjs"}' >"$place/types/package.json"
	tap node-install "types" sh -c "cd '$place/types' && '$place/npm/node_modules/.bin/tsc' --noEmit --strict --module nodenext \
		--moduleResolution nodenext --target es2022 --types node types.mts types.cts"
}

# usage: node_test FILE [COMMAND BEFORE node...]
node_test()
{
	file=$1
	shift
	name=$(basename "$file" .test.mjs)
	"$@" timeout 600 node --test --test-reporter=tap "$file" >"$results/node-$name.tap" 2>"$results/node-$name.log" || {
		echo "FAILED: $name"
		grep -A 30 '^not ok' "$results/node-$name.tap" || { tail -n 60 "$results/node-$name.log"; echo "not ok - $name ended early" >>"$results/node-$name.tap"; }
		failed=1
	}
}

# Every value that a program may hand over, with the addon under AddressSanitizer.
node_sanitized()
{
	cp -rL "$WTEL_NODE" "$place/checked"
	rm -rf "$place/checked/build"
	tap node-install "the addon with sanitizers" env WTEL_NODE_SANITIZE=address,undefined node "$place/checked/build.js" || return
	export LSAN_OPTIONS=report_objects=0
	for file in input events life; do
		WTEL_NODE="$place/checked" node_sanitized_one "$file"
	done
}

node_sanitized_one()
{
	env LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 WTEL_FUZZ_ROUNDS=10000 timeout 600 \
		node --test --test-reporter=tap "$root/tests/node/$1.test.mjs" >"$results/node-$1-checked.tap" 2>"$results/node-$1-checked.log" || {
		echo "FAILED: $1 with sanitizers"
		grep -A 30 '^not ok' "$results/node-$1-checked.tap"
		failed=1
	}
}

step_node()
{
	rm -f "$results"/node-*.tap
	node_install || return
	node_types
	for file in "$root"/tests/node/*.test.mjs; do
		node_test "$file"
	done
	if [ "$(id -u)" = 0 ] && sh "$root/tests/real/asterisk-root.sh" >/dev/null 2>&1; then
		WTEL_TEST_REAL=1 timeout 600 python3 "$root/tests/real/world.py" --run node --test --test-reporter=tap "$root/tests/node/seed.test.mjs" \
			>"$results/node-real.tap" 2>"$results/node-real.log" || { echo "FAILED: the real Asterisk"; tail -n 60 "$results/node-real.tap"; failed=1; }
	else
		echo "**** THE REAL ASTERISK IS SKIPPED ****"
		echo "ok - Node on the real Asterisk # SKIP no Asterisk here" >"$results/node-real.tap"
	fi
	node_sanitized
}

# ---- all ---------------------------------------------------------------

# Python beside Node: the tests of both mostly wait. What it says comes at the end.
steps=${*:-node python}
python=
case $steps in *python*)
	sh tests/python/run.sh "$build" "$results" >"$place/python" 2>&1 </dev/null &
	python=$!
	;;
esac
case $steps in *node*) step_node ;; esac
if [ -n "$python" ]; then
	wait "$python" || failed=1
	cat "$place/python"
fi
exit "$failed"
