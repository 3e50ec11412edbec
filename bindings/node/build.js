'use strict';

/*
 * Builds the addon, without node-gyp: meson for libwtel as a static library, SWIG for the wrapper, one call of the C++
 * compiler. Runs when the package is installed; nothing is downloaded.
 *
 *   node build.js            builds into build/
 *   node build.js --pack     copies libwtel's source into source/, for npm pack
 *   node build.js --unpack   takes that away again
 *
 * Environment: CC, CXX, CFLAGS, CXXFLAGS, LDFLAGS; WTEL_NODE_SANITIZE=address,undefined for a checked build.
 */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const here = __dirname;
const packed = path.join(here, 'source');
const checkout = findCheckout();
const build = path.join(here, 'build');
const sanitize = process.env.WTEL_NODE_SANITIZE || '';
const PACKAGES = 'g++ meson ninja-build pkg-config swig libpq-dev libsqlite3-dev libjansson-dev libssl-dev libcrypt-dev libc-ares-dev';
/* What the addon is made of. */
const PARTS = ['meson.build', 'meson_options.txt', 'LICENSE', 'include', 'libwtel', 'bindings/meson.build', 'bindings/wtel.i',
	...['ask.c', 'binding.c', 'block.c', 'options.c', 'text.c', 'binding.h', 'core.h'].map((name) => `bindings/${name}`)];

function fail(text) {
	console.error(`wtel: ${text}`);
	process.exit(1);
}

function words(name) {
	return (process.env[name] || '').split(/\s+/).filter(Boolean);
}

function run(command, args, options = {}) {
	try {
		return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
	} catch (error) {
		if (error.code === 'ENOENT') {
			fail(`${command} is missing. On Debian: apt-get install ${PACKAGES}`);
		}
		return fail(`${command} ${args.join(' ')} failed:\n${error.stdout || ''}${error.stderr || ''}\n`
			+ `What is needed, by Debian's names: ${PACKAGES}`);
	}
}

function has(command, args = ['--version']) {
	try {
		execFileSync(command, args, { stdio: 'ignore' });
		return true;
	} catch {
		return false;
	}
}

/* Two folders up; where npm has copied the package of a checkout (npm 9 does, or --install-links), from where it did. */
function findCheckout() {
	const beside = path.join(here, '..', '..');
	const from = process.env.npm_package_resolved || '';
	const origin = path.resolve(process.env.npm_config_local_prefix || '.', from.slice('file:'.length), '..', '..');

	return !from.startsWith('file:') || fs.existsSync(path.join(beside, 'bindings', 'wtel.i')) ? beside : origin;
}

/* Beside the running node, as its own installation and Debian's have them. */
function findHeaders() {
	const places = [process.env.npm_config_nodedir, path.join(path.dirname(fs.realpathSync(process.execPath)), '..'), '/usr']
		.filter(Boolean).flatMap((prefix) => [path.join(prefix, 'include', 'node'), path.join(prefix, 'include', 'nodejs', 'src')]);
	const found = places.find((place) => fs.existsSync(path.join(place, 'node.h')));

	if (!found) {
		fail(`the headers of Node.js ${process.version} are missing: no node.h in ${places.join(', ')}. `
			+ 'Where Node.js is a package of Debian: apt-get install libnode-dev');
	}
	const version = fs.readFileSync(path.join(found, 'node_version.h'), 'utf8').match(/NODE_MODULE_VERSION (\d+)/);

	if (version && version[1] !== process.versions.modules) {
		fail(`${found} is of another Node.js (modules ${version[1]}) than the one that runs (${process.versions.modules})`);
	}
	return found;
}

/* Compile and link flags of libwtel: built here from its source, else the one that pkg-config knows. */
function libwtel(root) {
	if (!fs.existsSync(path.join(root, 'libwtel'))) {
		if (!has('pkg-config', ['--exists', 'wtel'])) {
			fail('there is neither the source of libwtel nor an installed one (pkg-config wtel)');
		}
		return run('pkg-config', ['--cflags', '--libs', 'wtel', 'jansson']).split(/\s+/).filter(Boolean);
	}
	const folder = path.join(build, 'libwtel');
	const options = ['-Ddefault_library=static', '-Dcli=disabled', '-Dexamples=disabled', '-Dtests=disabled',
		...(sanitize ? ['--buildtype=debug', `-Db_sanitize=${sanitize}`, '-Db_lundef=false'] : ['--buildtype=release'])];

	if (!fs.existsSync(path.join(folder, 'build.ninja'))) {
		run('meson', ['setup', folder, root, ...options]);
	}
	run('ninja', ['-C', folder, 'libwtel/libwtel.a']);
	/* The archive's own needs, each as a shared library: `--static` would name theirs too. */
	const env = { ...process.env, PKG_CONFIG_PATH: path.join(folder, 'meson-private') };
	const packages = run('pkg-config', ['--print-requires', '--print-requires-private', 'wtel'], { env }).split('\n').map((line) => line.split(' ')[0]).filter(Boolean);
	const needs = run('pkg-config', ['--libs', ...packages], { env }).split(/\s+/).filter(Boolean);

	return [`-I${path.join(root, 'include')}`, path.join(folder, 'libwtel', 'libwtel.a'), ...needs, '-ljansson'];
}

/* The wrapper: made by SWIG where there is one, else the one that came with the package. */
function wrapper(root) {
	const out = path.join(build, 'wrap.cxx');
	const shipped = path.join(packed, 'wrap.cxx');

	if (!fs.existsSync(shipped)) {
		run('swig', ['-javascript', '-node', '-c++', `-I${path.join(root, 'bindings')}`, `-I${path.join(here, '..')}`, '-o', out,
			path.join(root, 'bindings', 'wtel.i')]);
		return out;
	}
	return shipped;
}

function compile() {
	const root = fs.existsSync(path.join(packed, 'libwtel')) ? packed : checkout;
	const headers = findHeaders();

	fs.mkdirSync(build, { recursive: true });
	const flags = libwtel(root);
	const checked = sanitize ? [`-fsanitize=${sanitize}`, '-g', '-O1'] : ['-O2'];
	const common = ['-fPIC', '-fvisibility=hidden', ...checked, `-I${path.join(root, 'bindings')}`, ...flags.filter((flag) => flag.startsWith('-I'))];
	const objects = [];

	for (const name of ['ask.c', 'binding.c', 'block.c', 'options.c', 'text.c']) {
		objects.push(path.join(build, `${name}.o`));
		run(words('CC')[0] || 'cc', [...words('CC').slice(1), '-std=gnu11', ...common, ...words('CFLAGS'), '-c', path.join(root, 'bindings', name),
			'-o', objects.at(-1)]);
	}
	objects.push(path.join(build, 'wrap.o'));
	run(words('CXX')[0] || 'c++', [...words('CXX').slice(1), '-std=c++17', ...common, `-I${headers}`, '-DBUILDING_NODE_EXTENSION', '-w',
		...words('CXXFLAGS'), '-c', wrapper(root), '-o', objects.at(-1)]);
	/* Written beside and moved: a process that has the old one loaded keeps it. */
	const next = path.join(build, 'wtel.node.new');

	run(words('CXX')[0] || 'c++', [...words('CXX').slice(1), '-shared', '-o', next, ...objects, ...checked, ...flags.filter((flag) => !flag.startsWith('-I')),
		...words('LDFLAGS'), '-Wl,--exclude-libs,ALL']);
	fs.renameSync(next, path.join(build, 'wtel.node'));
}

function pack() {
	unpack();
	for (const part of PARTS.filter((name) => fs.existsSync(path.join(checkout, name)))) {
		fs.cpSync(path.join(checkout, part), path.join(packed, part), { recursive: true });
	}
	/* So that who installs the package needs no SWIG. */
	run('swig', ['-javascript', '-node', '-c++', `-I${path.join(here, '..')}`, '-o', path.join(packed, 'wrap.cxx'), path.join(here, '..', 'wtel.i')]);
}

function unpack() {
	fs.rmSync(packed, { recursive: true, force: true });
}

const [argument] = process.argv.slice(2);

if (argument === '--pack') {
	pack();
} else if (argument === '--unpack') {
	unpack();
} else {
	compile();
}
