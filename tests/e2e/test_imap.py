#!/usr/bin/env python3
"""IMAP to Maildir, Maildir to IMAP, IMAP to IMAP, on a real Dovecot in three profiles."""
import contextlib
import itertools
import re

import compare
import mailgen
import suite
from dovecot import Dovecot
from hands import ImapHand, MaildirHand, letter, settle_clock, subjects
from mailtwin import Mailtwin
from profile_relay import BARE, EVERYTHING, OPAQUE, WITHOUT, Profile, ProfileRelay

server = None
users = ('user%d' % n for n in itertools.count())


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Direct:
    """Everything on, and nothing between: compressed and encrypted as well."""
    name = 'Dovecot itself'


class Between:
    """The tests, for any profile; the classes below say which."""
    profile = Direct

    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.relays = []

    def imap(self):
        """A new account, as this profile shows it."""
        user = next(users)
        direct = server.account(user)
        if self.profile is Direct:
            return ImapHand(server.account(user, tls=True), direct)
        relay = ProfileRelay(server.port, self.profile)
        relay.__enter__()
        self.addCleanup(relay.__exit__)
        self.relays.append(relay)
        return ImapHand(direct.at(relay.port), direct)

    def maildir(self):
        return MaildirHand(self.scratch / next(users))

    def pair(self, one, two, **keys):
        self.one, self.two = one, two
        self.twin.configure({'one': one.store(), 'two': two.store()},
                            {'pair': keys or {'between': ['one', 'two']}})

    def sync_settled(self, *arguments):
        run = self.twin.sync(*arguments)
        self.assertEqual({}, self.twin.sync().changes())
        for relay in self.relays:
            self.assertEqual([], relay.violations)
        return run

    def assertEqualSides(self):
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    # ---- from one to an empty two ----

    def fill(self, hand, count=300):
        letters = list(mailgen.letters(4, count, attachments=.2))
        if isinstance(hand, MaildirHand):
            mailgen.into_maildir(hand.path, letters, mailboxes=mailgen.names(25))
        else:
            mailgen.into_maildir(hand.direct.home / 'Maildir', letters, 'utf7', mailgen.names(25))

    def copies_everything(self, one, two):
        self.fill(one)
        self.pair(one, two)
        run = self.sync_settled()
        self.assertEqual({('two', 'copied'): 300}, run.changes())
        self.assertEqualSides()

    def test_a_pull_into_a_maildir_copies_everything(self):
        self.copies_everything(self.imap(), self.maildir())

    def test_a_push_from_a_maildir_copies_everything(self):
        self.copies_everything(self.maildir(), self.imap())

    def test_a_move_between_servers_copies_everything(self):
        self.copies_everything(self.imap(), self.imap())

    # ---- changes on both sides ----

    def changes_meet(self, one, two):
        one.add(*(letter('m%d' % n, flags=['\\Seen'] if n % 2 else []) for n in range(12)))
        one.add(*(letter('p%d' % n, 'Projects/ä & b') for n in range(4)))
        self.pair(one, two)
        self.sync_settled()
        one.flag('m1', '+\\Flagged', '+errand')
        two.flag('m1', '-\\Seen', '+\\Answered')
        two.flag('m2', '+\\Seen')
        one.delete('m3')
        two.delete('m4')
        two.delete('p1', 'Projects/ä & b')
        one.move('m5', 'Projects/ä & b')
        two.move('m6', 'Archive')
        one.flag('m7', '+\\Flagged')
        two.delete('m7')
        one.add(letter('new in one', 'Neu'))
        two.add(letter('new in two', keywords=['later'], flags=['\\Flagged']))
        self.sync_settled()
        self.assertEqualSides()
        got = self.one.read()
        inbox = {message.subject.strip("'"): message.marks for message in got['INBOX',]}
        self.assertEqual({'\\Flagged', '\\Answered', 'errand'}, inbox['m1'])
        self.assertEqual({'\\Seen'}, inbox['m2'])
        self.assertEqual({'\\Flagged', 'later'}, inbox['new in two'])
        self.assertIn('m7', inbox, 'an edit wins over a deletion')
        self.assertEqual({'m0', 'm1', 'm2', 'm7', 'm8', 'm9', 'm10', 'm11', 'new in two'}, set(inbox))
        self.assertEqual(['m6'], [message.subject.strip("'") for message in got['Archive',]])
        self.assertEqual(['m5', 'p0', 'p2', 'p3'],
                         sorted(message.subject.strip("'") for message in got['Projects', 'ä & b']))

    def test_S13_S15_S17_changes_of_a_server_and_a_maildir_meet(self):
        self.changes_meet(self.imap(), self.maildir())

    def test_S13_S15_S17_changes_of_two_servers_meet(self):
        self.changes_meet(self.imap(), self.imap())

    # ---- without the state ----

    def test_S36_without_its_state_a_pair_finds_itself_again(self):
        self.fill(one := self.imap(), 100)
        self.pair(one, self.imap())
        self.twin.sync()
        for path in (self.twin.home / 'state' / 'mailtwin').iterdir():
            path.unlink()
        self.assertEqual({}, self.twin.sync().changes())
        self.assertEqualSides()


class OnDovecotItself(Between, suite.Case):
    profile = Direct
    where = '__TLS'


class WithEverything(Between, suite.Case):
    profile = EVERYTHING
    where = '__everything_on'


class WithoutSome(Between, suite.Case):
    profile = WITHOUT
    where = '__without_some'


class WithNothing(Between, suite.Case):
    profile = BARE
    where = '__bare_IMAP4rev1'

    def test_S34_a_deletion_that_can_only_be_marked_is_carried_out_by_a_later_run(self):
        """Without UIDPLUS an EXPUNGE would take what somebody else has marked, too."""
        one, two = self.maildir(), self.imap()
        one.add(letter('mine'), letter('kept'))
        self.pair(one, two)
        self.sync_settled()
        two.add(letter('marked by another', flags=['\\Deleted']))
        one.delete('mine')
        run = self.twin.sync(expect=1)
        self.assertIn('could only be marked', str(run.problems))
        self.assertEqual({'mine', 'kept', 'marked by another'}, set(subjects(two)))
        two.flag('marked by another', '-\\Deleted')
        self.assertEqual({('two', 'deleted'): 1}, {
            what: n for what, n in self.twin.sync().changes().items() if what[1] == 'deleted'})
        self.assertEqual({'kept', 'marked by another'}, set(subjects(two)))

    def test_S34_a_deletion_that_could_only_be_marked_is_given_up_when_somebody_takes_the_mark_off(self):
        one, two = self.maildir(), self.imap()
        one.add(letter('mine'), letter('kept'))
        self.pair(one, two)
        self.sync_settled()
        two.add(letter('marked by another', flags=['\\Deleted']))
        one.delete('mine')
        self.twin.sync(expect=1)
        two.flag('mine', '-\\Deleted')
        two.flag('marked by another', '-\\Deleted')
        self.sync_settled()
        self.assertEqual({'mine', 'kept', 'marked by another'}, set(subjects(two)))


def uids(text):
    """Of a sequence set without "*"."""
    ranges = [part.partition(':') for part in text.split(',')]
    return [uid for low, _, high in ranges for uid in range(int(low), int(high or low) + 1)]


class OneServer(suite.Case):
    """Two accounts of a server that has ids for contents, and wrote one header anew."""

    def ids(self, command):
        self.asked.append(command)
        found = re.match(r'UID FETCH ([0-9:,]+) \(UID EMAILID\)', command)
        if not found:
            return None
        return ''.join('* %d FETCH (UID %d EMAILID (M%d))\r\n' % (uid, uid, uid)
                       for uid in uids(found[1])) + 'TAG OK done\r\n'

    def sync(self, offers):
        self.asked = []
        accounts = [server.account(next(users)) for _ in range(2)]
        for account, header in zip(accounts, ('X-A: 1\r\n', 'X-B: 1\r\n')):
            ImapHand(account).add(*(letter('letter %d' % n, headers=header) for n in range(5)))
        with ProfileRelay(server.port, EVERYTHING, answers=self.ids, offers=offers) as relay:
            one, two = (ImapHand(account.at(relay.port)) for account in accounts)
            twin = Mailtwin(self.scratch, 'home%d' % len(offers))
            twin.configure({'one': one.store(), 'two': two.store()}, {'pair': {'between': ['one', 'two']}})
            changes = twin.sync().changes()
            self.assertEqual({}, twin.sync().changes())
        return changes

    def test_what_it_calls_by_one_id_is_one_message_and_no_header_is_read(self):
        self.assertEqual({}, self.sync(['OBJECTID']))
        self.assertTrue(any('EMAILID' in command for command in self.asked))
        self.assertFalse(any('BODY' in command for command in self.asked), self.asked)

    def test_without_its_ids_they_are_two(self):
        self.assertEqual({('one', 'copied'): 5, ('two', 'copied'): 5}, self.sync([]))


class ThrowsAway(suite.Case):
    """Gmail takes a copy of a message that it has, tells its UID, and does not keep it."""
    profile = Profile('one message an APPEND', OPAQUE | {'MULTIAPPEND'})

    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.direct = server.account(next(users))
        self.one, self.sent = MaildirHand(self.scratch / 'one'), 0

    def throw_away(self):
        self.sent += 1
        if 'twice' in subjects(ImapHand(self.direct)):
            ImapHand(self.direct).delete('twice')

    def assertTriedTwice(self, profile, **keys):
        self.one.add(letter('kept'), letter('twice'))
        with ProfileRelay(server.port, profile, self.throw_away) as relay:
            self.two = ImapHand(self.direct.at(relay.port), self.direct)
            self.twin.configure({'one': self.one.store(), 'two': self.two.store()}, {'pair': keys})
            self.twin.sync()
            self.assertEqual(2, self.sent)
            told = self.twin.sync(expect=1).problems
            self.assertIn('two took a copy of it twice and did not keep it', told)
            self.assertEqual(3, self.sent)
            for _ in range(2):
                self.assertEqual(told, self.twin.sync(expect=1).problems)
            self.assertEqual([], relay.violations)
        self.assertEqual(3, self.sent)
        self.assertEqual(['kept'], subjects(self.two))

    def test_S47_a_copy_that_is_thrown_away_twice_is_told_not_sent_again_and_no_deletion(self):
        self.assertTriedTwice(self.profile, between=['one', 'two'])
        self.assertEqual({'kept', 'twice'}, set(subjects(self.one)))

    def test_S47_it_is_so_in_copy(self):
        self.assertTriedTwice(self.profile, **{'from': 'one', 'to': 'two'})

    def test_S47_it_stays_where_it_is_in_move(self):
        self.assertTriedTwice(self.profile, **{'from': 'one', 'to': 'two', 'mode': 'move'})
        self.assertEqual(['twice'], subjects(self.one))

    def test_S47_it_is_so_where_the_server_does_not_tell_the_uid_of_a_copy(self):
        self.assertTriedTwice(BARE, between=['one', 'two'])
        self.assertEqual({'kept', 'twice'}, set(subjects(self.one)))


class AltersMail(suite.Case):
    def test_S46_a_server_that_alters_what_it_stores_is_told_of_once_and_is_not_sent_it_again(self):
        one, direct = MaildirHand(self.scratch / 'one'), server.account(next(users))
        one.add(letter('a'), letter('b'))
        twin = Mailtwin(self.scratch)
        with ProfileRelay(server.port, EVERYTHING, alters=lambda octets: b'X-Scanned: yes\r\n' + octets) as relay:
            twin.configure({'one': one.store(), 'two': ImapHand(direct.at(relay.port)).store()},
                           {'pair': {'between': ['one', 'two']}})
            first = twin.sync()
            self.assertRegex(first.err, r'two: INBOX uid \d has \d+ octets and was sent with \d+: this server alters mail')
            self.assertIn('here 2 of the messages', first.err)
            self.assertEqual({}, twin.sync().changes())
            one.add(letter('c'))
            second = twin.sync()
            self.assertEqual(({('two', 'copied'): 1}, ''), (second.changes(), second.err))
            self.assertEqual({}, twin.sync().changes())
        self.assertEqual(['a', 'b', 'c'], sorted(subjects(ImapHand(direct))))

    def test_S46_a_server_that_is_known_to_rewrite_mail_has_what_it_was_given_though_no_state_tells(self):
        """Neither header digest nor size are the same, but Message-ID and Date."""
        one, direct = MaildirHand(self.scratch / 'one'), server.account(next(users))
        one.add(letter('a'), letter('b'))
        twin = Mailtwin(self.scratch)
        with ProfileRelay(server.port, EVERYTHING, alters=lambda octets: b'X-Scanned: yes\r\n' + octets,
                          greets='The Microsoft Exchange IMAP4 service is ready.') as relay:
            two = ImapHand(direct.at(relay.port), direct)
            twin.configure({'one': one.store(), 'two': two.store()}, {'pair': {'between': ['one', 'two']}})
            twin.sync()
            for path in (twin.home / 'state' / 'mailtwin').iterdir():
                path.unlink()
            two.add(letter('c', headers='Received: from a list\r\n' * 300))
            one.add(letter('c'))    # the same Message-ID and Date, but by far not the same size
            self.assertEqual({('one', 'copied'): 1, ('two', 'copied'): 1}, twin.sync().changes())
            self.assertEqual({}, twin.sync().changes())
        self.assertEqual(['a', 'b', 'c', 'c'], sorted(subjects(one)))

    def test_nothing_is_said_of_a_server_that_stores_what_it_was_given(self):
        one, direct = MaildirHand(self.scratch / 'one'), server.account(next(users))
        one.add(letter('a'), letter('b'))
        twin = Mailtwin(self.scratch)
        twin.configure({'one': one.store(), 'two': ImapHand(direct).store()}, {'pair': {'between': ['one', 'two']}})
        self.assertNotIn('alters', twin.sync().err)


class OneBadMessage(suite.Case):
    """A server that says NO to every FETCH that has to do with a message that it cannot read."""
    BAD = 7
    mended = False

    def refuses(self, command):
        found = re.match(r'UID FETCH ([0-9:,]+) .*BODY', command)
        if not found or self.mended:
            return None
        self.asked.append(found[1])
        return 'TAG NO [SERVERBUG] cannot do that\r\n' if self.BAD in uids(found[1]) else None

    def test_costs_no_other_message_its_copy(self):
        self.asked = []
        direct = server.account(next(users))
        one, two = ImapHand(direct), MaildirHand(self.scratch / 'two')
        one.create('Lists')
        # The newest are asked for first.  The first chunk shows the client where this server puts the
        # UID, and the second is asked for before that: sets come then.
        one.add(*(letter('letter %d' % n, 'Lists') for n in range(1, 541)))
        twin = Mailtwin(self.scratch)
        with ProfileRelay(server.port, EVERYTHING, answers=self.refuses) as relay:
            twin.configure({'one': ImapHand(direct.at(relay.port)).store(connections=1), 'two': two.store()},
                           {'pair': {'from': 'one', 'to': 'two'}})
            run = twin.sync(expect=1)
            self.assertTrue(any(':' in asked for asked in self.asked), 'no set was ever asked for')
            self.assertIn('one: Lists uid 7: cannot fetch it', run.problems)
            self.assertEqual(1, len(run.events('problem')), run.problems)
            self.assertEqual({'letter %d' % n for n in range(1, 541) if n != self.BAD},
                             set(subjects(two, 'Lists')))
            again = twin.sync(expect=1)
            self.assertEqual(({}, run.problems), (again.changes(), again.problems))
        twin.configure({'one': one.store(), 'two': two.store()}, {'pair': {'from': 'one', 'to': 'two'}})
        self.assertEqual({('two', 'copied'): 1}, twin.sync().changes())
        self.assertNothing(compare.compare(one.read(), two.read()))

    @contextlib.contextmanager
    def letters_without_state(self, n, only_in_two=(), **keys):
        """The same letters on both sides, which no state knows; a relay stands before `one`."""
        self.asked = []
        direct = server.account(next(users))
        self.one, self.two = ImapHand(direct), MaildirHand(self.scratch / 'two')
        letters = [letter('letter %d' % i) for i in range(1, n + 1)]
        self.one.add(*letters)
        self.two.add(*letters, *only_in_two)
        self.twin = Mailtwin(self.scratch)
        with ProfileRelay(server.port, EVERYTHING, answers=self.refuses) as relay:
            self.twin.configure({'one': ImapHand(direct.at(relay.port)).store(), 'two': self.two.store()},
                                {'pair': keys})
            yield

    def assertOneProblem(self, run):
        self.assertIn('one: INBOX uid 7: cannot fetch it', run.problems)
        self.assertEqual(1, len(run.events('problem')), run.problems)

    def test_is_not_doubled_where_no_state_tells_of_which_message_it_is_the_twin(self):
        """Its header cannot be read: so nothing says that it is not what the other side has."""
        with self.letters_without_state(10, between=['one', 'two']):
            for _ in range(2):
                run = self.twin.sync(expect=1)
                self.assertOneProblem(run)
                self.assertEqual({}, run.changes())
            self.mended = True
            for _ in range(2):
                self.assertEqual({}, self.twin.sync().changes())
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def test_does_not_cost_its_twin_its_life_in_mirror(self):
        only = letter('only in two')
        with self.letters_without_state(20, [only], **{'from': 'one', 'to': 'two', 'mode': 'mirror'}):
            run = self.twin.sync(expect=1)
            self.assertOneProblem(run)
            self.assertEqual({}, run.changes())
            self.mended = True
            self.assertEqual({('two', 'deleted'): 1}, self.twin.sync().changes())
            self.assertEqual({}, self.twin.sync().changes())
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def test_does_not_go_from_where_it_was_while_its_copy_elsewhere_fails(self):
        """A Maildir's folder has room for 26 keywords, so this one arrives as a copy, not as a move."""
        direct = server.account(next(users))
        one, two = ImapHand(direct), MaildirHand(self.scratch / 'two')
        one.add(letter('moves', keywords=['late']),
                letter('full', 'Archive', keywords=['k%02d' % n for n in range(26)]))
        refuse = False

        def answers(command):
            whole = re.match(r'UID FETCH .*BODY\.PEEK\[\]', command)
            return 'TAG NO [SERVERBUG] cannot do that\r\n' if refuse and whole else None

        twin = Mailtwin(self.scratch)
        with ProfileRelay(server.port, EVERYTHING, answers=answers) as relay:
            twin.configure({'one': ImapHand(direct.at(relay.port)).store(), 'two': two.store()},
                           {'pair': {'between': ['one', 'two']}})
            twin.sync()
            settle_clock()
            one.move('moves', 'Archive')
            two.add(letter('new', 'Archive'))
            refuse = True
            run = twin.sync(expect=1)
            self.assertIn('cannot fetch it', run.problems)
            self.assertEqual({('one', 'copied'): 1}, run.changes())
            self.assertEqual(['moves'], subjects(two))
            refuse = False
            self.assertEqual({('two', 'copied'): 1, ('two', 'deleted'): 1}, twin.sync().changes())
        self.assertEqual(([], ['full', 'moves', 'new']), (subjects(two), subjects(two, 'Archive')))


if __name__ == '__main__':
    suite.main()
