#include "base/slice.h"
#include "store/postgres.h"

/*
 * Names and numbers come off the wire in whatever encoding a carrier uses, and PostgreSQL refuses a whole batch for one
 * bad byte. What is not UTF-8 is read as latin-1, where every byte means something; NUL, which no text column holds, is
 * left out.
 */
size_t postgres_text(char *out, struct wtel_slice text)
{
	bool utf8 = base_slice_utf8(text);
	char *to = out;
	size_t i;

	if (utf8 && (!text.length || !memchr(text.data, '\0', text.length))) {
		if (text.length)
			memcpy(out, text.data, text.length);
		out[text.length] = '\0';
		return text.length;
	}
	for (i = 0; i < text.length; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		if (!byte)
			continue;
		if (utf8 || byte < 0x80) {
			*to++ = (char)byte;
		} else {
			*to++ = (char)(0xc0 | byte >> 6);
			*to++ = (char)(0x80 | (byte & 0x3f));
		}
	}
	*to = '\0';
	return (size_t)(to - out);
}
