#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *wtel_error_name(int code)
{
	switch (code) {
	case 0:
		return "WTEL_OK";
#define WTEL_ERROR_X(name, value, text)                                                                                \
	case value:                                                                                                    \
		return "WTEL_" #name;
#include <wtel/error.def>
#undef WTEL_ERROR_X
	default:
		return "WTEL_EUNKNOWN";
	}
}

const char *wtel_error_text(int code)
{
	switch (code) {
	case 0:
		return "done";
#define WTEL_ERROR_X(name, value, text)                                                                                \
	case value:                                                                                                    \
		return text;
#include <wtel/error.def>
#undef WTEL_ERROR_X
	default:
		return "unknown error";
	}
}

const char *wtel_version(void)
{
	return WTEL_VERSION;
}

int base_fail(struct wtel_detail *detail, int code, const char *field, const char *format, ...)
{
	va_list arguments;

	if (!detail)
		return code;
	snprintf(detail->field, sizeof(detail->field), "%s", field ? field : "");
	va_start(arguments, format);
	vsnprintf(detail->text, sizeof(detail->text), format, arguments);
	va_end(arguments);
	return code;
}
