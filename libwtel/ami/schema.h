/*
 * What the room knows of names and events, from field.def, legacy.def and <wtel/event.def>: the tables behind it are
 * made while building (generate.c), so that finding a name is one multiplication and one comparison.
 */
#ifndef AMI_SCHEMA_H
#define AMI_SCHEMA_H

#include <stdbool.h>
#include <string.h>
#include <wtel/ami.h>

enum ami_field_id {
	AMI_FIELD_NONE = 0,
#define AMI_FIELD_X(id, name) AMI_FIELD_##id,
#include "ami/field.def"
#undef AMI_FIELD_X
	AMI_FIELDS
};

enum {
	AMI_BLOCK = 14,	   /* fields of a block of channel fields: AMI_FIELD_CHANNEL up to AMI_FIELD_LINKEDID */
	AMI_MAX_RUNS = 8,  /* runs of one event */
	AMI_NAME_KEYS = 6, /* bytes that a key is made of, with the length */
};

struct ami_name {
	const char *text;
	size_t length;
};

/* One field of a run: `other` may stand in its place (AMI_FIELD_NONE: no other). */
struct ami_place {
	uint8_t id;
	uint8_t other;
};

/* A run of fields that stand one after the other. */
struct ami_run {
	const char *prefix; /* of every name */
	uint8_t prefix_length;
	uint8_t first; /* in ami_places; a block's are the first fourteen */
	uint8_t count;
	bool block;
	bool optional;
};

enum ami_group {
	AMI_GROUP_NONE,
	AMI_GROUP_CHANNEL,
	AMI_GROUP_DIAL,
	AMI_GROUP_BRIDGE,
	AMI_GROUP_TRANSFER,
	AMI_GROUP_PEER,
	AMI_GROUP_QUEUE,
	AMI_GROUP_LIST,
	AMI_GROUP_SYSTEM,
	AMI_GROUP_USER
};

/* The shape of one event. Number 0 is that of WTEL_AMI_OTHER; a type's number is the type; legacy ones follow. */
struct ami_schema {
	struct ami_name name;
	uint8_t number;
	uint8_t type;
	uint8_t group;
	uint8_t run_count;
	bool legacy;	 /* from before Asterisk 12: names in any case */
	bool loose;	 /* blocks are optional and fields may be repeated: others than ours, UserEvent */
	bool blocks;	 /* any run is a block */
	uint64_t own[2]; /* set of the fields that stand in its runs without a prefix */
	struct ami_run runs[AMI_MAX_RUNS];
};

extern const struct ami_name ami_field_names[AMI_FIELDS];
extern const struct ami_place ami_places[];

/* The event's shape; that of WTEL_AMI_OTHER for an unknown name. */
const struct ami_schema *ami_schema_find(struct wtel_slice name);
const struct ami_schema *ami_schema_number(unsigned number);

/* A block that an event without a shape of its own may carry, by its first field; NULL if it is none. */
const struct ami_run *ami_schema_block(struct wtel_slice name);
const struct ami_run *ami_schema_block_number(unsigned number);
unsigned ami_schema_block_index(const struct ami_run *block);

/* AMI_FIELD_NONE if unknown. Upper and lower case are alike; *exact says whether it was Asterisk's own spelling. */
unsigned ami_field_find(struct wtel_slice name, bool *exact);

/*
 * The key of a name: its length and six of its bytes, letters folded. No two names of a table share one (generate.c
 * sees to that), and a hash is the top bits of key * multiplier.
 */
static inline uint64_t ami_name_key(const char *name, size_t length)
{
	const unsigned char *byte = (const unsigned char *)name;

	if (!length)
		return 0;
	return (uint64_t)(length & 0xff) | (uint64_t)(byte[0] | 0x20) << 8 | (uint64_t)(byte[length / 4] | 0x20) << 16 |
	       (uint64_t)(byte[length / 3] | 0x20) << 24 | (uint64_t)(byte[length / 2] | 0x20) << 32 |
	       (uint64_t)(byte[length - 2 * (length > 1)] | 0x20) << 40 | (uint64_t)(byte[length - 1] | 0x20) << 48 |
	       (uint64_t)(byte[length * 3 / 4] | 0x20) << 56;
}

#endif
