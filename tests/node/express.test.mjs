// examples/express, started as its README says, on the simulator.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { checkout, folder, place, simulator, sleep, until, wtel } from './world.mjs';

// WTEL_NPM: a folder in whose node_modules express, express-session and express-rate-limit are; else npm fetches them.
function install(t) {
	const project = place(t);
	const modules = path.join(project, 'node_modules');

	cpSync(path.join(checkout, 'examples', 'express'), project, { recursive: true, filter: (name) => !name.includes('node_modules') });
	if (process.env.WTEL_NPM && existsSync(path.join(process.env.WTEL_NPM, 'node_modules', 'express'))) {
		cpSync(path.join(process.env.WTEL_NPM, 'node_modules'), modules, { recursive: true, dereference: true });
	} else {
		execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--no-save', '--prefix', path.join(project, 'fetched'),
			'express@5', 'express-session@1', 'express-rate-limit@8'], { stdio: 'inherit' });
		cpSync(path.join(project, 'fetched', 'node_modules'), modules, { recursive: true });
	}
	mkdirSync(modules, { recursive: true });
	if (!existsSync(path.join(modules, 'wtel'))) {
		symlinkSync(folder, path.join(modules, 'wtel'));
	}
	return project;
}

test('log in, call, look, hang up, end', async (t) => {
	const sim = await simulator(t, ['--talk', '60']);
	const project = install(t);
	const db = `sqlite:${project}/wtel.db`;
	const telephony = wtel.createTelephony({ ami: sim.url, db });

	await telephony.initialize();
	await telephony.createTrunk({ name: 'Carrier A', host: '127.0.0.1', needsRegistration: false });
	await telephony.shutdown();

	const child = spawn(process.execPath, ['server.js'], {
		cwd: project, stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, PORT: '0', SESSION_SECRET: 'x'.repeat(32), AGENT_PASSWORD: 'correct horse', WTEL_AMI: sim.url, WTEL_DB: db },
	});

	t.after(() => child.kill('SIGKILL'));
	const lines = [];

	createInterface(child.stdout).on('line', (line) => lines.push(line));
	const [, base] = (await until(() => lines.find((line) => line.startsWith('listening')), 'the server')).match(/(http:\S+)/);
	let cookie = '';
	const ask = async (method, where, body) => {
		const response = await fetch(base + where, { method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json', cookie } });

		cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
		return { status: response.status, ...await response.json() };
	};

	assert.equal((await ask('GET', '/api/telephony/status')).status, 401);
	assert.equal((await ask('POST', '/api/telephony/call/originate', { customerPhone: '+15551234501' })).status, 401);
	assert.equal((await ask('POST', '/login', { name: 'agent', password: 'wrong' })).status, 401);
	assert.equal((await ask('POST', '/login', { name: 'agent', password: ['correct horse'] })).status, 401);
	assert.equal((await ask('POST', '/login', { name: 'agent', password: 'correct horse' })).status, 200);
	assert.equal((await ask('GET', '/api/telephony/status')).status.connected, true);

	for (const [body, status, field] of [[{}, 400, 'customerPhone'], [{ customerPhone: 'x' }, 422, 'customerPhone'],
		[{ customerPhone: '+1\r\n2' }, 422, 'customerPhone'], [{ customerPhone: '+15551234501', campaignId: 'one' }, 400, 'campaignId']]) {
		const answer = await ask('POST', '/api/telephony/call/originate', body);

		assert.deepEqual([answer.status, answer.success, answer.error.field], [status, false, field]);
	}
	/* The rest of the interface, as the agent who is logged in. */
	assert.equal((await ask('GET', '/api/telephony/trunks')).status, 403);
	assert.equal((await ask('GET', '/api/telephony/calls/history?agentId=6')).status, 403);
	assert.equal((await ask('GET', '/api/telephony/calls/history?limit=x')).error.field, 'limit');
	assert.deepEqual((await ask('GET', '/api/telephony/calls/history?limit=5')).calls, []);
	assert.equal((await ask('GET', '/api/telephony/calls/a%2Fb')).status, 404);
	assert.equal((await ask('GET', '/api/telephony/nothing')).status, 404);
	assert.equal((await ask('PUT', '/api/telephony/status')).status, 405);
	const { data, ...answer } = await ask('POST', '/api/telephony/call/originate', { customerPhone: '+15551234501', agentExtension: '1099' });

	assert.deepEqual(answer, { status: 200, success: true, message: 'Call originated successfully' });
	assert.equal(data.trunk, 'Carrier A');
	assert.equal(data.call.callerNumber, '1001');
	/* Ever more seldom, as there are 60 requests a minute. */
	for (let pause = 50; (await ask('GET', '/api/telephony/status')).status.callsInProgress !== 1; pause *= 2) {
		assert.ok(pause < 60000, 'answered');
		await sleep(pause);
	}
	assert.equal((await ask('POST', '/api/telephony/call/hangup', { callId: 'WLCM-1-other' })).status, 404);
	assert.equal((await ask('POST', '/api/telephony/call/hangup', {})).status, 400);
	assert.equal((await ask('GET', '/api/telephony/calls/active')).calls[0].callId, data.callId);
	assert.equal((await ask('POST', '/api/telephony/call/hangup', { callId: data.callId })).status, 200);
	await until(() => lines.some((line) => line.startsWith(`${data.callId}: ANSWERED`)), 'its end');

	/* The rate limit of logins. */
	const statuses = [];

	for (let i = 0; i < 6; i++) {
		statuses.push((await ask('POST', '/login', { name: 'agent', password: 'wrong' })).status);
	}
	assert.ok(statuses.includes(429), String(statuses));
	child.kill('SIGTERM');
	assert.deepEqual(await once(child, 'exit'), [0, null]);
});
