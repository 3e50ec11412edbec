#include "fault.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/map.h"
#include "base/timestamp.h"

Test(base, errors_have_a_name_and_a_sentence)
{
	cr_assert_str_eq(wtel_error_name(WTEL_ENOTRUNK), "WTEL_ENOTRUNK");
	cr_assert_str_eq(wtel_error_text(WTEL_ENOTRUNK), "No trunks available");
	cr_assert_str_eq(wtel_error_name(0), "WTEL_OK");
	cr_assert_str_eq(wtel_error_name(-9999), "WTEL_EUNKNOWN");
}

Test(base, numbers_are_read_whole_or_not_at_all)
{
	cr_assert_eq(base_slice_number(wtel_slice_of("42"), -1), 42);
	cr_assert_eq(base_slice_number(wtel_slice_of("-42"), -1), -42);
	cr_assert_eq(base_slice_number(wtel_slice_of("9223372036854775807"), -1), INT64_MAX);
	cr_assert_eq(base_slice_number(wtel_slice_of("9223372036854775808"), -1), -1);
	cr_assert_eq(base_slice_number(wtel_slice_of("4 2"), -1), -1);
	cr_assert_eq(base_slice_number(wtel_slice_of("-"), -1), -1);
	cr_assert_eq(base_slice_number(wtel_slice_of(""), 7), 7);
	cr_assert_eq(base_slice_number(wtel_slice_of(NULL), 7), 7);
}

Test(base, utf8_is_judged_as_the_standard_says)
{
	cr_assert(base_slice_utf8(wtel_slice_of("Jos\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e")));
	cr_assert_not(base_slice_utf8(wtel_slice_of("Jos\xe9")));
	cr_assert_not(base_slice_utf8(wtel_slice_of("\xc0\x80")));
	cr_assert_not(base_slice_utf8(wtel_slice_of("\xed\xa0\x80")));
	cr_assert_not(base_slice_utf8(wtel_slice_of("\xf4\x90\x80\x80")));
	cr_assert_not(base_slice_utf8(wtel_slice_of("\xe2\x82")));
}

Test(base, times_are_written_and_read_back)
{
	char text[BASE_TIME_SIZE];
	int64_t wall, back;

	cr_assert(base_time_parse(&wall, "2025-10-25T10:30:00Z"));
	cr_assert_eq(wall, 1761388200000000);
	base_time_format(text, wall + 123456);
	cr_assert_str_eq(text, "2025-10-25T10:30:00.123456Z");
	cr_assert(base_time_parse(&back, text));
	cr_assert_eq(back, wall + 123456);
	cr_assert(base_time_parse(&back, "2025-10-25 12:30:00+02"));
	cr_assert_eq(back, wall);
	cr_assert(base_time_parse(&back, "2024-02-29"));
	cr_assert_not(base_time_parse(&back, "2025-02-29"));
	cr_assert_not(base_time_parse(&back, "2025-10-25T24:00:00Z"));
	cr_assert_not(base_time_parse(&back, "25/10/2025"));
	cr_assert_not(base_time_parse(&back, ""));
	cr_assert_not(base_time_parse(&back, NULL));
	base_time_format(text, 0);
	cr_assert_str_eq(text, "");
}

Test(base, buffer_keeps_bytes_through_growth_and_moves)
{
	FAULT_LOOP(allocator)
	{
		struct base_buffer buffer = {0};
		unsigned char in = 0, out = 0;
		int round, i;

		for (round = 0; round < 300; round++) {
			for (i = 0; i < 97; i++, in++)
				if (base_buffer_append(&buffer, &allocator, &in, 1)) {
					base_buffer_free(&buffer, &allocator);
					goto next;
				}
			for (i = 0; i < (round < 150 ? 31 : 150) && base_buffer_length(&buffer); i++, out++) {
				cr_assert_eq(*(unsigned char *)base_buffer_front(&buffer), out);
				base_buffer_take(&buffer, 1);
			}
		}
		base_buffer_free(&buffer, &allocator);
	next:;
	}
}

Test(base, buffer_keeps_its_limit)
{
	struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {0};

	buffer.limit = 10;
	cr_assert_eq(base_buffer_append(&buffer, &allocator, "0123456789", 10), 0);
	cr_assert_eq(base_buffer_append(&buffer, &allocator, "x", 1), WTEL_ELIMIT);
	cr_assert_eq(base_buffer_length(&buffer), 10);
	base_buffer_free(&buffer, &allocator);
}

/* Against a plain model: an array of flags. */
Test(base, map_does_what_an_array_does)
{
	FAULT_LOOP(allocator)
	{
		enum { KEYS = 500 };
		char keys[KEYS][8];
		bool present[KEYS] = {false};
		struct base_map map;
		unsigned seed = 1, step;
		size_t count = 0, walked = 0, position = 0;

		base_map_init(&map, 42);
		for (step = 0; step < KEYS; step++)
			snprintf(keys[step], sizeof(keys[step]), "k%u", step);
		for (step = 0; step < 20000; step++) {
			unsigned k = (seed = seed * 1103515245 + 12345) / 65536 % KEYS;
			struct wtel_slice key = wtel_slice_of(keys[k]);

			cr_assert_eq(base_map_get(&map, key), present[k] ? keys[k] : NULL);
			if (seed / 7 % 2) {
				if (base_map_put(&map, &allocator, key, keys[k]))
					break;
				count += !present[k];
				present[k] = true;
			} else {
				cr_assert_eq(base_map_remove(&map, key), present[k] ? keys[k] : NULL);
				count -= present[k];
				present[k] = false;
			}
			cr_assert_eq(map.count, count);
		}
		while (base_map_walk(&map, &position))
			walked++;
		cr_assert_eq(walked, count);
		base_map_free(&map, &allocator);
	}
}
