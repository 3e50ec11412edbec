#include "call/cause.h"

#include "base/slice.h"

struct cause_row {
	int code;
	enum wtel_disposition rang;
	enum wtel_disposition silent;
	const char *text;
};

#define CAUSE_ROW(code, rang, silent, text) {code, WTEL_DISPOSITION_##rang, WTEL_DISPOSITION_##silent, text},

static const struct cause_row sip_rows[] = {
#define CAUSE_SIP(code, rang, silent, text) CAUSE_ROW(code, rang, silent, text)
#define CAUSE_Q850(code, rang, silent, text)
#define CAUSE_DIAL(status, rang, silent, text)
#include "call/cause.def"
#undef CAUSE_SIP
#undef CAUSE_Q850
#undef CAUSE_DIAL
};

static const struct cause_row q850_rows[] = {
#define CAUSE_SIP(code, rang, silent, text)
#define CAUSE_Q850(code, rang, silent, text) CAUSE_ROW(code, rang, silent, text)
#define CAUSE_DIAL(status, rang, silent, text)
#include "call/cause.def"
#undef CAUSE_SIP
#undef CAUSE_Q850
#undef CAUSE_DIAL
};

static const struct cause_row dial_rows[] = {
#define CAUSE_SIP(code, rang, silent, text)
#define CAUSE_Q850(code, rang, silent, text)
#define CAUSE_DIAL(status, rang, silent, text) CAUSE_ROW(CAUSE_DIAL_##status, rang, silent, text)
#include "call/cause.def"
#undef CAUSE_SIP
#undef CAUSE_Q850
#undef CAUSE_DIAL
};

static const struct {
	struct wtel_slice name;
	enum cause_dial dial;
} dial_names[] = {
	{BASE_SLICE("ANSWER"), CAUSE_DIAL_ANSWER},
#define CAUSE_SIP(code, rang, silent, text)
#define CAUSE_Q850(code, rang, silent, text)
#define CAUSE_DIAL(status, rang, silent, text) {BASE_SLICE(#status), CAUSE_DIAL_##status},
#include "call/cause.def"
#undef CAUSE_SIP
#undef CAUSE_Q850
#undef CAUSE_DIAL
};

enum cause_dial cause_dial_of(struct wtel_slice status)
{
	size_t i;

	if (!status.length)
		return CAUSE_DIAL_NONE;
	for (i = 0; i < sizeof(dial_names) / sizeof(*dial_names); i++)
		if (base_slice_equal(status, dial_names[i].name))
			return dial_names[i].dial;
	return CAUSE_DIAL_OTHER;
}

static const struct cause_row *cause_find(const struct cause_row *rows, size_t count, int code)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

enum wtel_disposition cause_judge(int sip_code, int cause, enum cause_dial dial, bool ringing, const char **text)
{
	const struct cause_row *row;

	*text = "";
	if (sip_code >= 300 && sip_code <= 699) {
		row = cause_find(sip_rows, sizeof(sip_rows) / sizeof(*sip_rows), sip_code);
		if (!row) {
			*text = "refused by the far end";
			return WTEL_DISPOSITION_FAILED;
		}
	} else if (cause > 0 && cause != 16 && cause != 26) {
		row = cause_find(q850_rows, sizeof(q850_rows) / sizeof(*q850_rows), cause);
		if (!row) {
			*text = "refused by the network";
			return WTEL_DISPOSITION_FAILED;
		}
	} else {
		row = cause_find(dial_rows, sizeof(dial_rows) / sizeof(*dial_rows), (int)dial);
		if (!row) {
			*text = ringing ? "not answered" : "no reply";
			return ringing ? WTEL_DISPOSITION_NO_ANSWER : WTEL_DISPOSITION_FAILED;
		}
		if (dial == CAUSE_DIAL_NOANSWER && !ringing) {
			*text = "no reply";
			return row->silent;
		}
	}
	*text = row->text;
	return ringing ? row->rang : row->silent;
}

enum wtel_disposition wtel_disposition_of(int sip_code, int cause, struct wtel_slice dial_status, bool ringing)
{
	const char *text;

	return cause_judge(sip_code, cause, cause_dial_of(dial_status), ringing, &text);
}
