/* Texts that end up in a dial string or a SIP header: what is wrong with one, NULL if nothing is. "" and NULL are fine.
 */
#ifndef TRUNK_TEXT_H
#define TRUNK_TEXT_H

/* The sentence goes on from the field's name: "may hold letters only". */
const char *trunk_endpoint_wrong(const char *endpoint);
const char *trunk_caller_id_wrong(const char *caller_id);

#endif
