/* JSON objects filled key by key: whatever lacks memory, the object becomes NULL and stays it. */
#ifndef API_OBJECT_H
#define API_OBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <wtel/call.h>

#include "base/buffer.h"

void object_put(json_t **object, const char *key, json_t *value); /* takes `value` */
void object_text(json_t **object, const char *key, const char *text);
void object_number(json_t **object, const char *key, int64_t number);
void object_flag(json_t **object, const char *key, bool flag);
/* A call's state as the seed's `state` has it: Asterisk's number of it. */
const char *state_number(enum wtel_call_state state);
void array_add(json_t **array, json_t *value); /* takes `value` */

#endif
