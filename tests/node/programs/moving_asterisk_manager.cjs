// A program on npm asterisk-manager: pings, lists the channels, calls, and prints how the channels ended. usage: PORT
const AsteriskManager = require('asterisk-manager');

const ami = new AsteriskManager(Number(process.argv[2]), '127.0.0.1', 'wtel', 'wtel', true);
let left = 2;

ami.on('hangup', (event) => {
	console.log(`Hangup ${event.channel.replace(/-\w+$/, '')} ${event.cause}`);
	if (--left === 0) {
		ami.disconnect();
	}
});
ami.on('userevent', (event) => console.log(`UserEvent ${event.userevent}`));
ami.action({ action: 'Ping' }, (error, response) => {
	console.log(`Ping ${error ? 'failed' : response.ping}`);
	ami.action({ action: 'Getvar', channel: 'PJSIP/none-1', variable: 'X' }, (refusal) => {
		console.log(`Getvar ${refusal ? 'failed' : 'done'}: ${refusal && refusal.message}`);
		ami.action({
			action: 'Originate', channel: 'PJSIP/1001', context: 'welcomedly-outbound', exten: '+15551234501', priority: 1, async: 'true',
			variable: { __TRUNK_ID: '1', __WTEL_ENDPOINT: 'carrier-a', __CALL_ID: 'one' }, channelid: 'one',
		}, (failure, response2) => console.log(`Originate ${failure ? 'failed' : response2.response}`));
	});
});
