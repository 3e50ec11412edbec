// The application without its port: sessions, rate limits, and three routes on top of wtel. See README.md.
import { timingSafeEqual, createHash } from 'node:crypto';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import session from 'express-session';

// What went wrong, as HTTP has it.
const STATUS = {
	WTEL_EINVAL: 422, WTEL_EINJECTION: 422, WTEL_ELIMIT: 422, WTEL_ENOTFOUND: 404, WTEL_ESTATE: 409, WTEL_EREFUSED: 409,
	WTEL_ECONNECT: 503, WTEL_ECLOSED: 503, WTEL_ENOTRUNK: 503, WTEL_ESTORE: 503, WTEL_ETIMEOUT: 503,
};

const same = (a, b) => timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

function limit(most) {
	return rateLimit({
		windowMs: 60_000,
		limit: most,
		standardHeaders: 'draft-8',
		legacyHeaders: false,
		message: { success: false, error: 'Too many requests' },
	});
}

// `users`: [{id, name, password, extension}]; a real platform asks its database and compares hashes.
export function createApp(telephony, { users, secret, loginsAMinute = 5, callsAMinute = 60, secure = false }) {
	const app = express();

	app.disable('x-powered-by');
	app.use(express.json({ limit: '16kb' }));
	app.use(session({
		secret,
		resave: false,
		saveUninitialized: false,
		cookie: { httpOnly: true, sameSite: 'strict', secure, maxAge: 8 * 3600_000 },
	}));

	app.post('/login', limit(loginsAMinute), (request, response, next) => {
		const { name, password } = request.body ?? {};
		const user = users.find((one) => one.name === name);

		if (!user || typeof password !== 'string' || !same(password, user.password)) {
			return response.status(401).json({ success: false, error: 'Wrong name or password' });
		}
		/* A new session, so that one that was planted is worth nothing. */
		return request.session.regenerate((error) => {
			if (error) {
				return next(error);
			}
			request.session.user = { id: user.id, extension: user.extension };
			return response.json({ success: true });
		});
	});

	const api = express.Router();

	api.use((request, response, next) => (request.session.user ? next()
		: response.status(401).json({ success: false, error: 'Please log in' })));
	api.use(limit(callsAMinute));

	// An agent calls from the own phone, whatever the body says.
	api.post('/call/originate', async (request, response) => {
		const { customerPhone, campaignId, leadId } = request.body ?? {};
		const { id, extension } = request.session.user;
		const { callId, trunk, call } = await telephony.originateCall({ agentExtension: extension, agentId: id, customerPhone, campaignId, leadId });

		response.json({ success: true, message: 'Call originated successfully', data: { callId, trunk, call } });
	});

	// And ends own calls only.
	api.post('/call/hangup', async (request, response) => {
		const { channel, callId } = request.body ?? {};
		const call = telephony.getActiveCalls().find((one) => one.agentId === request.session.user.id
			&& (one.callId === callId || one.legs.some((leg) => leg.channel === channel && leg.channel)));

		if (!call) {
			return response.status(404).json({ success: false, error: 'No such call' });
		}
		await telephony.hangupCall(call.callId);
		return response.json({ success: true, message: 'Call hung up successfully' });
	});

	api.get('/status', (request, response) => {
		response.json({ success: true, status: telephony.getStatistics() });
	});

	app.use('/api/telephony', api);

	// Express 5 brings what async handlers throw here.
	app.use((error, request, response, next) => {
		const status = STATUS[error.code] ?? error.status ?? 500;

		if (status === 500) {
			console.error(error);
		}
		response.status(status).json({ success: false, error: status === 500 ? 'Internal error' : error.message, field: error.field });
	});
	return app;
}
