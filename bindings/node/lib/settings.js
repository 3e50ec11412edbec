'use strict';

const check = require('./check.js');
const { TelephonyError } = require('./errors.js');

/* Those of the C side: see binding.h. */
const LIBRARY = ['ami', 'db', 'country', 'technology', 'caFile', 'tlsName', 'allowPlain', 'originateTimeout', 'dialTimeout',
	'maxAttempts', 'maxQueue', 'migrate', 'store'];
const OWN = ['waitForConnection', 'connectTimeout', 'maxRaw'];

/* {host, port, username, secret, tls} as a URL. */
function url(host, field) {
	check.known(host, ['host', 'port', 'username', 'secret', 'tls'], field);
	check.text(host.username, `${field}.username`);
	check.text(host.secret, `${field}.secret`);
	check.text(host.host, `${field}.host`, { optional: true });
	const name = host.host || 'localhost';
	const port = host.port === undefined ? '' : `:${check.count(host.port, `${field}.port`, 1, 65535)}`;

	return `${host.tls ? 'amis' : 'ami'}://${encodeURIComponent(host.username)}:${encodeURIComponent(host.secret)}@`
		+ `${name.includes(':') ? `[${name}]` : name}${port}`;
}

/* Checks what createTelephony() was given; `native` goes to the C side as JSON. */
function read(options) {
	check.known(options, [...LIBRARY, ...OWN]);
	const native = {};

	for (const key of LIBRARY) {
		const value = options[key];

		if (value === undefined || value === null) {
			continue;
		}
		native[key] = key === 'ami' && typeof value === 'object'
			? [value].flat().map((host) => url(check.object(host, 'ami'), 'ami')).join(',')
			: check.plain(value, key);
	}
	if (native.ami === '') {
		throw new TelephonyError('WTEL_ECONFIG', 'no Asterisk is given', 'ami');
	}
	const { waitForConnection = true, connectTimeout = 10000, maxRaw = 16 << 20 } = options;

	if (typeof waitForConnection !== 'boolean') {
		throw new TelephonyError('WTEL_ECONFIG', 'must be true or false', 'waitForConnection');
	}
	return {
		native,
		hosts: native.ami || process.env.WTEL_AMI ? String(native.ami || process.env.WTEL_AMI).split(',').length : 1,
		waitForConnection,
		connectTimeout: check.count(connectTimeout, 'connectTimeout', 1, 3600000),
		maxRaw: check.count(maxRaw, 'maxRaw', 1024, 1 << 30),
		maxQueue: native.maxQueue === undefined ? 10000 : check.count(native.maxQueue, 'maxQueue', 1, 10000000),
	};
}

module.exports = { read };
