/* One implementation for both kinds of modules, so that there is one default service in a process. */
import wtel from './index.js';

export const { telephonyService, createTelephony, Telephony, TelephonyError, Parser, AmiEvent } = wtel;
export default wtel.default;
