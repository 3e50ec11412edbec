'use strict';

/*
 * What an async iterator has not given yet. `wants` says whether more should be taken from the library: while nobody
 * else needs the events, they wait there. Beyond `limit` the oldest are dropped and counted.
 */
class Queue {
	#items = [];
	#first = 0;
	#waiting = [];
	#ended = false;
	#error;
	#signal;
	#onAbort;
	#onWant;
	#onEnd;
	#limit;
	#enough;
	lost = 0;

	constructor({ limit, enough, signal, onWant, onEnd }) {
		this.#limit = limit;
		this.#enough = Math.min(enough, limit);
		this.#onWant = onWant;
		this.#onEnd = onEnd;
		if (signal) {
			this.#signal = signal;
			this.#onAbort = () => this.end(signal.reason, true);
			signal.addEventListener('abort', this.#onAbort, { once: true });
		}
	}

	get length() {
		return this.#items.length - this.#first;
	}

	get wants() {
		return !this.#ended && this.length < this.#enough;
	}

	push(item) {
		if (this.#ended) {
			return;
		}
		const waiting = this.#waiting.shift();

		if (waiting) {
			waiting.resolve({ value: item, done: false });
			return;
		}
		if (this.length >= this.#limit) {
			this.#drop();
			this.lost++;
		}
		this.#items.push(item);
	}

	#drop() {
		const item = this.#items[this.#first];

		this.#items[this.#first++] = undefined;
		if (this.#first === this.#items.length || this.#first > 1024) {
			this.#items.splice(0, this.#first);
			this.#first = 0;
		}
		return item;
	}

	/* What is in the queue is still given, unless it ends at once. */
	end(error = undefined, atOnce = false) {
		if (this.#ended) {
			return;
		}
		this.#ended = true;
		this.#error = error;
		if (atOnce) {
			this.#items = [];
			this.#first = 0;
		}
		if (this.#signal) {
			this.#signal.removeEventListener('abort', this.#onAbort);
		}
		this.#onEnd(this);
		for (const waiting of this.#waiting.splice(0)) {
			this.#finish(waiting);
		}
	}

	#finish(waiting) {
		const error = this.#error;

		this.#error = undefined;
		if (error) {
			waiting.reject(error);
		} else {
			waiting.resolve({ value: undefined, done: true });
		}
	}

	next() {
		if (this.lost) {
			const lost = this.lost;

			this.lost = 0;
			return Promise.resolve({ value: { event: 'overflow', time: new Date().toISOString(), lost }, done: false });
		}
		if (this.length) {
			const value = this.#drop();

			if (this.length === this.#enough >> 1) {
				this.#onWant();
			}
			return Promise.resolve({ value, done: false });
		}
		return new Promise((resolve, reject) => {
			if (this.#ended) {
				this.#finish({ resolve, reject });
			} else {
				this.#waiting.push({ resolve, reject });
				this.#onWant();
			}
		});
	}

	return(value) {
		this.end(undefined, true);
		return Promise.resolve({ value, done: true });
	}

	[Symbol.asyncIterator]() {
		return this;
	}
}

module.exports = { Queue };
