#!/usr/bin/env python3
"""Archives from the command line: whole or not at all, and readable without the program.

MAILTWIN_KILLS says how often `snapshot` is killed (default 12; the full test is 500).
"""
import hashlib
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import suite

PROGRAM = os.environ.get('MAILTWIN', './mailtwin')
READER = pathlib.Path(os.environ.get('srcdir', '.')).resolve() / 'contrib/read-archive.py'
KILLS = int(os.environ.get('MAILTWIN_KILLS', '12'))
# Up to a snapshot; that a row is not shown by a later one is no change of it.
ROWS = ('SELECT id, item, mailbox, message, flags, keywords, received, zone, uid, first,'
        ' CASE WHEN last >= %(n)d THEN NULL ELSE last END FROM placement WHERE first <= %(n)d ORDER BY id')


def wire(text):
    return text.replace('\n', '\r\n').encode()


class Archive(suite.Case):
    def setUp(self):
        super().setUp()
        self.env = dict(os.environ, HOME=str(self.scratch), XDG_STATE_HOME=str(self.scratch / 'state'),
                        LC_ALL='C.UTF-8')
        self.file = self.scratch / 'work.mta'
        self.held = {}
        for part in ('cur', 'new', 'tmp'):
            (self.scratch / 'Mail' / part).mkdir(parents=True)

    def deliver(self, number, size=10):
        text = 'From: ann@example.org\nSubject: number %d\n\n%s\n' % (number, ('word %d ' % number) * size)
        path = self.scratch / 'Mail/cur' / ('1700000000.M%d.host:2,S' % number)
        path.write_text(text)
        self.held[number] = path, wire(text)

    def lose(self, number):
        self.held.pop(number)[0].unlink()

    def words(self):
        return [PROGRAM, 'snapshot', 'maildir:' + str(self.scratch / 'Mail'), str(self.file)]

    def snapshot(self, expect=0):
        done = subprocess.run(self.words(), env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(expect, done.returncode, done.stderr)
        return done

    def digests(self):
        return sorted(hashlib.sha256(text).hexdigest() for _, text in self.held.values())

    def extract(self, number, expect=0):
        out = self.scratch / 'out'
        shutil.rmtree(out, ignore_errors=True)
        done = subprocess.run([sys.executable, str(READER), str(self.file), str(out), str(number)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(expect, done.returncode, done.stderr)
        found = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in out.rglob('*.eml'))
        return found, done.stderr

    def ask(self, text):
        archive = sqlite3.connect('file:%s?mode=rw' % self.file, uri=True)
        try:
            return archive.execute(text).fetchall()
        finally:
            archive.close()


class Snapshots(Archive):
    def test_each_snapshot_is_the_mailbox_as_it_was(self):
        wanted = []
        for day in range(5):
            self.deliver(day)
            self.deliver(100 + day)
            if day > 0:
                self.lose(100 + day - 1)
            self.snapshot()
            wanted.append(self.digests())
        for day, digests in enumerate(wanted):
            self.assertEqual(digests, self.extract(day + 1)[0])

    def test_an_unchanged_mailbox_adds_one_row(self):
        for number in range(20):
            self.deliver(number)
        self.snapshot()
        before = self.ask('SELECT * FROM placement')
        self.snapshot()
        self.assertEqual(before, self.ask('SELECT * FROM placement'))
        self.assertEqual([(1, 20), (2, 0)], self.ask('SELECT id, came FROM snapshot'))

    def test_a_message_of_many_parts_comes_out_as_it_went_in(self):
        self.deliver(1, 400000)
        self.snapshot()
        self.assertGreater(self.ask('SELECT parts FROM message')[0][0], 2)
        self.assertEqual(self.digests(), self.extract(1)[0])

    def test_at_rest_it_is_one_file_that_only_its_owner_reads(self):
        self.deliver(1)
        self.snapshot()
        self.assertEqual(0o600, self.file.stat().st_mode & 0o777)
        self.assertEqual(['work.mta'], [p.name for p in self.scratch.glob('work*')])

    def test_what_is_damaged_is_named_and_the_rest_is_read(self):
        for number in range(3):
            self.deliver(number)
        self.snapshot()
        archive = sqlite3.connect(self.file)
        archive.execute('UPDATE part SET data = zeroblob(9) WHERE id = 65536')
        archive.commit()
        archive.close()
        found, told = self.extract(1, expect=1)
        self.assertEqual(2, len(found))
        self.assertIn('INBOX: 1: ', told)


class Refused(Archive):
    def refused(self, *wanted):
        before = self.file.read_bytes() if self.file.is_file() else None
        self.deliver(1)
        told = self.snapshot(expect=7).stderr
        for words in wanted:
            self.assertIn(words, told)
        if before is not None:
            self.assertEqual(before, self.file.read_bytes())
        self.assertEqual(['work.mta'], [p.name for p in self.scratch.glob('work*')])

    def test_an_empty_file_is_no_archive(self):
        self.file.write_bytes(b'')
        self.refused('is empty, and no archive')

    def test_a_directory_is_no_archive(self):
        self.file.mkdir()
        self.refused('is a directory')

    def test_another_file_is_no_archive(self):
        self.file.write_bytes(b'From ann\n' * 100)
        self.refused('is no archive')

    def test_the_database_of_another_program_is_no_archive(self):
        archive = sqlite3.connect(self.file)
        archive.execute('CREATE TABLE x (y)')
        archive.close()
        self.refused('is the database of another program')

    def test_a_newer_format_is_left_alone(self):
        self.deliver(1)
        self.snapshot()
        archive = sqlite3.connect(self.file)
        archive.execute('PRAGMA user_version = 2')
        archive.close()
        self.refused('newer mailtwin')

    def test_a_file_that_cannot_be_written_is_left_alone(self):
        self.deliver(1)
        self.snapshot()
        self.file.chmod(0o400)
        self.refused('cannot be written')


class Stopped(Archive):
    def test_a_killed_snapshot_leaves_the_earlier_ones_and_the_next_is_whole(self):
        chance = random.Random(7)
        for number in range(30):
            self.deliver(number)
        self.snapshot()
        taken = 1
        for kill in range(KILLS):
            first, rows = self.extract(1)[0], self.ask(ROWS % {'n': taken})
            for number in range(15):
                self.deliver(1000 + 15 * kill + number, 3000)
                if kill >= 3:   # or five hundred kills would read millions of messages
                    self.lose(1000 + 15 * (kill - 3) + number)
            started = subprocess.Popen(self.words(), env=self.env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.15)
            started.send_signal(signal.SIGKILL)
            started.wait()
            self.assertEqual(first, self.extract(1)[0])
            self.assertEqual(rows, self.ask(ROWS % {'n': taken}))
            self.snapshot()
            self.assertEqual([p.name for p in self.scratch.glob('work*')], ['work.mta'])
            taken = self.ask('SELECT max(id) FROM snapshot WHERE taken IS NOT NULL')[0][0]
            self.assertEqual(self.digests(), self.extract(taken)[0])
            self.assertEqual([('ok',)], self.ask('PRAGMA integrity_check'))


if __name__ == '__main__':
    suite.main()
