/* Matching a message's fields against a run of an event's shape. */
#ifndef AMI_RUN_H
#define AMI_RUN_H

#include "ami/schema.h"

/* Whether the name is that of the run's n-th place, in Asterisk's own spelling. */
static inline bool run_is(const struct ami_run *run, unsigned n, struct wtel_slice name)
{
	const struct ami_place *place = &ami_places[run->first + n];
	const struct ami_name *wanted = &ami_field_names[place->id];
	size_t prefix = run->prefix_length;

	if (name.length == prefix + wanted->length && !memcmp(name.data + prefix, wanted->text, wanted->length))
		return !prefix || !memcmp(name.data, run->prefix, prefix);
	if (!place->other)
		return false;
	wanted = &ami_field_names[place->other];
	return name.length == wanted->length && !memcmp(name.data, wanted->text, wanted->length);
}

/* A name of a block, its length known while compiling: most of a stream's lines come through here. */
static inline bool run_is_block_name(const struct ami_run *run, struct wtel_slice name, const char *wanted,
				     size_t length)
{
	size_t prefix = run->prefix_length;

	return name.length == prefix + length && !memcmp(name.data + prefix, wanted, length) &&
	       (!prefix || !memcmp(name.data, run->prefix, prefix));
}

/* Whether a whole block begins at fields[at]. */
static inline bool run_match_block(const struct ami_run *run, const struct wtel_ami_message *message, size_t at)
{
	const struct wtel_ami_field *field = message->fields + at;

	if (message->field_count - at < AMI_BLOCK)
		return false;
#define AMI_FIELD_X(id, text)                                                                                          \
	if (!run_is_block_name(run, field++->name, text, sizeof(text) - 1))                                            \
		return false;
#include "ami/block.def"
#undef AMI_FIELD_X
	return true;
}

/* How many places from the n-th on stand one after the other in fields[at...]. */
static inline unsigned run_match(const struct ami_run *run, unsigned n, const struct wtel_ami_message *message,
				 size_t at)
{
	unsigned first = n;

	if (!n && run->block && at < message->field_count && run_match_block(run, message, at))
		return AMI_BLOCK;
	while (n < run->count && at < message->field_count && run_is(run, n, message->fields[at].name)) {
		n++;
		at++;
	}
	return n - first;
}

#endif
