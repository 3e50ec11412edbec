// Reads everything of every event and says how much memory there is after each sixth of them. usage: PORT, --expose-gc
import { pathToFileURL } from 'node:url';

const { createTelephony } = await import(pathToFileURL(`${process.env.WTEL_NODE}/index.mjs`));
const telephony = createTelephony({ ami: `ami://bench:bench@127.0.0.1:${process.argv[2]}`, store: false, waitForConnection: false });
const total = 1260000;
const out = { seen: 0, notices: 0, lost: 0, rss: [], heap: [] };
let read = 0;

telephony.on('ami', (event) => {
	read += Object.keys(event.fields).length;
	if (++out.seen % (total / 6) === 0) {
		globalThis.gc();
		const { rss, heapUsed } = process.memoryUsage();

		out.rss.push(Math.round(rss / 1e6));
		out.heap.push(Math.round(heapUsed / 1e5) / 10);
	}
});
telephony.on('call:hangup', () => out.notices++);
telephony.on('overflow', ({ lost }) => { out.lost += lost; });
telephony.on('ami:disconnected', async () => {
	await telephony.shutdown();
	console.log(JSON.stringify(out));
});
await telephony.initialize();
