#!/bin/sh
# Installs what is missing, builds, runs every test, and leaves no process behind.
# usage: sh tests/run.sh [STEP...]      steps: see the end of this file; all of them without a word
#
# Each step writes TAP or JUnit into build/results; the last line is their sum.
set -u

cd "$(dirname "$0")/.."
root=$(pwd)
# Debian's own Python has Debian's own packages.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
build=${WTEL_BUILD:-$root/build}
results=$build/results
fuzz_seconds=${WTEL_FUZZ_SECONDS:-60}
started=$(date +%s)

say()
{
	printf '%4d s  %s\n' $(($(date +%s) - started)) "$*"
}

# One line of TAP for a command; its output is kept beside, and shown if it fails.
# usage: tap FILE NAME COMMAND...
tap()
{
	tap_file=$results/$1.tap
	tap_name=$2
	tap_log=$results/$1.$(printf '%s' "$2" | tr -c 'a-zA-Z0-9\n' '-').log
	shift 2
	if "$@" >"$tap_log" 2>&1; then
		echo "ok - $tap_name" >>"$tap_file"
		return 0
	fi
	echo "not ok - $tap_name" >>"$tap_file"
	say "FAILED: $tap_name ($*)"
	tail -n 60 "$tap_log"
	return 1
}

skip()
{
	echo "ok - $2 # SKIP $3" >>"$results/$1.tap"
	say "SKIPPED: $2: $3"
}

can_run_asterisk()
{
	[ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]
}

# Something that goes on beside the steps that follow. What it says is shown by together().
# usage: beside NAME COMMAND...
beside()
{
	beside_name=$1
	shift
	"$@" >"$results/$beside_name.beside" 2>&1 </dev/null &
	besides="$besides $beside_name:$!"
}

# Waits for what goes on beside under one of those names; without a name for all of it.
# usage: together [NAME...]
together()
{
	others=
	for one in $besides; do
		case " ${*:-${one%:*}} " in
		*" ${one%:*} "*) wait "${one#*:}"; cat "$results/${one%:*}.beside" ;;
		*) others="$others $one" ;;
		esac
	done
	besides=$others
}

# ---- steps ------------------------------------------------------------

step_install()
{
	tap install "packages" sh tests/tools/packages.sh test
	# A minute's work of the network and the disk, where it is not there yet.
	if can_run_asterisk; then
		beside asterisk tap install "Asterisk 22" sh tests/real/asterisk-root.sh
	fi
}

# usage: configure FOLDER OPTIONS...
configure()
{
	folder=$build/$1
	shift
	[ -e "$folder/build.ninja" ] || meson setup "$folder" "$root" -Dwerror=true "$@"
}

compile()
{
	configure plain -Dbench=true && ninja -C "$build/plain"
}

# With the plain build's warnings; of its debugging information, only the lines.
compile_checked()
{
	configure checked -Db_sanitize=address,undefined -Db_lundef=false -Ddefault_library=static -Dcli=disabled -Dexamples=disabled \
		-Dc_args=-g1 && nice ninja -C "$build/checked" units
}

compile_fuzz()
{
	CC=clang configure fuzz -Dfuzz=true -Dcli=disabled -Dexamples=disabled -Ddefault_library=static -Db_lundef=false -Doptimization=1 \
		-Dc_args=-gline-tables-only &&
		nice ninja -C "$build/fuzz" $(cd tests/fuzz && ls fuzz_*.c | sed 's,^,tests/fuzz/,; s,\.c$,,')
}

compile_others()
{
	tap build "builds with sanitizers" compile_checked
	if command -v clang >/dev/null; then
		tap build "builds with libFuzzer" compile_fuzz
	else
		skip build "builds with libFuzzer" "no clang"
	fi
}

step_build()
{
	tap build "builds without a warning" compile || return
	beside compiler compile_others
}

step_source()
{
	python3 tests/tools/check_source.py "$root" "$build/plain/libwtel/libwtel.so" >"$results/source.tap" || {
		say "FAILED: rules of the source"
		grep -v '^ok' "$results/source.tap"
	}
	tap install-check "installs, and a program builds with pkg-config alone" sh tests/tools/check_install.sh "$build/plain"
	tap install-check "manual page is clean" sh -c '! mandoc -T lint -W warning cli/wtelctl.1 | grep .'
	# Without the optional parts it still builds.
	tap install-check "builds without optional parts" sh -c "meson setup '$build/minimal' '$root' -Dwerror=true -Dpostgres=disabled \
		-Dcli=disabled -Dexamples=disabled -Dtests=disabled -Ddefault_library=shared -Doptimization=0 -Ddebug=false \
		-Dc_args=-Wno-maybe-uninitialized && ninja -C '$build/minimal'"
}

# A private cluster for the tests that want one; what goes on beside others has its own. Sets WTEL_TEST_PG.
# usage: start_postgres [NAME]
start_postgres()
{
	cluster=$build/postgres${1+-$1}
	WTEL_TEST_PG=$(sh tests/tools/postgres.sh start "$cluster") || {
		unset WTEL_TEST_PG
		skip postgres "tests with PostgreSQL" "no server could be started"
		return 1
	}
	export WTEL_TEST_PG
}

stop_postgres()
{
	[ -z "${WTEL_TEST_PG-}" ] || sh tests/tools/postgres.sh stop "$cluster"
	unset WTEL_TEST_PG
}

# Programs of which one test takes seconds; begun last, they would be waited for alone.
long="store_capacity store_watch gateway_events ami_parser service_health service_failover service_link"

# Several at once: most of them wait most of the time.
# usage: unit FOLDER LABEL
unit()
{
	{
		for area in $long; do
			[ ! -x "$build/$1/tests/unit/test_$area" ] || echo "$build/$1/tests/unit/test_$area"
		done
		ls -d "$build/$1"/tests/unit/test_* | grep -v -x -e '.*\.p' $(printf ' -e .*/test_%s' $long)
	} | xargs -P 3 -n 1 sh tests/tools/unit.sh "$results" "$2"
}

step_unit()
{
	start_postgres
	unit plain unit
	stop_postgres
	for program in "$build"/plain/tests/fuzz/fuzz_*_replay; do
		target=${program##*/fuzz_}
		target=${target%_replay}
		tap corpus "corpus of $target" "$program" "tests/fuzz/corpus/$target"
	done
}

step_sanitize()
{
	together compiler
	start_postgres
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	# Now and then Criterion's own runner forgets 48 bytes of a worker.
	export LSAN_OPTIONS=suppressions=$root/tests/tools/criterion.supp:print_suppressions=0
	# The store's 8-process races and the timing of bcrypt gain nothing here but minutes.
	unit checked sanitized
	unset ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS
	stop_postgres
}

valgrind_all()
{
	for area in base ami_event ami_guard ami_session call_tracker call_identity peer trunk config; do
		[ -x "$build/plain/tests/unit/test_$area" ] || continue
		tap valgrind "valgrind: $area" nice valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
			--trace-children=yes --child-silent-after-fork=no "$build/plain/tests/unit/test_$area" --timeout 0 --jobs 2
	done
	tap valgrind "valgrind: a call from wtelctl on the simulator" sh tests/tools/valgrind_call.sh "$build/plain"
}

# Beside the steps that follow, as it does not wait for anything.
step_valgrind()
{
	command -v valgrind >/dev/null || { skip valgrind "valgrind" "not installed"; return; }
	beside valgrind valgrind_all
}

# usage: fuzz_one TARGET
fuzz_one()
{
	target=$1
	corpus=$build/corpus/$target
	mkdir -p "$corpus" "$build/crashes"
	# -timeout is real time, in which a busy machine may let it wait: that is for what never ends. How much an input costs, the processor's
	# time says.
	tap "fuzz-$target" "fuzz: $target, $fuzz_seconds s" nice -n 19 "$build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$fuzz_seconds" \
		-timeout=300 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/crashes/$target-" "$corpus" "tests/fuzz/corpus/$target"
	for slow in "$build/crashes/$target-slow-unit-"*; do
		[ ! -e "$slow" ] || tap "fuzz-$target" "fuzz: $target, ${slow##*/} in ten seconds of the processor" \
			sh -c 'ulimit -t 10; exec "$@"' sh "$build/fuzz/tests/fuzz/fuzz_$target" "$slow"
	done
}

# usage: fuzz_half 0|1
fuzz_half()
{
	awk -v half="$1" 'NR % 2 == half' "$build/targets" | while read -r one; do
		fuzz_one "$one" </dev/null
	done
}

step_fuzz()
{
	together compiler
	[ -d "$build/fuzz/tests/fuzz" ] || { skip fuzz "fuzzing" "not built"; return; }
	for program in "$build"/fuzz/tests/fuzz/fuzz_*; do
		[ -f "$program" ] && [ -x "$program" ] || continue
		case $program in *_replay) continue ;; esac
		echo "${program##*/fuzz_}"
	done >"$build/targets"
	# Two at a time, beside the steps that mostly wait.
	beside fuzz-even fuzz_half 0
	beside fuzz-odd fuzz_half 1
}

# A shift of calls: as many as the machine can make in three minutes, behind whatever else is tested.
soak()
{
	start_postgres soak
	suite soak tests/cli/test_soak.py 1
	stop_postgres
}

step_soak()
{
	beside soak soak
}

# Several at once: they mostly wait. conftest.py says which share a world and keep their order.
# usage: suite NAME FOLDER PROCESSES [OPTIONS...]
suite()
{
	suite_name=$1
	suite_place=$2
	suite_processes=$3
	shift 3
	WTELCTL=$build/plain/cli/wtelctl python3 -m pytest -q -p no:cacheprovider -n "$suite_processes" --dist loadfile \
		--junitxml="$results/$suite_name.xml" "$@" "$suite_place" >"$results/$suite_name.log" 2>&1 || {
		say "FAILED: $suite_name"
		tail -n 120 "$results/$suite_name.log"
		[ -s "$results/$suite_name.xml" ] || echo "not ok - $suite_name ended early" >>"$results/$suite_name.tap"
	}
}

step_cli()
{
	start_postgres
	suite cli tests/cli 3 --ignore=tests/cli/test_soak.py
	tap quickstart "examples/quickstart.sh" sh examples/quickstart.sh
	stop_postgres
}

step_real()
{
	if ! can_run_asterisk; then
		echo "**** THE REAL ASTERISK IS SKIPPED: this needs root on Debian ****"
		skip real "the real Asterisk" "not root on Debian"
		return
	fi
	together asterisk
	start_postgres
	suite real tests/real 3
	stop_postgres
}

step_bindings()
{
	together asterisk
	start_postgres
	WTEL_KEEP=$build/packages sh tests/bindings.sh "$build/plain" "$results" || say "FAILED: language packages"
	stop_postgres
}

step_bench()
{
	together
	start_postgres
	sh tests/bench/run.sh "$build/plain" "$results" "$build/packages" || say "FAILED: bench"
	stop_postgres
}

# ---- all --------------------------------------------------------------

rm -rf "$results"
mkdir -p "$results"
besides=
trap 'stop_postgres; together' EXIT
trap 'exit 130' INT TERM
for step in ${@:-install build source unit valgrind sanitize fuzz soak cli real bindings bench}; do
	say "$step"
	"step_$step"
done
together
say "done"
python3 tests/tools/count.py "$results"
