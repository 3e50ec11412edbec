#include "base/slice.h"

#include <wtel/ami.h>

struct wtel_slice wtel_ami_message_get_nth(const struct wtel_ami_message *message, const char *name, size_t n)
{
	struct wtel_slice wanted = wtel_slice_of(name);
	size_t i;

	for (i = 0; i < message->field_count; i++)
		if (message->fields[i].name.data && message->fields[i].name.length == wanted.length &&
		    base_slice_equal_fold(message->fields[i].name, wanted) && !n--)
			return message->fields[i].value;
	return (struct wtel_slice){NULL, 0};
}

struct wtel_slice wtel_ami_message_get(const struct wtel_ami_message *message, const char *name)
{
	return wtel_ami_message_get_nth(message, name, 0);
}
