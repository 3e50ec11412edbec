/*
 * Any names and values: what the writer lets through is read back as exactly these headers and no line more; judged by
 * the model of Asterisk's reader, not by the writer.
 *
 * Input: pieces of [kind][name length][value length][name][value].
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/ami.h>

#include "../unit/manager_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The header added last must be that one. */
static void check(struct wtel_ami_action *action, bool variable, const char *name, struct wtel_slice value,
		  size_t count)
{
	static struct model_message message;
	static struct model_variables variables;
	struct wtel_slice bytes;
	const char *last;

	require(wtel_ami_action_encode(action, "id", &bytes) == 0);
	model_read(&message, bytes.data, bytes.length);
	require(message.used == bytes.length && !message.too_long && !message.too_many && message.count == count + 2);
	if (!count || !name)
		return;
	last = message.headers[message.count - 1];
	if (!variable) {
		require(strncmp(last, name, strlen(name)) == 0 && strncmp(last + strlen(name), ": ", 2) == 0);
		last += strlen(name) + 2;
		require((unsigned char)*last > 32 || !*last);
	} else {
		require(strncmp(last, "Variable: ", 10) == 0 && (unsigned char)last[10] > 32);
		model_variables(&variables, last + 10);
		require(variables.count == 1 && strcmp(variables.name[0], name) == 0);
		last = variables.value[0];
	}
	require(strlen(last) == value.length && (!value.length || memcmp(last, value.data, value.length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_ami_action *action = NULL;
	size_t count = 0;

	require(wtel_ami_action_new(&action, "Originate", NULL) == 0);
	while (size >= 3) {
		bool variable = data[0] & 1;
		size_t name_length = data[1] % 16;
		/* Long ones too, up to beyond the limit. */
		size_t value_length = data[0] & 2 ? data[2] * (size_t)5 : data[2];
		struct wtel_slice value;
		char name[17] = "";
		int code;

		data += 3;
		size -= 3;
		name_length = name_length < size ? name_length : size;
		memcpy(name, data, name_length);
		data += name_length;
		size -= name_length;
		value_length = value_length < size ? value_length : size;
		value = (struct wtel_slice){(const char *)data, value_length};
		data += value_length;
		size -= value_length;
		code = variable ? wtel_ami_action_add_variable(action, name, value, NULL)
				: wtel_ami_action_add(action, name, value, NULL);
		count += !code;
		check(action, variable, code ? NULL : name, value, count);
	}
	wtel_ami_action_free(action);
	return 0;
}
