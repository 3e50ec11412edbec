// From initialize() to the end of the process, in any order.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { collect, folder, place, require, run, service, simulator, sleep, until, wtel } from './world.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
const program = path.join(here, 'programs', 'calls.mjs');
const NOWHERE = 'ami://wtel:wtel@127.0.0.1:1';

test('both kinds of modules are one package', () => {
	assert.equal(require('./index.js').default, wtel.default);
	assert.equal(require('./index.js').Telephony, wtel.Telephony);
	assert.equal(wtel.telephonyService, wtel.default);
	assert.ok(wtel.default instanceof wtel.Telephony);
});

test('initialize() rejects where nobody listens, and connects later', async (t) => {
	/* Below the ports that the kernel gives to whoever asks for any: nobody takes it before the simulator does. */
	const server = await until(async () => {
		const made = createServer().listen(5100 + Math.floor(Math.random() * 2400), '127.0.0.1');

		return once(made, 'listening').then(() => made, () => null);
	}, 'a free port');
	const { port } = server.address();

	await new Promise((resolve) => server.close(resolve));
	const telephony = wtel.createTelephony({ ami: `ami://wtel:wtel@127.0.0.1:${port}`, store: false });

	t.after(() => telephony.shutdown());
	await assert.rejects(telephony.initialize(), { name: 'TelephonyError', code: 'WTEL_ECONNECT', field: 'ami' });
	assert.equal(telephony.getStatistics().connected, false);
	const sim = await simulator(t, ['--listen', `127.0.0.1:${port}`]);

	assert.equal(sim.port, port);
	await until(() => telephony.initialize().then(() => true, () => false), 'the second attempt');
	assert.equal(telephony.getStatistics().connected, true);
});

test('a login that is refused says so', async (t) => {
	const sim = await simulator(t);
	const telephony = wtel.createTelephony({ ami: { host: '127.0.0.1', port: sim.port, username: 'wtel', secret: 'wr@ng' }, store: false });

	t.after(() => telephony.shutdown());
	await assert.rejects(telephony.initialize(), (error) => error.code === 'WTEL_EAUTH' && !error.message.includes('wr@ng'));
});

test('somebody who never answers: connectTimeout', async (t) => {
	const server = createServer(() => {}).listen(0, '127.0.0.1');

	await once(server, 'listening');
	t.after(() => server.close());
	const telephony = wtel.createTelephony({ ami: `ami://a:b@127.0.0.1:${server.address().port}`, store: false, connectTimeout: 100 });

	await assert.rejects(telephony.initialize(), { code: 'WTEL_ETIMEOUT', field: 'connectTimeout' });
	await telephony.shutdown();
});

test('waitForConnection: false does not wait', async (t) => {
	const telephony = wtel.createTelephony({ ami: NOWHERE, store: false, waitForConnection: false });

	t.after(() => telephony.shutdown());
	await telephony.initialize();
	assert.equal(telephony.getStatistics().connected, false);
});

test('too early and too late', async (t) => {
	const sim = await simulator(t);
	const telephony = wtel.createTelephony({ ami: sim.url, store: false });
	const call = { agentExtension: '1001', customerPhone: '+15551234501' };

	for (const when of ['before', 'after']) {
		for (const use of [() => telephony.originateCall(call), () => telephony.hangupCall('PJSIP/1001-00000001'), () => telephony.action('Ping'),
			() => telephony.trunks(), () => telephony.api('GET', '/api/telephony/status')]) {
			await assert.rejects(use(), { code: 'WTEL_ESTATE' }, when);
		}
		assert.deepEqual(telephony.getStatistics(), { connected: false, activeCalls: 0, callsInProgress: 0 });
		assert.deepEqual(telephony.getActiveCalls(), []);
		if (when === 'before') {
			await telephony.initialize();
			await Promise.all([telephony.shutdown(), telephony.shutdown()]);
		}
	}
	/* And once more from the start. */
	await telephony.initialize();
	assert.equal(telephony.getStatistics().connected, true);
	await telephony.shutdown();
});

test('shutdown() meanwhile: whoever waits is told', async (t) => {
	const sim = await simulator(t);
	const telephony = wtel.createTelephony({ ami: sim.url, store: false });
	const starting = assert.rejects(telephony.initialize(), { code: 'WTEL_ECLOSED' });

	await telephony.shutdown();
	await starting;
	const other = await service(t, sim);
	const answer = other.action('CoreShowChannels').then(() => 'answered', (error) => error.code);

	await other.shutdown({ timeout: 0 });
	assert.match(await answer, /answered|WTEL_ECLOSED/);
});

test('several services in one process', async (t) => {
	const sims = await Promise.all([simulator(t), simulator(t)]);
	const [first, second] = await Promise.all(sims.map((sim) => service(t, sim)));
	const seen = [collect(first, ['call:hangup']), collect(second, ['call:hangup'])];

	await first.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' });
	await until(() => seen[0].length, 'the end of the call');
	assert.equal(seen[1].length, 0);
	await first.shutdown();
	assert.equal(second.getStatistics().connected, true);
});

test('a listener that throws: the exception goes where those of every EventEmitter go, and no event is lost', async (t) => {
	const sim = await simulator(t);
	const { code, out, err } = await run(program, { args: ['throws'], env: { WTEL_AMI: sim.url, WTEL_NODE: folder } });

	assert.equal(code, 0, err);
	const { thrown, notices, noticesReference, events, reference } = JSON.parse(out);

	assert.ok(thrown > 10);
	assert.ok(notices >= 5 * 5, out);
	assert.equal(notices, noticesReference, out);
	assert.equal(events, reference, out);
});

test('shutdown() inside a listener', async (t) => {
	const telephony = await service(t, await simulator(t));
	const gone = new Promise((resolve) => {
		telephony.on('ami', () => resolve(telephony.shutdown()));
	});

	await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' }).catch(() => {});
	await gone;
	assert.equal(telephony.getStatistics().connected, false);
});

for (const way of ['returns', 'exits', 'unrefs', 'exitsInListener', 'neverShutDown']) {
	test(`a process that ends with calls active: ${way}`, async (t) => {
		const sim = await simulator(t, ['--talk', '60']);
		const { code, signal, err } = await run(program, { args: [way], env: { WTEL_AMI: sim.url, WTEL_NODE: folder } });

		assert.deepEqual([code, signal], [way === 'exits' || way === 'exitsInListener' ? 3 : 0, null], err);
		assert.equal(err, '');
	});
}

test('a failed initialize() does not keep the process alive', async () => {
	const { code, out } = await run(program, { args: ['fails'], env: { WTEL_AMI: NOWHERE, WTEL_NODE: folder } });

	assert.equal(code, 0);
	assert.match(out, /WTEL_ECONNECT/);
});

test('worker threads: each with its own service, ended in every way', async (t) => {
	const sim = await simulator(t, ['--talk', '60']);
	const url = pathToFileURL(path.join(here, 'programs', 'worker.mjs'));

	await Promise.all(['shutdown', 'leave', 'terminate', 'throw', 'parser'].flatMap((how) => [how, how]).map(async (how) => {
		const worker = new Worker(url, { workerData: { folder, ami: sim.url, how } });
		const exit = new Promise((resolve) => worker.on('exit', resolve));
		const [message] = await new Promise((resolve) => {
			worker.on('message', (text) => resolve([text]));
			worker.on('error', (error) => resolve([String(error)]));
		});

		/* The error of a worker may overtake its message. */
		assert.match(message, how === 'throw' ? /ready|thrown in a worker/ : /^ready$/, how);
		if (how === 'terminate') {
			await worker.terminate();
		} else {
			await exit;
		}
	}));
});

/* A sanitizer keeps what is freed. */
// The address sanitizer keeps freed memory for a while: then it would measure that.
const measured = /asan/.test(process.env.LD_PRELOAD ?? '') ? () => {} : test;

measured('what is forgotten is freed', async () => {
	setFlagsFromString('--expose-gc');
	const gc = runInNewContext('gc');

	/* Each has a buffer of 64 KiB and more. */
	for (let round = 0; round < 20; round++) {
		for (let i = 0; i < 200; i++) {
			new wtel.Parser().feed(`Event: X\r\nY: ${'z'.repeat(60000)}\r\n\r\n`);
		}
		gc();
		await sleep(1);
	}
	assert.ok(process.memoryUsage().rss < 400e6, `${process.memoryUsage().rss}`);
});

test('a database that cannot be', async (t) => {
	const telephony = wtel.createTelephony({ ami: NOWHERE, db: `sqlite:${place(t)}/a\0b` });

	await assert.rejects(telephony.initialize(), { code: 'WTEL_ECONFIG', field: 'db' });
	await assert.rejects(wtel.createTelephony({ ami: NOWHERE, db: 'mysql://x' }).initialize(), { code: 'WTEL_ECONFIG', field: 'db' });
	await assert.rejects(wtel.createTelephony({ db: 'sqlite::memory:' }).initialize(), { code: 'WTEL_ECONFIG', field: 'ami' });
});
