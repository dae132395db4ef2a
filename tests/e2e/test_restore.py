#!/usr/bin/env python3
"""What an archive keeps comes back: into an account of a real Dovecot, a Maildir, another archive."""
import sqlite3

import compare
import mailgen
import suite
from dovecot import Dovecot
from hands import ImapHand, MaildirHand, letter, subjects
from mailtwin import Mailtwin

server = None
MESSAGES = 150


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Restoring(suite.Case):
    users = 0

    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.file = self.scratch / 'work.mta'
        self.one, self.two = self.account(), self.account()
        self.local = MaildirHand(self.scratch / 'local')
        self.twin.configure({'one': self.one.store(), 'two': self.two.store(), 'local': self.local.store(),
                             'vault': {'archive': str(self.file)}}, {'save': {'from': 'one', 'to': 'vault'}})

    def account(self):
        Restoring.users += 1
        account = server.account('restore%d' % Restoring.users)
        return ImapHand(account, account)

    def run_it(self, *words, expect=0):
        run = self.twin.command(*words)
        self.assertEqual(expect, run.exit, run)
        return run

    def restored(self, *words, expect=0):
        run = self.run_it('restore', '--json', *words, expect=expect)
        return run.changes()

    def fill(self, count=MESSAGES):
        letters = list(mailgen.letters(8, count, attachments=.2))
        mailgen.into_maildir(self.one.direct.home / 'Maildir', letters, 'utf7', mailgen.names(9))
        self.twin.sync('save')


class Whole(Restoring):
    def test_an_account_comes_back_into_an_empty_one_and_into_a_maildir(self):
        self.fill()
        for name, hand in (('two', self.two), ('local', self.local)):
            self.assertEqual({(name, 'copied'): MESSAGES}, self.restored(self.file, name))
            self.assertNothing(compare.compare(self.one.read(), hand.read()))

    def test_what_is_there_already_is_not_doubled_and_left_alone(self):
        self.fill()
        self.restored(self.file, 'two', '--mailbox', 'INBOX')
        self.two.flag(subjects(self.two)[0], '+\\Flagged')
        half = self.two.read()
        changes = self.restored(self.file, 'two')
        self.assertEqual({('two', 'copied'): MESSAGES - sum(len(box) for box in half.values())}, changes)
        self.assertEqual({}, self.restored(self.file, 'two'))
        self.assertEqual(half[('INBOX',)], self.two.read()[('INBOX',)])

    def test_nothing_is_left_behind_but_the_mail(self):
        self.fill(20)
        states = sorted(path.name for path in self.scratch.rglob('*.db*'))
        self.restored(self.file, 'two')
        self.assertEqual(states, sorted(path.name for path in self.scratch.rglob('*.db*')))

    def test_a_dry_run_writes_nothing(self):
        self.fill(20)
        run = self.run_it('restore', self.file, 'two', '--dry-run')
        self.assertIn('20 new to two', run.out)
        self.assertEqual(0, sum(len(box) for box in self.two.read().values()))

    def test_it_never_deletes(self):
        self.one.add(letter('old'))
        self.twin.sync('save')
        self.two.add(letter('mine'))
        self.restored(self.file, 'two')
        self.assertEqual(['mine', 'old'], sorted(subjects(self.two)))

    def test_each_of_ten_snapshots_is_what_the_mailbox_was(self):
        self.one.create('Lists')
        was = []
        for day in range(10):
            self.one.add(*(letter('day %d number %d' % (day, n), 'Lists' if n % 2 else 'INBOX',
                                  keywords=['kept'] if n == 3 else []) for n in range(4)))
            if day >= 1:
                self.one.flag('day %d number 0' % (day - 1), '+\\Flagged')
                self.one.flag('day %d number 1' % (day - 1), '+\\Seen', mailbox='Lists')
            if day >= 2:
                self.one.delete('day %d number 2' % (day - 2))
                self.one.move('day %d number 0' % (day - 2), 'Lists')
            if day == 5:
                self.one.create('Late')
                self.one.add(letter('in a new mailbox', 'Late'))
            if day == 7:
                self.one.rename_mailbox('Late', 'Later')
            if day == 8:
                self.one.delete_mailbox('Later')
            self.twin.sync('save')
            was.append(self.one.read())
        for number, wanted in enumerate(was, 1):
            target = MaildirHand(self.scratch / ('snapshot%d' % number))
            self.run_it('restore', self.file, 'maildir:%s' % (self.scratch / ('snapshot%d' % number)),
                        '--snapshot', str(number))
            self.assertNothing(compare.compare(wanted, target.read()))


class Parts(Restoring):
    def setUp(self):
        super().setUp()
        self.one.create('Lists')
        self.one.add(letter('minutes of May'), letter('lunch'), letter('minutes of June', 'Lists'))
        self.twin.sync('save')

    def names(self, hand):
        return {'/'.join(name): subjects(hand, '/'.join(name)) for name, box in hand.read().items() if box}

    def test_one_mailbox_may_be_put_into_another(self):
        self.restored(self.file, 'local', '--mailbox', 'Lists', '--into', 'Back')
        self.assertEqual({'Back': ['minutes of June']}, self.names(self.local))

    def test_all_may_be_put_below_another(self):
        self.restored(self.file, 'local', '--into', 'Back')
        self.assertEqual({'Back/INBOX': ['lunch', 'minutes of May'], 'Back/Lists': ['minutes of June']},
                         self.names(self.local))

    def test_what_a_search_finds_may_be_restored(self):
        self.restored(self.file, 'local', '--search', 'subject:minutes', '--into', 'Found')
        self.assertEqual({'Found/INBOX': ['minutes of May'], 'Found/Lists': ['minutes of June']},
                         self.names(self.local))
        other = MaildirHand(self.scratch / 'other')
        self.run_it('restore', self.file, 'maildir:%s' % (self.scratch / 'other'), '--search', 'lunch')
        self.assertEqual({('INBOX',)}, set(other.read()))

    def test_into_another_archive_it_is_added_to_the_account(self):
        other = self.scratch / 'other.mta'
        self.run_it('restore', self.file, other, '--mailbox', 'INBOX')
        self.run_it('restore', self.file, other, '--mailbox', 'Lists')
        self.assertEqual(2, len(self.run_it('log', other).out.splitlines()))
        self.restored(other, 'two')
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def test_mistakes_are_told_before_anything_is_contacted(self):
        for words, told in (((self.file,), 'wants an archive and a store'),
                            ((self.file, 'nosuch'), "no store 'nosuch'"),
                            ((self.file, 'local', '--snapshot', '9'), 'no snapshot number 9'),
                            ((self.file, 'local', '--mailbox', 'Nosuch'), 'no mailbox of snapshot 1 matches'),
                            ((self.file, 'local', '--search', 'from:'), "'from:' wants"),
                            ((self.file, self.file), 'not restored into itself')):
            run = self.run_it('restore', *words, expect=2)
            self.assertIn(told, run.err)
        self.assertEqual({}, self.names(self.local))

    def test_of_a_damaged_archive_what_is_whole_comes_back(self):
        archive = sqlite3.connect(self.file)
        archive.execute('UPDATE part SET data = zeroblob(length(data)) WHERE id < 2 * 65536')
        archive.commit()
        archive.close()
        run = self.run_it('restore', self.file, 'local', expect=7)
        self.assertIn('is damaged in the archive', run.err)
        self.assertEqual(2, sum(len(box) for box in self.local.read().values()))


if __name__ == '__main__':
    suite.main()
