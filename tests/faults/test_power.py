#!/usr/bin/env python3
"""The power goes, at each call of a run: whatever the disk then holds, what was done is there.

A run is stopped in place of a call, with a record of all that it did to files (recorder.c); from that
come states that the disk may be left in (disk.py).  The server, another machine, stays as it is at that
moment.  For each state: nothing may be lost, and the next run has to end all.  What a run said with
exit 0 has to be there before.

Directories are new when the next run sees them, so that it lists each; that it may take one for
unchanged, by its times, is not tried here.
"""
import contextlib
import importlib.util
import io
import os
import pathlib
import random
import shutil
import sqlite3

import world
import suite
from campaign import NEW_SEED, Campaign, points
from disk import Disk
from hands import MaildirHand, letter
from mailtwin import Mailtwin

CUTS = points(180, 120, 6)      # calls of each workload
STATES = points(8, 4, 3)        # of each of them; more after the last, when all is said to be done
LAST_STATES = 6 * STATES
READER = pathlib.Path(__file__).resolve().parents[2] / 'contrib/read-archive.py'


def emptied(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def recorded(record, last):
    """The environment of a run whose `last`-th call does not come."""
    record.unlink(missing_ok=True)
    shim = pathlib.Path(os.environ.get('FAULTS_SHIM', 'tests/faults/shim.so')).with_name('recorder.so')
    return {'RECORD': str(record), 'RECORD_STOP': str(last), 'LD_PRELOAD': str(shim.resolve())}


class Mail:
    """A pair of a server and a Maildir: the Maildir and the state lose power."""

    def __init__(self, top, workload):
        self.world = world.World(top, world.WORKLOADS[workload])
        self.at_server, self.record = self.world.top / 'at server', self.world.top / 'calls'

    def __enter__(self):
        self.world.__enter__()
        return self

    def __exit__(self, *_):
        self.world.__exit__()

    def cut(self, last):
        """(how the run ended, the disk it wrote to)."""
        here = self.world
        here.restore()
        disk = Disk(here.here, beside=['work'])
        ended = here.run(environment=recorded(self.record, last))
        here.settle()
        here._copy(here.here / 'work', self.at_server)
        return ended, disk.replay(self.record)

    def leave(self, left):
        left.write_to(emptied(self.world.here))
        here = self.world.here / 'work'
        self.world._copy(self.at_server, here)

    def judge(self, ended):
        if ended.exit == 0:
            yield from ('exit 0, but ' + sentence for sentence in self.world.undone())
        yield from self.world.lost()
        yield from self.world.recovers()


def _live(hand, take):
    """Some days of a mailbox, each with a snapshot."""
    for day in range(5):
        hand.add(letter('day %d' % day, body='A line of text.\r\n' * 3000, keywords=['later']),
                 letter('passing %d' % day), letter('kernel %d' % day, 'Lists/kernel', flags=['\\Seen']))
        if day > 0:
            hand.delete('passing %d' % (day - 1))
            hand.flag('day %d' % (day - 1), '+\\Answered')
        take()


def _forgotten(vault):
    _live(vault.hand, vault.snapshot)
    vault.done('forget', vault.file, '--keep-last', 1)


ARCHIVES = {    # name: (what was before, what is stopped)
    'first snapshot': (lambda vault: _live(vault.hand, lambda: None), 'snapshot'),
    'snapshot': (lambda vault: _live(vault.hand, vault.snapshot) or vault.hand.add(letter('late')), 'snapshot'),
    'forget': (lambda vault: _live(vault.hand, vault.snapshot), 'forget'),
    'compact': (_forgotten, 'compact'),
}


def _archive_reader():
    spec = importlib.util.spec_from_file_location('read_archive', READER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Vault:
    """An archive of a Maildir: all of it lies on one disk, which loses power."""
    MARKS = "SELECT flags, keywords, received, zone FROM placement WHERE id = ?"

    def __init__(self, top, workload):
        self.top, (self.before, self.command) = pathlib.Path(top), ARCHIVES[workload]
        self.here, self.saved, self.record = self.top / 'now', self.top / 'saved', self.top / 'record'
        self.here.mkdir()
        self.file, self.reader = self.here / 'work.mta', _archive_reader()

    def __enter__(self):
        self.twin = Mailtwin(self.here)
        self.hand = MaildirHand(self.here / 'Mail')
        self.before(self)
        self.was = self.read()
        world.World._copy(self.here, self.saved)
        self.done(*self.words())
        self.wanted = self.read()
        return self

    def __exit__(self, *_):
        pass

    def words(self):
        return {'snapshot': ['snapshot', 'maildir:%s' % self.hand.path, self.file],
                'forget': ['forget', self.file, '--keep-last', 2],
                'compact': ['compact', self.file]}[self.command]

    def run(self, *words, environment=None):
        if environment and os.environ.get('FAULTS_SANITIZED'):
            environment['ASAN_OPTIONS'] = 'exitcode=99:detect_leaks=0:verify_asan_link_order=0'
        return self.twin.run(*words, environment=environment)

    def done(self, *words):
        ended = self.run(*words)
        if ended.exit != 0:
            raise AssertionError(str(ended))

    def snapshot(self):
        self.done('snapshot', 'maildir:%s' % self.hand.path, self.file)

    def read(self):
        """{number: what is in the snapshot}, without the program."""
        if not self.file.exists():
            return {}
        with contextlib.closing(sqlite3.connect('file:%s?mode=rw' % self.file, uri=True)) as archive:
            if archive.execute('PRAGMA integrity_check').fetchall() != [('ok',)]:
                raise sqlite3.DatabaseError('its pages do not fit')
            return {number: self._contents(archive, number)
                    for number, in archive.execute('SELECT id FROM snapshot WHERE taken IS NOT NULL').fetchall()}

    def _contents(self, archive, number):
        found = []
        for name, item, _, message, digest, size, parts in archive.execute(self.reader.MESSAGES, (number,)).fetchall():
            out = io.BytesIO()
            self.reader.read_message(archive, message, digest, parts, out)
            marks = archive.execute(
                'SELECT flags, keywords, received, zone FROM placement WHERE item = ? AND first <= ? AND'
                ' (last IS NULL OR last >= ?)', (item, number, number)).fetchall()
            found.append((name, digest, size, repr(marks)))
        return sorted(found)

    def cut(self, last):
        world.World._copy(self.saved, self.here)
        disk = Disk(self.here)
        return self.run(*self.words(), environment=recorded(self.record, last)), disk.replay(self.record)

    def leave(self, left):
        left.write_to(emptied(self.here))

    def judge(self, ended):
        try:
            if self.file.exists():
                yield from self._is_sound()
                yield from self._has(self.read(), whole=ended.exit == 0)
            elif self.was or ended.exit == 0:
                yield 'the archive is gone'
            yield from self._recovers()
        except (sqlite3.DatabaseError, TypeError, ValueError) as why:
            yield 'the archive cannot be read: %r' % why

    def _is_sound(self):
        ended = self.run('verify', self.file)
        if ended.exit != 0:
            yield 'verify: exit %d: %s' % (ended.exit, ended.err)

    def _has(self, found, whole):
        """What stays is as it was; what comes is there or not, and as it has to be."""
        for number in found:
            if found[number] != self.wanted.get(number, self.was.get(number)):
                yield 'snapshot %d is another' % number
        for number in self.wanted.keys() - found.keys():
            if whole or number in self.was:
                yield 'snapshot %d is gone' % number
        if whole and found.keys() - self.wanted.keys():
            yield 'a snapshot that was forgotten is there'

    def _recovers(self):
        ended = self.run(*self.words())
        if ended.exit != 0:
            yield 'the run after it: exit %d: %s' % (ended.exit, ended.err)
        found = self.read()
        if self.command != 'snapshot':
            yield from self._has(found, whole=True)
        elif [found[number] for number in sorted(found)[-1:]] != [self.wanted[max(self.wanted)]]:
            yield 'after the run after it: the snapshot is not what was there'
        yield from self._has({n: what for n, what in found.items() if n in self.was}, whole=False)


class Power(suite.Case):
    def lose_it(self, kind, workload):
        campaign = Campaign('power, %s' % workload)
        with kind(self.scratch, workload) as place:
            ended, disk = place.cut(0)
            self.assertEqual(disk.now().tree, Disk(place.world.here, ['work']).now().tree if kind is Mail else
                             Disk(place.here).now().tree, 'the record is not all that was done')
            exist = disk.calls
            for point, rng in [*campaign.choose(exist, CUTS), (exist, random.Random(NEW_SEED))]:
                # the last is never stopped: this run may make more calls than the one that was counted
                ended, disk = place.cut(point + 1 if point < exist else 0)
                self.lose_all(campaign, place, '%s at %d of %d' % (workload, point + 1, exist), ended, disk, rng,
                              STATES if point < exist else LAST_STATES)
        campaign.end(self)

    def lose_all(self, campaign, place, what, ended, disk, rng, states):
        """Some of the states that one moment may leave.  One that was there already, or is no other than
        what a program that is killed leaves, is not tried again."""
        seen = {disk.now().digest()}
        for n in range(states):
            left = disk.crash(rng)
            new = left.digest() not in seen
            seen.add(left.digest())
            wrong = []
            if new or n == 0:
                place.leave(left)
                wrong = list(place.judge(ended))
            campaign.tell('%s, state %d' % (what, n), new, wrong)


def _add(kind, workload):
    name = workload.replace(' ', '_').replace('-', '_')
    setattr(Power, 'test_a_%s_survives_the_loss_of_power' % name, lambda self: self.lose_it(kind, workload))


for _workload in world.WORKLOADS:
    _add(Mail, _workload)
for _workload in ARCHIVES:
    _add(Vault, _workload)

if __name__ == '__main__':
    suite.main()
