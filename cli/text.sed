# A text as lines of a string in C.
s/[\\"]/\\&/g
s/^/"/
s/$/\\n"/
