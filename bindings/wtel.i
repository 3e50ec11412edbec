/* One interface for all languages; what a language wants of its own stands in its typemaps. */
%module wtel_native

%{
#include "binding.h"
%}

%include <stdint.i>

#ifdef SWIGPYTHON
%include "python/wtel_python.i"
#endif
#ifdef SWIGJAVASCRIPT
%include "node/wtel_node.i"
#endif

%include "binding.h"
