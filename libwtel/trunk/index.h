/*
 * Which trunks may carry a number: all prefixes of all trunks in one trie of digits. Where a path ends stands, ready,
 * the set of trunks that may carry a number whose longest known path ends there. Sets are bits by position, equal ones
 * are kept once.
 */
#ifndef TRUNK_INDEX_H
#define TRUNK_INDEX_H

#include "base/alloc.h"

#include <stdbool.h>

enum { PREFIX_SYMBOLS = 11 }; /* ten digits and '+' */

struct prefix_node {
	uint32_t next[PREFIX_SYMBOLS]; /* 0: none, the root is nobody's child */
	uint32_t set;		       /* while it is built: its first rule, 0 none */
};

struct prefix_rule {
	uint32_t next; /* of the same node; 0: none */
	uint32_t position;
	bool deny;
};

struct prefix_index {
	struct prefix_node *nodes;
	size_t node_count, node_room;
	struct prefix_rule *rules; /* gone once it is built; the first is nobody's */
	size_t rule_count, rule_room;
	uint64_t *sets;
	size_t set_count, set_room;
	size_t words; /* of one set */
};

/* All zero: nothing yet. A position has each prefix at most once. */
int prefix_index_begin(struct prefix_index *index, const struct wtel_allocator *allocator, size_t words);
int prefix_index_add(struct prefix_index *index, const struct wtel_allocator *allocator, const char *prefix,
		     uint32_t position, bool deny);
/* `otherwise`: those that may carry a number none of their prefixes matches. */
int prefix_index_end(struct prefix_index *index, const struct wtel_allocator *allocator, const uint64_t *otherwise,
		     uint64_t seed);
void prefix_index_free(struct prefix_index *index, const struct wtel_allocator *allocator);

static inline unsigned prefix_symbol(char c)
{
	return c == '+' ? 10 : (unsigned)(unsigned char)c - '0'; /* PREFIX_SYMBOLS or more: none */
}

static inline const uint64_t *prefix_index_find(const struct prefix_index *index, const char *number)
{
	const struct prefix_node *node = index->nodes;
	unsigned symbol;

	while ((symbol = prefix_symbol(*number++)) < PREFIX_SYMBOLS && node->next[symbol])
		node = &index->nodes[node->next[symbol]];
	return index->sets + node->set * index->words;
}

#endif
