#!/usr/bin/env python3
"""conformance-verdicts.py VERDICTS KNOWN: print "passed failed skipped" of a run of the conformance cases.

KNOWN is {case id: reason}: cases that are not expected to pass, with the written reason. One that passes all the same
is a failure too, so that the list stays true.
"""
import json
import os
import sys

with open(sys.argv[1], encoding='utf-8') as f:
    rows = json.load(f)
known = {}
if os.path.exists(sys.argv[2]):
    with open(sys.argv[2], encoding='utf-8') as f:
        known = json.load(f)

passed = failed = skipped = 0
for row in rows:
    case, verdict = row['id'], row['strict']
    if verdict == 'excluded':
        continue                      # no usable expectation: not a case
    if case in known:
        if verdict == 'pass':
            print(f'{case} passes: take it out of {sys.argv[2]}', file=sys.stderr)
            failed += 1
        else:
            print(f'known: {case}: {known[case]}', file=sys.stderr)
            skipped += 1
    elif verdict == 'pass':
        passed += 1
    else:
        print(f'{verdict}: {case}', file=sys.stderr)
        failed += 1
print(passed, failed, skipped)
