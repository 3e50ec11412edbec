// Iterators, backpressure, raw events and the parser.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import path from 'node:path';
import { checkout, collect, service, simulator, sleep, until, wtel } from './world.mjs';

const CALL = { agentExtension: '1001', customerPhone: '+15551234501' };
const session = readFileSync(path.join(checkout, 'tests', 'golden', 'sessions', 'answered.ami'));

test('for await: the same events as the listeners hear, until shutdown()', async (t) => {
	const telephony = await service(t, await simulator(t));
	const heard = collect(telephony, ['call:new', 'call:state', 'call:ringing', 'call:answered', 'call:hangup']);
	const read = [];
	const reading = (async () => {
		for await (const event of telephony.events()) {
			read.push(event);
		}
	})();

	await telephony.originateCall(CALL);
	await until(() => heard.some(([name]) => name === 'call:hangup'), 'the end');
	await telephony.shutdown();
	await reading;
	const calls = read.filter(({ event }) => event.startsWith('call:'));

	assert.deepEqual(calls.map(({ event, call }) => [event, call]), heard);
	assert.ok(calls.every(({ time }) => !Number.isNaN(Date.parse(time))));
});

test('an iterator ends by its signal, by break and by return()', async (t) => {
	const telephony = await service(t, await simulator(t));
	const controller = new AbortController();
	const waiting = telephony.events({ signal: controller.signal }).next();

	controller.abort();
	await assert.rejects(waiting, { name: 'AbortError' });
	await assert.rejects(telephony.events({ signal: AbortSignal.abort() }).next(), { name: 'AbortError' });
	const iterator = telephony.events();

	await iterator.return();
	assert.deepEqual(await iterator.next(), { value: undefined, done: true });
	const promise = telephony.originateCall(CALL);

	for await (const { event } of telephony.events()) {
		if (event === 'call:new') {
			break;
		}
	}
	await promise;
});

test('a slow reader: events wait in the library, beyond maxQueue the oldest are dropped and told', { timeout: 120000 }, async (t) => {
	const telephony = await service(t, await simulator(t), { maxQueue: 100 });
	const slow = telephony.events();
	const calls = 60;

	for (let i = 0; i < calls; i++) {
		await telephony.originateCall(CALL);
	}
	await until(() => telephony.getStatistics().activeCalls === 0, 'the end of all calls');
	let lost = 0;
	let got = 0;

	while (got + lost < calls * 6) {
		const { value } = await slow.next();

		if (value.event === 'overflow') {
			lost += value.lost;
		} else {
			got++;
		}
	}
	assert.ok(lost > 0, 'something was lost');
	assert.ok(got <= 100 + 64 + 256, `${got} were kept`);
	assert.equal(got + lost, calls * 6);
	assert.equal(await Promise.race([slow.next(), sleep(100)]), undefined, 'and nothing else');
});

test('a slow reader beside a quick listener: nobody waits for the other, and the loss is told to the slow one', async (t) => {
	const telephony = await service(t, await simulator(t));
	const slow = telephony.events({ maxQueue: 10 });
	let heard = 0;

	for (const name of ['call:new', 'call:state', 'call:ringing', 'call:answered', 'call:hangup']) {
		telephony.on(name, () => heard++);
	}
	telephony.on('overflow', () => assert.fail('nothing was lost in the library'));
	for (let i = 0; i < 20; i++) {
		await telephony.originateCall(CALL);
	}
	await until(() => heard === 20 * 6, 'all of it');
	const { value } = await slow.next();

	assert.equal(value.event, 'overflow');
	assert.equal(value.lost, 20 * 6 - 10);
	assert.equal((await slow.next()).value.event.slice(0, 5), 'call:');
});

test('raw events: only while somebody wants them, all fields as they came', async (t) => {
	const telephony = await service(t, await simulator(t, ['--talk', '0.1']));
	const names = [];
	const listener = (event) => names.push(event);

	telephony.on('ami', listener);
	const { callId } = await telephony.originateCall(CALL);

	await until(() => names.filter((event) => event.name === 'Hangup').length === 2, 'both hangups');
	telephony.off('ami', listener);
	const before = names.length;

	assert.equal(names[0].name, 'Newchannel');
	assert.equal(names[0].get('uniqueid'), callId);
	assert.equal(names[0].fields.uniqueid, callId);
	assert.ok(names.every((event) => event instanceof wtel.AmiEvent && event.kind === 'event' && event.fields.event === event.name));
	await telephony.originateCall(CALL);
	await until(() => telephony.getStatistics().activeCalls === 0, 'its end');
	assert.equal(names.length, before);
	/* And by iterator. */
	const read = [];
	const reading = (async () => {
		for await (const event of telephony.ami()) {
			if (read.push(event.name) && event.name === 'Hangup') {
				break;
			}
		}
	})();

	await telephony.originateCall(CALL);
	await reading;
	assert.equal(read[0], 'Newchannel');
});

test('the parser alone, whatever the pieces', () => {
	const whole = new wtel.Parser().feed(session);
	const expected = session.toString('latin1').split('\r\n\r\n').filter((part) => /^(Event|Response): /m.test(part));

	assert.ok(whole.length > 30);
	assert.equal(whole.length, expected.length);
	for (const size of [1, 7, 100, 4096]) {
		const parser = new wtel.Parser();
		const messages = [];

		for (let at = 0; at < session.length; at += size) {
			messages.push(...parser.feed(session.subarray(at, at + size)));
		}
		assert.deepEqual(messages.map((message) => message.fields), whole.map((message) => message.fields), `pieces of ${size}`);
		parser.close();
		assert.throws(() => parser.feed(''), { code: 'WTEL_ESTATE' });
	}
});

test('what an event has to say', () => {
	const parser = new wtel.Parser();
	const [event, response] = parser.feed('Asterisk Call Manager/11.0.0\r\n'
		+ 'Event: Hangup\r\nChannel: PJSIP/ñ-1\r\nCause: 16\r\nEmpty: \r\nChanVariable: a=1\r\nChanVariable: b: 2\r\n\r\n'
		+ 'Response: Error\r\nMessage: Nö\r\n\r\n');

	assert.equal(event.name, 'Hangup');
	assert.equal(event.get('Channel'), 'PJSIP/ñ-1');
	assert.equal(event.get('CAUSE'), '16');
	assert.equal(event.get('Empty'), '');
	assert.equal(event.get('None'), undefined);
	assert.equal(event.get('Event'), 'Hangup');
	assert.equal(event.get('ChanVariable'), 'a=1');
	assert.deepEqual({ ...event.fields }, { event: 'Hangup', channel: 'PJSIP/ñ-1', cause: '16', empty: '', chanvariable: ['a=1', 'b: 2'] });
	assert.deepEqual(JSON.parse(JSON.stringify(event)), { ...event.fields });
	assert.match(event.toString(), /^Event: Hangup\r\nChannel: PJSIP\/ñ-1\r\n/);
	assert.ok(event.raw.includes(Buffer.from('ñ')));
	assert.equal(response.kind, 'response');
	assert.equal(response.name, 'Error');
	assert.equal(response.get('Message'), 'Nö');
	/* Bytes that are no text stay readable. */
	const [broken] = parser.feed(Buffer.from('Event: X\r\n__proto__: \xff\r\nconstructor: y\r\n\r\n', 'latin1'));

	assert.equal(broken.fields.constructor, 'y');
	assert.equal(broken.get('__proto__'), '\ufffd');
	assert.equal(Object.getPrototypeOf(broken.fields), null);
	parser.feed(`Event: X\r\nY: ${'z'.repeat(100000)}\r\n\r\n`);
	assert.equal(parser.skipped, 1);
});
