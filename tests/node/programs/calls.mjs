// A program that ends, or goes wrong, while calls are active. usage: calls.mjs HOW
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

const { createTelephony } = await import(pathToFileURL(`${process.env.WTEL_NODE}/index.mjs`));
const how = process.argv[2];
const telephony = createTelephony({ db: 'sqlite::memory:', connectTimeout: 60000 });

if (how === 'fails') {
	await telephony.initialize().catch((error) => console.log(error.code));
} else {
	await telephony.initialize();
	await telephony.createTrunk({ name: 'Carrier A', host: '127.0.0.1', maxChannels: 100, needsRegistration: false });
	while ((await telephony.explain()).trunkId === null) {
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	await (how === 'throws' ? throws() : calls());
}

async function originate(count) {
	await Promise.all(Array.from({ length: count }, () => telephony.originateCall({ agentExtension: '1001', customerPhone: '+15551234501' })));
}

async function calls() {
	if (how === 'exitsInListener') {
		telephony.on('call:answered', () => process.exit(3));
	}
	const answered = once(telephony, 'call:answered');

	await originate(10);
	await answered;
	if (how === 'returns') {
		await telephony.shutdown();
	} else if (how === 'exits') {
		process.exit(3);
	} else if (how === 'unrefs') {
		telephony.unref();
	} else {
		/* Nobody shuts it down: a signal handler lets go of it. */
		process.once('SIGTERM', () => telephony.unref());
		process.kill(process.pid, 'SIGTERM');
	}
}

async function throws() {
	const counts = { thrown: 0, notices: 0, noticesReference: 0, events: 0, reference: 0 };
	let ended = 0;
	const reading = (async () => {
		for await (const { event } of telephony.events()) {
			counts.noticesReference += event.startsWith('call:');
		}
	})();

	process.on('uncaughtException', () => counts.thrown++);
	telephony.on('ami', () => counts.reference++);
	for (const name of ['call:new', 'call:state', 'call:ringing', 'call:answered', 'call:hangup']) {
		telephony.on(name, () => {
			counts.notices++;
			ended += name === 'call:hangup';
			throw new Error(name);
		});
	}
	telephony.on('ami', () => {
		counts.events++;
		if (counts.events % 7 === 0) {
			throw new Error('ami');
		}
	});
	await originate(5);
	while (ended < 5) {
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	await telephony.shutdown();
	await reading;
	console.log(JSON.stringify(counts));
}
