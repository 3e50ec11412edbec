'use strict';

const { EventEmitter } = require('node:events');
const native = require('./native.js');
const check = require('./check.js');
const notices = require('./notice.js');
const settings = require('./settings.js');
const { TelephonyError, fromSentence } = require('./errors.js');
const { makeBlock } = require('./ami.js');
const { Queue } = require('./queue.js');
const rest = require('./rest.js');

const NOTICES_A_TURN = 256; /* other callbacks of the loop come in between */
const REPLIES_A_TURN = 1024;
const EVENTS_AHEAD = 64; /* that an iterator holds while nobody else wants them: the rest waits in the library */

/* What listeners of 'ami' and iterators of ami() take. */
const RAW = 'ami';

class Telephony extends EventEmitter {
	#options;
	#settings;
	#handle;
	#state = 'new'; /* new, starting, open, closing, closed */
	#starting; /* {promise, resolve, reject, timer, failures} */
	#closing;
	#asked = new Map(); /* id -> {resolve, reject} */
	#signals = new Map(); /* call id -> what takes its signal's listener away */
	#pending = []; /* notices taken and not yet told */
	#pendingFirst = 0;
	#taken = 0;
	#block; /* raw events taken and not yet told */
	#rawWanted = false;
	#noticesWanted; /* names, as told to the library */
	#rawLost = 0;
	#eventQueues = new Set();
	#rawQueues = new Set();
	#pumping = false;
	#scheduled = false;
	#keepsAlive = true;

	constructor(options = {}) {
		super();
		this.#options = check.object(options, 'options');
		this.#settings = settings.read(this.#options);
		/* The listener that is added is not counted yet. */
		this.on('newListener', (name) => this.#want(name));
		this.on('removeListener', () => this.#want());
	}

	/* ---- life ---------------------------------------------------------------- */

	/*
	 * Opens the store and connects to Asterisk; resolved when calls and registrations were read. Rejected, it goes on
	 * trying in the background without keeping the process alive; then it may be called again, or shutdown().
	 */
	async initialize() {
		if (this.#state === 'closing') {
			await this.#closing;
		}
		if (this.#state === 'new' || this.#state === 'closed') {
			this.#begin();
		}
		if (this.#state === 'open' || !this.#settings.waitForConnection) {
			return;
		}
		if (!this.#starting) {
			this.#wait();
		}
		await this.#starting.promise;
	}

	#begin() {
		/* Again, as the environment may have changed since. */
		this.#settings = settings.read(this.#options);
		const handle = native.binding_new(JSON.stringify(this.#settings.native));

		if (!handle) {
			throw TelephonyError.from(native.binding_error(null));
		}
		native.watch(handle, (code) => this.#onReadable(code));
		this.#handle = handle;
		this.#state = 'starting';
		this.#keepsAlive = true;
		this.#rawLost = 0;
		this.#rawWanted = false;
		this.#noticesWanted = undefined;
		this.#want();
	}

	#wait() {
		const starting = { failures: 0 };

		starting.promise = new Promise((resolve, reject) => Object.assign(starting, { resolve, reject }));
		starting.timer = setTimeout(() => this.#started(starting.last || new TelephonyError('WTEL_ETIMEOUT',
			`no connection to Asterisk within ${this.#settings.connectTimeout} ms`, 'connectTimeout')),
		this.#settings.connectTimeout);
		this.#starting = starting;
		this.#want();
		native.refer(this.#handle, this.#keepsAlive);
	}

	#started(error) {
		const starting = this.#starting;

		if (!error) {
			this.#state = 'open';
		}
		if (!starting) {
			native.refer(this.#handle, this.#keepsAlive);
			return;
		}
		clearTimeout(starting.timer);
		this.#starting = undefined;
		this.#want();
		if (error) {
			if (this.#handle) {
				native.refer(this.#handle, false);
			}
			starting.reject(error);
		} else {
			starting.resolve();
		}
	}

	/*
	 * Takes no more calls, writes what is to be written, logs off. Active calls go on in Asterisk. Resolved when all
	 * that is done, at the latest after `timeout` milliseconds.
	 */
	async shutdown({ timeout = 10000 } = {}) {
		check.count(timeout, 'timeout', 0, 3600000);
		if (this.#state === 'new' || this.#state === 'closed') {
			return;
		}
		if (!this.#closing) {
			this.#closing = this.#close(timeout);
		}
		await this.#closing;
	}

	async #close(timeout) {
		let timer;
		const late = new Promise((resolve) => {
			timer = setTimeout(resolve, timeout);
		});

		this.#state = 'closing';
		native.refer(this.#handle, true);
		if (this.#starting) {
			this.#started(new TelephonyError('WTEL_ECLOSED', 'shut down meanwhile', ''));
		}
		try {
			await Promise.race([this.#ask(native.binding_close(this.#handle)), late]);
		} catch {
			/* It ends all the same. */
		}
		clearTimeout(timer);
		this.#take(Infinity);
		this.#takeRaw();
		this.#state = 'closed';
		native.close(this.#handle);
		this.#handle = undefined;
		this.#closing = undefined;
		for (const { reject } of this.#asked.values()) {
			reject(new TelephonyError('WTEL_ECLOSED', 'shut down before the answer came', ''));
		}
		this.#asked.clear();
		for (const forget of [...this.#signals.values()]) {
			forget();
		}
		/* What listeners throw is theirs, not shutdown()'s. */
		while (this.#left) {
			this.#schedule();
			await new Promise(setImmediate);
		}
		for (const queue of [...this.#eventQueues, ...this.#rawQueues]) {
			queue.end();
		}
	}

	/* Whether the connection keeps the process alive: it does, unless unref() was called. */
	ref() {
		this.#keepsAlive = true;
		return this.#refer();
	}

	unref() {
		this.#keepsAlive = false;
		return this.#refer();
	}

	#refer() {
		if (this.#handle && this.#state !== 'closing') {
			native.refer(this.#handle, this.#keepsAlive);
		}
		return this;
	}

	/* The handle, or an error for whoever is too early or too late. */
	#live() {
		if (this.#handle && (this.#state === 'open' || this.#state === 'starting')) {
			return this.#handle;
		}
		throw new TelephonyError('WTEL_ESTATE', this.#state === 'new' ? 'initialize() was not called' : 'shut down already', '');
	}

	/* ---- what is asked --------------------------------------------------------- */

	#ask(id) {
		if (id <= 0) {
			return Promise.reject(TelephonyError.from(native.binding_error(this.#handle)));
		}
		return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
	}

	/*
	 * {agentExtension, customerPhone, campaignId, leadId, agentId, timeout (ms), callerId, variables} ->
	 * {success, callId, trunk, call}. `signal` hangs the call up, whenever that is.
	 */
	async originateCall(request, { signal } = {}) {
		const { signal: inside, ...fields } = check.object(request, 'request');
		const abort = check.signal(signal || inside);
		const values = check.request(fields, 'request', 'variables');

		check.text(values.agentExtension, 'agentExtension');
		check.text(values.customerPhone, 'customerPhone');
		const handle = this.#live();

		if (abort) {
			abort.throwIfAborted();
		}
		const answer = this.#ask(native.binding_originate(handle, JSON.stringify(values))).catch((error) => {
			/* The library names a variable by its own name. */
			throw values.variables && Object.hasOwn(values.variables, error.field)
				? new TelephonyError(error.code, error.message, `variables.${error.field}`) : error;
		});

		return abort ? this.#abortable(answer, abort) : answer;
	}

	#abortable(answer, signal) {
		return new Promise((resolve, reject) => {
			let callId;
			const abort = () => {
				reject(signal.reason);
				if (callId !== undefined) {
					this.#signals.delete(callId);
					this.#hangupQuietly(callId);
				}
			};

			signal.addEventListener('abort', abort, { once: true });
			answer.then((result) => {
				callId = result.callId;
				if (signal.aborted) {
					this.#hangupQuietly(callId);
					return;
				}
				this.#signals.set(callId, () => {
					signal.removeEventListener('abort', abort);
					this.#signals.delete(callId);
					this.#want();
				});
				this.#want();
				resolve(result);
			}, (error) => {
				signal.removeEventListener('abort', abort);
				reject(error);
			});
		});
	}

	#hangupQuietly(callId) {
		/* It may be over already. */
		this.hangupCall(callId).catch(() => {});
	}

	/* By channel name or call id: the whole call. -> {success: true} */
	async hangupCall(channel) {
		check.text(channel, 'channel');
		return this.#ask(native.binding_hangup(this.#live(), channel));
	}

	/* Any AMI action. `fields`: an object, arrays for repeated names, or a list of pairs. -> {response, items} */
	async action(name, fields = {}, { timeout } = {}) {
		check.text(name, 'action');
		const pairs = [];

		for (const [key, value] of Array.isArray(fields) ? fields : Object.entries(check.object(fields, 'fields'))) {
			check.text(key, 'fields');
			for (const one of [value].flat()) {
				pairs.push([key, String(check.plain(one, key))]);
			}
		}
		const request = { action: name, fields: pairs };

		if (timeout !== undefined) {
			request.timeout = check.count(timeout, 'timeout', 1, 3600000);
		}
		return this.#ask(native.binding_action(this.#live(), JSON.stringify(request)));
	}

	/*
	 * The whole REST interface without HTTP: `path` as in "/api/telephony/calls/active", `query` text or an object,
	 * `body` text or a value; `actor` and `address` are for the audit log. -> {status, body}
	 */
	async api(method, path, { query, body, userId, role, actor, address } = {}) {
		check.text(method, 'method');
		check.text(path, 'path');
		const request = { method, path };

		if (query !== undefined && query !== null) {
			request.query = typeof query === 'string' ? query : Object.entries(check.request(query, 'query'))
				.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
		}
		if (body !== undefined && body !== null) {
			request.body = typeof body === 'string' ? body : encode(body);
		}
		if (userId !== undefined && userId !== null) {
			request.userId = check.count(userId, 'userId', 0, Number.MAX_SAFE_INTEGER);
		}
		if (role !== undefined) {
			request.role = check.plain(role, 'role');
		}
		for (const [name, value] of [['actor', actor], ['address', address]]) {
			if (value !== undefined && value !== null) {
				check.text(value, name);
				request[name] = value;
			}
		}
		return this.#ask(native.binding_api(this.#live(), JSON.stringify(check.request(request, 'request'))));
	}

	/* {connected, activeCalls, callsInProgress, ...} at this moment. */
	getStatistics() {
		const text = this.#handle && native.binding_statistics(this.#handle);

		return text ? JSON.parse(text) : { connected: false, activeCalls: 0, callsInProgress: 0 };
	}

	/* The calls that are active in this process's view, at this moment. */
	getActiveCalls() {
		const text = this.#handle && native.binding_calls(this.#handle);

		return text ? JSON.parse(text) : [];
	}

	/* ---- events ------------------------------------------------------------------ */

	/* for await (const event of telephony.events()): {event: 'call:new', time, call}, from now on until shutdown(). */
	events({ signal, maxQueue = this.#settings.maxQueue } = {}) {
		return this.#queue(this.#eventQueues, check.signal(signal), check.count(maxQueue, 'maxQueue', 1, 10000000));
	}

	/* The same of AMI events as they come, each an AmiEvent. */
	ami({ signal, maxQueue = 100000 } = {}) {
		return this.#queue(this.#rawQueues, check.signal(signal), check.count(maxQueue, 'maxQueue', 1, 10000000));
	}

	#queue(set, signal, limit) {
		const queue = new Queue({
			limit,
			enough: EVENTS_AHEAD,
			signal,
			onWant: () => this.#schedule(),
			onEnd: () => {
				set.delete(queue);
				this.#want();
			},
		});

		set.add(queue);
		this.#want();
		if (signal && signal.aborted) {
			queue.end(signal.reason, true);
		}
		return queue;
	}

	/* Tells the library what somebody listens to; the rest it need not make into text. */
	#want(name = undefined) {
		if (!this.#handle) {
			return;
		}
		const raw = name === RAW || this.listenerCount(RAW) > 0 || this.#rawQueues.size > 0;
		const wanted = [...notices.NAMES].filter((one) => one === name || this.#eventQueues.size || this.listenerCount(one)
			|| (one === 'ami:disconnected' && this.#starting) || (one === 'call:hangup' && this.#signals.size)).join();

		if (raw !== this.#rawWanted) {
			native.binding_raw(this.#handle, raw ? this.#settings.maxRaw : 0);
			this.#rawWanted = raw;
		}
		if (wanted !== this.#noticesWanted) {
			native.binding_want(this.#handle, wanted);
			this.#noticesWanted = wanted;
		}
	}

	/* ---- what comes out of the library ------------------------------------------------ */

	#onReadable(code) {
		if (code && code !== -1) {
			this.emit('log', { level: 'error', text: `dispatch failed: ${code}` });
		}
		this.#pump();
	}

	#schedule() {
		if (!this.#scheduled) {
			this.#scheduled = true;
			setImmediate(() => {
				this.#scheduled = false;
				this.#pump();
			});
		}
	}

	/* A listener may throw, ask, shut down: whatever was taken and not told comes in the next turn. */
	#pump() {
		if (this.#pumping) {
			return;
		}
		this.#pumping = true;
		let more = true;
		const left = this.#left;

		try {
			this.#replies();
			this.#logs();
			this.#take(NOTICES_A_TURN);
			this.#tellNotices();
			this.#takeRaw();
			this.#tellRaw();
			more = left || this.#taken === NOTICES_A_TURN;
		} finally {
			this.#pumping = false;
			if (more) {
				this.#schedule();
			}
		}
	}

	#replies() {
		for (let text = this.#handle && native.binding_replies(this.#handle, REPLIES_A_TURN); text;
			text = native.binding_replies(this.#handle, REPLIES_A_TURN)) {
			for (const { id, data, error } of JSON.parse(text)) {
				const asked = this.#asked.get(id);

				this.#asked.delete(id);
				if (asked && error) {
					asked.reject(TelephonyError.from(error));
				} else if (asked) {
					asked.resolve(data);
				}
			}
		}
	}

	#logs() {
		const text = this.#handle && native.binding_logs(this.#handle);

		for (const [level, line] of text ? JSON.parse(text) : []) {
			this.emit('log', { level, text: line });
		}
	}

	/* Taken and not told, as a listener threw. */
	get #left() {
		return this.#pendingFirst < this.#pending.length || this.#block !== undefined;
	}

	/* Notices stay in the library while there are only iterators and each has enough. */
	#take(most) {
		this.#taken = 0;
		if (!this.#handle || (this.#pendingFirst < this.#pending.length && most !== Infinity)) {
			return;
		}
		if (this.#eventQueues.size && this.#state === 'open' && !this.#signals.size && !this.#starting
			&& ![...this.#eventQueues].some((queue) => queue.wants) && !this.eventNames().some((name) => notices.NAMES.has(name))) {
			return;
		}
		const text = native.binding_notices(this.#handle, most === Infinity ? 0xffffffff : most);

		const taken = text ? JSON.parse(text) : [];

		this.#pending = this.#pending.slice(this.#pendingFirst).concat(taken);
		this.#pendingFirst = 0;
		this.#taken = taken.length;
	}

	#tellNotices() {
		if (this.#state === 'starting') {
			this.#watchStart();
		}
		while (this.#pendingFirst < this.#pending.length) {
			const notice = notices.shape(this.#pending[this.#pendingFirst++]);

			this.#note(notice);
			for (const queue of this.#eventQueues) {
				queue.push(notice);
			}
			this.emit(notice.event, ...notices.payload(notice));
		}
	}

	#note({ event, call, reason }) {
		if (event === 'call:hangup' && this.#signals.size) {
			const forget = this.#signals.get(call.callId);

			if (forget) {
				forget();
			}
		} else if (event === 'ami:disconnected' && this.#starting) {
			const starting = this.#starting;

			starting.last = fromSentence(reason || '');
			if (++starting.failures >= this.#settings.hosts) {
				this.#started(starting.last);
			}
		}
	}

	/* Connected and read: the moment that initialize() waits for. */
	#watchStart() {
		const { connected, synchronised } = this.getStatistics();

		if (connected && synchronised) {
			this.#started();
		}
	}

	#takeRaw() {
		if (!this.#handle || !this.#rawWanted || this.#block) {
			return;
		}
		if (!this.listenerCount(RAW) && ![...this.#rawQueues].some((queue) => queue.wants)) {
			return;
		}
		const bytes = native.binding_raw_take(this.#handle);

		this.#block = makeBlock(bytes, bytes && native.binding_raw_ends(this.#handle));
		if (bytes && bytes.length > this.#settings.maxRaw / 2) {
			this.#tellRawLost();
		}
	}

	#tellRawLost() {
		const { rawLost } = this.getStatistics();
		const lost = rawLost - this.#rawLost;

		this.#rawLost = rawLost;
		if (lost > 0) {
			this.emit('overflow', { time: new Date().toISOString(), lost, source: 'ami' });
		}
	}

	#tellRaw() {
		const block = this.#block;

		for (let event = block && block.next(); event; event = block.next()) {
			for (const queue of this.#rawQueues) {
				queue.push(event);
			}
			this.emit(RAW, event);
		}
		this.#block = undefined;
	}
}

function encode(value) {
	try {
		const text = JSON.stringify(value);

		if (text !== undefined) {
			return text;
		}
	} catch (error) {
		throw new TelephonyError('WTEL_EINVAL', 'is no JSON', 'body', { cause: error });
	}
	throw new TelephonyError('WTEL_EINVAL', 'is no JSON', 'body');
}

for (const [name, value] of Object.entries(rest.methods)) {
	Object.defineProperty(Telephony.prototype, name, { value, configurable: true, writable: true });
}

/* A service of its own; `options` as in README.md. */
function createTelephony(options = {}) {
	return new Telephony(options);
}

module.exports = { Telephony, createTelephony };
