'use strict';

const { TelephonyError } = require('./errors.js');

/* The REST interface's own answers as values and errors: what trunks(), history() and the like are made of. */
const BASE = '/api/telephony';

function pathOf(parts) {
	return parts.map((part) => encodeURIComponent(String(part))).join('/');
}

/* One question as administrator; the document without `success`, or an error. */
async function ask(telephony, method, parts, { query, body } = {}) {
	const answer = await telephony.api(method, `${BASE}/${pathOf(parts)}`, { query, body, role: 'admin' });
	const document = answer.body || {};

	if (answer.status >= 400 || document.success === false) {
		const { code, message, field } = document.error && typeof document.error === 'object' ? document.error
			: { code: 'WTEL_EINVAL', message: String(document.error || answer.status), field: '' };
		const error = new TelephonyError(code, message, field);

		error.status = answer.status;
		throw error;
	}
	return document;
}

/* ---- under an Express application ---- */

const BODY_MOST = 4 << 20;

function refusal(code, message) {
	return { success: false, error: { code, message, field: null } };
}

/* What a body parser has made of it, or the bytes themselves. undefined: none; null: it is too long. */
async function bodyOf(request) {
	if (request.body !== undefined && request.body !== null) {
		return Buffer.isBuffer(request.body) ? request.body.toString() : request.body;
	}
	if (request.readableEnded || !(Number(request.headers['content-length']) > 0 || request.headers['transfer-encoding'])) {
		return undefined;
	}
	const chunks = [];
	let length = 0;

	for await (const chunk of request) {
		length += chunk.length;
		/* Read to its end all the same: who leaves off takes the connection, and the answer, down. */
		if (length > BODY_MOST) {
			chunks.length = 0;
		} else {
			chunks.push(chunk);
		}
	}
	return length > BODY_MOST ? null : Buffer.concat(chunks).toString();
}

async function answer(telephony, who, request) {
	const given = await who(request);

	if (!given) {
		return { status: 401, body: refusal('WTEL_EPERMISSION', 'this is for a user who is known') };
	}
	const body = await bodyOf(request);

	if (body === null) {
		return { status: 413, body: refusal('WTEL_ELIMIT', 'the body is too long') };
	}
	const { userId, role = 'agent', actor } = given;
	const query = request.originalUrl.split('?').slice(1).join('?');

	return telephony.api(request.method, BASE + request.path, { query, body, userId, role, actor, address: request.ip });
}

/*
 * All of it as a handler: app.use('/api/telephony', telephony.express((request) => ({ userId, role, actor }))). `who` may
 * be async; what is falsy is answered with 401.
 */
function express(who) {
	if (typeof who !== 'function') {
		throw new TelephonyError('WTEL_EINVAL', 'must be a function', 'who');
	}
	return async (request, response, next) => {
		try {
			const { status, body } = await answer(this, who, request);

			response.status(status).json(body);
		} catch (error) {
			if (!(error instanceof TelephonyError)) {
				next(error);
				return;
			}
			const broken = error.code === 'WTEL_EINVAL' || error.code === 'WTEL_EINJECTION' || error.code === 'WTEL_ELIMIT';

			response.status(broken ? 400 : 503).json(refusal(error.code, error.message));
		}
	};
}

/* The methods that only ask. Each is a line. */
const methods = {
	express,
	async activeCalls() {
		return (await ask(this, 'GET', ['calls', 'active'])).calls;
	},
	/* {limit, offset, cursor, from, to, disposition, direction, number, campaignId, leadId, trunkId, agentId} -> {count, calls, next} */
	async history(filter = {}) {
		const { success, ...rest } = await ask(this, 'GET', ['calls', 'history'], { query: filter });

		return rest;
	},
	/* {startDate, endDate, campaignId, trunkId, agentId} */
	async callStatistics(filter = {}) {
		return (await ask(this, 'GET', ['calls', 'stats'], { query: filter })).stats;
	},
	/* One call with its legs and how its trunk was chosen. */
	async call(callId) {
		return (await ask(this, 'GET', ['calls', callId])).call;
	},
	/* Where its recording is: a URL or a path; null: nowhere. */
	async setRecording(callId, recordingUrl) {
		return (await ask(this, 'PATCH', ['calls', callId], { body: { recordingUrl } })).call;
	},
	async trunks() {
		return (await ask(this, 'GET', ['trunks'])).trunks;
	},
	async trunk(id) {
		return (await ask(this, 'GET', ['trunks', id])).trunk;
	},
	/* {name, host, provider, maxChannels, priority, ...} */
	async createTrunk(trunk) {
		return (await ask(this, 'POST', ['trunks'], { body: trunk })).trunk;
	},
	async changeTrunk(id, changes) {
		return (await ask(this, 'PATCH', ['trunks', id], { body: changes })).trunk;
	},
	async removeTrunk(id) {
		await ask(this, 'DELETE', ['trunks', id]);
	},
	/* Which trunk a call would take now, and why. */
	async explain({ campaignId, to } = {}) {
		const { success, ...rest } = await ask(this, 'GET', ['trunks', 'explain'], { query: { campaignId, to } });

		return rest;
	},
	async assignTrunk(campaignId, trunkId, priority) {
		const { success, ...rest } = await ask(this, 'PUT', ['campaigns', campaignId, 'trunks', trunkId],
			{ body: priority === undefined ? {} : { priority } });

		return rest;
	},
	async peers() {
		return (await ask(this, 'GET', ['sip', 'peers'])).sipPeers;
	},
	async peer(userId) {
		return (await ask(this, 'GET', ['sip', 'status'], { query: { userId } })).sipPeer;
	},
	/* {userId, primerNombre, primerApellido}; the secret is told this once. */
	async createPeer(person) {
		return (await ask(this, 'POST', ['sip', 'create'], { body: person })).sipPeer;
	},
	async enablePeer(userId) {
		await ask(this, 'POST', ['sip', userId, 'enable']);
	},
	async disablePeer(userId) {
		await ask(this, 'POST', ['sip', userId, 'disable']);
	},
	/* A new secret, told this once. */
	async renewPeer(userId) {
		const { success, ...rest } = await ask(this, 'POST', ['sip', userId, 'renew']);

		return rest;
	},
};

module.exports = { methods };
