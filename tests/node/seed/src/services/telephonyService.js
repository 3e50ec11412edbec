// All that is left of the platform's own src/services/telephonyService.js.
export { default } from 'wtel';
