// The platform's own snippets on the simulator, and on the real Asterisk where this is run by
// `WTEL_TEST_REAL=1 python3 tests/real/world.py --run node --test tests/node/seed.test.mjs`.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkout, folder, place, run, simulator, until, wtel } from './world.mjs';

const real = process.env.WTEL_TEST_REAL ? process.env.WTEL_AMI : undefined;

const onReal = (...test_) => real && test(...test_);
const onSimulator = (...test_) => !real && test(...test_);

// The platform's tables, with the trunk that its documentation calls Twilio Main.
async function prepare(ami, db) {
	const telephony = wtel.createTelephony({ ami, db });

	await telephony.initialize();
	await telephony.createTrunk({ name: 'Twilio Main', provider: 'twilio', host: 'sip.twilio.com', maxChannels: 20, priority: 1, endpoint: 'carrier-a' });
	await telephony.shutdown();
}

async function copy(t) {
	const project = place(t);

	cpSync(path.join(checkout, 'tests', 'node', 'seed'), project, { recursive: true });
	mkdirSync(path.join(project, 'node_modules'));
	symlinkSync(folder, path.join(project, 'node_modules', 'wtel'));
	return project;
}

// The variables of section 7.1, from a URL.
function environment(url, db) {
	const { hostname, port, username, password } = new URL(url.replace(/^ami:/, 'http:'));

	return { ASTERISK_HOST: hostname, ASTERISK_PORT: port, ASTERISK_USER: decodeURIComponent(username), ASTERISK_PASSWORD: decodeURIComponent(password),
		WTEL_DB: db, WTEL_AMI: '' };
}

async function check(t, ami, customer) {
	const project = await copy(t);
	const db = `sqlite:${project}/wtel.db`;

	await prepare(ami, db);
	const { code, out, err } = await run('src/index.js', { cwd: project, env: { ...environment(ami, db), CUSTOMER: customer }, timeout: 60000 });

	assert.equal(code, 0, err + out);
	assert.equal(err, '');
	const lines = out.split('\n');
	const result = JSON.parse(lines.find((line) => line.startsWith('result ')).slice(7));
	const stats = lines.filter((line) => line.startsWith('stats ')).map((line) => JSON.parse(line.slice(6)));

	assert.deepEqual([result.success, result.trunk, result.call.callId, result.call.direction], [true, 'Twilio Main', result.callId, 'outbound']);
	assert.match(result.callId, /^WLCM-\d{13}-[0-9a-f]+$/);
	assert.deepEqual(stats.map(({ connected, activeCalls, callsInProgress }) => [connected, activeCalls, callsInProgress]), [[true, 1, 1], [true, 0, 0]]);
	for (const line of ['AMI connected', '✅ Telephony service initialized', `New call: ${result.callId}`, `Call answered: ${result.callId}`,
		`Call ended: ${result.callId} ANSWERED`, '📴 Shutting down gracefully...', 'Trunk Twilio Main registration: Registered']) {
		assert.ok(lines.includes(line), `${line}\nis not in\n${out}`);
	}
	/* Another process reads the record. */
	const telephony = wtel.createTelephony({ ami, db });

	t.after(() => telephony.shutdown());
	await telephony.initialize();
	const record = await telephony.call(result.callId);

	assert.deepEqual([record.disposition, record.agentId, record.campaignId, record.leadId, record.calleeNumber], ['ANSWERED', 5, 1, 123, customer]);
}

onSimulator('the documented snippets on the simulator', async (t) => {
	const sim = await simulator(t, ['--registrations', 'carrier-a=Registered', '--talk', '60']);

	await check(t, sim.url, '+1234567890');
});

onSimulator('without Asterisk the platform goes on', async (t) => {
	const project = await copy(t);
	const { code, err } = await run('src/index.js', { cwd: project, env: environment('ami://a:b@127.0.0.1:1', 'sqlite::memory:') });

	/* The call that follows is refused: a program that did not look. */
	assert.equal(code, 1);
	assert.match(err, /Failed to initialize telephony service: TelephonyError: .*\n[^]*WTEL_ECONNECT/);
});

onReal('the documented snippets on the real Asterisk', async (t) => {
	await check(t, real, '+15551234500');
});

onReal('every kind of end, on the real Asterisk', async (t) => {
	const db = `sqlite:${place(t)}/wtel.db`;

	await prepare(real, db);
	const telephony = wtel.createTelephony({ ami: real, db });

	t.after(() => telephony.shutdown());
	await telephony.initialize();
	const names = new Set();
	const ended = new Map();

	telephony.on('ami', (event) => names.add(event.name));
	telephony.on('call:hangup', (call) => ended.set(call.callId, call.disposition));
	for (const [number, disposition] of [['+15551234501', 'ANSWERED'], ['+15551234502', 'BUSY'], ['+15551234505', 'FAILED']]) {
		const { callId } = await telephony.originateCall({ agentExtension: '1001', customerPhone: number });

		await until(() => ended.has(callId), `the end of ${number}`, 30000);
		assert.equal(ended.get(callId), disposition, number);
	}
	const controller = new AbortController();
	const { callId } = await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234503' }, { signal: controller.signal });

	await until(() => telephony.getActiveCalls().some((call) => call.stateName === 'ringing'), 'it rings', 20000);
	controller.abort();
	await until(() => ended.has(callId), 'its end', 20000);
	assert.equal(ended.get(callId), 'CANCELLED');
	for (const name of ['Newchannel', 'DialBegin', 'BridgeEnter', 'Hangup']) {
		assert.ok(names.has(name), name);
	}
});

onReal('over TLS, verified', async (t) => {
	const options = { ami: process.env.WTEL_TEST_TLS, store: false };
	const telephony = wtel.createTelephony({ ...options, caFile: process.env.WTEL_TLS_CA });

	t.after(() => telephony.shutdown());
	await telephony.initialize();
	assert.equal((await telephony.action('Ping')).response.Ping, 'Pong');
	const distrustful = wtel.createTelephony(options);

	t.after(() => distrustful.shutdown());
	await assert.rejects(distrustful.initialize(), { code: 'WTEL_ETLS' });
});
