// The same for CommonJS.
import wtel = require('wtel');

const telephony: wtel.Telephony = wtel.createTelephony();

telephony.once('ami:connected', ({ host }) => console.log(host?.length));
void wtel.default.initialize().then(() => wtel.telephonyService.getStatistics().activeCalls.toFixed());
