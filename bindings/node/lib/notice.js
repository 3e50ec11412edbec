'use strict';

/* What observers hear: include/wtel/notice.def, in the seed's shapes. */
const NAMES = new Set(['ami:connected', 'ami:disconnected', 'call:new', 'call:state', 'call:ringing', 'call:answered', 'call:hangup',
	'call:failover', 'trunk:registry', 'trunk:down', 'trunk:up', 'trunk:full', 'peer:status', 'security', 'overflow']);

/* One object for events(): {event, time, ...}. */
function shape({ event, time, call, trunkId = null, name = null, status = null, text = null, lost }) {
	switch (event) {
	case 'call:failover':
		return { event, time, call, trunk: { id: trunkId, name }, reason: text };
	case 'trunk:registry':
		return { event, time, trunk: { id: trunkId, name }, status };
	case 'trunk:down':
	case 'trunk:up':
	case 'trunk:full':
		return { event, time, trunk: { id: trunkId, name }, reason: text };
	case 'peer:status':
		return { event, time, extension: name, status };
	case 'ami:connected':
		return { event, time, host: name };
	case 'ami:disconnected':
		return { event, time, host: name, reason: text };
	case 'security':
		return { event, time, channel: name, reason: text };
	case 'overflow':
		return { event, time, lost };
	default:
		return { event, time, call };
	}
}

/* What listeners are called with: of calls the call itself, of the rest all but the name. */
function payload(notice) {
	if (notice.call) {
		return notice.event === 'call:failover' ? [notice.call, notice] : [notice.call];
	}
	const { event, ...rest } = notice;

	return [rest];
}

module.exports = { NAMES, shape, payload };
