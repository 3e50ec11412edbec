#!/bin/sh
# Builds the Python package into a temporary folder and runs its tests: on the simulator, on the real Asterisk where it can
# run, and what takes any input once more with the address sanitizer.
# usage: run.sh BUILD-FOLDER RESULTS-FOLDER        (BUILD-FOLDER holds cli/wtelctl; WTEL_TEST_PG: PostgreSQL too)
set -eu

PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
build=$(cd "$1" && pwd)
mkdir -p "$2"
results=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export PYTHONDONTWRITEBYTECODE=1 WTELCTL="$build/cli/wtelctl"
status=0

# Compilers stand behind the tests of other languages, which go on meanwhile. What is not measured is hardly optimised.
# usage: package FOLDER
package()
{
	(cd "$root/bindings/python" && CFLAGS="-O1 -g1" nice -n 19 python3 setup.py -q build --build-base "$1" --build-lib "$1/lib")
}

# usage: suite NAME ARGUMENTS...
suite()
{
	name=$1
	shift
	(cd "$root" && python3 -m pytest -q -p no:cacheprovider --junitxml="$results/$name.xml" "$@") >"$results/$name.log" 2>&1 || {
		tail -n 120 "$results/$name.log"
		[ -s "$results/$name.xml" ] || echo "not ok - $name ended early" >>"$results/$name.tap"
		status=1
	}
}

# usage: step NAME COMMAND...
step()
{
	name=$1
	shift
	if "$@" >"$place/log" 2>&1; then
		echo "ok - $name" >>"$results/python-install.tap"
	else
		tail -n 60 "$place/log"
		echo "not ok - $name" >>"$results/python-install.tap"
		status=1
	fi
}

# From a copy of the checkout, as it is left as it was; then as a tarball, a wheel of that, and the wheel alone.
installs()
{
	mkdir -p "$place/checkout"
	(cd "$root" && tar cf - --exclude=build --exclude=node_modules --exclude='*.egg-info' LICENSE README.md meson.build meson_options.txt \
		include libwtel bindings) | tar xf - -C "$place/checkout"
	step "pip install from the checkout" nice -n 19 python3 -m pip install -q --no-index --target "$place/installed" "$place/checkout/bindings/python"
	step "source tarball" sh -c "cd '$place/checkout/bindings/python' && python3 setup.py -q sdist -d '$place' && cd '$place' && tar xzf wtel-*.tar.gz"
	step "wheel of the tarball" sh -c "cd '$place'/wtel-*/ && CFLAGS=-O0 nice -n 19 python3 setup.py -q bdist_wheel -d '$place'"
	step "pip install of the wheel" sh -c "python3 -m pip install -q --no-index --target '$place/wheel' '$place'/wtel-*.whl"
	step "the wheel's package loads" env PYTHONPATH="$place/wheel" python3 -c "import wtel; wtel.Parser().close()"
}

rm -f "$results"/python*.tap
installs
if [ -n "${WTEL_KEEP-}" ]; then
	rm -rf "$WTEL_KEEP/python" && mkdir -p "$WTEL_KEEP" && cp -r "$place/installed" "$WTEL_KEEP/python"
fi
PYTHONPATH=$place/installed suite python tests/python

if command -v mypy >/dev/null; then
	(cd "$root/bindings/python" && mypy --strict --cache-dir "$place/mypy" wtel >"$results/python-types.log" 2>&1) &&
		echo "ok - types of the Python package" >"$results/python-types.tap" || {
		cat "$results/python-types.log"
		echo "not ok - types of the Python package" >"$results/python-types.tap"
		status=1
	}
fi

# The interpreter itself is not instrumented: the runtime comes first, and with it what it wraps before it is loaded.
WTEL_SANITIZE=1 package "$place/checked"
(
	LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) libcrypt.so.1"
	ASAN_OPTIONS=detect_leaks=0
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	PYTHONPATH=$place/checked/lib
	export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS PYTHONPATH
	# Memory is measured without it; and psql, which the tests with PostgreSQL call, hangs under a foreign sanitizer.
	suite python-sanitized tests/python/test_surface.py tests/python/test_telephony.py tests/python/test_ami.py \
		-k "not million and not thousand and not postgresql"
	exit $status
) || status=1
exit $status
