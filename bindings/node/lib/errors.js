'use strict';

/* Whatever goes wrong in the library: `code` is a name of <wtel/error.def>, `field` the argument, option or column ("" if none). */
class TelephonyError extends Error {
	constructor(code, message, field = '', options = undefined) {
		super(field && !message.startsWith(field) ? `${field}: ${message}` : message, options);
		this.code = code;
		this.field = field;
	}

	/* Of the JSON text that the C side gives. */
	static from(text) {
		const { code, message, field } = typeof text === 'string' ? JSON.parse(text) : text;

		return new TelephonyError(code || 'WTEL_EINVAL', message || code || 'failed', field || '');
	}
}
Object.defineProperty(TelephonyError.prototype, 'name', { value: 'TelephonyError', configurable: true, writable: true });

/* Names of <wtel/error.def> that a sentence alone tells. */
const SENTENCES = [
	['Asterisk rejected the login', 'WTEL_EAUTH'],
	['TLS', 'WTEL_ETLS'],
	['certificate', 'WTEL_ETLS'],
	['no answer in time', 'WTEL_ETIMEOUT'],
];

function fromSentence(text) {
	const found = SENTENCES.find(([part]) => text.includes(part));

	return new TelephonyError(found ? found[1] : 'WTEL_ECONNECT', text || 'no connection to Asterisk', 'ami');
}

module.exports = { TelephonyError, fromSentence };
