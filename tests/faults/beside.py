#!/usr/bin/env python3
"""The same faults for mailtwin and for mbsync, where that is installed, in one table: `make beside`.

    beside.py [--points 300] [--tool mailtwin|mbsync] [--workload pull|push|two-way]

Both sync one Dovecot and one Maildir, in the same worlds (world.py), and are measured by what they
make of them without faults: mbsync knows no keywords, and that is not counted.  Points are taken
evenly, by a fixed seed, from all that a clean run of each has; mbsync's own header line in each
message is not counted either.  What a C library calls within itself
(stdio, with which mbsync writes its state) is no point.  Left out is what mbsync does not do or means
otherwise: pairing by content, mirror, move.

    silent      exit 0, and not all of the work was done
    deleted     a message that was there from the start, and should have stayed, is not there after it
    missing     after one more run, without a fault, a message or mailbox is not there
    extra       after that one, a message is there twice, or has come back
    flags       after that one, flags or dates are wrong
    signal      it ended by a signal of its own
    stuck       the run without a fault fails
    wrong       points with any of these
"""
import argparse
import collections
import errno
import os
import random
import re
import shutil
import subprocess
from unittest import mock

import world
import compare
import suite
from campaign import evenly
from hands import MaildirHand
from test_cut import Front
from test_errno import errors_of

MBSYNC = '''
IMAPAccount far
Host 127.0.0.1
Port {port}
User ann
Pass none
SSLType None
Timeout 10

IMAPStore far
Account far

MaildirStore near
Inbox {maildir}
SubFolders Maildir++

Channel pair
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
CopyArrivalDate yes
SyncState {state}/
'''
WORKLOADS = 'pull', 'push', 'two-way'


class Hand(MaildirHand):
    def move(self, subject, to, mailbox='INBOX'):
        """mbsync wants its number to be taken out of the name of a file that is moved."""
        path = self._find(subject, mailbox)
        path = path.rename(path.with_name(re.sub(r',U=\d+', '', path.name)))
        super().move(subject, to, mailbox)


class MbsyncWorld(world.World):
    hand = Hand

    def read(self):
        """Without the header line that mbsync puts into each message that it copies."""
        plain = compare.on_the_wire
        with mock.patch.object(compare, 'on_the_wire', lambda raw: re.sub(rb'(?m)^X-TUID:.*\r\n', b'', plain(raw))):
            return super().read()

    def _configure(self):
        self.config, state = self.here / 'mbsyncrc', self.here / 'state'
        state.mkdir()
        port = (self.relays[0] or self.servers[0]).port
        self.config.write_text(MBSYNC.format(port=port, maildir=self.laptop, state=state))

    def _start(self, environment, command, *more):
        environment = {'PATH': os.environ['PATH'], 'HOME': str(self.here), 'TZ': 'UTC'} | environment
        return subprocess.Popen(['mbsync', '-q', '-c', self.config, 'pair'], text=True, errors='replace',
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment)


TOOLS = {'mailtwin': world.World, 'mbsync': MbsyncWorld}
COLUMNS = ['exist', 'tried', 'fired', 'silent', 'deleted', 'missing', 'extra', 'flags', 'signal', 'stuck', 'wrong']


def kinds_of(here, ended):
    """What is wrong after a run with a fault, and after one more without, as a set of COLUMNS."""
    kinds = set()
    if ended.exit == 0 and any(here.undone()):
        kinds.add('silent')
    if ended.exit < 0 and ended.exit != -9:
        kinds.add('signal')
    if any(here.lost()):
        kinds.add('deleted')
    if here.run().exit != 0:
        kinds.add('stuck')
    for sentence in here.undone():
        only, there = ': only in ' in sentence, sentence.endswith('what is there')
        kinds.add('extra' if only and there else 'missing' if only or 'no such mailbox' in sentence else 'flags')
    return kinds


def calls(here, rng, points):
    names = here.calls('calls')
    yield 2 * len(names)
    for point in evenly(2 * len(names), points, rng):
        n, how = point // 2, ('once', 'on')[point % 2]
        error = getattr(errno, rng.choice(errors_of(names[n], how == 'on')))
        here.restore()
        ended = here.run('%s:%s:%d:%d' % (how, names[n], names[:n + 1].count(names[n]), error))
        yield bool(ended.fired), ended, '%s %s' % (names[n], how)


def kills(here, rng, points):
    exist = len(here.calls('calls'))
    yield exist
    for point in evenly(exist, points, rng):
        here.restore()
        ended = here.run('kill:calls:%d' % (point + 1))
        yield bool(ended.fired), ended, point


def cuts(here, rng, points):
    relay, octets = here.relays[0], {}
    for who in ('server', 'client'):
        relay.octets[who] = 0
    here.restore()
    here.run()
    octets = dict(relay.octets)
    yield sum(octets.values())
    for who in octets:
        for point in evenly(octets[who], points // 2, rng):
            here.restore()
            relay.cuts, relay.broken = [(who, point)], 0
            ended = here.run()
            relay.cuts = []
            yield relay.broken > 0, ended, '%s %d' % (who, point)


FAULTS = {'an error at a call': calls, 'SIGKILL': kills, 'a cut connection': cuts}


def measure(tool, workload, fault, points):
    scratch = suite.scratch_folder()
    row = collections.Counter()
    front = Front if fault is cuts else None
    with TOOLS[tool](scratch, world.WORKLOADS[workload], front=front) as here:
        steps = fault(here, random.Random('%s 1' % workload), points)
        row['exist'] = next(steps)
        for fired, ended, what in steps:
            kinds = kinds_of(here, ended)
            row.update(kinds)
            row.update(tried=1, fired=fired, wrong=bool(kinds))
            if kinds and os.environ.get('BESIDE_VERBOSE'):
                print('    %s %s %s: %s, exit %d' % (tool, workload, what, ' '.join(sorted(kinds)), ended.exit), flush=True)
    shutil.rmtree(scratch, ignore_errors=True)
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--points', type=int, default=300)
    parser.add_argument('--tool', choices=TOOLS, action='append')
    parser.add_argument('--workload', choices=WORKLOADS, action='append')
    options = parser.parse_args()
    suite.drop_root()
    tools = options.tool or [tool for tool in TOOLS if tool == 'mailtwin' or shutil.which(tool)]
    print('| fault | program | %s |' % ' | '.join(COLUMNS))
    print('| --- |' + ' --- |' * (1 + len(COLUMNS)))
    for name, fault in FAULTS.items():
        for tool in tools:
            sum_ = collections.Counter()
            for workload in options.workload or WORKLOADS:
                sum_.update(measure(tool, workload, fault, options.points))
            print('| %s | %s | %s |' % (name, tool, ' | '.join(str(sum_[column]) for column in COLUMNS)), flush=True)


if __name__ == '__main__':
    main()
