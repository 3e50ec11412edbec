/* The writer's inside: what the session needs beside <wtel/ami.h>. */
#ifndef AMI_ACTION_H
#define AMI_ACTION_H

#include <wtel/ami.h>

#include "base/buffer.h"

/*
 * Whether "name: value" can be sent so that Asterisk reads exactly that. WTEL_EINJECTION, WTEL_ELIMIT or WTEL_EINVAL
 * with the sentence in *detail (may be NULL), whose field is `field`.
 */
int action_check_header(const char *name, struct wtel_slice value, const char *field, struct wtel_detail *detail);

/* Whether `action_id` may stand in the second line. */
int action_check_id(const char *action_id);

/* Appends the bytes for the wire. WTEL_ENOMEM or WTEL_ELIMIT of `buffer`: nothing was appended. */
int action_append(const struct wtel_ami_action *action, const char *action_id, struct base_buffer *buffer,
		  const struct wtel_allocator *allocator);

/* How many bytes action_append() needs. */
size_t action_length(const struct wtel_ami_action *action, const char *action_id);

#endif
