#!/usr/bin/env python3
"""Two Maildirs on the sample mailbox of doc/sample."""
import hashlib
import os
import pathlib
import signal
import subprocess
import time

import compare
import mailgen
import suite
from hands import MaildirHand, letter, settle_clock, subjects
from mailtwin import Mailtwin

COPY_SAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / 'contrib' / 'copy-sample'


def tree(path):
    """Every file below `path` with its bytes and time."""
    return {str(p.relative_to(path)): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).digest())
            for p in sorted(path.rglob('*')) if p.is_file()}


class Sample(suite.Case):
    def setUp(self):
        super().setUp()
        subprocess.run([COPY_SAMPLE, self.scratch / 'one'], check=True)
        self.one = MaildirHand(self.scratch / 'one')
        self.two = MaildirHand(self.scratch / 'two')
        self.twin = Mailtwin(self.scratch)
        self.pair(between=['one', 'two'])

    def pair(self, **keys):
        self.twin.configure({'one': self.one.store(), 'two': self.two.store()}, {'pair': keys})

    def sync_settled(self, *arguments, **how):
        """A sync, and a second one that finds nothing to do."""
        settle_clock()
        run = self.twin.sync(*arguments, **how)
        self.assertEqual({}, self.twin.sync().changes())
        return run

    @staticmethod
    def empty(folder):
        for part in ('cur', 'new'):
            for path in (folder / part).iterdir():
                path.unlink()

    def assertEqualSides(self):
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def test_the_sample_gets_an_equal_twin(self):
        messages = sum(map(len, self.one.read().values()))
        run = self.twin.sync()
        self.assertEqual({('two', 'copied'): messages}, run.changes())
        self.assertEqualSides()
        self.assertEqual(14, len(self.two.read()))
        self.assertEqual({}, self.twin.sync().changes())

    def test_a_twin_may_have_the_nested_layout(self):
        self.twin.configure({'one': self.one.store(), 'two': {'maildir': str(self.scratch / 'nested'), 'layout': 'nested'}},
                            {'pair': {'between': ['one', 'two']}})
        self.twin.sync()
        self.assertNothing(compare.compare(self.one.read(), compare.read_maildir(self.scratch / 'nested', 'nested')))
        self.assertTrue((self.scratch / 'nested' / 'Archive' / '2023' / 'cur').is_dir())
        self.assertEqual({}, self.twin.sync().changes())

    def test_a_twin_may_have_names_in_utf7(self):
        self.twin.configure({'one': self.one.store(), 'two': self.two.store(names='utf7')},
                            {'pair': {'between': ['one', 'two']}})
        self.twin.sync()
        self.assertNothing(compare.compare(self.one.read(), compare.read_maildir(self.two.path, names='utf7')))
        self.assertTrue((self.two.path / '.&ZeVnLIqe-.&MOEw4g-').is_dir(), os.listdir(self.two.path))

    def test_changes_on_both_sides_meet(self):
        self.twin.sync()
        self.one.flag('Saturday on the water', '+\\Flagged', '+errand')
        self.two.flag('Saturday on the water', '-\\Seen')
        self.one.delete('call me')
        self.two.delete('key', 'Drafts')
        self.one.move('no Message-ID', 'Archive/2024')
        self.two.move('door open', 'Archive')
        self.one.add(letter('new in one', 'Neu/Übung', flags=['\\Answered']))
        self.two.add(letter('new in two', 'Sent', keywords=['later']))
        run = self.sync_settled()
        self.assertEqualSides()
        self.assertEqual({('one', 'copied'): 1, ('two', 'copied'): 1, ('one', 'flagged'): 1, ('two', 'flagged'): 1,
                          ('one', 'deleted'): 1, ('two', 'deleted'): 1, ('one', 'moved'): 1, ('two', 'moved'): 1},
                         run.changes())
        self.assertIn('new in one', subjects(self.two, 'Neu/Übung'))
        self.assertIn('new in two', subjects(self.one, 'Sent'))

    def test_S36_without_its_state_a_pair_finds_itself_again(self):
        self.twin.sync()
        for path in (self.twin.home / 'state' / 'mailtwin').iterdir():
            path.unlink()
        self.assertRegex(self.twin.command('sync').err, 'state')
        self.assertEqual({}, self.twin.sync().changes())
        self.assertEqualSides()

    def test_two_filled_sides_are_paired_by_content(self):
        subprocess.run([COPY_SAMPLE, self.scratch / 'three'], check=True)
        self.two = MaildirHand(self.scratch / 'three')
        self.two.delete('call me')
        self.one.add(letter('only in one'))
        self.pair(between=['one', 'two'])
        self.assertEqual({('two', 'copied'): 2}, self.sync_settled().changes())
        self.assertEqualSides()

    def test_copy_never_deletes(self):
        self.pair(**{'from': 'one', 'to': 'two'})
        self.twin.sync()
        self.one.delete('call me')
        self.two.delete('door open')
        self.two.add(letter('only in two'))
        self.assertEqual({}, self.twin.sync().changes())
        self.assertIn('call me', subjects(self.two))
        self.assertNotIn('only in two', subjects(self.one))

    def test_mirror_makes_the_second_side_equal(self):
        self.pair(**{'from': 'one', 'to': 'two', 'mode': 'mirror'})
        self.twin.sync()
        before = tree(self.one.path)
        self.two.delete('call me')
        self.two.add(letter('only in two'))
        self.two.flag('Saturday on the water', '+\\Flagged')
        self.assertEqual({('two', 'copied'): 1, ('two', 'deleted'): 1, ('two', 'flagged'): 1},
                         self.sync_settled().changes())
        self.assertEqualSides()
        self.assertEqual(before, tree(self.one.path), 'the source is as it was')

    def test_diff_and_dry_run_change_nothing(self):
        self.two.add(letter('only in two'))
        before = tree(self.scratch / 'one'), tree(self.scratch / 'two')
        for command in (['diff'], ['diff', '--verbose'], ['sync', '--dry-run'], ['check']):
            run = self.twin.command(*command)
            self.assertEqual(0, run.exit, run)
            self.assertEqual(before, (tree(self.scratch / 'one'), tree(self.scratch / 'two')), command)
        self.assertFalse(list((self.twin.home / 'state').rglob('*.*')), 'no state was written')
        self.assertEqual(1, self.twin.command('diff', '--exit-code').exit)
        self.twin.sync()
        self.assertEqual(0, self.twin.command('diff', '--exit-code').exit)

    def test_too_many_deletions_are_held_back(self):
        self.twin.sync()
        self.empty(self.one.path / '.Lists.Rowing')
        self.one.add(letter('and one is new'))
        run = self.twin.sync(expect=5)
        self.assertEqual({('two', 'copied'): 1}, run.changes())
        self.assertEqual(8, len(self.two.read()['Lists', 'Rowing']))
        self.assertIn('--max-deletions 8', run.problems)
        self.assertIn('--bring-back', run.problems)
        self.assertEqual({('two', 'deleted'): 8}, self.sync_settled('--max-deletions', 8).changes())
        self.assertEqualSides()

    def test_bring_back_restores_what_one_side_lost(self):
        self.twin.sync()
        was = self.one.read()
        self.empty(self.two.path / '.Lists.Rowing')
        self.twin.sync(expect=5)
        self.assertEqual({('two', 'copied'): 8}, self.sync_settled('--bring-back').changes())
        self.assertNothing(compare.compare(was, self.two.read()))
        self.assertEqualSides()

    def test_S19_a_second_run_at_the_same_time_is_refused(self):
        mailgen.into_maildir(self.one.path, mailgen.letters(5, 2000, 5, .1))
        with self.twin.start('-c', self.twin.config, 'sync') as one, self.twin.start('-c', self.twin.config, 'sync') as two:
            told = {process.wait(): process.communicate()[1] for process in (one, two)}
        self.assertEqual({0, 6}, set(told))
        self.assertIn('another run', told[6])
        self.assertEqual({}, self.twin.sync().changes())
        self.assertEqualSides()

    def test_S04_killed_at_any_instant_it_ends_with_one_copy_of_each(self):
        mailgen.into_maildir(self.one.path, mailgen.letters(6, 800, 8, .1))
        for n in range(1, 13):
            with self.twin.start('-c', self.twin.config, 'sync') as process:
                time.sleep(.02 * n)
                process.send_signal(signal.SIGKILL)
                process.communicate()
        self.sync_settled()
        self.assertEqualSides()

    def test_sigterm_stops_at_a_safe_point(self):
        mailgen.into_maildir(self.one.path, mailgen.letters(6, 2000, 8, .1))
        with self.twin.start('-c', self.twin.config, 'sync') as process:
            time.sleep(.2)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate()
        self.assertIn(process.returncode, (143, 0), err)
        self.sync_settled()
        self.assertEqualSides()

    def test_S50_a_message_that_cannot_be_read_does_not_stop_the_others(self):
        path = self.one._find('call me', 'INBOX')
        path.chmod(0)
        self.one.add(letter('after it'))
        run = self.twin.sync(expect=1)
        self.assertRegex(run.problems, r'one: INBOX.*Permission denied')
        self.assertIn('after it', subjects(self.two))
        self.assertNotIn('call me', subjects(self.two))
        path.chmod(0o600)
        self.assertEqual({('two', 'copied'): 1}, self.sync_settled().changes())
        self.assertEqualSides()

    def test_malformed_messages_are_copied_as_they_are(self):
        self.one.add(*(mailgen.Letter('Malformed', raw, frozenset(), frozenset(), 1_000_000_000 + n)
                       for n, (_, raw) in enumerate(mailgen.malformed())))
        self.sync_settled()
        self.assertEqualSides()
        self.assertGreater(len(self.two.read()['Malformed',]), 40)

    def test_what_a_person_reads_of_a_run(self):
        run = self.twin.command('sync')
        self.assertRegex(run.out, r'(?m)^one: 0 new.*to two|^two: \d+ new|\d+ new to two', run)
        self.assertEqual('', self.twin.command('sync', '--quiet').out)
        run = self.twin.command('status')
        self.assertEqual(0, run.exit, run)
        self.assertIn('pair', run.out)


if __name__ == '__main__':
    suite.main()
