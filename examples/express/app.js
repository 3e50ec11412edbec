// The application without its port: sessions, rate limits, and wtel's REST interface under them. See README.md.
import { timingSafeEqual, createHash } from 'node:crypto';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import session from 'express-session';

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

// `users`: [{id, name, password, extension, role}]; a real platform asks its database and compares hashes.
export function createApp(telephony, { users, secret, loginsAMinute = 5, callsAMinute = 60, secure = false }) {
	const app = express();

	app.disable('x-powered-by');
	app.use(session({
		secret,
		resave: false,
		saveUninitialized: false,
		cookie: { httpOnly: true, sameSite: 'strict', secure, maxAge: 8 * 3600_000 },
	}));

	app.post('/login', limit(loginsAMinute), express.json({ limit: '16kb' }), (request, response, next) => {
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
			request.session.user = { id: user.id, name, role: user.role ?? 'agent', extension: user.extension };
			return response.json({ success: true });
		});
	});

	const api = express.Router();

	api.use((request, response, next) => (request.session.user ? next()
		: response.status(401).json({ success: false, error: { code: 'WTEL_EPERMISSION', message: 'Please log in', field: null } })));
	api.use(limit(callsAMinute));
	// A trunk's rules may be long.
	api.use(express.json({ limit: '4mb' }));

	// An agent calls from the own phone, whatever the body says.
	api.post('/call/originate', (request, response, next) => {
		const { extension, role } = request.session.user;

		if (role === 'agent') {
			request.body = { ...request.body, agentExtension: extension };
		}
		next();
	});

	// The whole REST interface, as whoever is logged in: an agent has own calls and the own account.
	api.use(telephony.express(({ session: { user } }) => ({ userId: user.id, role: user.role, actor: `session of ${user.name}` })));

	app.use('/api/telephony', api);

	// Express 5 brings what handlers throw here.
	app.use((error, request, response, next) => {
		const status = error.status ?? 500;

		if (status === 500) {
			console.error(error);
		}
		response.status(status).json({ success: false, error: { code: 'WTEL_EINVAL', message: status === 500 ? 'Internal error' : error.message, field: null } });
	});
	return app;
}
