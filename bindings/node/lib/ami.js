'use strict';

const native = require('./native.js');
const { TelephonyError } = require('./errors.js');

/* Bytes as their own characters: offsets in the string are offsets in the bytes. */
const NOT_ASCII = /[^\0-\x7f]/;

function decode(latin1) {
	return NOT_ASCII.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1;
}

/* Field names are few and come again and again. */
const names = new Map();

function lowerCase(name) {
	let lower = names.get(name);

	if (lower === undefined) {
		lower = decode(name).toLowerCase();
		if (names.size < 1000 && name.length < 64) {
			names.set(Buffer.from(name, 'latin1').toString('latin1'), lower);
		}
	}
	return lower;
}

/*
 * One AMI message, an event or a response, as it came. Nothing is read before it is asked for; from then on the event
 * keeps its own text only, before that the block that it came in (up to a megabyte).
 */
class AmiEvent {
	#block;
	#start;
	#end;
	#text;
	#fields;

	constructor(block, start, end) {
		this.#block = block;
		this.#start = start;
		this.#end = end;
	}

	#read() {
		if (this.#text === undefined) {
			this.#text = this.#block.latin1Slice(this.#start, this.#end);
			this.#block = undefined;
		}
		return this.#text;
	}

	/* "Hangup"; of a response "Success", "Error". */
	get name() {
		const text = this.#read();
		const colon = text.indexOf(':');
		const end = text.indexOf('\r\n');

		return decode(text.slice(text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1, end));
	}

	/* "event" or "response". */
	get kind() {
		return this.#read().slice(0, 8).toLowerCase() === 'response' ? 'response' : 'event';
	}

	/* The first value of a field, by its name in any case; undefined if there is none. */
	get(name) {
		const text = this.#read();
		let at = text.startsWith(`${name}: `) ? 0 : text.indexOf(`\n${name}: `) + 1;

		if (at > 0 || text.startsWith(`${name}: `)) {
			at += name.length + 2;
			const end = text.indexOf('\n', at);

			return decode(text.slice(at, text.charCodeAt(end - 1) === 13 ? end - 1 : end));
		}
		const value = this.fields[String(name).toLowerCase()];

		return Array.isArray(value) ? value[0] : value;
	}

	/* All fields, names in lower case, an array where a name comes more than once. Made once. */
	get fields() {
		if (this.#fields === undefined) {
			this.#fields = parseFields(this.#read());
		}
		return this.#fields;
	}

	/* The bytes of the wire. */
	get raw() {
		return Buffer.from(this.#read(), 'latin1');
	}

	toJSON() {
		return this.fields;
	}

	toString() {
		return decode(this.#read());
	}

	[Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
		return `AmiEvent ${inspect(this.fields, options)}`;
	}
}

function parseFields(text) {
	const fields = Object.create(null);
	const ascii = !NOT_ASCII.test(text);
	let at = 0;

	for (;;) {
		let end = text.indexOf('\n', at);

		if (end < 0) {
			return fields;
		}
		const next = end + 1;

		if (text.charCodeAt(end - 1) === 13) {
			end--;
		}
		const colon = text.indexOf(':', at);

		if (colon >= at && colon < end) {
			const key = lowerCase(text.slice(at, colon));
			const from = text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1;
			const value = from >= end ? '' : ascii ? text.slice(from, end) : decode(text.slice(from, end));
			const before = fields[key];

			if (before === undefined) {
				fields[key] = value;
			} else if (Array.isArray(before)) {
				before.push(value);
			} else {
				fields[key] = [before, value];
			}
		}
		at = next;
	}
}

/* A block of messages with the offsets behind each, and how many were taken. */
class Block {
	constructor(bytes, ends) {
		this.bytes = bytes;
		this.ends = new Int32Array(ends.buffer, ends.byteOffset, ends.length / 4);
		this.taken = 0;
	}

	next() {
		const at = this.taken;

		if (at >= this.ends.length) {
			return undefined;
		}
		this.taken = at + 1;
		return new AmiEvent(this.bytes, at ? this.ends[at - 1] : 0, this.ends[at]);
	}

	get left() {
		return this.ends.length - this.taken;
	}
}

function makeBlock(bytes, ends) {
	if (!bytes || !ends) {
		return undefined;
	}
	/* Small Buffers come from a pool, at any offset. */
	return new Block(bytes, ends.byteOffset % 4 ? Buffer.from(new Uint8Array(ends).buffer) : ends);
}

/* The parser alone: any pieces of a stream in, messages out. */
class Parser {
	#handle = native.parser_new();

	constructor() {
		if (!this.#handle) {
			throw TelephonyError.from(native.binding_error(null));
		}
	}

	/* Bytes (Buffer, Uint8Array) or a string; gives the messages that are complete now. */
	feed(chunk) {
		const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
		const messages = [];

		if (!(bytes instanceof Uint8Array)) {
			throw new TelephonyError('WTEL_EINVAL', 'must be a Buffer, a Uint8Array or a string', 'chunk');
		}
		if (!this.#handle) {
			throw new TelephonyError('WTEL_ESTATE', 'the parser is closed', '');
		}
		if (native.parser_feed(this.#handle, bytes)) {
			throw new TelephonyError('WTEL_ENOMEM', 'out of memory', '');
		}
		const block = makeBlock(native.parser_take(this.#handle), native.parser_ends(this.#handle));

		for (let message = block && block.next(); message; message = block.next()) {
			messages.push(message);
		}
		return messages;
	}

	/* Messages beyond the limits (64 KiB a line, 4096 lines, 1 MiB), which were left out. */
	get skipped() {
		return this.#handle ? native.parser_skipped(this.#handle) : 0;
	}

	/* Gives the memory back at once; otherwise it goes with the object. */
	close() {
		if (this.#handle) {
			native.close(this.#handle);
		}
		this.#handle = undefined;
	}
}

module.exports = { AmiEvent, Parser, makeBlock };
