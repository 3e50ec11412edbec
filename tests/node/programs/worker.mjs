// A service, or a parser, in a worker thread.
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

const { createTelephony, Parser } = await import(pathToFileURL(`${workerData.folder}/index.mjs`));
const telephony = createTelephony({ ami: workerData.ami, db: 'sqlite::memory:', connectTimeout: 60000 });

if (workerData.how === 'parser') {
	globalThis.kept = new Parser();
	globalThis.kept.feed('Event: X\r\n\r\n');
} else {
	await telephony.initialize();
	telephony.on('ami', () => {});
	telephony.on('call:new', () => {});
}
parentPort.postMessage('ready');
if (workerData.how === 'shutdown') {
	await telephony.shutdown();
} else if (workerData.how === 'leave') {
	telephony.unref();
} else if (workerData.how === 'throw') {
	setImmediate(() => {
		throw new Error('thrown in a worker');
	});
}
