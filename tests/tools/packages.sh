#!/bin/sh
# Installs what building and testing need, where this is Debian and we are root; says what is missing elsewhere.
# usage: packages.sh build|test
set -eu

build="gcc g++ libc6-dev meson ninja-build pkg-config libpq-dev libsqlite3-dev libjansson-dev libev-dev libssl-dev libcrypt-dev libc-ares-dev libnghttp2-dev"
test="libcriterion-dev clang libclang-rt-14-dev valgrind python3 python3-pytest python3-pytest-xdist python3-jsonschema python3-dev python3-setuptools python3-wheel python3-pip swig libnode-dev postgresql sip-tester debootstrap ca-certificates curl openssl sqlite3 jq nodejs npm chromium python3-panoramisk mandoc git procps tzdata wrk"

missing()
{
	for package in "$@"; do
		case $package in
		# A machine may have Node.js from elsewhere.
		nodejs) command -v node >/dev/null && continue ;;
		npm) command -v npm >/dev/null && continue ;;
		libnode-dev) [ -e "$(dirname "$(readlink -f "$(command -v node || echo /)")")/../include/node/node.h" ] && continue ;;
		esac
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
	done
}

case ${1-build} in
build) wanted=$build ;;
test) wanted="$build $test" ;;
*) echo "usage: packages.sh build|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
	echo "NOT DEBIAN: nothing is installed here. Needed, by their Debian names: $wanted" >&2
	exit 0
fi
lacking=$(missing $wanted)
[ -n "$lacking" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "NOT ROOT: please install: $lacking" >&2
	exit 0
fi
echo "installing: $lacking" >&2
export DEBIAN_FRONTEND=noninteractive
# A mirror may not answer for a moment, and the machine's own updates may hold the lock.
apt="apt-get -qq -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300"
$apt update >&2
# A database server that starts by itself is nobody's wish here.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
$apt install -y --no-install-recommends $lacking >&2
