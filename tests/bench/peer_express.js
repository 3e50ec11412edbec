// The REST interface and the events as a good Express 5 program of today has them: express, pg (a pool with prepared
// statements), asterisk-manager, ws, express-rate-limit; bearer tokens by hash, kept for a second. In a schema of its
// own, with the platform's tables and one index that a count of active calls wants.
// usage: node peer_express.js postgresql://user@host:port/database AMI-PORT TOKEN [MAX-CHANNELS [no-audit]]
// Prints "listening on http://127.0.0.1:PORT" when Asterisk and the database are there. Every change is noted in an audit
// log, behind the answer, as the gateway does it; with "no-audit" none is.
const { createHash, randomBytes } = require('node:crypto');
const { createServer } = require('node:http');
const AsteriskManager = require('asterisk-manager');
const express = require('express');
const { rateLimit } = require('express-rate-limit');
const { Pool } = require('pg');
const { WebSocketServer, WebSocket } = require('ws');

const [, , url, amiPort, token, maxChannels = '100000', audit = 'audit'] = process.argv;
const schema = `express_${process.pid}`;
const pool = new Pool({ connectionString: url, max: 10, options: `-c search_path=${schema}` });

const TABLES = `
CREATE SCHEMA ${schema};
CREATE TYPE ${schema}.direction AS ENUM ('inbound', 'outbound');
CREATE TYPE ${schema}.disposition AS ENUM ('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCELLED');
CREATE TABLE ${schema}.trunks (
  id SERIAL PRIMARY KEY, name VARCHAR(100) NOT NULL UNIQUE, endpoint VARCHAR(100) NOT NULL, status VARCHAR(20) NOT NULL,
  registered BOOLEAN NOT NULL, max_channels INTEGER NOT NULL, priority INTEGER NOT NULL,
  total_calls INTEGER NOT NULL DEFAULT 0, successful_calls INTEGER NOT NULL DEFAULT 0, failed_calls INTEGER NOT NULL DEFAULT 0);
CREATE TABLE ${schema}.calls (
  id SERIAL PRIMARY KEY, call_id VARCHAR(255) NOT NULL, agent_id INTEGER, campaign_id INTEGER, lead_id INTEGER,
  trunk_id INTEGER REFERENCES ${schema}.trunks(id) ON DELETE SET NULL, direction ${schema}.direction NOT NULL,
  caller_number VARCHAR(50), callee_number VARCHAR(50), start_time TIMESTAMPTZ NOT NULL, answer_time TIMESTAMPTZ,
  end_time TIMESTAMPTZ, duration INTEGER DEFAULT 0, billsec INTEGER DEFAULT 0, disposition ${schema}.disposition,
  recording_url VARCHAR(500), created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
CREATE UNIQUE INDEX idx_calls_call_id ON ${schema}.calls(call_id);
CREATE INDEX idx_calls_agent_starttime ON ${schema}.calls(agent_id, start_time);
CREATE INDEX idx_calls_campaign_disposition ON ${schema}.calls(campaign_id, disposition);
CREATE INDEX idx_calls_lead_id ON ${schema}.calls(lead_id);
CREATE INDEX idx_calls_trunk_id ON ${schema}.calls(trunk_id);
CREATE INDEX calls_open ON ${schema}.calls(trunk_id) WHERE end_time IS NULL;
CREATE TABLE ${schema}.tokens (
  hash CHAR(64) PRIMARY KEY, user_id INTEGER NOT NULL, role VARCHAR(20) NOT NULL, revoked_at TIMESTAMPTZ);
CREATE TABLE ${schema}.audit (
  id BIGSERIAL PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT NOW(), user_id INTEGER, address TEXT, method VARCHAR(16) NOT NULL,
  path TEXT NOT NULL, status INTEGER NOT NULL, detail TEXT);
CREATE INDEX audit_user ON ${schema}.audit(user_id, id);
CREATE INDEX audit_at ON ${schema}.audit(at);
`;

// Named: prepared once in each connection.
const CHOOSE = {
	name: 'choose',
	text: `SELECT id, name, endpoint FROM trunks t WHERE status = 'active' AND registered AND
	       (SELECT count(*) FROM calls c WHERE c.trunk_id = t.id AND c.end_time IS NULL) < max_channels
	       ORDER BY priority LIMIT 1`,
};
const INSERT = {
	name: 'insert',
	text: `INSERT INTO calls (call_id, agent_id, campaign_id, lead_id, trunk_id, direction, caller_number, callee_number, start_time)
	       VALUES ($1, $2, $3, $4, $5, 'outbound', $6, $7, $8) RETURNING id`,
};
const ANSWERED = { name: 'answered', text: 'UPDATE calls SET answer_time = $2, updated_at = now() WHERE id = $1' };
const ENDED = {
	name: 'ended',
	text: `UPDATE calls SET end_time = $2, duration = $3, billsec = $4, disposition = $5, updated_at = now() WHERE id = $1`,
};
const COUNTED = {
	name: 'counted',
	text: `UPDATE trunks SET total_calls = total_calls + 1, successful_calls = successful_calls + $2,
	       failed_calls = failed_calls + $3 WHERE id = $1`,
};
const AUDIT = {
	name: 'audit',
	text: 'INSERT INTO audit (user_id, address, method, path, status, detail) VALUES ($1, $2, $3, $4, $5, $6)',
};
const GRANT = { name: 'grant', text: 'SELECT user_id, role FROM tokens WHERE hash = $1 AND revoked_at IS NULL' };

const ask = (statement, values = []) => pool.query({ ...statement, values });

// ---- telephony ----------------------------------------------------------

const calls = new Map(); // by call id
const legs = new Map(); // by unique id: {call, leg}
const sockets = new Set();
let connected = false;
let inProgress = 0;
let history = 0;
let ami;

function emit(event, call) {
	if (!sockets.size) {
		return;
	}
	// Once for all of them.
	const text = JSON.stringify({ id: `x-${++history}`, event, time: new Date().toISOString(), data: { call: shown(call) } });

	for (const socket of sockets) {
		if (socket.readyState === WebSocket.OPEN) {
			socket.send(text);
		}
	}
}

// A row in the background: a call does not wait for it.
function note(statement, values) {
	ask(statement, values).catch((error) => error.code === '42P01' || console.error(error.message));
}

const shown = ({ row, ...call }) => call;

function newCall(callId, fields) {
	const call = {
		id: null, callId, channel: null, direction: 'outbound', state: '0', stateName: 'queued', callerNumber: null,
		calleeNumber: null, startTime: new Date().toISOString(), ringingTime: null, answerTime: null, endTime: null,
		duration: 0, billsec: 0, disposition: null, estimated: false, transferred: false, agentId: null, campaignId: null,
		leadId: null, trunkId: null, campaign: null, lead: null, cause: 0, sipCode: null, reason: null, recordingUrl: null,
		legs: [], row: null, ...fields,
	};

	calls.set(callId, call);
	return call;
}

function onNewChannel(event) {
	const first = !calls.has(event.linkedid);
	const call = first ? newCall(event.linkedid, { callerNumber: event.calleridnum }) : calls.get(event.linkedid);
	const agent = event.uniqueid === event.linkedid;
	const leg = {
		uniqueId: event.uniqueid, channel: event.channel, number: agent ? call.callerNumber : call.calleeNumber,
		role: agent ? 'agent' : 'customer', trunkId: agent ? null : call.trunkId, startTime: new Date().toISOString(),
		ringingTime: null, answerTime: null, endTime: null, cause: 0, sipCode: null,
	};

	call.legs.push(leg);
	legs.set(event.uniqueid, { call, leg });
	if (agent) {
		call.channel = event.channel;
		call.state = '4';
		call.stateName = 'agent';
		emit('call:new', call);
	} else {
		call.state = '3';
		call.stateName = 'dialing';
		emit('call:state', call);
	}
}

function onNewState(event) {
	const known = legs.get(event.uniqueid);

	if (!known) {
		return;
	}
	const { call, leg } = known;
	const now = new Date().toISOString();

	if (event.channelstate === '5') {
		leg.ringingTime = now;
		if (leg.role === 'customer') {
			call.ringingTime = now;
			call.state = '5';
			call.stateName = 'ringing';
			emit('call:ringing', call);
		}
	} else if (event.channelstate === '6') {
		leg.answerTime = now;
		if (leg.role === 'customer' && !call.answerTime) {
			call.answerTime = now;
			call.state = '6';
			call.stateName = 'answered';
			inProgress++;
			emit('call:answered', call);
			if (call.id) {
				note(ANSWERED, [call.id, now]);
			}
		}
	}
}

function onHangup(event) {
	const known = legs.get(event.uniqueid);

	if (!known) {
		return;
	}
	const { call, leg } = known;

	legs.delete(event.uniqueid);
	leg.endTime = new Date().toISOString();
	leg.cause = Number(event.cause);
	if (leg.role === 'customer') {
		call.cause = leg.cause;
	}
	if (call.legs.some((one) => !one.endTime)) {
		return;
	}
	finish(call, leg.endTime);
}

function dispositionOf(call) {
	if (call.answerTime) {
		return 'ANSWERED';
	}
	return { 17: 'BUSY', 18: 'NO ANSWER', 19: 'NO ANSWER', 16: 'CANCELLED' }[call.cause] ?? 'FAILED';
}

function finish(call, now) {
	const seconds = (from) => (from ? Math.floor((Date.parse(now) - Date.parse(from)) / 1000) : 0);

	calls.delete(call.callId);
	if (call.answerTime) {
		inProgress--;
	}
	call.endTime = now;
	call.state = '6';
	call.stateName = 'ended';
	call.duration = seconds(call.startTime);
	call.billsec = seconds(call.answerTime);
	call.disposition = dispositionOf(call);
	emit('call:hangup', call);
	if (call.id) {
		note(ENDED, [call.id, now, call.duration, call.billsec, call.disposition]);
		note(COUNTED, [call.trunkId, call.answerTime ? 1 : 0, call.disposition === 'FAILED' ? 1 : 0]);
	}
}

let actions = 0;

function action(fields) {
	return new Promise((resolve, reject) => {
		ami.action({ ...fields, actionid: `x${++actions}` }, (error, response) => (error ? reject(new Error(error.message)) : resolve(response)));
	});
}

function fail(status, message) {
	return Object.assign(new Error(message), { status });
}

async function originate({ agentExtension, customerPhone, campaignId, leadId, agentId }) {
	const { rows: [trunk] } = await ask(CHOOSE);

	if (!trunk) {
		throw fail(503, 'No trunks available');
	}
	const callId = `WLCM-${Date.now()}-${randomBytes(8).toString('hex')}`;
	const call = newCall(callId, {
		callerNumber: agentExtension, calleeNumber: customerPhone, campaignId: campaignId ?? null, leadId: leadId ?? null,
		agentId: agentId ?? null, trunkId: trunk.id,
	});

	try {
		const { rows: [row] } = await ask(INSERT, [callId, call.agentId, call.campaignId, call.leadId, trunk.id, agentExtension,
			customerPhone, call.startTime]);

		call.id = row.id;
		await action({
			action: 'Originate', channel: `PJSIP/${agentExtension}`, context: 'welcomedly-outbound', exten: customerPhone,
			priority: 1, timeout: 30000, callerid: customerPhone, async: 'true', channelid: callId,
			variable: { __TRUNK_ID: trunk.id, __WTEL_ENDPOINT: trunk.endpoint, __CALL_ID: callId },
		});
	} catch (error) {
		call.cause = 38;
		finish(call, new Date().toISOString());
		throw error;
	}
	return { callId, trunk: trunk.name, call: shown(call) };
}

// ---- HTTP ---------------------------------------------------------------

const grants = new Map(); // by hash: {grant, until}

async function grantOf(header) {
	if (!header?.startsWith('Bearer ')) {
		return null;
	}
	const hash = createHash('sha256').update(header.slice(7)).digest('hex');
	const kept = grants.get(hash);

	if (kept && kept.until > Date.now()) {
		return kept.grant;
	}
	const { rows: [grant] } = await ask(GRANT, [hash]);

	if (grants.size > 10000) {
		grants.clear();
	}
	grants.set(hash, { grant, until: Date.now() + 1000 });
	return grant;
}

function routes() {
	const api = express.Router();

	api.use(async (request, response, next) => {
		request.grant = await grantOf(request.headers.authorization);
		if (!request.grant) {
			throw fail(401, 'Please log in');
		}
		next();
	});
	api.use((request, response, next) => {
		if (audit === 'audit' && request.method !== 'GET') {
			response.on('finish', () => note(AUDIT, [request.grant.user_id, request.ip, request.method, request.originalUrl,
				response.statusCode, JSON.stringify(request.body ?? null)]));
		}
		next();
	});
	// Counts, but never refuses here.
	api.use(rateLimit({
		windowMs: 1000, limit: 1e9, standardHeaders: false, legacyHeaders: false, keyGenerator: (request) => String(request.grant.user_id),
	}));
	api.get('/status', (request, response) => {
		response.json({ success: true, status: { connected, activeCalls: calls.size, callsInProgress: inProgress } });
	});
	api.get('/calls/active', (request, response) => {
		const list = [];

		for (const call of calls.values()) {
			if (request.grant.role !== 'agent' || call.agentId === request.grant.user_id) {
				list.push(shown(call));
			}
		}
		response.json({ success: true, count: list.length, calls: list });
	});
	api.post('/call/originate', express.json({ limit: '16kb' }), async (request, response) => {
		const { agentExtension, customerPhone } = request.body ?? {};

		if (!/^[0-9]{2,20}$/.test(agentExtension) || !/^\+?[0-9]{2,20}$/.test(customerPhone)) {
			throw fail(422, 'agentExtension and customerPhone must be numbers');
		}
		response.json({ success: true, message: 'Call originated successfully', data: await originate(request.body) });
	});
	return api;
}

function application() {
	const app = express();

	app.disable('x-powered-by');
	// Nobody asks with If-None-Match, and a hash of each answer is dear.
	app.disable('etag');
	app.use('/api/telephony', routes());
	app.use((error, request, response, next) => {
		response.status(error.status ?? 500).json({ success: false, error: { code: 'ERROR', message: error.message, field: null } });
	});
	return app;
}

function upgrades(server) {
	const events = new WebSocketServer({ noServer: true, perMessageDeflate: false });

	server.on('upgrade', async (request, socket, head) => {
		const grant = request.url === '/api/telephony/events' && await grantOf(request.headers.authorization).catch(() => null);

		if (!grant || grant.role === 'agent') {
			socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
			return;
		}
		events.handleUpgrade(request, socket, head, (client) => {
			sockets.add(client);
			client.on('close', () => sockets.delete(client));
			client.on('error', () => client.terminate());
		});
	});
}

// Calls that still end stand in its way now and then.
async function stop() {
	for (let tries = 0; tries < 10; tries++) {
		try {
			await pool.query(`DROP SCHEMA ${schema} CASCADE`);
			break;
		} catch (error) {
			if (error.code !== '40P01') {
				throw error;
			}
		}
	}
	process.exit(0);
}

async function main() {
	await pool.query(TABLES);
	await pool.query(`INSERT INTO trunks (name, endpoint, status, registered, max_channels, priority) VALUES ('main', 'main', 'active', true, $1, 1)`,
		[maxChannels]);
	await pool.query(`INSERT INTO tokens VALUES ($1, 1, 'admin')`, [createHash('sha256').update(token).digest('hex')]);
	ami = new AsteriskManager(Number(amiPort), '127.0.0.1', 'wtel', 'wtel', true);
	ami.on('newchannel', onNewChannel);
	ami.on('newstate', onNewState);
	ami.on('hangup', onHangup);
	ami.on('close', () => { connected = false; });
	await action({ action: 'Ping' });
	connected = true;

	const server = createServer(application());

	upgrades(server);
	server.listen(0, '127.0.0.1', 1024, () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
	process.once('SIGTERM', stop);
	process.once('SIGINT', stop);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
