#include "ami/schema.h"

#include "base/slice.h"

#include "ami/ami_table.h"

const struct ami_schema *ami_schema_find(struct wtel_slice name)
{
	const struct ami_schema *schema;

	if (!name.length)
		return &schemas[0];
	schema = &schemas[event_slots[ami_name_key(name.data, name.length) * event_multiplier >> 54]];
	if (schema->name.length != name.length)
		return &schemas[0];
	if (memcmp(schema->name.text, name.data, name.length) == 0)
		return schema;
	return base_slice_equal_fold(name, (struct wtel_slice){schema->name.text, schema->name.length}) ? schema
													: &schemas[0];
}

const struct ami_schema *ami_schema_number(unsigned number)
{
	return &schemas[number < sizeof(schemas) / sizeof(schemas[0]) ? number : 0];
}

unsigned ami_field_find(struct wtel_slice name, bool *exact)
{
	unsigned id;

	*exact = false;
	if (!name.length)
		return AMI_FIELD_NONE;
	id = field_slots[ami_name_key(name.data, name.length) * field_multiplier >> 54];
	if (!id || ami_field_names[id].length != name.length)
		return AMI_FIELD_NONE;
	*exact = memcmp(ami_field_names[id].text, name.data, name.length) == 0;
	if (*exact)
		return id;
	return base_slice_equal_fold(name, (struct wtel_slice){ami_field_names[id].text, name.length}) ? id
												       : AMI_FIELD_NONE;
}

const struct ami_run *ami_schema_block(struct wtel_slice name)
{
	size_t i, length = ami_field_names[AMI_FIELD_CHANNEL].length;

	if (name.length < length ||
	    memcmp(name.data + name.length - length, ami_field_names[AMI_FIELD_CHANNEL].text, length))
		return NULL;
	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (blocks[i].prefix_length == name.length - length &&
		    !memcmp(blocks[i].prefix, name.data, name.length - length))
			return &blocks[i];
	return NULL;
}

const struct ami_run *ami_schema_block_number(unsigned number)
{
	return &blocks[number < sizeof(blocks) / sizeof(blocks[0]) ? number : 0];
}

unsigned ami_schema_block_index(const struct ami_run *block)
{
	return (unsigned)(block - blocks);
}
