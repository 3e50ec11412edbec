# The shipped dialplan as a text in C.
1i\
#include "cli.h"\
const char cli_dialplan[] =
s/[\"]/\\&/g
s/^/"/
s/$/\\n"/
$a\
;
