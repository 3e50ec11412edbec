/* What operations of the store that do not wait have told: grants, users, the audit log. */
#ifndef TESTS_STORE_HEARD_H
#define TESTS_STORE_HEARD_H

#include "store/core.h"
#include "store/rows.h"
#include "store_world.h"

#define MINUTE (60 * SECOND)
#define DAY    (24 * 60 * MINUTE)
#define HASH   "$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde"

struct heard {
	bool finished;
	int code;
	struct wtel_detail detail;
	size_t count;
	struct wtel_grant grant;
	char name[256];
	char secret[64]; /* or a hash */
	struct store_note_list *notes;
};

static inline void hear(struct heard *heard, int code, const struct wtel_detail *detail)
{
	cr_assert(!heard->finished, "answered twice");
	cr_assert_eq(!code, !detail->text[0], "%d: %s", code, detail->text);
	heard->finished = true;
	heard->code = code;
	heard->detail = *detail;
}

static inline void hear_grants(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list,
			       void *user)
{
	struct heard *heard = user;

	hear(heard, code, detail);
	cr_assert_eq(!list, code != 0);
	if (!list || !list->count)
		return;
	heard->count = list->count;
	heard->grant = list->grants[0];
	snprintf(heard->name, sizeof(heard->name), "%s", heard->grant.name);
	heard->grant.name = NULL;
}

static inline void hear_granted(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list,
				const char *secret, void *user)
{
	struct heard *heard = user;

	hear_grants(code, detail, list, user);
	cr_assert_eq(!secret, code != 0);
	snprintf(heard->secret, sizeof(heard->secret), "%s", secret ? secret : "");
}

static inline void hear_user(int code, const struct wtel_detail *detail, int64_t user_id, enum wtel_role role,
			     const char *hash, void *user)
{
	struct heard *heard = user;

	hear(heard, code, detail);
	cr_assert_eq(!hash, code != 0);
	heard->grant.user_id = user_id;
	heard->grant.role = role;
	snprintf(heard->secret, sizeof(heard->secret), "%s", hash ? hash : "");
}

static inline void hear_notes(int code, const struct wtel_detail *detail, const struct store_note_list *list,
			      void *user)
{
	struct heard *heard = user;

	hear(heard, code, detail);
	heard->count = list ? list->count : 0;
	heard->notes = store_pack_keep(list);
}

/* `started`: what the operation gave at once. */
static inline void await(struct wtel_store *store, struct heard *heard, int started)
{
	int64_t until = wtel_time_now().mono + 60 * SECOND;

	if (started) {
		cr_assert(!heard->finished);
		heard->code = started;
		heard->detail = *wtel_store_error(store);
	}
	while (!started && !heard->finished) {
		cr_assert_lt(wtel_time_now().mono, until, "no answer");
		(void)store_turn(store, until);
	}
}

static inline struct heard find(struct world *world, const char *secret)
{
	struct heard heard = {false};

	await(world->store, &heard, store_grant_find(world->store, secret, hear_grants, &heard));
	return heard;
}

static inline struct heard create(struct world *world, enum wtel_grant_kind kind, int64_t user_id, const char *name,
				  int64_t expires_at)
{
	struct wtel_grant grant = {0, kind, user_id, WTEL_ROLE_SUPERVISOR, name, 0, expires_at, 0, 0};
	struct heard heard = {false};

	await(world->store, &heard, store_grant_create(world->store, &grant, hear_granted, &heard));
	return heard;
}

#endif
