#!/usr/bin/env python3
"""Old snapshots go, the others stay as they were, whatever stops it.

MAILTWIN_KILLS says how often `forget` and `compact` are killed (default 12; the full test is 250).
"""
import fcntl
import hashlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import suite
from test_archive import KILLS, PROGRAM, Archive


class Living(Archive):
    """An archive of a mailbox that changes from day to day."""

    def deliver_noise(self, number):
        """A message that does not get smaller."""
        self.deliver(number)
        path, text = self.held[number]
        noise = random.Random(number).randbytes(9000).hex() + '\n'
        path.write_text(path.read_text() + noise)
        self.held[number] = path, text + noise.replace('\n', '\r\n').encode()

    def run_it(self, *words, expect=0):
        done = subprocess.run([PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(expect, done.returncode, (words, done.stdout, done.stderr))
        return done

    def live(self, days=10):
        """Snapshots of a mailbox that changes from day to day; what each one was."""
        self.was = {}
        for day in range(days):
            for number in range(3):
                self.deliver(100 * day + number, 200)
            if day > 1:
                self.lose(100 * (day - 2))
            path, text = self.held[100 * day + 1]
            if day % 3 == 2:
                (self.scratch / 'Mail/.Box').mkdir(exist_ok=True)
                self.snapshot()
            path.rename(str(path) + 'F')
            self.held[100 * day + 1] = path.with_name(path.name + 'F'), text
            self.snapshot()
            taken = self.ask('SELECT max(id) FROM snapshot')[0][0]
            self.was[taken] = self.digests()

    def assertAsItWas(self):
        numbers = {row[0] for row in self.ask('SELECT id FROM snapshot WHERE taken IS NOT NULL')}
        for number, wanted in self.was.items():
            if number in numbers:
                found, err = self.extract(number)
                self.assertEqual((wanted, ''), (found, err), number)
        self.assertEqual([('ok',)], self.ask('PRAGMA integrity_check'))
        return numbers

    def counts(self):
        return self.ask('SELECT (SELECT count(*) FROM message), (SELECT count(DISTINCT message) FROM placement),'
                        ' (SELECT count(*) FROM header), (SELECT count(DISTINCT id / 65536) FROM part)')[0]


class Forgetting(Living):
    def test_what_stays_is_as_it_was_and_what_nothing_shows_is_gone(self):
        self.live()
        before = self.counts()[0]
        last = max(self.was)
        told = self.run_it('forget', self.file, '--keep-last', 3).stdout
        self.assertIn('snapshots forgotten', told)
        self.assertEqual({last, last - 1, last - 2}, self.assertAsItWas())
        messages, placed, headers, parts = self.counts()
        self.assertLess(messages, before)
        self.assertEqual((messages,) * 3, (placed, headers, parts))
        self.ask("INSERT INTO words(words) VALUES('integrity-check')")
        self.assertEqual('', self.run_it('search', self.file, 'subject:0').stdout)
        self.assertIn('number 901', self.run_it('search', self.file, 'subject:901').stdout)
        oldest = self.run_it('log', self.file).stdout.splitlines()[0]
        shown = self.ask('SELECT messages FROM snapshot ORDER BY id LIMIT 1')[0][0]
        self.assertIn('%d came, 0 went, 0 changed' % shown, oldest)

    def test_counts_are_since_the_snapshot_that_stays_before(self):
        self.live(4)
        numbers = sorted(self.was)
        old, new = set(self.was[numbers[0]]), set(self.was[numbers[3]])
        # Only these two are to stay: let the first be of another year.
        self.set_taken(numbers[0], 1_600_000_000)
        self.run_it('forget', self.file, '--keep-yearly', 9)
        self.assertEqual([numbers[0], numbers[3]], sorted(self.assertAsItWas()))
        counts = self.ask('SELECT came, went FROM snapshot WHERE id = %d' % numbers[3])[0]
        self.assertEqual((len(new - old), len(old - new)), counts)
        self.assertEqual(2, len(self.run_it('log', self.file).stdout.splitlines()))

    def test_a_dry_run_forgets_nothing(self):
        self.live(4)
        before = self.file.read_bytes()
        self.assertIn('would be forgotten', self.run_it('forget', self.file, '--keep-last', 1, '--dry-run').stdout)
        self.assertIn('can be given back', self.run_it('compact', self.file, '-n').stdout)
        self.assertEqual(before, self.file.read_bytes())

    def test_a_rule_is_needed(self):
        self.live(2)
        self.assertIn('at least one rule', self.run_it('forget', self.file, expect=2).stderr)
        self.assertIn('is not', self.run_it('forget', self.file, '--keep-last', 'some', expect=2).stderr)

    def test_each_account_is_judged_by_itself_and_keeps_its_last(self):
        self.live(3)
        first = max(self.was)
        other = self.scratch / 'Other'
        shutil.copytree(self.scratch / 'Mail', other, ignore=shutil.ignore_patterns('.mailtwin'))
        for _ in range(3):
            self.run_it('snapshot', 'maildir:%s' % other, self.file)
        second = self.ask('SELECT max(id) FROM snapshot')[0][0]
        self.run_it('forget', self.file, '--keep-last', 1)
        self.assertEqual({first, second}, self.assertAsItWas())

    DRAFT = ('SELECT id FROM placement WHERE first = (SELECT id FROM snapshot WHERE taken IS NULL)'
             ' AND last IS NULL ORDER BY id')

    def stop_a_snapshot(self):
        """After its first commit and before its end; what it wrote."""
        for attempt in range(30):
            for number in range(1000 * (attempt + 1), 1000 * (attempt + 1) + 600):
                self.deliver(number)
            started = subprocess.Popen(self.words(), env=self.env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while started.poll() is None and not self.ask(self.DRAFT):
                pass
            started.kill()
            started.wait()
            if held := self.ask(self.DRAFT):
                return held
        self.fail('no snapshot could be stopped')

    def test_what_a_stopped_snapshot_wrote_is_kept_and_used_by_the_next(self):
        self.live(3)
        held = self.stop_a_snapshot()
        self.run_it('forget', self.file, '--keep-last', '1')
        self.assertEqual(held, self.ask(self.DRAFT))
        self.snapshot()
        taken = self.ask('SELECT max(id) FROM snapshot')[0][0]
        self.assertEqual((self.digests(), ''), self.extract(taken))
        self.assertLess(set(held), set(self.ask('SELECT id FROM placement')))

    def test_compact_gives_space_back_and_keeps_all_else(self):
        self.live()
        for number in range(40):
            self.deliver_noise(5000 + number)
        self.snapshot()
        for number in range(40):
            self.lose(5000 + number)
        self.snapshot()
        last = self.ask('SELECT max(id) FROM snapshot')[0][0]
        self.was = {last: self.digests()}
        self.run_it('forget', self.file, '--keep-last', 1)
        before = self.file.stat().st_size
        self.assertIn('given back', self.run_it('compact', self.file).stdout)
        self.assertLess(self.file.stat().st_size, before / 2)
        self.assertEqual(0o600, self.file.stat().st_mode & 0o777)
        self.assertEqual({last}, self.assertAsItWas())
        self.assertEqual(['work.mta'], [p.name for p in self.scratch.glob('work*')])
        self.snapshot()
        self.assertEqual(self.digests(), self.extract(last + 1)[0])

    def test_another_writer_is_not_disturbed(self):
        self.live(2)
        with open(self.file, 'rb') as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            for words in (('forget', self.file, '--keep-last', 1), ('compact', self.file)):
                self.assertIn('another run is writing', self.run_it(*words, expect=7).stderr)

    def set_taken(self, number, taken):
        """As if it had been taken then; its check is made as doc/FORMAT.md says."""
        archive = sqlite3.connect(self.file)
        archive.execute('UPDATE snapshot SET taken = ? WHERE id = ?', (taken, number))
        row = archive.execute('SELECT id, source, taken, messages, bytes, came, went, changed, note, sum'
                              ' FROM snapshot WHERE id = ?', (number,)).fetchone()
        text = ''.join('%s\n' % ('' if value is None else value) for value in ('snapshot', *row))
        check = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big', signed=True)
        archive.execute('UPDATE snapshot SET "check" = ? WHERE id = ?', (check, number))
        archive.commit()
        archive.close()


class Stopped(Living):
    def kill_it(self, chance, *words):
        started = subprocess.Popen([PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.03)
        started.send_signal(signal.SIGKILL)
        started.wait()

    def test_a_killed_forget_or_compact_is_simply_run_again(self):
        chance = random.Random(11)
        self.live(6)
        kept = self.scratch / 'kept.mta'
        shutil.copy(self.file, kept)
        for kill in range(KILLS):
            shutil.copy(kept, self.file)
            self.kill_it(chance, 'forget', self.file, '--keep-last', 2)
            self.run_it('log', self.file)
            self.assertAsItWas()
            self.run_it('forget', self.file, '--keep-last', 2)
            self.assertEqual(2, len(self.assertAsItWas()))
            self.kill_it(chance, 'compact', self.file)
            self.assertEqual(2, len(self.assertAsItWas()))
            self.run_it('compact', self.file)
            self.assertEqual(2, len(self.assertAsItWas()))
            self.assertEqual(['work.mta'], [p.name for p in self.scratch.glob('work*')])


if __name__ == '__main__':
    suite.main()
