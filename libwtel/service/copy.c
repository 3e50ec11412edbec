/* Deep copies in one block each: what observers hold while the tracker goes on. */
#include "service/service.h"

#include <stdalign.h>

/* Where the strings of a copy go. With `at` NULL only their length is counted. */
struct copy_strings {
	char *at;
	size_t length;
};

static const char *put(struct copy_strings *strings, const char *text)
{
	size_t size = (text ? strlen(text) : 0) + 1;
	char *out = strings->at;

	strings->length += size;
	if (!out)
		return text;
	if (text)
		memcpy(out, text, size);
	else
		*out = '\0';
	strings->at += size;
	return out;
}

static void put_leg(struct copy_strings *strings, struct wtel_leg *leg)
{
	leg->unique_id = put(strings, leg->unique_id);
	leg->channel = put(strings, leg->channel);
	leg->number = put(strings, leg->number);
}

static void put_call(struct copy_strings *strings, struct wtel_call *call)
{
	call->call_id = put(strings, call->call_id);
	call->channel = put(strings, call->channel);
	call->caller_number = put(strings, call->caller_number);
	call->callee_number = put(strings, call->callee_number);
	call->reason = put(strings, call->reason);
	call->recording_url = put(strings, call->recording_url);
}

static void put_notice(struct copy_strings *strings, struct wtel_notice *notice)
{
	notice->name = put(strings, notice->name);
	notice->status = put(strings, notice->status);
	notice->text = put(strings, notice->text);
}

static size_t measure(const struct wtel_notice *notice)
{
	struct copy_strings strings = {NULL, 0};
	struct wtel_notice copy = *notice;
	size_t i;

	put_notice(&strings, &copy);
	if (notice->call) {
		struct wtel_call call = *notice->call;

		put_call(&strings, &call);
		for (i = 0; i < notice->call->leg_count; i++) {
			struct wtel_leg leg = notice->call->legs[i];

			put_leg(&strings, &leg);
		}
	}
	return strings.length;
}

struct wtel_notice *copy_notice(const struct wtel_allocator *allocator, const struct wtel_notice *notice, size_t prefix)
{
	size_t legs = notice->call ? notice->call->leg_count : 0, i;
	size_t fixed =
		prefix + sizeof(*notice) + (notice->call ? sizeof(*notice->call) : 0) + legs * sizeof(struct wtel_leg);
	char *block = base_allocate(allocator, fixed + measure(notice));
	struct copy_strings strings;
	struct wtel_notice *copy;

	_Static_assert(sizeof(struct wtel_notice) % alignof(struct wtel_call) == 0, "a call follows a notice");
	_Static_assert(sizeof(struct wtel_call) % alignof(struct wtel_leg) == 0, "legs follow a call");
	if (!block)
		return NULL;
	strings.at = block + fixed;
	strings.length = 0;
	copy = (struct wtel_notice *)(void *)(block + prefix);
	*copy = *notice;
	put_notice(&strings, copy);
	if (notice->call) {
		struct wtel_call *call = (struct wtel_call *)(void *)(copy + 1);
		struct wtel_leg *leg = (struct wtel_leg *)(void *)(call + 1);

		*call = *notice->call;
		copy->call = call;
		put_call(&strings, call);
		call->legs = legs ? leg : NULL;
		for (i = 0; i < legs; i++) {
			leg[i] = notice->call->legs[i];
			put_leg(&strings, &leg[i]);
		}
	}
	return copy;
}
