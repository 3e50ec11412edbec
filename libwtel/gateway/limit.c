#include "gateway/limit.h"

#include <string.h>
#include <sys/random.h>

enum { SETS = 2048, WAYS = 4 };

struct bucket {
	uint64_t key; /* 0: free */
	double tokens;
	int64_t at; /* mono: what `tokens` were then */
};

struct rate {
	double per_microsecond; /* 0: no limit */
	double most;
};

struct limit_table {
	struct wtel_allocator allocator;
	uint64_t seed[2]; /* so that nobody can choose whom he shares a set with */
	struct rate rates[LIMIT_LOGIN_NAME + 1];
	struct bucket buckets[SETS][WAYS];
};

static struct rate make_rate(int count, double microseconds)
{
	return (struct rate){count > 0 ? count / microseconds : 0, count};
}

int limit_new(struct limit_table **out, const struct wtel_gateway_options *options,
	      const struct wtel_allocator *allocator)
{
	struct limit_table *table = gateway_allocate(allocator, sizeof(*table));

	if (!table)
		return WTEL_ENOMEM;
	table->allocator = *allocator;
	if (getrandom(table->seed, sizeof(table->seed), 0) != (ssize_t)sizeof(table->seed)) {
		limit_free(table);
		return WTEL_EIO;
	}
	table->rates[LIMIT_USER] = table->rates[LIMIT_GRANT] = make_rate(options->user_rate, 1e6);
	table->rates[LIMIT_ADDRESS] = make_rate(options->address_rate, 1e6);
	table->rates[LIMIT_LOGIN_ADDRESS] = table->rates[LIMIT_LOGIN_NAME] = make_rate(options->login_rate, 60e6);
	*out = table;
	return 0;
}

void limit_free(struct limit_table *table)
{
	struct wtel_allocator allocator;

	if (!table)
		return;
	allocator = table->allocator;
	gateway_release(&allocator, table);
}

/* The finaliser of splitmix64, over words that the seed stands before. */
static uint64_t mix(uint64_t value)
{
	value ^= value >> 30;
	value *= UINT64_C(0xbf58476d1ce4e5b9);
	value ^= value >> 27;
	value *= UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static uint64_t hash(const struct limit_table *table, enum limit_kind kind, const unsigned char *key, size_t length)
{
	uint64_t value = mix(table->seed[0] + (uint64_t)kind);

	while (length) {
		size_t part = length < 8 ? length : 8;
		uint64_t word = 0;

		memcpy(&word, key, part);
		value = mix(value ^ word) + table->seed[1];
		key += part;
		length -= part;
	}
	value = mix(value);
	return value ? value : 1;
}

/* Its own, or that of whom was seen least lately, full again. */
static struct bucket *find(struct limit_table *table, uint64_t key, double most, int64_t now)
{
	struct bucket *set = table->buckets[key % SETS], *oldest = set;
	int i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].at < oldest->at)
			oldest = &set[i];
	}
	*oldest = (struct bucket){key, most, now};
	return oldest;
}

static struct bucket *fill(struct limit_table *table, enum limit_kind kind, const void *key, size_t length, int64_t now)
{
	const struct rate *rate = &table->rates[kind];
	struct bucket *bucket = find(table, hash(table, kind, key, length), rate->most, now);

	bucket->tokens += (double)(now - bucket->at) * rate->per_microsecond;
	if (bucket->tokens > rate->most)
		bucket->tokens = rate->most;
	bucket->at = now;
	return bucket;
}

static unsigned wait_for(const struct limit_table *table, enum limit_kind kind, const struct bucket *bucket)
{
	double seconds;

	if (bucket->tokens >= 1)
		return 0;
	seconds = (1 - bucket->tokens) / table->rates[kind].per_microsecond / 1e6;
	return (unsigned)seconds + 1;
}

unsigned limit_look(struct limit_table *table, enum limit_kind kind, const void *key, size_t length, int64_t now)
{
	if (table->rates[kind].per_microsecond <= 0)
		return 0;
	return wait_for(table, kind, fill(table, kind, key, length, now));
}

unsigned limit_take(struct limit_table *table, enum limit_kind kind, const void *key, size_t length, int64_t now)
{
	struct bucket *bucket;
	unsigned seconds;

	if (table->rates[kind].per_microsecond <= 0)
		return 0;
	bucket = fill(table, kind, key, length, now);
	seconds = wait_for(table, kind, bucket);
	if (!seconds)
		bucket->tokens -= 1;
	return seconds;
}

size_t limit_address(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8;
}
