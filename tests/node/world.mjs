// What the tests share: the package under test, a simulated Asterisk, and patience.
//
// WTEL_NODE: folder of the installed package (bindings/node otherwise). WTELCTL: the command with the simulator.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';

export const checkout = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..', '..');
export const folder = path.resolve(process.env.WTEL_NODE ?? path.join(checkout, 'bindings', 'node'));
export const wtel = await import(pathToFileURL(path.join(folder, 'index.mjs')));
export const require = createRequire(path.join(folder, 'index.js'));
export const ctl = process.env.WTELCTL ?? path.join(checkout, 'build', 'plain', 'cli', 'wtelctl');

// What the library wants from an environment is given by the tests alone.
for (const name of Object.keys(process.env)) {
	if (/^(WTEL_AMI|WTEL_DB|WTEL_COUNTRY|ASTERISK_|DB_)/.test(name) && !process.env.WTEL_TEST_REAL) {
		delete process.env[name];
	}
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition, what, ms = 60000) {
	const end = performance.now() + ms;

	for (;;) {
		const value = await condition();

		if (value) {
			return value;
		}
		if (performance.now() > end) {
			throw new Error(`not within ${ms} ms: ${what}`);
		}
		await sleep(10);
	}
}

// A folder that goes with the test.
export function place(t) {
	const made = mkdtempSync(path.join(tmpdir(), 'wtel-node-'));

	t.after(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

// Ends with the test. -> {port, url, end()}
export async function simulator(t, args = []) {
	const child = spawn(ctl, ['sim', '--listen', '127.0.0.1:0', '--pickup', '0.05', '--ring', '0.05', '--talk', '0.2', ...args],
		{ stdio: ['ignore', 'pipe', 'inherit'] });
	const [line] = await once(createInterface(child.stdout), 'line');
	const port = Number(line.split(':').at(-1));
	const end = async () => {
		if (child.exitCode === null && child.signalCode === null) {
			child.kill();
			await once(child, 'exit');
		}
	};

	t.after(end);
	return { port, url: `ami://wtel:wtel@127.0.0.1:${port}`, pid: child.pid, end };
}

// A service on the simulator with one trunk that needs no registration. Ends with the test.
export async function service(t, sim, options = {}) {
	const telephony = wtel.createTelephony({ ami: sim.url, db: 'sqlite::memory:', connectTimeout: 60000, ...options });

	t.after(() => telephony.shutdown());
	await telephony.initialize();
	if (options.store !== false) {
		await telephony.createTrunk({ name: 'Carrier A', host: '127.0.0.1', maxChannels: 5000, priority: 1, needsRegistration: false });
		await until(async () => (await telephony.explain()).trunkId !== null, 'the service hears of the trunk');
	}
	return telephony;
}

// Everything of events() as it comes, for looking at.
export function collect(telephony, names) {
	const seen = [];

	for (const name of names) {
		telephony.on(name, (value, ...rest) => seen.push([name, value, ...rest]));
	}
	return seen;
}

// A program of its own. -> {code, signal, out, err}
export async function run(file, { args = [], env = {}, node = [], timeout = 120000, cwd } = {}) {
	const child = spawn(process.execPath, [...node, file, ...args], { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
	const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
	let out = '';
	let err = '';

	child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
	child.stderr.setEncoding('utf8').on('data', (text) => { err += text; });
	const [code, signal] = await once(child, 'close');

	clearTimeout(timer);
	return { code, signal, out, err };
}
