// PORT, SESSION_SECRET, AGENT_PASSWORD, and where Asterisk is: WTEL_AMI or ASTERISK_HOST, _PORT, _USER, _PASSWORD.
import telephony from 'wtel';
import { createApp } from './app.js';

const { PORT = '3000', SESSION_SECRET, AGENT_PASSWORD } = process.env;

if (!SESSION_SECRET || !AGENT_PASSWORD) {
	console.error('SESSION_SECRET and AGENT_PASSWORD are needed');
	process.exit(2);
}

telephony.on('call:hangup', (call) => console.log(`${call.callId}: ${call.disposition}, ${call.billsec} s`));
telephony.on('ami:disconnected', ({ reason }) => console.log(`no Asterisk: ${reason}`));
try {
	await telephony.initialize();
} catch (error) {
	/* It goes on trying; until then calls are answered with 503. */
	console.error(`no telephony yet: ${error.message}`);
}

const app = createApp(telephony, {
	users: [{ id: 5, name: 'agent', password: AGENT_PASSWORD, extension: '1001' }],
	secret: SESSION_SECRET,
	secure: process.env.NODE_ENV === 'production',
});
const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));

for (const signal of ['SIGINT', 'SIGTERM']) {
	process.once(signal, async () => {
		server.close();
		server.closeIdleConnections();
		await telephony.shutdown();
		process.exit(0);
	});
}
