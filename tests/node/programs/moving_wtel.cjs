// The same program on wtel, line by line.
const { createTelephony } = require(process.env.WTEL_NODE);

const telephony = createTelephony({ ami: `ami://wtel:wtel@127.0.0.1:${process.argv[2]}`, store: false });
let left = 2;

telephony.on('ami', (event) => {
	if (event.name === 'Hangup') {
		console.log(`Hangup ${event.get('Channel').replace(/-\w+$/, '')} ${event.get('Cause')}`);
		if (--left === 0) {
			telephony.shutdown();
		}
	} else if (event.name === 'UserEvent') {
		console.log(`UserEvent ${event.get('UserEvent')}`);
	}
});

async function main() {
	await telephony.initialize();
	const { response } = await telephony.action('Ping');

	console.log(`Ping ${response.Ping}`);
	await telephony.action('Getvar', { Channel: 'PJSIP/none-1', Variable: 'X' }).then(() => console.log('Getvar done'),
		(error) => console.log(`Getvar failed: ${error.message}`));
	const originated = await telephony.action('Originate', {
		Channel: 'PJSIP/1001', Context: 'welcomedly-outbound', Exten: '+15551234501', Priority: 1, Async: 'true',
		Variable: ['__TRUNK_ID=1', '__WTEL_ENDPOINT=carrier-a', '__CALL_ID=one'], ChannelId: 'one',
	});

	console.log(`Originate ${originated.response.Response}`);
}

main();
