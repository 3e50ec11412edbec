// Calls, trunks, accounts and history, on the simulator.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect, place, service, simulator, until, wtel } from './world.mjs';

const CALL = ['call:new', 'call:state', 'call:ringing', 'call:answered', 'call:hangup'];

test('an answered call, from the answer of originateCall to its record', async (t) => {
	/* It lasts until it is hung up: so it is still there whenever this looks. */
	const telephony = await service(t, await simulator(t, ['--talk', '600']));
	const seen = collect(telephony, CALL);
	const result = await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501', agentId: 5 });

	assert.equal(result.success, true);
	assert.equal(result.trunk, 'Carrier A');
	assert.match(result.callId, /^WLCM-\d+-[0-9a-f]+$/);
	assert.equal(result.call.callId, result.callId);
	assert.equal(result.call.direction, 'outbound');
	assert.equal(telephony.getStatistics().activeCalls, 1);
	assert.equal(telephony.getActiveCalls()[0].callId, result.callId);
	await until(() => seen.some(([name]) => name === 'call:answered'), 'answered');
	assert.equal(telephony.getStatistics().callsInProgress, 1);
	await telephony.hangupCall(result.callId);
	await until(() => seen.some(([name]) => name === 'call:hangup'), 'hung up');
	assert.deepEqual([...new Set(seen.map(([name]) => name))], CALL);
	assert.ok(seen.every(([, call]) => call.callId === result.callId));
	assert.equal(seen.at(-1)[1].disposition, 'ANSWERED');
	assert.equal(telephony.getStatistics().activeCalls, 0);
	const record = await until(async () => (await telephony.history()).calls.find((call) => call.endTime), 'recorded');

	assert.equal(record.callId, result.callId);
	assert.equal(record.disposition, 'ANSWERED');
	assert.equal(record.agentId, 5);
	assert.equal((await telephony.call(result.callId)).callId, result.callId);
	assert.equal((await telephony.callStatistics()).answered, 1);
});

test('dispositions of calls that are not answered', async (t) => {
	const patient = await service(t, await simulator(t));
	const impatient = await service(t, await simulator(t), { dialTimeout: 1000 });

	for (const [telephony, number, disposition] of [[patient, '+15551234502', 'BUSY'], [patient, '+15551234505', 'FAILED'],
		[impatient, '+15551234503', 'NO ANSWER']]) {
		const ended = new Map();

		telephony.on('call:hangup', (call) => ended.set(call.callId, call.disposition));
		const { callId } = await telephony.originateCall({ agentExtension: '1001', customerPhone: number });

		await until(() => ended.has(callId), `the end of ${number}`);
		assert.equal(ended.get(callId), disposition, number);
	}
});

test('hangupCall by channel and by call id', async (t) => {
	const telephony = await service(t, await simulator(t, ['--talk', '60']));
	const ended = [];

	telephony.on('call:hangup', (call) => ended.push(call.callId));
	for (const by of ['channel', 'callId']) {
		const { callId } = await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' });
		const call = await until(() => telephony.getActiveCalls().find((one) => one.callId === callId && one.channel), 'a channel');

		assert.deepEqual(await telephony.hangupCall(call[by]), { success: true });
		await until(() => ended.includes(callId), 'its end');
	}
	await assert.rejects(telephony.hangupCall('WLCM-1-none'), { name: 'TelephonyError', code: 'WTEL_ENOTFOUND', field: 'channel' });
});

test('a signal hangs up: before the answer, during the call, and not after its end', async (t) => {
	const telephony = await service(t, await simulator(t, ['--talk', '60']));
	const ended = [];

	telephony.on('call:hangup', (call) => ended.push(call));
	await assert.rejects(telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' }, { signal: AbortSignal.abort() }),
		{ name: 'AbortError' });
	assert.equal(telephony.getStatistics().activeCalls, 0);

	/* Nobody answers there, however late the signal is acted upon. */
	const early = new AbortController();
	const promise = telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234503', signal: early.signal });

	early.abort(new Error('changed my mind'));
	await assert.rejects(promise, /changed my mind/);
	await until(() => ended.length === 1, 'the end of the first');
	assert.equal(ended[0].disposition, 'CANCELLED');

	const late = new AbortController();
	const { callId } = await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' }, { signal: late.signal });

	await until(() => telephony.getStatistics().callsInProgress === 1, 'answered');
	late.abort();
	await until(() => ended.length === 2, 'the end of the second');
	assert.equal(ended[1].callId, callId);
	assert.equal(ended[1].disposition, 'ANSWERED');
});

test('a call is followed by its signal even where nobody listens', async (t) => {
	const telephony = await service(t, await simulator(t, ['--talk', '0.1']));
	const controller = new AbortController();
	const { callId } = await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' }, { signal: controller.signal });

	await until(() => telephony.getStatistics().activeCalls === 0, 'its end');
	await until(async () => (await telephony.call(callId)).endTime, 'its record');
	controller.abort(); /* nothing left to hang up: no rejection anywhere */
});

test('no trunk: the error says why', async (t) => {
	const telephony = await service(t, await simulator(t));
	const [trunk] = await telephony.trunks();

	await telephony.changeTrunk(trunk.id, { status: 'maintenance' });
	await until(async () => (await telephony.explain({ to: '+15551234501' })).trunkId === null, 'the change');
	await assert.rejects(telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' }),
		(error) => error instanceof wtel.TelephonyError && error instanceof Error && error.code === 'WTEL_ENOTRUNK'
			&& /No trunks available.*maintenance/.test(error.message));
});

test('trunks and accounts', async (t) => {
	const telephony = await service(t, await simulator(t));
	const made = await telephony.createTrunk({ name: 'Twilio Main', provider: 'twilio', host: 'sip.example.com', maxChannels: 20, priority: 2 });

	assert.equal(made.maxChannels, 20);
	assert.equal((await telephony.changeTrunk(made.id, { maxChannels: 7 })).maxChannels, 7);
	assert.deepEqual((await telephony.trunks()).map((trunk) => trunk.name), ['Carrier A', 'Twilio Main']);
	await telephony.assignTrunk(1, made.id, 3);
	await telephony.removeTrunk(made.id);
	await assert.rejects(telephony.trunk(made.id), { code: 'WTEL_ENOTFOUND', status: 404 });
	await assert.rejects(telephony.createTrunk({ name: 'x', host: 'y', maxChannels: 'many' }), { code: 'WTEL_EINVAL', field: 'maxChannels' });

	const peer = await telephony.createPeer({ userId: 5, primerNombre: 'Ana', primerApellido: 'Ruiz' });

	assert.equal(peer.extension, '1001');
	assert.equal((await telephony.peer(5)).extension, '1001');
	assert.equal((await telephony.peers()).length, 1);
	await telephony.disablePeer(5);
	assert.equal((await telephony.peer(5)).status, 'disabled');
	await telephony.enablePeer(5);
	assert.ok(await telephony.renewPeer(5));
});

test('the REST interface without HTTP', async (t) => {
	const telephony = await service(t, await simulator(t));
	const answer = await telephony.api('POST', '/api/telephony/call/originate',
		{ body: { agentExtension: '1001', customerPhone: '+15551234501' }, userId: 5, role: 'agent' });

	assert.equal(answer.status, 200);
	assert.equal(answer.body.success, true);
	assert.equal((await telephony.api('GET', '/api/telephony/calls/history', { query: { limit: 1 }, userId: 5 })).body.count, 1);
	assert.equal((await telephony.api('GET', '/api/telephony/trunks')).status, 403);
	assert.equal((await telephony.api('GET', '/api/telephony/nothing')).status, 404);
});

test('any AMI action, with a list', async (t) => {
	const telephony = await service(t, await simulator(t, ['--talk', '60']));

	assert.equal((await telephony.action('Ping')).response.Ping, 'Pong');
	await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' });
	await until(() => telephony.getStatistics().callsInProgress === 1, 'answered');
	const { items } = await telephony.action('CoreShowChannels');

	assert.ok(items.length >= 2);
	assert.ok(items.every((item) => item.Event === 'CoreShowChannel'));
	assert.match((await telephony.action('Getvar', { Channel: 'PJSIP/none-00000001', Variable: 'X' }).catch((error) => error)).code, /^WTEL_/);
});

test('the default service reads the environment when it is initialised', async (t) => {
	const sim = await simulator(t);

	Object.assign(process.env, { ASTERISK_HOST: '127.0.0.1', ASTERISK_PORT: String(sim.port), ASTERISK_USER: 'wtel', ASTERISK_PASSWORD: 'wtel',
		WTEL_DB: `sqlite:${place(t)}/wtel.db` });
	await wtel.default.initialize();
	assert.equal(wtel.default.getStatistics().connected, true);
	await wtel.default.shutdown();
	assert.deepEqual(wtel.default.getStatistics(), { connected: false, activeCalls: 0, callsInProgress: 0 });
});
