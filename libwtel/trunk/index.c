#include "trunk/index.h"

#include "base/map.h"

#include <string.h>

/* Room for one more element of `size` bytes. */
static int grow(void **array, size_t count, size_t *room, size_t size, const struct wtel_allocator *allocator)
{
	size_t wanted = *room ? *room * 2 : 16;
	void *grown;

	if (count < *room)
		return 0;
	if (wanted > UINT32_MAX || wanted > SIZE_MAX / size)
		return WTEL_ENOMEM;
	grown = base_reallocate(allocator, *array, wanted * size);
	if (!grown)
		return WTEL_ENOMEM;
	*array = grown;
	*room = wanted;
	return 0;
}

static int add_node(struct prefix_index *index, const struct wtel_allocator *allocator)
{
	void *nodes = index->nodes;
	int code = grow(&nodes, index->node_count, &index->node_room, sizeof(*index->nodes), allocator);

	index->nodes = nodes;
	if (!code)
		memset(&index->nodes[index->node_count++], 0, sizeof(*index->nodes));
	return code;
}

static int add_rule(struct prefix_index *index, const struct wtel_allocator *allocator, struct prefix_rule rule)
{
	void *rules = index->rules;
	int code = grow(&rules, index->rule_count, &index->rule_room, sizeof(*index->rules), allocator);

	index->rules = rules;
	if (!code)
		index->rules[index->rule_count++] = rule;
	return code;
}

int prefix_index_begin(struct prefix_index *index, const struct wtel_allocator *allocator, size_t words)
{
	int code;

	*index = (struct prefix_index){.words = words};
	code = add_node(index, allocator);
	if (!code)
		code = add_rule(index, allocator, (struct prefix_rule){0, 0, false});
	return code;
}

int prefix_index_add(struct prefix_index *index, const struct wtel_allocator *allocator, const char *prefix,
		     uint32_t position, bool deny)
{
	uint32_t node = 0, child;
	int code;

	for (; *prefix; prefix++) {
		unsigned symbol = prefix_symbol(*prefix);

		if (symbol >= PREFIX_SYMBOLS)
			return WTEL_EINVAL;
		child = index->nodes[node].next[symbol];
		if (!child) {
			child = (uint32_t)index->node_count;
			code = add_node(index, allocator);
			if (code)
				return code;
			index->nodes[node].next[symbol] = child;
		}
		node = child;
	}
	code = add_rule(index, allocator, (struct prefix_rule){index->nodes[node].set, position, deny});
	if (!code)
		index->nodes[node].set = (uint32_t)index->rule_count - 1;
	return code;
}

/* Sets by what is in them, while the index is built. */
struct known_sets {
	uint32_t *slots; /* a set's number + 1 */
	size_t room;	 /* a power of two, more than twice the sets there can be */
	uint64_t seed[2];
};

/* The last set of index->sets is new: either it stays, or it is one that was known. */
static uint32_t settle(struct prefix_index *index, struct known_sets *known)
{
	size_t bytes = index->words * sizeof(*index->sets), slot;
	const uint64_t *set = index->sets + index->set_count * index->words;

	slot = (size_t)base_hash(known->seed, (struct wtel_slice){(const char *)set, bytes}) & (known->room - 1);
	for (; known->slots[slot]; slot = (slot + 1) & (known->room - 1)) {
		uint32_t other = known->slots[slot] - 1;

		if (memcmp(index->sets + other * index->words, set, bytes) == 0)
			return other;
	}
	known->slots[slot] = (uint32_t)index->set_count + 1;
	return (uint32_t)index->set_count++;
}

/* `base`, changed by the rules from `rule` on. */
static int make_set(struct prefix_index *index, const struct wtel_allocator *allocator, struct known_sets *known,
		    const uint64_t *base, uint32_t parent, uint32_t rule, uint32_t *out)
{
	size_t words = index->words;
	void *sets = index->sets;
	uint64_t *set;
	int code = grow(&sets, index->set_count, &index->set_room, words * sizeof(*set), allocator);

	if (code)
		return code;
	index->sets = sets;
	set = index->sets + index->set_count * words;
	memcpy(set, base ? base : index->sets + parent * words, words * sizeof(*set));
	for (; rule; rule = index->rules[rule].next) {
		uint32_t position = index->rules[rule].position;
		uint64_t bit = UINT64_C(1) << (position & 63);

		if (index->rules[rule].deny)
			set[position / 64] &= ~bit;
		else
			set[position / 64] |= bit;
	}
	*out = settle(index, known);
	return 0;
}

/* Children come after their parents. Until a node is reached its set is told by its parent, in `inherited`. */
static int make_sets(struct prefix_index *index, const struct wtel_allocator *allocator, struct known_sets *known,
		     const uint64_t *otherwise, uint32_t *inherited)
{
	size_t i, symbol;

	for (i = 0; i < index->node_count; i++) {
		struct prefix_node *node = &index->nodes[i];
		uint32_t rule = node->set;

		node->set = inherited[i];
		if (rule || !i) {
			int code =
				make_set(index, allocator, known, i ? NULL : otherwise, inherited[i], rule, &node->set);
			if (code)
				return code;
		}
		for (symbol = 0; symbol < PREFIX_SYMBOLS; symbol++)
			if (node->next[symbol])
				inherited[node->next[symbol]] = node->set;
	}
	return 0;
}

int prefix_index_end(struct prefix_index *index, const struct wtel_allocator *allocator, const uint64_t *otherwise,
		     uint64_t seed)
{
	struct known_sets known = {NULL, 4, {seed, ~seed}};
	uint32_t *inherited;
	size_t i, most = 1;
	int code = WTEL_ENOMEM;

	for (i = 0; i < index->node_count; i++)
		most += index->nodes[i].set != 0;
	while (known.room <= most * 2)
		known.room *= 2;
	known.slots = base_allocate_zero(allocator, known.room * sizeof(*known.slots));
	inherited = base_allocate_zero(allocator, index->node_count * sizeof(*inherited));
	if (known.slots && inherited)
		code = make_sets(index, allocator, &known, otherwise, inherited);
	base_release(allocator, inherited);
	base_release(allocator, known.slots);
	base_release(allocator, index->rules);
	index->rules = NULL;
	index->rule_count = index->rule_room = 0;
	return code;
}

void prefix_index_free(struct prefix_index *index, const struct wtel_allocator *allocator)
{
	base_release(allocator, index->nodes);
	base_release(allocator, index->rules);
	base_release(allocator, index->sets);
	*index = (struct prefix_index){0};
}
