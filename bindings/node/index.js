'use strict';

const { Telephony, createTelephony } = require('./lib/telephony.js');
const { TelephonyError } = require('./lib/errors.js');
const { AmiEvent, Parser } = require('./lib/ami.js');

/* The service that the environment describes. Nothing happens before its initialize(). */
const telephonyService = new Telephony();

module.exports = { default: telephonyService, telephonyService, createTelephony, Telephony, TelephonyError, Parser, AmiEvent };
/* For tools that turn this into an ES module by themselves. */
Object.defineProperty(module.exports, '__esModule', { value: true });
