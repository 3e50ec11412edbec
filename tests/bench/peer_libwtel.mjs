// The Node package on the replayed stream: events that reached the program, and seconds from the first to the last.
// usage: node peer_libwtel.mjs PORT [lazy|name|fields]     what the callback reads of each event: nothing, its name, all
// Calls are followed at the same time, as always. WTEL_NODE: the package's folder.
const folder = process.env.WTEL_NODE ? new URL(`file://${process.env.WTEL_NODE}/`) : new URL('../../bindings/node/', import.meta.url);
const { createTelephony } = await import(new URL('index.mjs', folder));
const [port, reads = 'lazy'] = process.argv.slice(2);
const telephony = createTelephony({ ami: `ami://bench:bench@127.0.0.1:${port}`, store: false, waitForConnection: false });
let events = 0;
let first = 0n;
let last = 0n;
let read = 0;

telephony.on('ami', (event) => {
	if (reads === 'name') {
		read += event.name.length;
	} else if (reads === 'fields') {
		read += event.fields.event.length;
	}
	last = process.hrtime.bigint();
	if (!events++) {
		first = last;
	}
});
telephony.on('ami:disconnected', () => {
	console.log(`${events} ${Number(last - first) / 1e9}`);
	process.exit(0);
});
await telephony.initialize();
