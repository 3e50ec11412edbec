#!/usr/bin/env python3
"""Adds up what TAP files (*.tap) and JUnit files (*.xml) of a folder say.

Names each failure, then prints one line "N passed, N failed, N skipped" and
exits 1 if anything failed.
"""
import glob
import re
import sys
import xml.etree.ElementTree

passed, failed, skipped = 0, [], []

for path in sorted(glob.glob(sys.argv[1] + '/*.tap')):
    for line in open(path, encoding='utf-8', errors='replace'):
        found = re.match(r'(not )?ok\b[\s\d]*(?:- )?(.*)', line)
        if not found:
            continue
        if re.search(r'#\s*SKIP', line, flags=re.I):
            skipped.append(found.group(2))
        elif found.group(1):
            failed.append(f'{path}: {found.group(2)}')
        else:
            passed += 1

for path in sorted(glob.glob(sys.argv[1] + '/*.xml')):
    for case in xml.etree.ElementTree.parse(path).iter('testcase'):
        name = f'{case.get("classname")}.{case.get("name")}'
        if case.find('failure') is not None or case.find('error') is not None:
            failed.append(name)
        elif case.find('skipped') is not None:
            skipped.append(name)
        else:
            passed += 1

for name in skipped:
    print(f'skipped: {name}')
for name in failed:
    print(f'failed: {name}')
print(f'{passed} passed, {len(failed)} failed, {len(skipped)} skipped')
sys.exit(1 if failed or not passed else 0)
