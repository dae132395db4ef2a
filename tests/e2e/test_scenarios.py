#!/usr/bin/env python3
"""Ways in which mail gets lost or doubled, by their numbers in doc/RELIABILITY.md, on a real Dovecot.

Those that other files show for other reasons are not here again.
"""
import contextlib
import itertools
import os
import re
import shutil

import compare
import suite
from dovecot import Dovecot
from hands import ImapHand, MaildirHand, letter, settle_clock, subjects
from mailtwin import Mailtwin
from profile_relay import BARE, EVERYTHING, ProfileRelay

server = None
users = ('user%d' % n for n in itertools.count())
YEAR = 365 * 86400


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Scenario(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.one, self.two = ImapHand(server.account(next(users))), ImapHand(server.account(next(users)))

    def pair(self, one=None, two=None, **keys):
        self.twin.configure({'one': one or self.one.store(), 'two': two or self.two.store()},
                            {'pair': keys or {'between': ['one', 'two']}})

    def mirror(self, **keys):
        self.pair(**{'from': 'one', 'to': 'two', 'mode': 'mirror'} | keys)

    def add(self, *names, mailbox='INBOX', to=None, **how):
        (to or self.one).add(*(letter(name, mailbox, **how) for name in names))

    def settled(self, *arguments):
        """What a sync does; a second one does nothing."""
        settle_clock()
        changes = self.twin.sync(*arguments).changes()
        self.assertEqual({}, self.twin.sync(*arguments).changes())
        return changes

    def assertEqualSides(self):
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def relayed(self, profile=EVERYTHING, **how):
        """`one` behind a relay; what a person does goes to the server."""
        relay = ProfileRelay(server.port, profile, **how)
        relay.__enter__()
        self.addCleanup(relay.__exit__)
        self.one.account = self.one.account.at(relay.port)
        return relay


class Server(Scenario):
    """What becomes of a server."""

    def files(self, hand=None):
        hand = hand or self.one
        hand._client = None
        return hand.direct.home / 'Maildir'

    def renumber(self, hand):
        """The same UIDs for other messages, under another UIDVALIDITY, as after a move to a new server."""
        for path in self.files(hand).rglob('dovecot*'):
            if path.name == 'dovecot-uidlist':
                head, _, rest = path.read_text().partition('\n')
                uid = itertools.count(1)
                lines = [re.sub(r'^\d+', lambda _: str(next(uid)), line) for line in rest.splitlines()[::-1]]
                head = re.sub(r'V\d+', 'V77', re.sub(r'N\d+', 'N%d' % next(uid), head))
                path.write_text('\n'.join([head, *lines]) + '\n')
            elif path.name != 'dovecot-keywords':
                path.unlink()

    def test_S02_another_UIDVALIDITY_deletes_nothing_and_doubles_nothing(self):
        self.add('a', 'b', flags=['\\Flagged'], keywords=['later'])
        self.add('c', mailbox='Lists')
        self.pair()
        self.settled()
        self.renumber(self.one)
        self.assertEqual({}, self.settled())
        self.assertEqualSides()
        self.one.delete('a')
        self.add('d')
        self.assertEqual({('two', 'copied'): 1, ('two', 'deleted'): 1}, self.settled())
        self.assertEqualSides()

    def test_S02_it_is_so_on_both_sides(self):
        self.add('a', 'b', 'b')
        self.pair()
        self.settled()
        self.renumber(self.one)
        self.renumber(self.two)
        self.assertEqual({}, self.settled())
        self.assertEqualSides()

    def test_S02_what_went_on_the_other_side_meanwhile_waits_for_a_person(self):
        self.add('a', 'b', 'c')
        self.mirror()
        self.settled()
        self.one.delete('a')
        self.renumber(self.one)
        self.twin.sync(expect=5)
        self.assertEqual(['a', 'b', 'c'], subjects(self.two))

    def saved(self):
        """A backup of the server's files, which `restored` puts back."""
        shutil.copytree(self.files(), self.scratch / 'backup')

    def restored(self):
        shutil.rmtree(self.files())
        shutil.copytree(self.scratch / 'backup', self.files())

    def test_S39_a_server_that_was_restored_from_a_backup_costs_nothing(self):
        self.add('a', 'b')
        self.pair()
        self.settled()
        self.saved()
        self.add('c', 'd')
        self.settled()
        self.restored()
        self.add('e')       # gets the UID that c had
        self.assertEqual({('one', 'copied'): 2, ('two', 'copied'): 1}, self.settled())
        self.assertEqual(['a', 'b', 'c', 'd', 'e'], subjects(self.two))
        self.assertEqualSides()

    def test_S39_what_a_mirror_would_lose_by_it_waits_for_a_person(self):
        self.add('a', 'b')
        self.mirror()
        self.settled()
        self.saved()
        self.add('c', 'd')
        self.settled()
        self.restored()
        self.twin.sync(expect=5)
        self.assertEqual(['a', 'b', 'c', 'd'], subjects(self.two))

    def test_S39_a_server_that_only_forgot_what_was_changed_takes_no_flag_away(self):
        """No message came since the backup: UIDNEXT is the same, HIGHESTMODSEQ is not."""
        self.add('a', 'b')
        self.pair()
        self.settled()
        self.saved()
        self.one.flag('a', '+\\Flagged', '+later')
        self.settled()
        self.restored()
        self.assertIn(('one', 'flagged'), self.settled())
        self.assertEqualSides()
        self.assertEqual({'\\Flagged', 'later'}, next(m.marks for m in self.two.read()['INBOX',] if 'a' in m.subject))

    def test_S39_one_mailbox_that_went_back_is_enough_to_doubt_all_of_them(self):
        """Work has as many messages, and the same UIDNEXT, as at the last sync, and they are others."""
        self.add('a', 'b')
        self.add('u', 'v', mailbox='Work')
        self.pair()
        self.settled()
        self.saved()
        self.add('c')
        self.add('w', 'x', mailbox='Work')
        self.settled()
        self.restored()
        self.add('y', 'z', mailbox='Work')
        settle_clock()
        done = self.twin.sync()
        self.assertIn('one: INBOX shows that it is older than at the last sync', done.err)
        self.assertEqual({('one', 'copied'): 3, ('two', 'copied'): 2}, done.changes())
        self.assertEqual({}, self.twin.sync().changes())
        self.assertEqual(['u', 'v', 'w', 'x', 'y', 'z'], subjects(self.two, 'Work'))
        self.assertEqualSides()

    def test_S39_what_a_move_brought_and_the_backup_has_again_waits_and_is_told(self):
        self.add('a', 'b')
        self.mirror(mode='move')
        self.saved()
        self.assertEqual({('two', 'copied'): 2, ('one', 'deleted'): 2}, self.settled())
        self.restored()
        self.assertIn('INBOX: 2 messages would be deleted, but this run deletes nothing', self.twin.sync(expect=5).problems)
        self.assertEqual((['a', 'b'], ['a', 'b']), (subjects(self.one), subjects(self.two)))
        self.assertEqual({('one', 'deleted'): 2}, self.settled())
        self.assertEqual(([], ['a', 'b']), (subjects(self.one), subjects(self.two)))

    def test_S39_a_mailbox_that_the_backup_lacks_is_not_removed_elsewhere(self):
        self.add('a', 'b')
        self.pair(between=['one', 'two'], mailbox_deletions='propagate')
        self.settled()
        self.saved()
        self.add('c')
        self.add('x', mailbox='Work')
        self.settled()
        self.restored()
        self.assertIn('Work: it is gone on one but is not removed here: this run deletes nothing',
                      self.twin.sync(expect=5).problems)
        self.assertEqual(['x'], subjects(self.two, 'Work'))
        self.assertEqual(['a', 'b', 'c'], subjects(self.one))

    def test_S37_a_state_from_a_backup_loses_and_doubles_nothing(self):
        self.add('a', 'b', 'c')
        self.pair()
        self.settled()
        state = self.twin.home / 'state' / 'mailtwin'
        shutil.copytree(state, self.scratch / 'older')
        self.add('d')
        self.add('e', to=self.two)
        self.one.delete('a')
        self.two.flag('b', '+\\Flagged')
        self.settled()
        shutil.rmtree(state)
        shutil.copytree(self.scratch / 'older', state)
        self.assertEqual({}, self.settled())
        self.assertEqual(['b', 'c', 'd', 'e'], subjects(self.one))
        self.assertEqualSides()

    def test_S42_a_mailbox_that_was_made_anew_is_another_one(self):
        self.add('a', 'b', mailbox='Work')
        self.add('inbox')
        self.pair()
        self.settled()
        self.one.delete_mailbox('Work')
        self.add('c', 'd', 'e', mailbox='Work')
        self.assertEqual({('one', 'copied'): 2, ('two', 'copied'): 3}, self.settled())
        self.assertEqual(['a', 'b', 'c', 'd', 'e'], subjects(self.two, 'Work'))
        self.assertEqualSides()

    def test_S44_an_account_that_is_empty_empties_no_mirror(self):
        self.add('a', 'b')
        self.add('c', mailbox='Lists')
        self.mirror()
        self.settled()
        other = ImapHand(server.account(next(users)))
        self.pair(one=other.store(), **{'from': 'one', 'to': 'two', 'mode': 'mirror'})
        self.twin.sync(expect=5)
        self.assertEqual((['a', 'b'], ['c']), (subjects(self.two), subjects(self.two, 'Lists')))

    def test_S44_a_pattern_that_nothing_matches_is_told_and_empties_no_mirror(self):
        self.add('a', 'b', mailbox='Lists')
        self.mirror(mailbox_deletions='propagate')
        self.settled()
        self.mirror(mailbox_deletions='propagate', mailboxes=['Nothing/**'])
        self.assertIn("one: none of its mailboxes takes part: 'mailboxes' names none", self.twin.sync(expect=1).problems)
        self.assertEqual(['a', 'b'], subjects(self.two, 'Lists'))

    def test_S40_sides_that_changed_places_lose_nothing(self):
        self.add('a', 'b')
        self.mirror()
        self.settled()
        self.add('c', to=self.two)
        self.pair(one=self.two.store(), two=self.one.store(), **{'from': 'one', 'to': 'two', 'mode': 'mirror'})
        self.assertEqual({('two', 'copied'): 1}, self.settled())
        self.assertEqual(['a', 'b', 'c'], subjects(self.one))

    def test_S40_another_account_under_the_same_name_loses_nothing(self):
        self.add('a', 'b')
        self.pair()
        self.settled()
        other = ImapHand(server.account(next(users)))       # with the same UIDVALIDITY, as chance has it
        shutil.copytree(self.files(), other.direct.home / 'Maildir')
        other.delete('a')
        other.add(letter('x'))
        self.pair(one=other.store())
        self.assertEqual({('one', 'copied'): 1, ('two', 'copied'): 1}, self.settled())
        self.assertEqual((['a', 'b', 'x'], ['a', 'b', 'x']), (subjects(self.two), subjects(other)))

    def moved_to(self, relay, **namespace):
        """The same account on a server that spells its mailboxes otherwise."""
        other = Dovecot(**namespace)
        other.start()
        self.addCleanup(other.stop)
        account = other.account(self.one.direct.user)
        shutil.copytree(self.files(), account.home / 'Maildir')
        relay.target = other.port
        return account

    def mailboxes_here_and_there(self):
        self.add('a')
        self.add('b', mailbox='Archive/2024')
        self.add('c', mailbox='Lists')
        self.pair(between=['one', 'two'], mailbox_deletions='propagate')
        self.settled()

    def test_S25_another_delimiter_changes_nothing(self):
        relay = self.relayed()
        self.mailboxes_here_and_there()
        self.moved_to(relay, separator='.')
        self.assertEqual({}, self.settled())
        self.assertEqual((['a'], ['b'], ['c']), tuple(subjects(self.two, m) for m in ('INBOX', 'Archive/2024', 'Lists')))

    def test_S27_a_prefix_that_appears_changes_nothing(self):
        relay = self.relayed()
        self.mailboxes_here_and_there()
        self.moved_to(relay, separator='.', prefix='INBOX.')
        self.assertEqual({}, self.settled())
        self.assertEqual((['a'], ['b'], ['c']), tuple(subjects(self.two, m) for m in ('INBOX', 'Archive/2024', 'Lists')))

    def test_S27_a_prefix_that_no_server_tells_of_loses_and_doubles_nothing(self):
        """Without NAMESPACE all mailboxes have other names at once."""
        relay = self.relayed(BARE)
        self.mailboxes_here_and_there()
        there = self.moved_to(relay, separator='.', prefix='INBOX.')
        settle_clock()
        for _ in range(2):
            run = self.twin.command('sync', '--json')
            self.assertNotIn('deleted', {what for _, what in run.changes()})
            for read in (compare.read_imap(there, prefix=('INBOX',)), self.two.read()):
                left = sorted(m.subject.strip("'") for messages in read.values() for m in messages)
                self.assertEqual(['a', 'b', 'c'], left, run)


class Meanwhile(Scenario):
    """What happens on a server while a run is at work there."""

    def at(self, pattern, do, times=1):
        """`do()` just before the server is told what matches."""
        left = [times]

        def answers(command):
            if left[0] and re.match(pattern, command):
                left[0] -= 1
                do()
        return answers

    def test_S11_a_message_that_goes_before_it_is_fetched_is_no_failure(self):
        self.add('a', 'b', 'c')
        self.relayed(answers=self.at(r'UID FETCH .*BODY\.PEEK\[\]', lambda: self.one.delete('b')))
        self.pair()
        self.twin.command('sync')
        self.assertEqual(['a', 'c'], subjects(self.two))
        self.assertEqual({}, self.settled())
        self.assertEqualSides()

    def test_S12_a_message_that_comes_after_the_list_is_copied_once(self):
        self.add('a', 'b')
        self.relayed(answers=self.at(r'UID FETCH .*BODY\.PEEK\[\]', lambda: self.add('late')))
        self.pair()
        self.twin.sync()
        self.settled()
        self.assertEqual(['a', 'b', 'late'], subjects(self.two))
        self.assertEqualSides()

    def test_S29_a_mailbox_that_another_program_just_made_is_used(self):
        self.add('a', mailbox='Projects', to=self.two)
        self.relayed(answers=self.at(r'CREATE ', lambda: self.one.create('Projects')))
        self.pair()
        self.assertEqual({('one', 'copied'): 1}, self.settled())
        self.assertEqualSides()

    def test_S29_a_mailbox_that_goes_before_it_is_filled_is_told_and_left_as_one_that_went(self):
        self.add('a', mailbox='Projects', to=self.two)
        self.relayed(BARE, answers=self.at(r'APPEND .?Projects', lambda: self.one.delete_mailbox('Projects')))
        self.pair()
        self.assertIn("cannot add it to mailbox 'Projects' of one: refused", self.twin.sync(expect=1).problems)
        self.assertEqual({}, self.settled())
        self.assertEqual(['a'], subjects(self.two, 'Projects'))

    def test_S16_what_went_on_both_sides_is_forgotten(self):
        self.add('a', 'b')
        self.pair()
        self.settled()
        self.one.delete('a')
        self.two.delete('a')
        self.assertEqual({}, self.settled())
        self.add('a', to=self.two)
        self.assertEqual({('one', 'copied'): 1}, self.settled())

    def test_S10_one_message_id_over_two_messages_is_two_messages(self):
        self.add('a')
        self.add('a', to=self.two, headers='List-Id: <list.example.org>\r\n')
        self.pair()
        self.assertEqual({('one', 'copied'): 1, ('two', 'copied'): 1}, self.settled())
        self.assertEqualSides()

    def test_S08_a_server_that_lies_about_sizes_is_copied_once(self):
        def answers(command):
            if not re.match(r'UID FETCH \S+ \(UID FLAGS INTERNALDATE RFC822.SIZE\)', command):
                return None
            return ''.join('* %d FETCH (UID %d FLAGS () INTERNALDATE "14-Nov-2023 22:13:20 +0000" RFC822.SIZE %d)\r\n'
                           % (n, n, n * 10_000) for n in (1, 2)) + 'TAG OK done\r\n'
        self.add('a', 'b')
        self.relayed(BARE, answers=answers)
        self.pair()
        self.assertEqual({('two', 'copied'): 2}, self.settled())
        self.assertEqualSides()
        shutil.rmtree(self.twin.home / 'state')
        self.assertEqual({}, self.settled())


class Files(Scenario):
    """What becomes of a Maildir and of the clock."""

    def test_S30_what_waits_for_a_folder_that_can_only_be_read_is_told_and_done_later(self):
        self.add('a', mailbox='Lists')
        self.pair()
        self.settled()
        self.one.flag('a', '+\\Flagged', mailbox='Lists')
        folder = self.two.path / '.Lists'
        folder.chmod(0o500)
        self.addCleanup(folder.chmod, 0o700)
        for part in ('cur', 'new', 'tmp'):
            (folder / part).chmod(0o500)
        self.assertIn('it can only be read', self.twin.sync(expect=1).problems)
        for part in ('cur', 'new', 'tmp'):
            (folder / part).chmod(0o700)
        folder.chmod(0o700)
        self.assertEqual({('two', 'flagged'): 1}, self.settled())
        self.assertEqualSides()

    def setUp(self):
        super().setUp()
        self.two = MaildirHand(self.scratch / 'two')

    def shift(self, seconds):
        """The clock of who wrote the Maildir was off by so much."""
        for path in [*self.two.path.rglob('*'), self.two.path]:
            if not (path.is_file() and path.parent.name in ('cur', 'new')):     # their dates are INTERNALDATEs
                about = path.stat()
                os.utime(path, (about.st_atime + seconds, about.st_mtime + seconds))

    def test_S17_a_move_that_is_refused_doubles_nothing_though_the_message_was_flagged(self):
        """Its flags are set before it is moved; where it lies still, that is no edit of a person's."""
        refuse = False

        def answers(command):
            return 'TAG NO [SERVERBUG] cannot do that\r\n' if refuse and command.startswith('UID MOVE') else None

        self.add('a')
        self.add('b', mailbox='Work')
        self.relayed(answers=answers)
        self.pair()
        self.settled()
        self.two.flag('a', '+\\Flagged')
        self.two.move('a', 'Work')
        settle_clock()
        refuse = True
        self.assertIn('cannot do that', self.twin.sync(expect=1).problems)
        self.assertEqual([], subjects(self.two))
        refuse = False
        self.settled()
        self.assertEqual(['a', 'b'], subjects(self.two, 'Work'))
        self.assertEqual([], subjects(self.two))
        self.assertEqualSides()

    def test_S22_no_clock_decides_anything(self):
        self.add('a', 'b', 'c')
        self.pair()
        self.settled()
        for seconds, zone in ((2 * YEAR, 'America/St_Johns'), (-5 * YEAR, 'Asia/Kathmandu')):
            self.shift(seconds)
            settle_clock()
            again = self.twin.sync(environment={'TZ': zone})
            self.assertEqual({}, again.changes())
            self.add('new %d' % seconds, to=self.two)
            self.add('new too %d' % seconds)
            settle_clock()
            self.assertEqual({('one', 'copied'): 1, ('two', 'copied'): 1},
                             self.twin.sync(environment={'TZ': zone}).changes())
            self.assertEqualSides()
        self.two.delete('a')
        self.assertEqual({('one', 'deleted'): 1}, self.settled())
        self.assertEqualSides()

    def test_S26_INBOX_is_one_mailbox_with_others_below_it_and_never_goes(self):
        self.add('a')
        self.add('b', mailbox='INBOX/Work')
        self.add('c', mailbox='INBOX/Home', to=self.two)
        self.pair(between=['one', 'two'], mailbox_deletions='propagate')
        self.settled()
        self.assertEqualSides()
        for part in ('new', 'cur', 'tmp'):
            shutil.rmtree(self.two.path / part)
        self.twin.command('sync')
        self.assertEqual((['a'], ['b']), (subjects(self.one), subjects(self.one, 'INBOX/Work')))

    def test_S20_S21_a_reader_that_moves_and_marks_mail_all_the_time_loses_nothing(self):
        self.add(*('m%d' % n for n in range(30)), to=self.two)
        self.pair()
        self.settled()
        for _ in range(3):
            with self.twin.start('-c', self.twin.config, 'sync', '--json') as process:
                while process.poll() is None:
                    for path in [*(self.two.path / 'new').iterdir(), *(self.two.path / 'cur').iterdir()]:
                        base, _, info = path.name.partition(':2,')
                        with contextlib.suppress(FileNotFoundError):    # the program was faster
                            path.rename(self.two.path / 'cur' / (base + ':2,' + ('' if 'S' in info else 'S')))
                self.assertIn('"event":"end"', process.stdout.read())
        self.settled()
        self.assertEqual(30, len(subjects(self.one)))
        self.assertEqualSides()


if __name__ == '__main__':
    suite.main()
