/* Instants and how they are written. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdbool.h>
#include <wtel/base.h>

enum { BASE_TIME_SIZE = 32 };

/* "2025-10-25T10:30:00.123456Z" (always UTC, six decimals), "" for 0. Fits BASE_TIME_SIZE. */
void base_time_format(char out[BASE_TIME_SIZE], int64_t wall);

/*
 * Reads "2025-10-25", and with a time after 'T' or a space: hours, minutes, seconds, decimals, then 'Z', "+02" or
 * "+02:00"; without one, UTC. Microseconds since the epoch. false: none of these.
 */
bool base_time_parse(int64_t *out, const char *text);

#endif
