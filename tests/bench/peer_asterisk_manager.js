// npm asterisk-manager on the replayed stream: events that reached the program, and seconds from the first to the last.
// usage: node peer_asterisk_manager.js PORT
const AsteriskManager = require('asterisk-manager');

const ami = new AsteriskManager(Number(process.argv[2]), '127.0.0.1', 'bench', 'bench', true);
let events = 0;
let first = 0n;
let last = 0n;

ami.on('managerevent', () => {
	last = process.hrtime.bigint();
	if (!events++) {
		first = last;
	}
});
ami.on('close', () => {
	console.log(`${events} ${Number(last - first) / 1e9}`);
	process.exit(0);
});
