import wtel = require('./index.js');

export * from './index.js';
declare const telephonyService: wtel.Telephony;
export default telephonyService;
