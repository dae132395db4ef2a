#!/usr/bin/env python3
"""Archives that somebody made to do harm, that lack room, or that another program holds."""
import hashlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time
import unittest
import zlib

import compare
import suite
from test_archive import PROGRAM, Archive

MIB = 1 << 20


def check(table, *values):
    """Of a row, as doc/FORMAT.md says."""
    text = ''.join('%s\n' % ('' if value is None else value) for value in (table, *values))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big', signed=True)


class Hostile(Archive):
    def setUp(self):
        super().setUp()
        for number in range(4):
            self.deliver(number)
        self.snapshot()

    def run_it(self, *words, expect=0):
        """Also bounds its memory: an address space of 300 MiB is not enough for what is told here."""
        sanitized = b'__asan_init' in pathlib.Path(PROGRAM).read_bytes()
        limit = [] if sanitized else ['prlimit', '--as=%d' % (300 * MIB), '--']
        done = subprocess.run([*limit, PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(expect, done.returncode, done.stdout + done.stderr)
        return done

    def change(self, *statements):
        archive = sqlite3.connect(self.file)
        for words, *values in statements:
            archive.execute(words, values)
        archive.commit()
        archive.close()

    def restored(self, expect):
        shutil.rmtree(self.scratch / 'back', ignore_errors=True)
        done = self.run_it('restore', self.file, 'maildir:' + str(self.scratch / 'back'), expect=expect)
        return compare.read_maildir(self.scratch / 'back'), done.stderr

    def test_B61_a_part_that_inflates_to_half_a_gigabyte_is_named_and_the_rest_is_restored(self):
        bomb = zlib.compressobj()
        data = b''.join(bomb.compress(bytes(64 * MIB)) for _ in range(8)) + bomb.flush()
        self.change(('UPDATE part SET data = ? WHERE id = 65536', data))
        told = self.run_it('verify', self.file, expect=7).stderr
        self.assertIn('a part of it is too large', told)
        self.assertEqual(1, told.count('is damaged in the archive'), told)
        back, told = self.restored(expect=7)
        self.assertIn('a part of it is too large', told)
        self.assertEqual(3, sum(map(len, back.values())))

    def test_B61_sizes_and_counts_beyond_all_bounds_are_named(self):
        for column, value in (('size', 2 ** 63 - 1), ('size', -1), ('parts', 2 ** 62), ('parts', -1), ('parts', 0)):
            with self.subTest(column=column, value=value):
                before = self.ask('SELECT %s FROM message WHERE id = 1' % column)[0][0]
                self.change(('UPDATE message SET %s = ? WHERE id = 1' % column, value))
                self.assertIn('damaged', self.run_it('verify', self.file, expect=7).stderr)
                self.assertEqual(3, sum(map(len, self.restored(expect=7)[0].values())))
                self.change(('UPDATE message SET %s = ? WHERE id = 1' % column, before))

    def test_B62_a_mailbox_called_dot_dot_slash_stays_within_the_target(self):
        """Its row has a check that is right: nothing is damaged, somebody lies."""
        for name in ('../outside', '/outside', 'a/../../outside', '..', '.', 'cur', 'a\x00b', 'x/' * 300 + 'x', '\n'):
            with self.subTest(name=name):
                row = list(self.ask('SELECT * FROM mailbox_name')[0])
                row[2] = name
                row[-1] = check('mailbox_name', *row[1:-1])
                self.change(('UPDATE mailbox_name SET name = ?, "check" = ?', name, row[-1]))
                (self.scratch / 'deep').mkdir(exist_ok=True)
                target = self.scratch / 'deep/back'
                before = sorted(p for p in self.scratch.rglob('*') if p != self.file and 'state' not in p.parts)
                done = subprocess.run([PROGRAM, 'restore', str(self.file), 'maildir:' + str(target)], env=self.env,
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
                self.assertIn(done.returncode, (0, 1, 7), done.stderr)
                after = sorted(p for p in self.scratch.rglob('*') if p != self.file and 'state' not in p.parts)
                outside = [p for p in after if p not in before and target not in (p, *p.parents)]
                self.assertEqual([], outside, done.stderr)
                shutil.rmtree(target, ignore_errors=True)

    def test_B62_bytes_that_are_not_those_of_their_digest_are_not_restored(self):
        data = self.ask('SELECT data FROM part WHERE id = 65536')[0][0]
        other = zlib.decompress(data).replace(b'word', b'sword')
        self.change(('UPDATE part SET data = ? WHERE id = 65536', zlib.compress(other)))
        back, told = self.restored(expect=7)
        self.assertRegex(told, 'not as long as it says|not those of its digest')
        self.assertEqual(3, sum(map(len, back.values())))

    def test_S49_a_full_disk_leaves_the_earlier_snapshots_and_the_next_is_whole(self):
        if subprocess.run(['unshare', '-rm', 'true'], capture_output=True).returncode != 0:
            raise unittest.SkipTest('user namespaces are not allowed here')
        before, rows = self.digests(), self.ask('SELECT * FROM placement')
        for number in range(100, 130):
            path = self.scratch / 'Mail/cur' / ('1700000000.M%d.host:2,S' % number)
            path.write_text('Subject: %d\n\n%s\n' % (number, os.urandom(50_000).hex()))
            self.held[number] = path, path.read_bytes().replace(b'\n', b'\r\n')
        script = ('mount -t tmpfs -o size=1m none "$1" && cp "$2" "$1/work.mta" && "$3" snapshot "$4" "$1/work.mta";'
                  ' code=$?; ls "$1"; cp "$1/work.mta" "$2"; exit $code')
        (self.scratch / 'small').mkdir()
        done = subprocess.run(['unshare', '-rm', 'sh', '-c', script, 'sh', self.scratch / 'small', self.file,
                               os.path.abspath(PROGRAM), 'maildir:' + str(self.scratch / 'Mail')],
                              env=self.env, capture_output=True, text=True, timeout=60)
        self.assertEqual(7, done.returncode, done.stderr)
        self.assertRegex(done.stderr, 'full|No space left')
        self.assertEqual('work.mta\n', done.stdout)
        self.run_it('verify', self.file)
        self.assertEqual(before, self.extract(1)[0])
        self.assertEqual(rows, self.ask('SELECT * FROM placement WHERE first = 1'))
        self.snapshot()
        newest = self.ask('SELECT max(id) FROM snapshot WHERE taken IS NOT NULL')[0][0]
        self.assertEqual(self.digests(), self.extract(newest)[0])

    def test_S49_while_another_program_writes_it_is_left_untouched_and_taken_again_later(self):
        self.deliver(9)
        before = self.file.read_bytes()
        other = sqlite3.connect(self.file, isolation_level=None)
        other.execute('BEGIN EXCLUSIVE')
        began = time.monotonic()
        done = subprocess.run(self.words(), env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        self.assertIn(done.returncode, (6, 7), done.stderr)
        self.assertRegex(done.stderr, 'work.mta.*(locked|busy|in use|another)')
        self.assertLess(time.monotonic() - began, 50)
        other.execute('ROLLBACK')
        other.close()
        self.assertEqual(before, self.file.read_bytes())
        self.snapshot()
        self.assertEqual(self.digests(), self.extract(2)[0])


if __name__ == '__main__':
    suite.main()
