#!/bin/sh
# Installs a build into a folder of its own and builds a program against it with nothing but pkg-config.
# usage: check_install.sh BUILD-FOLDER
set -eu

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
DESTDIR=$place meson install -C "$1" --no-rebuild >/dev/null
pc=$(find "$place" -name wtel.pc)
[ -n "$pc" ] || { echo "wtel.pc was not installed"; exit 1; }
for file in 'libwtel.so.0' 'libwtel.a' 'wtelctl' 'wtelctl.1*' 'wtel.h' 'error.def'; do
	[ -n "$(find "$place" -name "$file")" ] || { echo "$file was not installed"; exit 1; }
done
[ -n "$(find "$place" -path '*bash-completion/completions/wtelctl')" ] || { echo "no completion"; exit 1; }
jq -e '.openapi == "3.1.0" and (.paths | length > 10)' "$(find "$place" -path '*share/wtel/openapi.json')" >/dev/null || { echo "no openapi.json"; exit 1; }

cat >"$place/program.c" <<'END'
#include <stdio.h>
#include <wtel/wtel.h>

int main(void)
{
	struct wtel_ami_parser *parser = NULL;
	int code = wtel_ami_parser_new(&parser, NULL, NULL);

	wtel_ami_parser_free(parser);
	printf("%s %s\n", wtel_version(), wtel_error_name(code));
	return code;
}
END
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$place"
cc -std=c11 -pedantic -Wall -Wextra -Werror $(pkg-config --cflags wtel) "$place/program.c" -o "$place/program" $(pkg-config --libs wtel)
library=$(dirname "$(find "$place" -name libwtel.so.0 | head -n 1)")
LD_LIBRARY_PATH=$library "$place/program"
# The shared library says its own name and version.
readelf -d "$library/libwtel.so.0" | grep -q 'SONAME.*libwtel.so.0'
# The program needs libwtel and the C library, nothing of what libwtel itself stands on.
if readelf -d "$place/program" | grep NEEDED | grep -v -e libwtel -e libc.so; then
	echo "the program is linked to more than libwtel"
	exit 1
fi
# Statically too: the archive and what libwtel stands on.
cc -std=c11 $(pkg-config --cflags wtel) "$place/program.c" -o "$place/static" "$(find "$place" -name libwtel.a)" \
	-lpq -lsqlite3 -ljansson -lcares -lssl -lcrypto -lcrypt
"$place/static"

# The gateway, where it was built: its own library, and a program that says its options to it.
if [ -n "$(find "$place" -name wtel-gateway.pc)" ]; then
	cat >"$place/serve.c" <<'END'
#include <wtel/gateway.h>

int main(void)
{
	struct wtel_gateway_options options = WTEL_GATEWAY_OPTIONS_INIT;
	struct wtel_gateway *gateway;
	struct wtel_detail detail;

	return wtel_gateway_new(&gateway, EV_DEFAULT, &options, &detail) != WTEL_EINVAL;
}
END
	cc -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags wtel-gateway) "$place/serve.c" -o "$place/serve" \
		$(pkg-config --libs wtel-gateway) -lev
	LD_LIBRARY_PATH=$library "$place/serve"
	readelf -d "$library/libwtel-gateway.so.0" | grep -q 'SONAME.*libwtel-gateway.so.0'
fi
