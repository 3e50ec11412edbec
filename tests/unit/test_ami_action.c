#include "fault.h"

#include <stdio.h>
#include <wtel/ami.h>

#include "manager_model.h"

static struct wtel_slice slice(const char *text)
{
	return wtel_slice_of(text);
}

static struct wtel_ami_action *action_of(const char *name)
{
	struct wtel_ami_action *action = NULL;

	cr_assert_eq(wtel_ami_action_new(&action, name, NULL), 0);
	return action;
}

/* The action as Asterisk reads it; it must use every byte of it. */
static void read_back(struct model_message *out, struct wtel_ami_action *action)
{
	struct wtel_slice bytes;

	cr_assert_eq(wtel_ami_action_encode(action, "id-1", &bytes), 0);
	model_read(out, bytes.data, bytes.length);
	cr_assert_eq(out->used, bytes.length, "the message ends before its bytes do");
	cr_assert_not(out->too_long);
	cr_assert_not(out->too_many);
}

Test(ami_action, is_written_with_its_id_second)
{
	struct wtel_ami_action *action = action_of("Originate");
	struct wtel_slice bytes;

	cr_assert_eq(wtel_ami_action_add(action, "Channel", slice("PJSIP/1001"), NULL), 0);
	cr_assert_eq(wtel_ami_action_add_number(action, "Timeout", -30000), 0);
	cr_assert_eq(wtel_ami_action_add_variable(action, "__CALL_ID", slice("a,b"), NULL), 0);
	cr_assert_eq(wtel_ami_action_add(action, "Empty", slice(""), NULL), 0);
	cr_assert_eq(wtel_ami_action_encode(action, "7", &bytes), 0);
	cr_assert_eq(bytes.length,
		     strlen("Action: Originate\r\nActionID: 7\r\nChannel: PJSIP/1001\r\nTimeout: -30000\r\n"
			    "Variable: __CALL_ID=a\\,b\r\nEmpty: \r\n\r\n"));
	cr_assert_eq(memcmp(bytes.data,
			    "Action: Originate\r\nActionID: 7\r\nChannel: PJSIP/1001\r\nTimeout: -30000\r\n"
			    "Variable: __CALL_ID=a\\,b\r\nEmpty: \r\n\r\n",
			    bytes.length),
		     0);
	cr_assert_eq(wtel_ami_action_encode(action, "8", &bytes), 0);
	cr_assert_eq(memcmp(bytes.data, "Action: Originate\r\nActionID: 8\r\n", 31), 0, "it can be sent again");
	wtel_ami_action_free(action);
	wtel_ami_action_free(NULL);
}

static const struct {
	const char *name;
	const char *value;
	size_t length;
	int code;
} refused[] = {
	{"Data", "x\r\nAction: Command", 18, WTEL_EINJECTION},
	{"Data", "x\nAction: Command", 17, WTEL_EINJECTION},
	{"Data", "x\rAction", 8, WTEL_EINJECTION},
	{"Data", "x\0y", 3, WTEL_EINJECTION},
	{"Data", "\n", 1, WTEL_EINJECTION},
	{"Data\r\nAction", "x", 1, WTEL_EINJECTION},
	{"Data\n", "x", 1, WTEL_EINJECTION},
	{"Data: x", "x", 1, WTEL_EINJECTION},
	{"Da ta", "x", 1, WTEL_EINJECTION},
	{"Data:", "x", 1, WTEL_EINJECTION},
	{"Da\tta", "x", 1, WTEL_EINJECTION},
	{"", "x", 1, WTEL_EINVAL},
	{NULL, "x", 1, WTEL_EINVAL},
	{"Action", "Command", 7, WTEL_EINVAL},
	{"aCTION", "Command", 7, WTEL_EINVAL},
	{"ActionID", "1", 1, WTEL_EINVAL},
	{"actionid", "1", 1, WTEL_EINVAL},
	{"Data", " x", 2, WTEL_EINVAL}, /* Asterisk would skip the blank */
	{"Data", "\tx", 2, WTEL_EINVAL},
	{"Data", "\001x", 2, WTEL_EINVAL},
};

Test(ami_action, refuses_what_asterisk_would_read_otherwise)
{
	struct wtel_ami_action *action = action_of("Originate");
	struct model_message message;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct wtel_detail detail = {"", ""};
		struct wtel_slice value = {refused[i].value, refused[i].length};
		const char *c;

		cr_assert_eq(wtel_ami_action_add(action, refused[i].name, value, &detail), refused[i].code, "%zu", i);
		cr_assert(detail.text[0], "%zu", i);
		for (c = detail.field; *c; c++)
			cr_assert((unsigned char)*c >= 32, "a control character in the field of %zu", i);
		if (refused[i].code == WTEL_EINVAL && refused[i].name && refused[i].name[0])
			cr_assert_str_eq(detail.field, refused[i].name);
	}
	read_back(&message, action);
	cr_assert_eq(message.count, 2, "a refused header reached the wire");
	wtel_ami_action_free(action);
}

Test(ami_action, refuses_bad_variables)
{
	struct wtel_ami_action *action = action_of("Originate");
	struct model_message message;

	cr_assert_eq(wtel_ami_action_add_variable(action, "A", (struct wtel_slice){"x\0", 2}, NULL), WTEL_EINJECTION);
	cr_assert_eq(wtel_ami_action_add_variable(action, "A", slice("x\r\ny"), NULL), WTEL_EINJECTION);
	cr_assert_eq(wtel_ami_action_add_variable(action, "A\r\n", slice("x"), NULL), WTEL_EINJECTION);
	cr_assert_eq(wtel_ami_action_add_variable(action, " A", slice("x"), NULL), WTEL_EINJECTION);
	cr_assert_eq(wtel_ami_action_add_variable(action, "A=B", slice("x"), NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_add_variable(action, "", slice("x"), NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_add_variable(action, NULL, slice("x"), NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_add_variable(action, "_", slice("x"), NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_add_variable(action, "__", slice("x"), NULL), WTEL_EINVAL);
	read_back(&message, action);
	cr_assert_eq(message.count, 2);
	wtel_ami_action_free(action);
}

Test(ami_action, refuses_bad_names_and_ids)
{
	struct wtel_ami_action *action = NULL;
	struct wtel_slice bytes = {NULL, 0};
	char id[WTEL_AMI_MAX_ACTION_ID + 2];

	cr_assert_eq(wtel_ami_action_new(&action, "", NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_new(&action, NULL, NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_new(&action, "Ping\r\nAction: Logoff", NULL), WTEL_EINJECTION);
	cr_assert_eq(wtel_ami_action_new(&action, " Ping", NULL), WTEL_EINVAL);
	cr_assert_null(action);
	action = action_of("Ping");
	cr_assert_eq(wtel_ami_action_encode(action, "", &bytes), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_encode(action, NULL, &bytes), WTEL_EINVAL);
	cr_assert_eq(wtel_ami_action_encode(action, "1\r\nX: y", &bytes), WTEL_EINJECTION);
	memset(id, 'x', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	cr_assert_eq(wtel_ami_action_encode(action, id, &bytes), WTEL_ELIMIT);
	cr_assert_null(bytes.data, "untouched on failure");
	id[sizeof(id) - 2] = '\0';
	cr_assert_eq(wtel_ami_action_encode(action, id, &bytes), 0);
	wtel_ami_action_free(action);
}

Test(ami_action, keeps_to_the_limits_of_a_line)
{
	static char text[10240];
	struct wtel_ami_action *action = action_of("Originate");
	struct model_message message;
	struct wtel_detail detail;

	memset(text, ',', sizeof(text));
	cr_assert_eq(wtel_ami_action_add(action, "Data", (struct wtel_slice){text, 1017}, &detail), WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "Data");
	cr_assert_eq(wtel_ami_action_add(action, "Data", (struct wtel_slice){text, 1016}, NULL), 0);
	/* "Variable: V=" has 12 bytes, and every comma takes two. */
	cr_assert_eq(wtel_ami_action_add_variable(action, "V", (struct wtel_slice){text, 506}, &detail), WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "V");
	cr_assert_eq(wtel_ami_action_add_variable(action, "V", (struct wtel_slice){text, 505}, NULL), 0);
	cr_assert_eq(wtel_ami_action_add_variable(action, "V", (struct wtel_slice){text, 10240}, NULL), WTEL_ELIMIT);
	read_back(&message, action);
	cr_assert_eq(message.count, 4);
	cr_assert_eq(strlen(model_header(&message, "Data", 0)), 1016);
	wtel_ami_action_free(action);
}

Test(ami_action, keeps_to_the_limit_of_headers)
{
	struct wtel_ami_action *action = action_of("Originate");
	struct model_message message;
	struct wtel_detail detail;
	size_t i;

	for (i = 0; i < WTEL_AMI_MAX_ACTION_HEADERS - 2; i++)
		cr_assert_eq(i % 2 ? wtel_ami_action_add_number(action, "N", (int64_t)i)
				   : wtel_ami_action_add_variable(action, "V", slice("x"), NULL),
			     0);
	cr_assert_eq(wtel_ami_action_add(action, "One", slice("more"), &detail), WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "One");
	cr_assert_eq(wtel_ami_action_add_variable(action, "One", slice("more"), NULL), WTEL_ELIMIT);
	read_back(&message, action);
	cr_assert_eq(message.count, WTEL_AMI_MAX_ACTION_HEADERS);
	wtel_ami_action_free(action);
}

/* xorshift64*: the same values in every run. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static size_t draw_text(uint64_t *state, char *out, const char *alphabet, size_t longest)
{
	size_t length = draw(state) % (longest + 1);
	size_t count = strlen(alphabet);
	size_t i;

	for (i = 0; i < length; i++)
		out[i] = alphabet[draw(state) % count];
	out[length] = '\0';
	return length;
}

Test(ami_action, any_variable_arrives_as_it_was_given)
{
	uint64_t state = 20250101;
	struct model_variables variables;
	struct model_message message;
	char name[16], value[80];
	size_t round;

	for (round = 0; round < 200000; round++) {
		struct wtel_ami_action *action = action_of("Originate");
		size_t length = draw_text(&state, value, "ab,,\"\"\\\\()[] \t=:;'${}\xc3\xa9\xff\x01", 40);
		int code;

		if (!draw_text(&state, name, "AB_9(),\"\\[]", 12) || strcmp(name, "_") == 0 || strcmp(name, "__") == 0)
			strcpy(name, "A");
		code = wtel_ami_action_add_variable(action, name, (struct wtel_slice){value, length}, NULL);
		cr_assert_eq(code, 0);
		read_back(&message, action);
		cr_assert_eq(message.count, 3);
		model_variables(&variables, model_header(&message, "Variable", 0));
		cr_assert_eq(variables.count, 1, "%s=%s became %zu variables", name, value, variables.count);
		cr_assert_str_eq(variables.name[0], name);
		cr_assert_str_eq(variables.value[0], value);
		wtel_ami_action_free(action);
	}
}

Test(ami_action, the_model_splits_where_asterisk_does)
{
	struct model_variables variables;

	model_variables(&variables, "A=1,B=\"x,y\",C=f(a,b),D=[1,2],E,=z,F=\\,,G=");
	cr_assert_eq(variables.count, 6);
	cr_assert_str_eq(variables.value[0], "1");
	cr_assert_str_eq(variables.value[1], "x,y");
	cr_assert_str_eq(variables.value[2], "f(a,b)");
	cr_assert_str_eq(variables.value[3], "[1,2]");
	cr_assert_str_eq(variables.value[4], ",");
	cr_assert_str_eq(variables.name[5], "G");
	cr_assert_str_eq(variables.value[5], "");
}

/* Whatever is given, either nothing is added or exactly that header is. */
Test(ami_action, any_header_arrives_as_it_was_given_or_not_at_all)
{
	static const char alphabet[] = "ab \r\n:\t=,\\\"\x7f\x01\xe9";
	uint64_t state = 77;
	struct model_message message;
	char name[8], value[16];
	size_t added = 0;
	size_t round;

	for (round = 0; round < 200000; round++) {
		struct wtel_ami_action *action = action_of("UserEvent");
		size_t length = (draw_text(&state, name, alphabet, 3), draw_text(&state, value, alphabet, 6));
		int code;

		if (draw(&state) % 16 == 0)
			value[length++] = '\0';
		code = wtel_ami_action_add(action, name, (struct wtel_slice){value, length}, NULL);
		read_back(&message, action);
		cr_assert_eq(message.count, code ? 2 : 3);
		if (!code) {
			added++;
			value[length] = '\0';
			cr_assert_not_null(model_header(&message, name, 0));
			cr_assert_str_eq(model_header(&message, name, 0), value);
			cr_assert_eq(strlen(value), length);
		}
		wtel_ami_action_free(action);
	}
	cr_assert_gt(added, 1000);
}

Test(ami_action, survives_every_failing_allocation)
{
	FAULT_LOOP(allocator)
	{
		static char text[900];
		struct wtel_ami_action *action = NULL;
		struct wtel_slice bytes = {NULL, 0};
		struct model_message message;
		size_t added = 0;
		size_t i;

		memset(text, 'x', sizeof(text));
		if (wtel_ami_action_new(&action, "Originate", &allocator)) {
			cr_assert_null(action);
			continue;
		}
		for (i = 0; i < 20; i++) {
			struct wtel_slice value = {text, sizeof(text)};
			int code = i % 2 ? wtel_ami_action_add(action, "Data", value, NULL)
					 : wtel_ami_action_add_variable(action, "V", value, NULL);

			cr_assert(code == 0 || code == WTEL_ENOMEM);
			added += !code;
		}
		if (wtel_ami_action_encode(action, "1", &bytes) == WTEL_ENOMEM)
			cr_assert_eq(wtel_ami_action_encode(action, "1", &bytes), 0, "it goes on afterwards");
		model_read(&message, bytes.data, bytes.length);
		cr_assert_eq(message.count, added + 2);
		cr_assert_eq(message.used, bytes.length);
		wtel_ami_action_free(action);
	}
}
