/*
 * The JavaScript part of wtel.i: included before binding.h, so that what stands here holds for its functions.
 *
 * A handle (struct binding, struct parser) is an External to JavaScript. Each is looked up among those that live before
 * it is used, so that nothing that JavaScript can hand over is ever taken for a pointer. There are no classes of SWIG's
 * own: their templates would be shared by the isolates of all worker threads.
 */

%header %{
#include <limits.h>
#include <mutex>
#include <node.h>
#include <node_buffer.h>
#include <node_version.h>
#include <string>
#include <unordered_map>
#include <uv.h>

/* SWIG's classes are not used; a template set twice, by two isolates, would be destroyed in the wrong one. */
#undef SWIGV8_SET_CLASS_TEMPL
#define SWIGV8_SET_CLASS_TEMPL(place, value) ((void)(value))

namespace {

enum Kind { BINDING, PARSER };

/* One handle of the C side, owned here. It belongs to the isolate that made it. */
struct Handle {
	Kind kind;
	void *object;
	v8::Isolate *isolate;
	v8::Global<v8::External> self; /* weak: whoever forgets a handle that is not watched loses it */
	node::AsyncCleanupHookHandle hook;
	/* While it is watched. */
	bool watched;
	uv_poll_t poll;
	v8::Global<v8::Context> context;
	v8::Global<v8::Function> callback;
	v8::Global<v8::Object> resource;
	node::async_context async;
	bool forgotten; /* by JavaScript: the second half of that is still to come */
	/* When the environment goes. */
	void (*gone)(void *);
	void *gone_argument;
};

std::mutex mutex;
std::unordered_map<void *, Handle *> handles;

Handle *handle_find(v8::Local<v8::Value> value, Kind kind)
{
	if (!value->IsExternal())
		return NULL;
	std::lock_guard<std::mutex> lock(mutex);
	auto found = handles.find(value.As<v8::External>()->Value());

	if (found == handles.end() || found->second->kind != kind ||
	    found->second->isolate != v8::Isolate::GetCurrent())
		return NULL;
	return found->second;
}

void *handle_object(v8::Local<v8::Value> value, Kind kind)
{
	Handle *handle = handle_find(value, kind);

	return handle ? handle->object : NULL;
}

void object_free(Handle *handle)
{
	if (handle->kind == BINDING)
		binding_free(static_cast<struct binding *>(handle->object));
	else
		parser_free(static_cast<struct parser *>(handle->object));
	handle->object = NULL;
}

void handle_delete(Handle *handle)
{
	void (*gone)(void *) = handle->gone;
	void *argument = handle->gone_argument;

	delete handle;
	if (gone)
		gone(argument);
}

void on_closed(uv_handle_t *poll)
{
	handle_delete(static_cast<Handle *>(poll->data));
}

/* The C side ends at once, the rest when libuv lets go of the descriptor. */
void handle_close(Handle *handle)
{
	{
		std::lock_guard<std::mutex> lock(mutex);
		handles.erase(handle);
	}
	handle->self.Reset();
	if (!handle->watched) {
		object_free(handle);
		handle_delete(handle);
		return;
	}
	uv_poll_stop(&handle->poll);
	object_free(handle);
	handle->callback.Reset();
	handle->context.Reset();
	/* While an environment ends there is nobody left to tell. */
	if (!handle->gone)
		node::EmitAsyncDestroy(handle->isolate, handle->async);
	handle->resource.Reset();
	uv_close(reinterpret_cast<uv_handle_t *>(&handle->poll), on_closed);
}

/* The environment ends: a worker, or the process. Calls that are active go on in Asterisk and in the store. */
void on_environment(void *data, void (*gone)(void *), void *argument)
{
	Handle *handle = static_cast<Handle *>(data);

	if (handle->forgotten) {
		/* V8 still has its address, and may or may not come back with it. */
		std::lock_guard<std::mutex> lock(mutex);
		handles.erase(handle);
		object_free(handle);
		gone(argument);
		return;
	}
	handle->gone = gone;
	handle->gone_argument = argument;
	handle_close(handle);
}

void on_forgotten_later(const v8::WeakCallbackInfo<Handle> &info)
{
	Handle *handle = info.GetParameter();

	if (!handle->object) {
		delete handle;
		return;
	}
	node::RemoveEnvironmentCleanupHook(std::move(handle->hook));
	handle_close(handle);
}

void on_forgotten(const v8::WeakCallbackInfo<Handle> &info)
{
	info.GetParameter()->self.Reset();
	info.GetParameter()->forgotten = true;
	info.SetSecondPassCallback(on_forgotten_later);
}

v8::Local<v8::Value> handle_new(Kind kind, void *object)
{
	v8::Isolate *isolate = v8::Isolate::GetCurrent();

	if (!object)
		return v8::Null(isolate);
	Handle *handle = new Handle();

	handle->kind = kind;
	handle->object = object;
	handle->isolate = isolate;
	v8::Local<v8::External> self = v8::External::New(isolate, handle);

	handle->self.Reset(isolate, self);
	handle->self.SetWeak(handle, on_forgotten, v8::WeakCallbackType::kParameter);
	handle->hook = node::AddEnvironmentCleanupHook(isolate, on_environment, handle);
	std::lock_guard<std::mutex> lock(mutex);
	handles[handle] = handle;
	return self;
}

void on_readable(uv_poll_t *poll, int, int)
{
	Handle *handle = static_cast<Handle *>(poll->data);
	v8::Isolate *isolate = handle->isolate;
	v8::HandleScope scope(isolate);
	v8::Local<v8::Context> context = handle->context.Get(isolate);
	v8::Context::Scope inside(context);
	v8::Local<v8::Value> code =
		v8::Integer::New(isolate, binding_dispatch(static_cast<struct binding *>(handle->object)));

	/* May close the handle; an exception in there goes where those of every callback of node's go. */
	(void)node::MakeCallback(isolate, handle->resource.Get(isolate), handle->callback.Get(isolate), 1, &code,
				 handle->async);
}

const char *handle_watch(Handle *handle, v8::Local<v8::Function> callback)
{
	v8::Isolate *isolate = handle->isolate;
	v8::Local<v8::Object> resource = v8::Object::New(isolate);

	if (handle->watched)
		return "watched already";
	if (uv_poll_init(node::GetCurrentEventLoop(isolate), &handle->poll,
			 binding_fd(static_cast<struct binding *>(handle->object))))
		return "the loop does not take the descriptor";
	handle->watched = true;
	handle->poll.data = handle;
	handle->self.ClearWeak();
	handle->context.Reset(isolate, isolate->GetCurrentContext());
	handle->callback.Reset(isolate, callback);
	handle->resource.Reset(isolate, resource);
	handle->async = node::EmitAsyncInit(isolate, resource, "WTEL", -1);
	return uv_poll_start(&handle->poll, UV_READABLE, on_readable) ? "the loop does not watch the descriptor" : NULL;
}

void throw_type(const char *text)
{
	v8::Isolate *isolate = v8::Isolate::GetCurrent();

	isolate->ThrowException(v8::Exception::TypeError(
		v8::String::NewFromUtf8(isolate, text, v8::NewStringType::kNormal).ToLocalChecked()));
}

void throw_memory()
{
	v8::Isolate *isolate = v8::Isolate::GetCurrent();

	isolate->ThrowException(v8::Exception::RangeError(
		v8::String::NewFromUtf8Literal(isolate, "out of memory", v8::NewStringType::kNormal)));
}

/* UTF-8 to a string; null for none. False: an exception waits. */
bool text_out(v8::Local<v8::Value> *out, struct binding_bytes bytes)
{
	v8::Isolate *isolate = v8::Isolate::GetCurrent();
	v8::Local<v8::String> text;

	*out = v8::Null(isolate);
	if (!bytes.data)
		return true;
	if (bytes.length > INT_MAX || !v8::String::NewFromUtf8(isolate, bytes.data, v8::NewStringType::kNormal,
							       static_cast<int>(bytes.length)).ToLocal(&text)) {
		throw_memory();
		return false;
	}
	*out = text;
	return true;
}

/* A copy in a Buffer; null for none. */
bool block_out(v8::Local<v8::Value> *out, struct binding_bytes bytes)
{
	v8::Isolate *isolate = v8::Isolate::GetCurrent();
	v8::Local<v8::Object> buffer;

	*out = v8::Null(isolate);
	if (!bytes.data)
		return true;
	if (!node::Buffer::Copy(isolate, bytes.data, bytes.length).ToLocal(&buffer)) {
		throw_memory();
		return false;
	}
	*out = buffer;
	return true;
}

} // namespace
%}

/* ---- what SWIG wraps -------------------------------------------------------------------- */

%typemap(in) binding * {
	$1 = static_cast<struct binding *>(handle_object($input, BINDING));
	if (!$1) {
		throw_type("no handle, or closed already");
		SWIG_fail;
	}
}
%typemap(in) const binding * {
	/* null: the error of binding_new(). */
	$1 = static_cast<struct binding *>(handle_object($input, BINDING));
	if (!$1 && !$input->IsNull()) {
		throw_type("no handle, or closed already");
		SWIG_fail;
	}
}
%typemap(in) parser *, const parser * {
	$1 = static_cast<struct parser *>(handle_object($input, PARSER));
	if (!$1) {
		throw_type("no handle, or closed already");
		SWIG_fail;
	}
}
%typemap(out) binding * { $result = handle_new(BINDING, $1); }
%typemap(out) parser * { $result = handle_new(PARSER, $1); }

/* A string without NUL: the JavaScript above sees to that. */
%typemap(in) const char * (std::string held) {
	if (!$input->IsString()) {
		throw_type("a string is needed");
		SWIG_fail;
	}
	v8::String::Utf8Value text$argnum(v8::Isolate::GetCurrent(), $input);
	if (!*text$argnum) {
		throw_memory();
		SWIG_fail;
	}
	held.assign(*text$argnum, static_cast<size_t>(text$argnum.length()));
	$1 = const_cast<char *>(held.c_str());
}
%typemap(freearg) const char * ""
%typemap(out) const char * {
	struct binding_bytes bytes = {$1, strlen($1)};
	if (!text_out(&$result, bytes))
		SWIG_fail;
}

/* Any view of bytes. */
%typemap(in) (const char *data, size_t length) {
	if (!node::Buffer::HasInstance($input)) {
		throw_type("a Buffer or Uint8Array is needed");
		SWIG_fail;
	}
	$1 = node::Buffer::Data($input);
	$2 = node::Buffer::Length($input);
}

%typemap(in) size_t {
	if (!$input->IsUint32()) {
		throw_type("a number of at most 32 bits is needed");
		SWIG_fail;
	}
	$1 = $input.As<v8::Uint32>()->Value();
}
%typemap(out) int { $result = v8::Integer::New(v8::Isolate::GetCurrent(), $1); }
%typemap(out) int64_t, uint64_t { $result = v8::Number::New(v8::Isolate::GetCurrent(), static_cast<double>($1)); }

%typemap(out) binding_bytes {
	if (!text_out(&$result, $1))
		SWIG_fail;
}
%typemap(out) binding_bytes binding_raw_take, binding_bytes binding_raw_ends, binding_bytes parser_take, binding_bytes parser_ends {
	if (!block_out(&$result, $1))
		SWIG_fail;
}

/* Handles are freed by close() alone, and the loop dispatches. */
%ignore binding_free;
%ignore parser_free;
%ignore binding_fd;
%ignore binding_dispatch;
%ignore binding_bytes;

/* ---- what is written by hand -------------------------------------------------------------- */

/* watch(handle, callback): callback(code) after each dispatch. */
%native(watch) void native_watch(void);
/* refer(handle, boolean): whether the handle keeps the loop alive. */
%native(refer) void native_refer(void);
/* close(handle), of both kinds; a handle that is closed already is none. */
%native(close) void native_close(void);

%wrapper %{
static SwigV8ReturnValue native_watch(const SwigV8Arguments &args)
{
	Handle *handle = args.Length() == 2 ? handle_find(args[0], BINDING) : NULL;
	const char *failure = handle && args[1]->IsFunction() ? handle_watch(handle, args[1].As<v8::Function>())
							      : "a handle and a function are needed";

	if (failure)
		throw_type(failure);
}

static SwigV8ReturnValue native_refer(const SwigV8Arguments &args)
{
	Handle *handle = args.Length() == 2 ? handle_find(args[0], BINDING) : NULL;

	if (!handle || !handle->watched)
		return;
	if (args[1]->IsTrue())
		uv_ref(reinterpret_cast<uv_handle_t *>(&handle->poll));
	else
		uv_unref(reinterpret_cast<uv_handle_t *>(&handle->poll));
}

static SwigV8ReturnValue native_close(const SwigV8Arguments &args)
{
	Handle *handle = args.Length() == 1 ? handle_find(args[0], BINDING) : NULL;

	if (!handle && args.Length() == 1)
		handle = handle_find(args[0], PARSER);
	if (!handle)
		return;
	node::RemoveEnvironmentCleanupHook(std::move(handle->hook));
	handle_close(handle);
}
%}
