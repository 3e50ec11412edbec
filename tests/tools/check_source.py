#!/usr/bin/env python3
"""Rules of the house that a compiler does not check. Prints TAP.

usage: check_source.py SOURCE-ROOT [SHARED-LIBRARY]

With a shared library, its exported symbols are compared with what the public
headers declare.
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = sys.argv[1]

# Whom each room may include. Nobody includes upwards or sideways.
ROOMS = {
    'base': {'base'},
    'ami': {'base', 'ami'},
    'call': {'base', 'ami', 'call'},
    'trunk': {'base', 'trunk'},
    'peer': {'base', 'peer'},
    'store': {'base', 'ami', 'call', 'trunk', 'peer', 'store'},
    'service': {'base', 'ami', 'call', 'trunk', 'peer', 'store', 'service'},
    'api': {'base', 'ami', 'call', 'trunk', 'peer', 'store', 'service', 'api'},
    'gateway': {'gateway'},
    'sim': {'base', 'ami', 'sim'},
}
# A public header belongs to the room that fills it.
HEADERS = {
    'base': {'base.h', 'error.def'},
    'ami': {'ami.h', 'event.def'},
    'call': {'call.h', 'disposition.def'},
    'trunk': {'trunk.h', 'route.h', 'verdict.def'},
    'peer': {'peer.h'},
    'store': {'store.h'},
    'service': {'service.h', 'notice.def'},
    'api': {'api.h', 'json.h', 'access.h'},
    'gateway': {'gateway.h'},
    'sim': {'sim.h'},
}
# A library of its own stands on the other's public headers.
ON_TOP = {'gateway': {'base', 'ami', 'call', 'trunk', 'peer', 'store', 'service', 'api'}}
PURE = {'base', 'ami', 'call', 'trunk', 'peer'}
MAX_FILE, MAX_FUNCTION = 600, 60

results = []


def check(name, problems):
    results.append((name, list(problems)))


def files(*folders, endings=('.c', '.h')):
    for folder in folders:
        for path, _, names in sorted(os.walk(os.path.join(ROOT, folder))):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(path, name), ROOT)


def text(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def code_only(source):
    """The source with comments and literals blanked, lines kept."""
    def blank(match):
        return re.sub(r'[^\n]', ' ', match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, source, flags=re.S)


def layers():
    for path in files('libwtel'):
        room = path.split('/')[1]
        allowed = ROOMS.get(room)
        if allowed is None:
            continue
        headers = set().union(*(HEADERS[r] for r in allowed | ON_TOP.get(room, set())))
        for number, line in enumerate(text(path).splitlines(), 1):
            private = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            public = re.match(r'\s*#\s*include\s+<wtel/([^>]+)>', line)
            if private and private.group(1).split('/')[0] not in allowed:
                yield f'{path}:{number}: {room} must not include "{private.group(1)}"'
            if public and public.group(1) not in headers:
                yield f'{path}:{number}: {room} must not include <wtel/{public.group(1)}>'


def outsiders():
    """Command line and examples know the public headers only."""
    own = {os.path.basename(p) for p in files('cli', 'examples', endings=('.h', '.def'))}
    for path in files('cli', 'examples'):
        for number, line in enumerate(text(path).splitlines(), 1):
            private = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if private and private.group(1) not in own:
                yield f'{path}:{number}: includes "{private.group(1)}"'


def long_files():
    for path in files('libwtel', 'cli', 'examples', 'tests', 'include', endings=('.c', '.h', '.def', '.py', '.sh')):
        if '/corpus/' in path:
            continue
        length = text(path).count('\n')
        if length > MAX_FILE:
            yield f'{path}: {length} lines'


def long_functions():
    for path in files('libwtel', 'cli', 'examples', 'tests'):
        start = None
        for number, line in enumerate(text(path).splitlines(), 1):
            if line == '{':
                start = number
            elif line == '}' and start:
                if number - start - 1 > MAX_FUNCTION:
                    yield f'{path}:{start}: a function of {number - start - 1} lines'
                start = None


BANNED = r'\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|system|popen|alloca|rand|srand|tmpnam|mktemp)\s*\('
BANNED_INSIDE = r'\b(assert|abort|exit|_exit|printf|puts|putchar|perror|fork|pthread_create|sleep|usleep)\s*\('
# The one place that asks the C library for memory, and the one with a thread: bcrypt takes a loop's 50 ms.
ALLOCATORS = {'libwtel/base/alloc.c', 'libwtel/gateway/memory.c'}
THREADS = {'libwtel/gateway/verify.c'}
# Made to run while building, not in the library.
GENERATORS = {'libwtel/ami/generate.c'}
IMPURE = r'\b(socket|connect|recv|send|getenv|time|clock_gettime|gettimeofday|fopen|open)\s*\('
HEAP = r'\b(malloc|calloc|realloc|free|strdup|strndup|asprintf)\s*\('


def banned():
    for path in files('libwtel', 'cli', 'examples'):
        room = path.split('/')[1]
        inside = path.startswith('libwtel/') and path not in GENERATORS
        for number, line in enumerate(code_only(text(path)).splitlines(), 1):
            rules = [BANNED]
            if inside:
                rules.append(BANNED_INSIDE)
            if inside and room in PURE and path != 'libwtel/base/timestamp.c':
                rules.append(IMPURE)
            if inside and path not in ALLOCATORS:
                rules.append(HEAP)
            for rule in rules:
                found = re.search(rule, line)
                # A member called through a pointer is no libc function.
                if found and found.group(1) == 'pthread_create' and path in THREADS:
                    continue
                if found and not re.search(r'(->|\.)\s*$', line[:found.start()]):
                    yield f'{path}:{number}: {found.group(1)}()'


def left_over():
    for path in files('libwtel', 'cli', 'examples', 'include', 'tests', endings=('.c', '.h', '.def', '.py', '.sh')):
        if path.endswith('check_source.py'):
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line):
                yield f'{path}:{number}: unfinished'


def compile_header(path, language):
    command = {'c': ['cc', '-std=c11', '-x', 'c'], 'c++': ['c++', '-std=c++11', '-x', 'c++']}[language]
    with tempfile.NamedTemporaryFile('w', suffix='.c') as unit:
        unit.write(f'#include <{path[len("include/"):]}>\n')
        unit.flush()
        done = subprocess.run(command + ['-pedantic', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-I',
                                         os.path.join(ROOT, 'include'), unit.name], capture_output=True, text=True)
    return done.stderr if done.returncode else ''


def headers_alone():
    for path in files('include', endings=('.h',)):
        for language in ('c', 'c++'):
            problem = compile_header(path, language)
            if problem:
                yield f'{path} as {language}: {problem.splitlines()[0]}'


def declared(gateway):
    names = set()
    for path in files('include', endings=('.h',)):
        if path.endswith('/gateway.h') != gateway:
            continue
        for statement in re.findall(r'WTEL_API\s+([^;{]+?)\(', code_only(text(path))):
            names.add(statement.split()[-1].lstrip('*'))
    return names - {'__attribute__'}


def exported(library):
    listing = subprocess.run(['nm', '-D', '--defined-only', library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split('@')[0] for line in listing.splitlines() if line.split()[-2] in 'TDBR'}


def exports(library, gateway):
    wanted, found = declared(gateway), exported(library)
    for name in sorted(wanted - found):
        yield f'{name} is declared and not exported'
    for name in sorted(found - wanted):
        yield f'{name} is exported and not declared'


def documented_commands():
    """Every command of the table has its line in the manual page."""
    manual = text('cli/wtelctl.1')
    for name in re.findall(r'CLI_COMMAND_X\("([^"]+)"', text('cli/commands.def')):
        if not re.search(r'^\.It Cm ' + re.escape(name) + r'\b', manual, flags=re.M):
            yield f'cli/wtelctl.1 lacks {name}'


check('rooms include only rooms below them', layers())
check('command line and examples include public headers only', outsiders())
check(f'no file is longer than {MAX_FILE} lines', long_files())
check(f'no function is longer than {MAX_FUNCTION} lines', long_functions())
check('banned functions are not called', banned())
check('nothing is left unfinished', left_over())
check('each public header compiles alone, as C11 and as C++', headers_alone())
check('each command is in the manual page', documented_commands())
if len(sys.argv) > 2:
    check('the library exports exactly what the headers declare', exports(sys.argv[2], False))
    beside = os.path.join(os.path.dirname(sys.argv[2]), 'gateway', 'libwtel-gateway.so')
    if os.path.exists(beside):
        check('the gateway exports exactly what its header declares', exports(beside, True))

print(f'1..{len(results)}')
for index, (name, problems) in enumerate(results, 1):
    print(f'{"not ok" if problems else "ok"} {index} - {name}')
    for problem in problems:
        print(f'# {problem}')
sys.exit(any(problems for _, problems in results))
