/* Typemaps of Python: text in, bytes in and out with one copy, and the GIL given away only where C may wait. */

%ignore binding_bytes; /* given as bytes, or None */
%nothread;
%thread binding_new;
%thread binding_free;

/* str -> UTF-8, borrowed from the str, which the caller's arguments hold. */
%typemap(in) const char *options (Py_ssize_t size), const char *request (Py_ssize_t size),
	const char *channel_or_call_id (Py_ssize_t size), const char *names (Py_ssize_t size)
{
	if (!PyUnicode_Check($input)) {
		PyErr_SetString(PyExc_TypeError, "$1_name must be a str");
		SWIG_fail;
	}
	$1 = (char *)PyUnicode_AsUTF8AndSize($input, &size);
	if (!$1)
		SWIG_fail;
	if (strlen($1) != (size_t)size) {
		PyErr_SetString(PyExc_ValueError, "$1_name holds NUL");
		SWIG_fail;
	}
}
%typemap(freearg) const char *options, const char *request, const char *channel_or_call_id, const char *names ""

/* Anything with a buffer: bytes, bytearray, memoryview. */
%typemap(in) (const char *data, size_t length) (Py_buffer view)
{
	view.obj = NULL;
	if (PyObject_GetBuffer($input, &view, PyBUF_SIMPLE))
		SWIG_fail;
	$1 = (char *)view.buf;
	$2 = (size_t)view.len;
}
%typemap(freearg) (const char *data, size_t length)
{
	if (view$argnum.obj)
		PyBuffer_Release(&view$argnum);
}

%typemap(out) struct binding_bytes
{
	$result = $1.data ? PyBytes_FromStringAndSize($1.data, (Py_ssize_t)$1.length) : SWIG_Py_Void();
	if (!$result)
		SWIG_fail;
}

/* None is nobody's handle; only an error may be asked for without one. */
%typemap(check) struct binding *, const struct binding *, struct parser *, const struct parser *
{
	if (!$1 && strcmp("$symname", "binding_error") != 0) {
		PyErr_SetString(PyExc_ValueError, "no handle");
		SWIG_fail;
	}
}
