#!/usr/bin/env python3
"""Every key of a pair, between a server and a Maildir and between two servers."""
import itertools
import time

import compare
import suite
from dovecot import Dovecot
from hands import ImapHand, MaildirHand, letter, settle_clock, subjects
from mailtwin import Mailtwin

server = None
users = ('user%d' % n for n in itertools.count())


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Between:
    """The tests; the classes below say between what."""

    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.one, self.two = self.stores()

    def imap(self):
        return ImapHand(server.account(next(users)))

    def maildir(self):
        return MaildirHand(self.scratch / next(users))

    def pair(self, **keys):
        keys = {key.rstrip('_'): value for key, value in keys.items()}
        if 'between' not in keys and 'from' not in keys:
            keys['between'] = ['one', 'two']
        self.twin.configure({'one': self.one.store(), 'two': self.two.store()}, {'pair': keys})

    def one_way(self, mode, **keys):
        self.pair(from_='one', to='two', mode=mode, **keys)

    def settled(self, *arguments, **how):
        """What a sync does; a second one does nothing."""
        settle_clock()
        changes = self.twin.sync(*arguments, **how).changes()
        again = self.twin.command('sync', '--json', *arguments)
        self.assertEqual({}, again.changes(), again)
        return changes

    def assertEqualSides(self):
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def add(self, *names, mailbox='INBOX', to=None, **how):
        (to or self.one).add(*(letter(name, mailbox, **how) for name in names))

    # ---- modes ----

    def test_S45_copy_remembers_what_was_deleted(self):
        self.add('a', 'b', 'c')
        self.one_way('copy')
        self.settled()
        self.one.delete('a')
        self.two.delete('b')
        self.add('d', to=self.two)
        self.add('e')
        self.assertEqual({('two', 'copied'): 1}, self.settled())
        self.assertEqual(['a', 'c', 'd', 'e'], subjects(self.two))
        self.assertEqual(['b', 'c', 'e'], subjects(self.one))

    def test_mirror_makes_the_second_side_equal(self):
        self.add('a', 'b', 'c')
        self.one_way('mirror')
        self.settled()
        self.one.delete('a')
        self.two.delete('b')
        self.two.flag('c', '+\\Seen')
        self.add('d', to=self.two)
        self.settled()
        self.assertEqual(['b', 'c'], subjects(self.two))
        self.assertEqualSides()

    def test_move_takes_what_arrived(self):
        self.add('a', 'b', flags=['\\Flagged'])
        self.add('in both')
        self.add('in both', to=self.two)
        self.one_way('move')
        self.settled()
        self.assertEqual([], subjects(self.one))
        self.assertEqual(['a', 'b', 'in both'], subjects(self.two))
        self.add('later')
        self.settled()
        self.assertEqual([], subjects(self.one))
        self.assertIn('later', subjects(self.two))

    def test_a_mode_on_the_command_line_wins(self):
        self.add('a')
        self.one_way('copy')
        self.settled()
        self.add('b', to=self.two)
        self.assertEqual({('two', 'deleted'): 1}, self.settled('--mode', 'mirror'))
        self.assertEqual(['a'], subjects(self.two))

    # ---- mailboxes ----

    def test_patterns_choose_mailboxes(self):
        for mailbox in ('INBOX', 'Junk', 'Lists', 'Lists/a', 'Lists/a/b', 'Sent'):
            self.add('m', mailbox=mailbox)
        self.pair(mailboxes=['**', '!Junk', '!Lists/**', 'Lists/a'])
        self.settled()
        self.assertEqual([['INBOX'], ['Lists', 'a'], ['Sent']],
                         sorted(list(levels) for levels, messages in self.two.read().items() if messages))

    def test_mailboxes_are_renamed_both_ways(self):
        self.add('a', mailbox='Gesendet')
        self.add('b', mailbox='Lists/x/y')
        self.add('c', mailbox='Postausgang', to=self.two)
        self.pair(rename=[{'from': 'Gesendet', 'to': 'Postausgang'}, {'from': 'Lists/**', 'to': 'Archive/Lists/**'}])
        self.settled()
        self.assertEqual(['a', 'c'], subjects(self.one, 'Gesendet'))
        self.assertEqual(['a', 'c'], subjects(self.two, 'Postausgang'))
        self.assertEqual(['b'], subjects(self.two, 'Archive/Lists/x/y'))
        self.assertNotIn(('Gesendet',), self.two.read())

    def test_mailboxes_are_not_made_where_that_was_not_asked_for(self):
        self.add('a', mailbox='Only/one')
        self.add('b', mailbox='Only two', to=self.two)
        self.pair(create='two')
        self.twin.sync()
        self.assertEqual(['a'], subjects(self.two, 'Only/one'))
        self.assertNotIn(('Only two',), self.one.read())
        self.pair(create='none')
        self.add('c', mailbox='New')
        self.twin.sync()
        self.assertNotIn(('New',), self.two.read())

    def test_S41_a_deleted_mailbox_stays_on_the_other_side(self):
        self.add('a', 'b', mailbox='Old')
        self.add('c')
        self.pair()
        self.settled()
        self.one.delete_mailbox('Old')
        self.settled()
        self.assertEqual(['a', 'b'], subjects(self.two, 'Old'))
        self.assertNotIn(('Old',), self.one.read(), 'nor is it made again')

    def test_S41_a_deleted_mailbox_is_deleted_where_that_was_asked_for(self):
        self.add('a', 'b', mailbox='Old')
        self.add('c')
        self.pair(mailbox_deletions='propagate')
        self.settled()
        self.one.delete_mailbox('Old')
        self.settled()
        self.assertNotIn(('Old',), self.two.read())
        self.assertEqualSides()

    def test_S41_a_mailbox_with_something_new_is_not_deleted(self):
        self.add('a', 'b', mailbox='Old')
        self.add('c')
        self.pair(mailbox_deletions='propagate')
        self.settled()
        self.one.delete_mailbox('Old')
        self.add('not synced', mailbox='Old', to=self.two)
        self.twin.command('sync', '--json')
        self.assertEqual(['a', 'b', 'not synced'], subjects(self.two, 'Old'))

    def test_S43_a_renamed_mailbox_is_renamed(self):
        self.add('a', 'b', mailbox='Old')
        self.add('c')
        self.pair()
        self.settled()
        self.one.rename_mailbox('Old', 'New/Name')
        changes = self.settled()
        self.assertNotIn(('two', 'copied'), changes, 'no message travels for a new name')
        self.assertNotIn(('Old',), self.two.read())
        self.assertEqualSides()

    # ---- messages ----

    def test_only_selected_messages_take_part(self):
        now = int(time.time())
        self.add('old', received=now - 100 * 86400)
        self.add('young', received=now - 10 * 86400)
        self.add('young but big', received=now - 10 * 86400, body='x' * 50_000 + '\r\n')
        self.add('young but flagged', received=now - 10 * 86400, flags=['\\Flagged'])
        self.pair(messages={'newer_than': '90d', 'max_size': '40K', 'search': 'UNFLAGGED'})
        self.assertEqual({('two', 'copied'): 1}, self.settled())
        self.assertEqual(['young'], subjects(self.two))

    def test_what_falls_out_of_the_selection_is_left_alone(self):
        self.add('a', 'b')
        self.pair(messages={'search': 'UNFLAGGED'})
        self.settled()
        self.one.flag('a', '+\\Flagged')
        self.settled()
        self.assertEqual(['a', 'b'], subjects(self.two))
        self.one.flag('a', '-\\Flagged')
        self.settled()
        self.assertEqualSides()

    # ---- flags ----

    def test_flags_may_be_left_alone(self):
        self.add('a', flags=['\\Flagged'], keywords=['work'])
        self.pair(flags=False)
        self.settled()
        self.assertEqualSides()
        self.one.flag('a', '+\\Seen')
        self.two.flag('a', '-\\Flagged')
        self.assertEqual({}, self.settled())

    def test_S14_a_flag_that_both_changed_to_different_values_is_counted_and_set_wins(self):
        self.add('a', 'b')
        self.pair(flags=False)
        self.settled()
        self.one.flag('a', '+\\Flagged')
        self.settled()      # remembered as it is on each side
        self.pair()
        self.one.flag('a', '-\\Flagged')
        self.two.flag('a', '+\\Flagged')
        settle_clock()
        told = self.twin.command('diff', '--verbose').out
        self.assertIn('flags changed differently on both sides: 1 (', told)
        self.assertNotIn('differently', self.twin.command('diff').out)
        run = self.twin.sync()
        self.assertEqual(1, run.end['conflicts'])
        self.assertEqual({('one', 'flagged'): 1}, run.changes())
        self.assertEqualSides()
        self.assertEqual(0, self.twin.sync().end['conflicts'])

    def test_marked_messages_stay_unless_expunge_is_asked_for(self):
        self.add('a', 'b', 'c')
        self.pair()
        self.settled()
        self.one.flag('a', '+\\Deleted')
        self.settled()
        self.assertEqual(['a', 'b', 'c'], subjects(self.two))
        self.assertEqualSides()
        self.pair(expunge=True)
        self.settled()
        self.assertEqual(['b', 'c'], subjects(self.two))
        self.assertEqualSides()

    # ---- deletions ----

    def test_deletions_may_be_kept(self):
        self.add('a', 'b')
        self.pair(deletions='keep')
        self.settled()
        self.one.delete('a')
        self.assertEqual({}, self.settled())
        self.assertEqual(['a', 'b'], subjects(self.two))
        self.assertEqual(['b'], subjects(self.one))

    def test_deleted_messages_go_to_the_trash(self):
        self.add('a', 'b', 'c')
        self.pair(trash='Deleted/By mailtwin')
        self.settled()
        self.one.delete('a')
        self.two.delete('b')
        self.settled()
        self.assertEqual(['a'], subjects(self.two, 'Deleted/By mailtwin'))
        self.assertEqual(['b'], subjects(self.one, 'Deleted/By mailtwin'))
        self.assertEqual(['c'], subjects(self.one))
        self.assertEqual(['c'], subjects(self.two))

    def test_many_deletions_are_held_back(self):
        self.add(*('m%d' % n for n in range(40)))
        self.pair()
        self.settled()
        for n in range(30):
            self.one.delete('m%d' % n)
        self.add('new', to=self.two)
        run = self.twin.sync(expect=5)
        self.assertEqual({('one', 'copied'): 1}, run.changes())
        self.assertEqual(41, len(subjects(self.two)))
        self.assertRegex(run.problems, r'--max-deletions 30\b')
        self.assertEqual(5, self.twin.command('diff').exit)
        self.assertEqual({('two', 'deleted'): 30}, self.settled('--max-deletions', '30'))
        self.assertEqualSides()

    def test_S01_S38_an_emptied_mailbox_is_doubted_and_can_be_filled_again(self):
        self.add(*('m%d' % n for n in range(6)))
        self.pair()
        self.settled()
        for n in range(6):
            self.two.delete('m%d' % n)
        self.twin.sync(expect=5)
        self.assertEqual(6, len(subjects(self.one)))
        self.assertEqual({('two', 'copied'): 6}, self.settled('--bring-back'))
        self.assertEqualSides()

    # ---- without a configuration ----

    def test_S09_duplicates_stay_as_many(self):
        self.add('same', 'same', 'same')
        self.add('same', to=self.two)
        self.pair()
        self.assertEqual({('two', 'copied'): 2}, self.settled())
        self.one.delete('same')
        self.assertEqual({('two', 'deleted'): 1}, self.settled())
        self.assertEqual(['same', 'same'], subjects(self.two))

    def test_a_pair_is_chosen_by_mailbox(self):
        self.add('a')
        self.add('b', mailbox='Sent')
        self.pair()
        self.assertEqual({('two', 'copied'): 1}, self.twin.sync('--mailbox', 'Sent').changes())
        self.assertEqual(['b'], subjects(self.two, 'Sent'))
        self.assertEqual([], subjects(self.two))
        self.assertEqual({('two', 'copied'): 1}, self.settled())


class ServerAndMaildir(Between, suite.Case):
    where = '__IMAP_and_Maildir'

    def stores(self):
        return self.imap(), self.maildir()

    def test_special_mailboxes_pair_whatever_they_are_called(self):
        """Dovecot says that Sent is \\Sent; a Maildir has no such marks, so names decide there."""
        self.add('a', mailbox='Sent')
        self.pair()
        self.settled()
        self.assertEqual(['a'], subjects(self.two, 'Sent'))

    def test_stores_are_named_by_urls(self):
        self.add('a', 'b')
        account = self.one.account
        environment = {'MAILTWIN_FROM_PASSWORD': account.password}
        url = 'imap://%s@127.0.0.1:%d' % (account.user, account.port)
        for copied in (2, 0):
            run = self.twin.run('sync', '--json', '--from', url, '--to', 'maildir:%s' % self.two.path,
                                environment=environment)
            self.assertEqual(0, run.exit, run)
            self.assertEqual(copied, sum(run.changes().values()), run)
        self.assertEqualSides()
        self.assertNotIn(account.password, run.out + run.err)


class MaildirAndServer(Between, suite.Case):
    where = '__Maildir_and_IMAP'

    def stores(self):
        return self.maildir(), self.imap()


class TwoServers(Between, suite.Case):
    where = '__IMAP_and_IMAP'

    def stores(self):
        return self.imap(), self.imap()

    def test_special_mailboxes_pair_whatever_they_are_called(self):
        other = Dovecot(extra='''
            namespace inbox {
              mailbox "Gesendete Objekte" {
                special_use = \\Sent
              }
              mailbox Sent {
                special_use =
              }
            }''')
        other.start()
        self.addCleanup(other.stop)
        self.two = ImapHand(other.account('ann'))
        self.add('a', mailbox='Sent')
        self.add('b', mailbox='Gesendete Objekte', to=self.two)
        self.pair()
        self.settled()
        self.assertEqual(['a', 'b'], subjects(self.two, 'Gesendete Objekte'))
        self.assertEqual(['a', 'b'], subjects(self.one, 'Sent'))
        self.pair(special_use=False)
        self.add('c', mailbox='Sent')
        self.settled()

    def test_S25_separators_and_prefixes_of_servers_do_not_matter(self):
        other = Dovecot(separator='.', prefix='INBOX.')
        other.start()
        self.addCleanup(other.stop)
        self.two = ImapHand(other.account('ann'))
        self.add('a')
        self.add('b', mailbox='Archive/2024/ä')
        self.pair()
        self.settled()
        self.assertNothing(compare.compare(self.one.read(), compare.read_imap(self.two.account, prefix=('INBOX',))))


class TwoMaildirs(Between, suite.Case):
    where = '__Maildir_and_Maildir'

    def stores(self):
        return self.maildir(), self.maildir()


if __name__ == '__main__':
    suite.main()
