// The snippets of the platform's documentation, sections 7.4, 4.1.4 and 4.1.3, as a user copies them. Between them stands only what
// chooses the number that is called and waits, marked "test".
import telephonyService from './services/telephonyService.js';

// ---- 4.1.4 ----
telephonyService.on('ami:connected', () => {
    console.log('AMI connected');
});

telephonyService.on('call:new', (callData) => {
    console.log('New call:', callData.callId);
});

telephonyService.on('call:answered', (callData) => {
    console.log('Call answered:', callData.callId);
});

telephonyService.on('call:hangup', (callData) => {
    console.log('Call ended:', callData.callId, callData.disposition);
});

telephonyService.on('trunk:registry', ({ trunk, status }) => {
    console.log(`Trunk ${trunk.name} registration: ${status}`);
});

// ---- 7.4 ----
// Inicializar servicio de telefonía
try {
    await telephonyService.initialize();
    console.log('✅ Telephony service initialized');
} catch (error) {
    console.error('⌐ Failed to initialize telephony service:', error);
    // No detener el servidor, continuar sin telefonía
}

// Graceful shutdown
process.on('SIGINT', async () => {
    console.log('\n📴 Shutting down gracefully...');
    await telephonyService.shutdown();
    process.exit(0);
});

// test: a server would be running now
const running = setInterval(() => {}, 1000);
const answered = new Promise((resolve) => telephonyService.once('call:answered', resolve));
const ended = new Promise((resolve) => telephonyService.once('call:hangup', resolve));

// ---- 4.1.3 ----
const result = await telephonyService.originateCall({
    agentExtension: '1001',
    customerPhone: process.env.CUSTOMER ?? '+1234567890', // test
    campaignId: 1,
    leadId: 123,
    agentId: 5
});

console.log('result', JSON.stringify(result)); // test
const { channel } = await answered; // test

const stats = telephonyService.getStatistics();

console.log('stats', JSON.stringify(stats)); // test

await telephonyService.hangupCall(channel); // test: the documentation has 'PJSIP/1001-00000001'

await ended; // test
console.log('stats', JSON.stringify(telephonyService.getStatistics())); // test
clearInterval(running); // test
process.kill(process.pid, 'SIGINT'); // test: Ctrl-C
