/* The URLs that say where Asterisk and the database are. */
#ifndef SERVICE_URL_H
#define SERVICE_URL_H

#include <wtel/service.h>

/* Where decoded strings go; big enough by construction (decoding never lengthens), refused if not. */
struct url_arena {
	char *at;
	char *end;
};

/* A terminated copy; NULL: it does not fit. */
char *url_copy(struct url_arena *arena, struct wtel_slice text);

/*
 * "ami://user:secret@host:5038", or several separated by commas. Slices are borrowed from `arena`. WTEL_ECONFIG with
 * `field` and a sentence that holds nothing of the URL but its host.
 */
int url_hosts(struct wtel_config *config, struct url_arena *arena, const char *field, const char *text,
	      struct wtel_detail *detail);

/* "sqlite:path", "postgresql://user:password@host:5432/name": the password is taken out. */
int url_database(struct wtel_config *config, struct url_arena *arena, const char *field, const char *text,
		 struct wtel_detail *detail);

/* config_keys.c: `text` or, without it, what is in the file at `path`; NULL: neither. config_keys_free() wipes. */
int config_keys(char **out, const char *text, const char *path, struct wtel_detail *detail);
void config_keys_free(char *text);

/* Appends with everything percent-encoded that is not unreserved (RFC 3986). false: no room. */
bool url_encode(struct url_arena *arena, const char *text);

#endif
