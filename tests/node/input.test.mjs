// Bad input: an exception that names the field, never a crash, whatever the values. WTEL_FUZZ_ROUNDS: more of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require, service, simulator, wtel } from './world.mjs';

const NOWHERE = 'ami://wtel:wtel@127.0.0.1:1';
const good = { agentExtension: '1001', customerPhone: '+15551234501' };
const rounds = Number(process.env.WTEL_FUZZ_ROUNDS ?? 2000);

test('originateCall: every field is checked and named', async (t) => {
	const telephony = await service(t, await simulator(t));
	const huge = 'x'.repeat(5e6);

	for (const [change, code, field] of [
		[{ agentExtension: undefined }, 'WTEL_EINVAL', 'agentExtension'],
		[{ customerPhone: null }, 'WTEL_EINVAL', 'customerPhone'],
		[{ agentExtension: 1001 }, 'WTEL_EINVAL', 'agentExtension'],
		[{ agentExtension: {} }, 'WTEL_EINVAL', 'agentExtension'],
		[{ agentExtension: '' }, 'WTEL_EINVAL', 'agentExtension'],
		[{ customerPhone: ['+1'] }, 'WTEL_EINVAL', 'customerPhone'],
		[{ customerPhone: Symbol('x') }, 'WTEL_EINVAL', 'customerPhone'],
		[{ customerPhone: () => '1' }, 'WTEL_EINVAL', 'customerPhone'],
		[{ customerPhone: 'not a number' }, 'WTEL_EINVAL', 'customerPhone'],
		[{ customerPhone: '+1555\r\nAction: Command' }, 'WTEL_EINJECTION', 'customerPhone'],
		[{ agentExtension: '1001\n' }, 'WTEL_EINJECTION', 'agentExtension'],
		[{ agentExtension: '10\x0001' }, 'WTEL_EINJECTION', 'agentExtension'],
		[{ agentExtension: '1001\ud800' }, 'WTEL_EINVAL', 'agentExtension'],
		[{ customerPhone: huge }, 'WTEL_ELIMIT', 'customerPhone'],
		[{ callerId: 'a\r\nb' }, 'WTEL_EINJECTION', 'callerId'],
		[{ callerId: huge }, 'WTEL_ELIMIT', 'callerId'],
		[{ campaignId: 'one' }, 'WTEL_EINVAL', 'campaignId'],
		[{ campaignId: 1.5 }, 'WTEL_EINVAL', 'campaignId'],
		[{ campaignId: -1 }, 'WTEL_EINVAL', 'campaignId'],
		[{ leadId: NaN }, 'WTEL_EINVAL', 'leadId'],
		[{ leadId: Infinity }, 'WTEL_EINVAL', 'leadId'],
		[{ agentId: 1n }, 'WTEL_EINVAL', 'agentId'],
		[{ agentId: 1e300 }, 'WTEL_EINVAL', 'agentId'],
		[{ timeout: 0 }, 'WTEL_EINVAL', 'timeout'],
		[{ variables: 'x' }, 'WTEL_EINVAL', 'variables'],
		[{ variables: { A: Symbol('x') } }, 'WTEL_EINVAL', 'variables.A'],
		[{ variables: { A: 'x\r\ny' } }, 'WTEL_EINJECTION', 'variables.A'],
		[{ variables: { A: '\udc00' } }, 'WTEL_EINVAL', 'variables.A'],
		[{ variables: { A: huge } }, 'WTEL_ELIMIT', 'variables.A'],
		[{ customerphone: '+1' }, 'WTEL_EINVAL', 'customerphone'],
		[{ signal: 'now' }, 'WTEL_EINVAL', 'signal'],
	]) {
		await assert.rejects(telephony.originateCall({ ...good, ...change }),
			(error) => error instanceof wtel.TelephonyError && error.code === code && error.field === field,
			`${field} as ${typeof change[field.split('.')[0]]}`);
	}
	for (const request of [undefined, null, 1, 'x', [], () => {}]) {
		await assert.rejects(telephony.originateCall(request), { code: 'WTEL_EINVAL', field: 'request' });
	}
	for (const channel of [undefined, null, 7, {}, '', 'x\r\ny', '\ud800', huge]) {
		await assert.rejects(telephony.hangupCall(channel), { name: 'TelephonyError', field: 'channel' }, String(channel).slice(0, 20));
	}
	assert.equal(telephony.getStatistics().activeCalls, 0);
});

test('actions and the REST interface', async (t) => {
	const telephony = await service(t, await simulator(t));

	for (const [use, field] of [
		[() => telephony.action(), 'action'],
		[() => telephony.action('Ping\r\nAction: Logoff'), 'action'],
		[() => telephony.action('Ping', 5), 'fields'],
		[() => telephony.action('Ping', { 'A: b': 'x' }), undefined],
		[() => telephony.action('Ping', { A: 'x\r\nAction: Command' }), undefined],
		[() => telephony.action('Ping', { A: Symbol('x') }), 'A'],
		[() => telephony.action('Ping', {}, { timeout: -1 }), 'timeout'],
		[() => telephony.api(), 'method'],
		[() => telephony.api('GET', 5), 'path'],
		[() => telephony.api('GET', '/', { query: { a: Symbol('x') } }), 'a'],
		[() => telephony.api('GET', '/', { userId: 'x' }), 'userId'],
		[() => telephony.api('GET', '/', { role: 'king' }), 'role'],
		[() => telephony.api('POST', '/', { body: { a: 1n } }), 'body'],
		[() => telephony.api('POST', '/', { body: (() => { const a = {}; a.a = a; return a; })() }), 'body'],
	]) {
		await assert.rejects(async () => use(), (error) => error instanceof wtel.TelephonyError && /^WTEL_/.test(error.code)
			&& (field === undefined || error.field === field), `${field}`);
	}
});

test('options', async () => {
	for (const [options, field] of [
		[null, 'options'], [5, 'options'], [[], 'options'], [{ amy: 'x' }, 'amy'], [{ ami: 5n }, 'ami'], [{ ami: {} }, 'ami.username'],
		[{ ami: { username: 'a', secret: 'b', port: 70000 } }, 'ami.port'], [{ ami: { username: 'a', secret: 'b', pass: 'c' } }, 'pass'],
		[{ connectTimeout: '5' }, 'connectTimeout'], [{ waitForConnection: 1 }, 'waitForConnection'], [{ maxQueue: 0 }, 'maxQueue'],
		[{ maxRaw: -1 }, 'maxRaw'], [{ db: Symbol('x') }, 'db'],
	]) {
		assert.throws(() => wtel.createTelephony(options), { name: 'TelephonyError', field }, field);
	}
	for (const [options, field] of [
		[{ ami: 'http://x' }, 'ami'], [{ ami: 'ami://a@b' }, 'ami'], [{ ami: NOWHERE, migrate: 'yes' }, 'migrate'],
		[{ ami: NOWHERE, country: 'ES' }, 'country'], [{ ami: NOWHERE, store: 1 }, 'store'], [{ ami: NOWHERE, dialTimeout: 'x' }, 'dialTimeout'],
	]) {
		await assert.rejects(wtel.createTelephony(options).initialize(), { name: 'TelephonyError', code: 'WTEL_ECONFIG', field }, field);
	}
	const telephony = wtel.createTelephony({ ami: NOWHERE });

	assert.throws(() => telephony.events({ signal: {} }), { field: 'signal' });
	assert.throws(() => telephony.events({ maxQueue: 0 }), { field: 'maxQueue' });
	await assert.rejects(telephony.shutdown({ timeout: 'soon' }), { field: 'timeout' });
});

// The same values on every run: xorshift.
function generator(seed) {
	let state = seed;
	const next = (below) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % below;
	};
	const texts = ['', 'a', '1001', '+15551234501', '\0', '\r\n', '\ud800', '\udfff\ud800', '\u{1f600}', 'ñ', '__proto__', 'constructor', 'toString',
		'PJSIP/1001-00000001', '/api/telephony/calls/active', '/api/telephony/trunks/1', '%', '%00', '{"a":1}', '[', '-1', '1e400', 'x'.repeat(300),
		'y'.repeat(2e6), 'GET', 'POST', 'admin', 'Ping', 'Originate', 'agentExtension', 'customerPhone', 'variables', 'action'];
	const text = () => (next(4) ? texts[next(texts.length)] : String.fromCharCode(...Array.from({ length: next(20) }, () => next(65536))));
	const value = (depth = 0) => {
		switch (next(depth > 3 ? 12 : 18)) {
		case 0: return undefined;
		case 1: return null;
		case 2: return next(2) === 1;
		case 3: return next(2000) - 1000;
		case 4: return [NaN, Infinity, -0, 2 ** 53, -(2 ** 63), 1e308, 0.1][next(7)];
		case 5: return BigInt(next(1000));
		case 6: return Symbol('s');
		case 7: return () => value(4);
		case 8: return Buffer.from(text().slice(0, 100));
		case 9: return new Date(next(2) ? NaN : 0);
		case 10: case 11: case 12: case 13: return text();
		case 14: return Array.from({ length: next(4) }, () => value(depth + 1));
		case 15: return { toJSON() { throw new Error('toJSON'); }, toString() { throw new Error('toString'); } };
		case 16: return new Proxy({}, { ownKeys() { throw new Error('trap'); } });
		default: return Object.fromEntries(Array.from({ length: next(5) }, () => [text().slice(0, 1000), value(depth + 1)]));
		}
	};

	return { next, text, value };
}

test('generated values into every method', async (t) => {
	const telephony = await service(t, await simulator(t, ['--talk', '0.05']));
	const { next, text, value } = generator(20251025);
	const fields = ['agentExtension', 'customerPhone', 'campaignId', 'leadId', 'agentId', 'timeout', 'callerId', 'variables', 'signal'];
	const uses = [
		() => telephony.originateCall({ ...good, [fields[next(fields.length)]]: value() }),
		() => telephony.originateCall(value(), value()),
		() => telephony.hangupCall(value()),
		() => telephony.action(next(2) ? 'Ping' : value(), value(), next(2) ? undefined : { timeout: value() }),
		() => telephony.api(next(2) ? 'GET' : value(), next(2) ? text() : value(), { query: value(), body: value(), userId: value(), role: value() }),
		() => telephony.history(value()),
		() => telephony.callStatistics(value()),
		() => telephony.explain({ to: value(), campaignId: value() }),
		() => telephony.trunk(value()),
		() => telephony.createTrunk({ name: value(), host: value(), priority: value(), advancedSettings: value() }),
		() => telephony.changeTrunk(value(), value()),
		() => telephony.createPeer({ userId: value(), primerNombre: value(), primerApellido: value() }),
		() => telephony.assignTrunk(value(), value(), value()),
		() => telephony.call(value()),
		() => wtel.createTelephony(value()),
		() => telephony.events({ signal: value(), maxQueue: value() }).return(),
		() => telephony.ami({ maxQueue: value() }).return(),
		() => new wtel.Parser().feed(value()),
	];
	let refused = 0;

	for (let round = 0; round < rounds; round++) {
		try {
			await uses[next(uses.length)]();
		} catch (error) {
			assert.ok(error instanceof Error, String(error));
			refused++;
		}
	}
	assert.ok(refused > rounds / 4, `${refused} were refused`);
	assert.equal((await telephony.action('Ping')).response.Ping, 'Pong');
});

test('generated values into the addon itself', async (t) => {
	const native = require('./lib/native.js');
	const { next, value } = generator(7);
	const sim = await simulator(t);
	const handles = [native.binding_new(JSON.stringify({ ami: sim.url, store: false })), native.parser_new()];
	const names = Object.keys(native).filter((name) => name !== 'binding_new');

	t.after(() => handles.forEach((handle) => native.close(handle)));
	assert.ok(names.length > 15);
	for (let round = 0; round < rounds; round++) {
		const name = names[next(names.length)];
		const values = Array.from({ length: next(5) }, () => value());

		if (next(4)) {
			values.unshift(next(10) ? handles[next(2)] : value());
		}
		/* Nothing takes away what the next rounds need. */
		if ((name === 'close' || name === 'watch') && handles.includes(values[0])) {
			continue;
		}
		try {
			native[name](...values);
		} catch (error) {
			assert.ok(error instanceof Error, String(error));
		}
	}
	const closed = native.parser_new();

	native.close(closed);
	native.close(closed);
	assert.throws(() => native.parser_feed(closed, Buffer.from('x')), TypeError);
	assert.throws(() => native.binding_statistics(handles[1]), TypeError);
	assert.throws(() => native.parser_feed(handles[0], Buffer.from('x')), TypeError);
});

test('generated bytes into the parser', () => {
	const { next } = generator(99);
	const pieces = ['Event: ', 'Response: ', 'Channel: PJSIP/1-1', '\r\n', '\n', '\r\n\r\n', ':', ': ', 'Asterisk Call Manager/11.0.0\r\n', '\xff', '\0', 'ñ', 'Output: x'];
	const parser = new wtel.Parser();

	for (let round = 0; round < rounds * 5; round++) {
		const text = Array.from({ length: next(30) }, () => pieces[next(pieces.length)]).join('');

		for (const message of parser.feed(next(2) ? text : Buffer.from(text, 'latin1'))) {
			assert.equal(typeof message.name, 'string');
			assert.equal(typeof message.fields, 'object');
			message.get('Channel');
			message.get('');
			assert.equal(typeof message.toString(), 'string');
		}
	}
});
