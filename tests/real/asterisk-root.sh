#!/bin/sh
# Makes the root directory with a real Asterisk 22 that the tests in this directory run in, and prints its path. It is kept in
# ${WTEL_ASTERISK_ROOT:-/var/cache/wtel/asterisk22} and made once: about a minute and 500 MB.
# Exit status: 0 it is there; 77 it cannot be made here (not root, not Debian), said loudly; anything else: it failed.
set -eu

root=${WTEL_ASTERISK_ROOT:-/var/cache/wtel/asterisk22}

skip() {
	printf '\n*** SKIPPED: the tests on a real Asterisk 22: %s ***\n\n' "$1" >&2
	exit 77
}

[ "$(id -u)" = 0 ] || skip 'they need root (chroot, mount)'
if [ -x "$root/usr/sbin/asterisk" ]; then
	# Asterisk looks its own host's name up, in the network if there is no such file.
	[ -e "$root/etc/hosts" ] || printf '127.0.0.1 localhost %s\n' "$(uname -n)" >"$root/etc/hosts"
	echo "$root"
	exit 0
fi
[ -e /etc/debian_version ] && command -v apt-get >/dev/null || skip 'this is not a Debian'
command -v unshare >/dev/null || skip 'unshare is missing'
if ! command -v debootstrap >/dev/null; then
	apt-get install -y --no-install-recommends debootstrap >&2 || skip 'debootstrap cannot be installed'
fi

# The mirror that this machine already uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' | head -n 1)
[ -n "$mirror" ] || skip 'apt knows no Debian mirror'

# Debian 13 has no asterisk either; its successor has 22. Older debootstraps do not know that name, but `sid` is made alike.
script=/usr/share/debootstrap/scripts/forky
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid

# Beside the final place, so that the move is one rename and a broken attempt leaves nothing that looks whole.
mkdir -p "$(dirname "$root")"
new=$(mktemp -d "$root.new.XXXXXX")
trap 'rm -rf --one-file-system "$new"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$new"
echo "making $root from $mirror ..." >&2
if ! debootstrap --variant=minbase --include=asterisk,ca-certificates forky "$new" "$mirror" "$script" >"$new.log" 2>&1; then
	tail -n 20 "$new.log" >&2
	rm -f "$new.log"
	echo "debootstrap failed" >&2
	exit 1
fi
rm -f "$new.log"
umount "$new/proc" "$new/sys" 2>/dev/null || true
printf '127.0.0.1 localhost %s\n' "$(uname -n)" >"$new/etc/hosts"
rm -rf "$new"/var/cache/apt/archives/*.deb
# Another run may have been faster.
[ -x "$root/usr/sbin/asterisk" ] || mv -T "$new" "$root"
echo "$root"
