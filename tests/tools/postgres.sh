#!/bin/sh
# A private PostgreSQL server for tests: nothing of the system's own servers is touched.
#
#   postgres.sh start DIR     makes a cluster in DIR (must not exist), prints its postgresql:// URL
#   postgres.sh restart DIR   ends it as a crash would (no checkpoint) and starts it again on the same port
#   postgres.sh stop DIR      ends it and removes DIR
#
# It listens on 127.0.0.1, on a free port, and trusts whoever connects: for tests on this machine only. fsync stays on,
# because what is measured and what survives a crash must be real. Run as root it becomes the user postgres; where that one
# may not go (a checkout in /root), DIR is a link to a place in /tmp.
set -eu

fail() {
	echo "postgres.sh: $*" >&2
	exit 1
}

[ $# -eq 2 ] || fail "usage: postgres.sh start|restart|stop DIR"
command=$1
case $2 in
/*) dir=$2 ;;
*) dir=$PWD/$2 ;;
esac

bin=
for candidate in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V -r) $(dirname "$(command -v initdb || echo /none/x)"); do
	[ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ] && bin=$candidate && break
done
[ -n "$bin" ] || fail "no PostgreSQL server programs found (Debian: postgresql)"

as_owner() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && exec setpriv --reuid postgres --regid postgres --clear-groups "$@")
	else
		"$@"
	fi
}

link=$dir
dir=$(readlink -m "$link")

launch() {
	as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -s -w -t 300 start >/dev/null 2>&1
}

remove() {
	rm -rf "$dir" "$link"
}

case $command in
start)
	[ ! -e "$dir" ] || fail "$dir exists already"
	mkdir -p "$dir"
	if ! as_owner test -x "$dir"; then
		rmdir "$dir"
		dir=$(mktemp -d /tmp/wtel-postgres.XXXXXX)
		ln -s "$dir" "$link"
	fi
	[ "$(id -u)" -ne 0 ] || chown postgres "$dir"
	as_owner "$bin/initdb" -D "$dir/data" -U wtel -A trust -E UTF8 --locale=C.UTF-8 >"$dir/initdb" 2>&1 ||
		{ cat "$dir/initdb" >&2; remove; fail "initdb failed"; }
	cat >>"$dir/data/postgresql.conf" <<-CONF
		listen_addresses = '127.0.0.1'
		unix_socket_directories = ''
		max_connections = 200
		shared_buffers = 128MB
		max_wal_size = 2GB
		autovacuum_naptime = 5s
	CONF
	tries=0
	while :; do
		port=$((10000 + $(od -A n -t u2 -N 2 /dev/urandom) % 5000))
		sed -i '/^port = /d' "$dir/data/postgresql.conf"
		echo "port = $port" >>"$dir/data/postgresql.conf"
		launch && break
		tries=$((tries + 1))
		[ $tries -lt 5 ] || { cat "$dir/log" >&2; remove; fail "the server does not start"; }
	done
	as_owner "$bin/createdb" -h 127.0.0.1 -p "$port" -U wtel wtel
	echo "postgresql://wtel@127.0.0.1:$port/wtel"
	;;
restart)
	as_owner "$bin/pg_ctl" -D "$dir/data" -s -m immediate stop || true
	launch || fail "the server does not start: see $dir/log"
	;;
stop)
	if [ -f "$dir/data/postmaster.pid" ]; then
		as_owner "$bin/pg_ctl" -D "$dir/data" -s -m fast -t 60 stop ||
			as_owner "$bin/pg_ctl" -D "$dir/data" -s -m immediate stop || true
	fi
	[ ! -d "$dir/data" ] || remove
	;;
*)
	fail "unknown command $command"
	;;
esac
