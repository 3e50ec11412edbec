// telephony.express() in front of a plain http server: what Express gives a handler is little.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import { place, service, simulator, until, wtel } from './world.mjs';

// As much of Express as the handler uses; `body`: what a parser would have made of it.
async function mount(t, handler, body = undefined) {
	const failures = [];
	const server = createServer((request, response) => {
		const url = new URL(request.url, 'http://x');

		request.originalUrl = request.url;
		request.path = url.pathname.slice('/api/telephony'.length);
		request.ip = request.socket.remoteAddress;
		request.body = body;
		response.status = (code) => { response.statusCode = code; return response; };
		response.json = (value) => response.end(JSON.stringify(value));
		handler(request, response, (error) => { failures.push(error); response.writeHead(500).end('{}'); });
	});

	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => { server.closeAllConnections(); server.close(); });
	const ask = async (method, path, { text, ...who } = {}) => {
		const response = await fetch(`http://127.0.0.1:${server.address().port}/api/telephony/${path}`,
			{ method, body: text, headers: { who: JSON.stringify(who) } });

		return { status: response.status, ...await response.json() };
	};

	return { ask, failures };
}

const whoever = (request) => JSON.parse(request.headers.who);

test('the whole interface, as whoever asks', async (t) => {
	const sim = await simulator(t);
	const telephony = await service(t, sim, { db: `sqlite:${place(t)}/wtel.db` });
	const { ask, failures } = await mount(t, telephony.express(whoever));

	assert.equal((await ask('GET', 'trunks', { userId: 5 })).status, 403);
	assert.equal((await ask('GET', 'trunks', { role: 'admin' })).trunks[0].name, 'Carrier A');
	assert.equal((await ask('GET', 'calls/history?limit=5&number=%2B1', { userId: 5 })).count, 0);
	assert.equal((await ask('GET', 'calls/history?nothing=5', { userId: 5 })).error.field, 'nothing');
	assert.equal((await ask('GET', 'openapi.json', { userId: 5 })).openapi, '3.1.0');
	const made = await ask('POST', 'trunks', { role: 'admin', userId: 1, actor: 'test é', text: '{"name": "B", "host": "h.example"}' });

	assert.deepEqual([made.status, made.trunk.name], [201, 'B']);
	assert.equal((await ask('PATCH', `trunks/${made.trunk.id}`, { role: 'admin', text: '{"priority": 7' })).status, 400);
	assert.equal((await ask('PATCH', `trunks/${made.trunk.id}`, { role: 'admin', text: '{"name": "a\0b"}' })).status, 400);
	assert.equal((await ask('PATCH', `trunks/${made.trunk.id}`, { role: 'admin', text: 'x'.repeat(5 << 20) })).status, 413);
	/* Who asked, and from where, is in the log of what was changed. */
	const entry = await until(async () => (await ask('GET', 'audit', { role: 'admin' })).entries.find((one) => one.actor === 'test é'),
		'the audit log');
	const { method, path, status, userId, address } = entry;

	assert.deepEqual([method, path, status, userId], ['POST', '/api/telephony/trunks', 201, 1]);
	assert.match(address, /127\.0\.0\.1$/);
	assert.deepEqual(failures, []);
});

test('bodies that a parser has read, and nobody', async (t) => {
	const telephony = await service(t, await simulator(t));
	const parsed = await mount(t, telephony.express(whoever), { name: 'B', host: 'h.example' });
	const bytes = await mount(t, telephony.express(whoever), Buffer.from('{"name": "C", "host": "h.example"}'));
	const none = await mount(t, telephony.express(async () => null));
	const broken = await mount(t, telephony.express(() => { throw new Error('no session'); }));

	assert.equal((await parsed.ask('POST', 'trunks', { role: 'admin' })).trunk.name, 'B');
	assert.equal((await bytes.ask('POST', 'trunks', { role: 'admin' })).trunk.name, 'C');
	assert.equal((await parsed.ask('POST', 'trunks', { role: 'emperor' })).status, 400);
	assert.equal((await none.ask('GET', 'status')).status, 401);
	assert.equal((await broken.ask('GET', 'status')).status, 500);
	assert.equal(broken.failures[0].message, 'no session');
	assert.throws(() => telephony.express(), { code: 'WTEL_EINVAL', field: 'who' });
	await telephony.shutdown();
	assert.equal((await parsed.ask('GET', 'status', {})).status, 503);
});

test('pages of history, and a recording', async (t) => {
	const telephony = await service(t, await simulator(t));
	const ended = [];

	telephony.on('call:hangup', (call) => ended.push(call.callId));
	for (let i = 0; i < 3; i++) {
		await telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' });
	}
	await until(() => ended.length === 3, 'their ends');
	let page = { next: undefined };
	const seen = [];

	do {
		page = await telephony.history({ limit: 2, cursor: page.next, number: '+1555', direction: 'outbound' });
		seen.push(...page.calls.map((call) => call.callId));
	} while (page.next);
	assert.deepEqual([...seen].sort(), [...ended].sort());
	assert.equal(page.count, null);
	assert.equal((await telephony.setRecording(seen[0], 'https://media.example/a.wav')).recordingUrl, 'https://media.example/a.wav');
	await assert.rejects(telephony.setRecording(seen[0], 'javascript:x'), { code: 'WTEL_EINVAL', field: 'recordingUrl' });
	assert.ok(wtel.TelephonyError);
});
