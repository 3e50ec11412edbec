// The same program on npm asterisk-manager and on wtel says the same. WTEL_NPM: a folder in whose node_modules asterisk-manager is.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { folder, run, simulator } from './world.mjs';

const modules = path.join(process.env.WTEL_NPM ?? '/nowhere', 'node_modules');
/* Hangups that came together with the answer of the Originate are heard before the promise of that answer goes on. */
const inOrder = (out) => out.replace(/((?:Hangup .*\n)+)(Originate .*\n)/, '$2$1');
const program = (name) => path.join(path.dirname(new URL(import.meta.url).pathname), 'programs', name);

test('from asterisk-manager', { skip: !existsSync(path.join(modules, 'asterisk-manager')) && 'asterisk-manager is not there: set WTEL_NPM' }, async (t) => {
	const outputs = [];

	for (const name of ['moving_asterisk_manager.cjs', 'moving_wtel.cjs']) {
		const sim = await simulator(t);
		const { code, out, err } = await run(program(name), { args: [String(sim.port)], env: { NODE_PATH: modules, WTEL_NODE: folder } });

		assert.equal(code, 0, err);
		outputs.push(inOrder(out));
	}
	assert.equal(outputs[1], outputs[0]);
	assert.match(outputs[0], /^Ping Pong\nGetvar failed: .+\nOriginate Success\nHangup PJSIP\/(carrier-a|1001) 16\nHangup PJSIP\/(carrier-a|1001) 16\n$/);
});
