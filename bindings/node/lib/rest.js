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

/* The methods that only ask. Each is a line. */
const methods = {
	async activeCalls() {
		return (await ask(this, 'GET', ['calls', 'active'])).calls;
	},
	/* {limit, offset, from, to, disposition, campaignId, trunkId, agentId} */
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
