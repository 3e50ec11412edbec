'use strict';

const { TelephonyError } = require('./errors.js');

/* JavaScript may hand over anything; what is no value of JSON is told here, the rest by the C side. */

const MAX_TEXT = 1 << 20;

/* Halves of surrogate pairs: what UTF-8 cannot say. */
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

function text(value, field, { optional = false } = {}) {
	if (value === undefined || value === null) {
		if (optional) {
			return;
		}
		throw new TelephonyError('WTEL_EINVAL', 'is needed', field);
	}
	if (typeof value !== 'string') {
		throw new TelephonyError('WTEL_EINVAL', 'must be a string', field);
	}
	if (value.length > MAX_TEXT) {
		throw new TelephonyError('WTEL_ELIMIT', `longer than ${MAX_TEXT} characters`, field);
	}
	if (/[\0\r\n]/.test(value)) {
		throw new TelephonyError('WTEL_EINJECTION', 'CR, LF or NUL in a name or value', field);
	}
	if (LONE.test(value)) {
		throw new TelephonyError('WTEL_EINVAL', 'half of a surrogate pair is no text', field);
	}
}

function object(value, field) {
	if (value === null || typeof value !== 'object' || Array.isArray(value)) {
		throw new TelephonyError('WTEL_EINVAL', 'must be an object', field);
	}
	return value;
}

/* One value of a request: strings (CR and LF are the C side's to refuse, where they do harm), numbers, booleans. */
function plain(value, field) {
	switch (typeof value) {
	case 'string':
		if (value.length > MAX_TEXT) {
			throw new TelephonyError('WTEL_ELIMIT', `longer than ${MAX_TEXT} characters`, field);
		}
		if (LONE.test(value)) {
			throw new TelephonyError('WTEL_EINVAL', 'half of a surrogate pair is no text', field);
		}
		return value;
	case 'number':
		if (!Number.isFinite(value)) {
			throw new TelephonyError('WTEL_EINVAL', 'must be a finite number', field);
		}
		return value;
	case 'boolean':
		return value;
	default:
		throw new TelephonyError('WTEL_EINVAL', `must not be a ${typeof value}`, field);
	}
}

/* A copy of an object that holds nothing but plain values and, under `nested`, one object of them. */
function request(value, field, nested = undefined) {
	const out = {};

	for (const key of Object.keys(object(value, field))) {
		const item = value[key];

		if (LONE.test(key)) {
			throw new TelephonyError('WTEL_EINVAL', 'half of a surrogate pair is no text', key);
		}
		if (item === undefined || item === null) {
			continue;
		}
		if (key === nested) {
			out[key] = {};
			for (const name of Object.keys(object(item, key))) {
				plain(name, key);
				out[key][name] = typeof item[name] === 'string' ? plain(item[name], `${key}.${name}`)
					: String(plain(item[name], `${key}.${name}`));
			}
		} else {
			out[key] = plain(item, key);
		}
	}
	return out;
}

function count(value, field, least, most) {
	if (!Number.isSafeInteger(value) || value < least || value > most) {
		throw new TelephonyError('WTEL_EINVAL', `must be a whole number from ${least} to ${most}`, field);
	}
	return value;
}

function signal(value, field = 'signal') {
	if (value !== undefined && value !== null && !(value instanceof AbortSignal)) {
		throw new TelephonyError('WTEL_EINVAL', 'must be an AbortSignal', field);
	}
	return value || undefined;
}

/* What is no property of ours is a slip. */
function known(value, names, field = 'options') {
	for (const key of Object.keys(object(value, field))) {
		if (!names.includes(key)) {
			throw new TelephonyError('WTEL_EINVAL', 'is not known here', key);
		}
	}
}

module.exports = { text, object, request, plain, count, signal, known };
