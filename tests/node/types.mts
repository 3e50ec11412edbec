// Read by the TypeScript compiler alone: what index.d.ts promises to a module.
import telephonyService, { createTelephony, Parser, TelephonyError, type Call, type TelephonyEvent } from 'wtel';

const telephony = createTelephony({ ami: { username: 'wtel', secret: 'secret', port: 5038 }, db: 'sqlite::memory:' });

await telephonyService.initialize();
telephony.on('call:hangup', (call) => {
	const disposition: 'ANSWERED' | 'NO ANSWER' | 'BUSY' | 'FAILED' | 'CANCELLED' | null = call.disposition;

	console.log(disposition);
});
telephony.on('trunk:registry', ({ trunk, status }) => console.log(trunk.name, status.length));
telephony.on('call:failover', (call, { trunk, reason }) => console.log(call.callId, trunk.id, reason));
// @ts-expect-error no such event
telephony.on('call:nothing', () => {});
// @ts-expect-error a phone is text
await telephony.originateCall({ agentExtension: '1001', customerPhone: 15551234567 });

const { callId, call }: { callId: string; call: Call } = await telephony.originateCall(
	{ agentExtension: '1001', customerPhone: '+15551234567' }, { signal: AbortSignal.timeout(1000) });

for await (const event of telephony.events()) {
	const any: TelephonyEvent = event;

	if (event.event === 'overflow') {
		console.log(event.lost, any.time);
	} else if (event.event === 'call:answered') {
		console.log(event.call.billsec, callId, call.legs.length);
	}
}
for await (const event of telephony.ami()) {
	console.log(event.name, event.get('Channel')?.length, event.fields.cause);
}
console.log(new Parser().feed('').length);
try {
	await telephony.shutdown();
} catch (error) {
	if (error instanceof TelephonyError && error.code === 'WTEL_ECLOSED') {
		console.log(error.field);
	}
}
