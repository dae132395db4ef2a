#!/usr/bin/env python3
"""verify PAIR and verify STORE STORE: the proof after a move, message by message."""
import itertools
import os
import re

import mailgen
import suite
from dovecot import Dovecot
from hands import ImapHand, MaildirHand, letter
from mailtwin import Mailtwin
from profile_relay import EVERYTHING, ProfileRelay

server = None
users = ('user%d' % n for n in itertools.count())
MESSAGES, MAILBOXES = 150, 9


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Verify(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.one, self.two = ImapHand(server.account(next(users))), MaildirHand(self.scratch / 'two')

    def pair(self, one=None, two=None, **keys):
        self.twin.configure({'one': one or self.one.store(), 'two': two or self.two.store()},
                            {'pair': keys or {'from': 'one', 'to': 'two'}})

    def fill(self):
        letters = mailgen.letters(41, MESSAGES, MAILBOXES, .1)
        mailgen.into_maildir(self.one.direct.home / 'Maildir', letters, 'utf7', mailgen.names(MAILBOXES))

    def verify(self, *words, expect=0):
        run = self.twin.command('verify', '--json', *(words or ['pair']))
        self.assertEqual(expect, run.exit, run)
        self.found = sorted((d['what'], d['store'], d['mailbox'], d['subject']) for d in run.events('difference'))
        return run

    def assertCounts(self, run, **counts):
        kinds = ('messages', 'same', 'altered', 'missing', 'extra', 'different')
        self.assertEqual({kind: counts.get(kind, 0) for kind in kinds}, {kind: run.end[kind] for kind in kinds}, run)

    def test_after_a_move_all_messages_are_the_same_on_a_server_and_in_a_maildir_and_an_archive(self):
        self.fill()
        targets = {'maildir': self.two.store(), 'imap': ImapHand(server.account(next(users))).store(),
                   'archive': {'archive': str(self.scratch / 'work.mta')}}
        before = self.one.read()
        self.twin.configure({'one': self.one.store(), **targets},
                            {'to-' + name: {'from': 'one', 'to': name} for name in targets})
        self.twin.sync()
        for name in targets:
            run = self.verify('to-' + name)
            self.assertCounts(run, messages=MESSAGES, same=MESSAGES)
            self.assertCounts(self.verify('one', name), messages=MESSAGES, same=MESSAGES)
            said = self.twin.command('verify', 'to-' + name)
            self.assertEqual('to-%s: %d of %d messages the same\n' % (name, MESSAGES, MESSAGES), said.out)
        self.assertEqual(before, self.one.read(), 'reading marked something')

    def test_one_octet_a_lost_message_and_one_too_many_are_each_named(self):
        self.one.add(*(letter('letter %d' % n) for n in range(9)))
        self.pair()
        self.twin.sync()
        other = self.two._find('letter 3', 'INBOX')
        other.write_bytes(other.read_bytes().replace(b'Hello', b'Hallo'))
        self.two.delete('letter 5')
        self.two.add(letter('of nobody'))
        run = self.verify(expect=1)
        self.assertEqual([('different', 'one', 'INBOX', 'letter 3'), ('extra', 'two', 'INBOX', 'of nobody'),
                          ('missing', 'one', 'INBOX', 'letter 5')], self.found)
        self.assertCounts(run, messages=10, same=7, different=1, extra=1, missing=1)
        self.assertCounts(self.verify('one', 'two', expect=1), messages=10, same=7, different=1, extra=1, missing=1)
        said = self.twin.command('verify', 'pair').out
        self.assertIn('one: INBOX uid 4 "letter 3": different on two\n', said)
        self.assertIn('one: INBOX uid 6 "letter 5": missing on two\n', said)
        self.assertRegex(said, 'two: INBOX .* "of nobody": not on one\n')
        self.assertEqual('pair: 1 missing on two; 1 not on one; 1 different; 7 of 10 messages the same',
                         said.splitlines()[-1])

    def test_of_two_equal_messages_one_is_not_enough(self):
        self.one.add(letter('twice'), letter('twice'))
        self.two.add(letter('twice'))
        self.pair()
        self.assertCounts(self.verify('one', 'two', expect=1), messages=2, same=1, missing=1)

    def test_a_mailbox_that_only_one_side_has_is_missing_with_all_that_is_in_it(self):
        self.one.add(letter('a'), letter('b', 'Only/here'))
        self.two.add(letter('a'), letter('c', 'Only there'))
        self.pair()
        self.assertCounts(self.verify('one', 'two', expect=1), messages=3, same=1, missing=1, extra=1)
        self.assertEqual([('extra', 'two', 'Only there', 'c'), ('missing', 'one', 'Only/here', 'b')], self.found)

    def test_mailboxes_are_matched_as_sync_matches_them(self):
        self.one.add(letter('a', 'Old'), letter('left out', 'Junk'))
        self.pair(**{'from': 'one', 'to': 'two', 'rename': [{'from': 'Old', 'to': 'New'}], 'mailboxes': ['*', '!Junk']})
        self.twin.sync()
        self.assertCounts(self.verify(), messages=1, same=1)

    def test_a_mailbox_that_was_lost_since_the_last_run_is_missing(self):
        self.one.add(letter('a'), letter('b', 'Gone'))
        self.pair()
        self.twin.sync()
        self.two.delete_mailbox('Gone')
        self.assertCounts(self.verify(expect=1), messages=2, same=1, missing=1)

    def test_what_a_server_alters_is_altered_and_not_different(self):
        """Line ends and 8-bit are neutral at once; a header line that it adds where the pair was told so."""
        local, direct = MaildirHand(self.scratch / 'local'), server.account(next(users))
        local.add(letter('a'), letter('b'))
        with ProfileRelay(server.port, EVERYTHING, alters=lambda octets: b'X-Scanned: yes\r\n' + octets) as relay:
            self.pair(local.store(), ImapHand(direct.at(relay.port)).store())
            self.twin.sync()
            self.assertCounts(self.verify(), messages=2, same=2, altered=2)
        lines = MaildirHand(self.scratch / 'lines')
        lines.add(letter('a', body='one\r\n\r\n\r\n'))
        self.two.add(letter('a', body='one\r\n'))
        self.pair(lines.store())
        self.assertCounts(self.verify('one', 'two'), messages=1, same=1, altered=1)

    def test_a_message_that_cannot_be_read_is_told_and_its_twin_is_not_called_extra(self):
        def answers(command):
            bad = refuse and re.match(r'UID FETCH .*BODY\.PEEK\[\]', command)
            return 'TAG NO [SERVERBUG] cannot do that\r\n' if bad and re.search(r'[ ,:]3\b', command) else None
        self.one.add(*(letter('letter %d' % n) for n in range(1, 4)))
        refuse = False
        with ProfileRelay(server.port, EVERYTHING, answers=answers) as relay:
            self.pair(ImapHand(self.one.account.at(relay.port)).store())
            self.twin.sync()
            refuse = True
            run = self.verify(expect=1)
        self.assertIn('one: INBOX uid 3: cannot fetch it', run.problems)
        self.assertEqual([], self.found)
        self.assertCounts(run, messages=3, same=2)

    def test_other_flags_and_dates_are_named_and_are_no_other_messages(self):
        self.one.add(*(letter('letter %d' % n, keywords=['$Forwarded']) for n in range(4)))
        self.pair()
        self.twin.sync()
        self.two.flag('letter 1', '+\\Flagged')
        other = self.two._find('letter 2', 'INBOX')
        os.utime(other, (1_600_000_000, 1_600_000_000))
        run = self.verify()
        self.assertEqual([('date', 'one', 'INBOX', 'letter 2'), ('flags', 'one', 'INBOX', 'letter 1')], self.found)
        self.assertCounts(run, messages=4, same=4)
        self.assertEqual((1, 1), (run.end['flags'], run.end['dates']))
        said = self.twin.command('verify', 'pair').out
        self.assertIn('one: INBOX uid 2 "letter 1": other flags on two\n', said)
        self.assertIn('one: INBOX uid 3 "letter 2": another date of arrival on two\n', said)
        self.assertEqual('pair: 1 with other flags; 1 with another date of arrival; 4 of 4 messages the same',
                         said.splitlines()[-1])
        self.pair(**{'from': 'one', 'to': 'two', 'flags': False})
        self.verify()
        self.assertEqual(['date'], [what for what, *_ in self.found])

    def test_one_mailbox_may_be_compared(self):
        self.one.add(letter('a'), letter('b', 'Lists'))
        self.two.add(letter('b', 'Lists'))
        self.pair()
        self.assertCounts(self.verify('one', 'two', '--mailbox', 'Lists'), messages=1, same=1)
        self.assertCounts(self.verify('pair', '--mailbox', 'INBOX', expect=1), messages=1, missing=1)
        refused = self.twin.command('verify', str(self.scratch / 'work.mta'), '--mailbox', 'Lists')
        self.assertEqual(2, refused.exit, refused)
        self.assertIn('an archive is verified as a whole', refused.err)

    def test_what_was_restored_is_compared_with_the_snapshot_it_is_from(self):
        self.fill()
        archive, back = str(self.scratch / 'work.mta'), 'maildir:' + str(self.scratch / 'back')
        self.pair(two={'archive': archive})
        self.twin.sync()
        self.assertEqual(0, self.twin.command('restore', archive, back).exit)
        for words in ((back, 'archive:' + archive), ('archive:' + archive, back), ('one', 'two')):
            with self.subTest(words=words):
                self.assertCounts(self.verify(*words), messages=MESSAGES, same=MESSAGES)

    def test_an_archive_that_is_not_there_holds_no_missing_messages(self):
        self.one.add(letter('a'))
        self.pair(two={'archive': str(self.scratch / 'work.mta')})
        for words in (['pair'], ['one', 'two'], ['two', 'one']):
            run = self.twin.command('verify', *words)
            self.assertEqual(7, run.exit, run)
            self.assertIn('two: there is no archive %s' % (self.scratch / 'work.mta'), run.err)
            self.assertEqual('', run.out)

    def test_nothing_is_written(self):
        self.one.add(letter('a'))
        self.pair()
        self.verify(expect=1)
        self.assertEqual([], sorted(path for path in self.two.path.rglob('*') if path.is_file()))
        self.assertFalse((self.twin.home / 'state' / 'mailtwin' / 'pair.state').exists())

    def test_mistakes_are_told(self):
        self.pair()
        for words, pattern in ((['pear'], "no pair 'pear'"), ([], 'an archive, a pair, or two stores'),
                               (['one', 'three'], "no store 'three'"), (['one', 'one'], 'the same place'),
                               (['a', 'b', 'c'], 'an archive, a pair, or two stores')):
            run = self.twin.command('verify', *words)
            self.assertEqual(2, run.exit, run)
            self.assertRegex(run.err, pattern)


if __name__ == '__main__':
    suite.main()
