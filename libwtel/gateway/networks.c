#include "gateway/networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool networks_address(struct in6_addr *out, struct wtel_slice text)
{
	char copy[INET6_ADDRSTRLEN + 2];
	struct in_addr four;

	if (!text.length || text.length >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	if (inet_pton(AF_INET, copy, &four) == 1) {
		memset(out, 0, 10);
		memset(out->s6_addr + 10, 0xff, 2);
		memcpy(out->s6_addr + 12, &four, 4);
		return true;
	}
	return inet_pton(AF_INET6, copy, out) == 1;
}

void networks_text(char out[INET6_ADDRSTRLEN], const struct in6_addr *address)
{
	bool four = IN6_IS_ADDR_V4MAPPED(address);

	if (!inet_ntop(four ? AF_INET : AF_INET6, four ? address->s6_addr + 12 : address->s6_addr, out,
		       INET6_ADDRSTRLEN))
		*out = '\0';
}

static bool read_one(struct gateway_network *out, struct wtel_slice word)
{
	const char *slash = memchr(word.data, '/', word.length);
	struct wtel_slice address = {word.data, slash ? (size_t)(slash - word.data) : word.length};
	unsigned bits = 0, most;
	const char *at;

	if (!networks_address(&out->address, address))
		return false;
	most = memchr(address.data, ':', address.length) ? 128 : 32;
	out->bits = 128;
	if (!slash)
		return true;
	if (slash + 1 == word.data + word.length || word.data + word.length - slash > 4)
		return false;
	for (at = slash + 1; at < word.data + word.length; at++) {
		if (*at < '0' || *at > '9')
			return false;
		bits = bits * 10 + (unsigned)(*at - '0');
	}
	out->bits = most == 32 ? bits + 96 : bits;
	return bits <= most;
}

int networks_read(struct gateway_networks *out, const char *list)
{
	out->count = 0;
	while (list && *(list += strspn(list, " ,"))) {
		size_t length = strcspn(list, " ,");

		if (out->count == GATEWAY_NETWORKS_MAX ||
		    !read_one(&out->list[out->count++], (struct wtel_slice){list, length}))
			return WTEL_ECONFIG;
		list += length;
	}
	return 0;
}

static bool within(const struct gateway_network *network, const struct in6_addr *address)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;

	if (memcmp(network->address.s6_addr, address->s6_addr, whole) != 0)
		return false;
	return !rest || ((network->address.s6_addr[whole] ^ address->s6_addr[whole]) >> (8 - rest)) == 0;
}

bool networks_hold(const struct gateway_networks *networks, const struct in6_addr *address)
{
	size_t i;

	for (i = 0; i < networks->count; i++)
		if (within(&networks->list[i], address))
			return true;
	return false;
}

void networks_client(struct in6_addr *out, const struct gateway_networks *proxies, const struct in6_addr *peer,
		     struct wtel_slice forwarded)
{
	struct in6_addr address;
	size_t end = forwarded.length;

	*out = *peer;
	while (end && networks_hold(proxies, out)) {
		size_t from, to;

		for (to = end; to && strchr(" \t,", forwarded.data[to - 1]); to--)
			;
		for (from = to; from && !strchr(" \t,", forwarded.data[from - 1]); from--)
			;
		if (!networks_address(&address, (struct wtel_slice){forwarded.data + from, to - from}))
			return;
		*out = address;
		end = from;
	}
}
