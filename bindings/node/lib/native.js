'use strict';

const { constants } = require('node:os');
const path = require('node:path');

const file = path.join(__dirname, '..', 'build', 'wtel.node');

/*
 * Node carries an OpenSSL and a c-ares of its own, whose symbols would stand in for those of the libraries that the
 * addon is linked with, function by function. RTLD_DEEPBIND keeps each to its own. Sanitizers refuse it; musl has none.
 */
function load() {
	const deep = /\b(lib)?[at]san\b/.test(process.env.LD_PRELOAD || '') ? 0 : constants.dlopen.RTLD_DEEPBIND || 0;
	const module = { exports: {} };

	try {
		process.dlopen(module, file, constants.dlopen.RTLD_NOW | deep);
	} catch (error) {
		error.message = `wtel: ${error.message}\nwtel is built when it is installed, for the Node.js that installs it: `
			+ `run "npm rebuild wtel" (or node ${path.join(__dirname, '..', 'build.js')})`;
		throw error;
	}
	return module.exports;
}

module.exports = load();
