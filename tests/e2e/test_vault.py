#!/usr/bin/env python3
"""An account of a real Dovecot goes into an archive by sync and snapshot, and comes back whole."""
import shutil

import compare
import mailgen
import suite
from dovecot import Dovecot
from hands import ImapHand, MaildirHand, letter
from mailtwin import Mailtwin

server = None


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Vault(suite.Case):
    users = 0

    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.one, self.two = self.account(), self.account()
        self.twin.configure(
            {'one': self.one.store(), 'two': self.two.store(),
             'vault': {'archive': str(self.scratch / 'work.mta')},
             'mirror': {'maildir': str(self.scratch / 'mirror')}},
            {'save': {'from': 'one', 'to': 'vault'}, 'pull': {'from': 'one', 'to': 'mirror', 'mode': 'mirror'},
             'back': {'from': 'vault', 'to': 'two'}})
        letters = list(mailgen.letters(5, 200, attachments=.2))
        mailgen.into_maildir(self.one.direct.home / 'Maildir', letters, 'utf7', mailgen.names(12))

    def account(self):
        Vault.users += 1
        account = server.account('vault%d' % Vault.users)
        return ImapHand(account, account)

    def test_an_account_comes_back_whole_with_flags_keywords_and_dates(self):
        self.assertEqual({('vault', 'copied'): 200}, self.twin.sync('save').changes())
        self.assertEqual({('two', 'copied'): 200}, self.twin.sync('back').changes())
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def test_an_unchanged_account_costs_the_round_trips_of_a_sync_without_changes(self):
        for pair in ('save', 'pull'):
            self.twin.sync(pair)
        trips = [self.twin.sync(pair).side('one')['round_trips'] for pair in ('pull', 'save')]
        self.assertEqual(trips[0], trips[1])

    def test_what_changed_is_in_the_next_snapshot_alone(self):
        self.twin.sync('save')
        self.one.add(letter('late'))
        self.one.flag('late', '+\\Flagged')
        self.assertEqual({('vault', 'copied'): 1}, self.twin.sync('save').changes())
        self.one.flag('late', '-\\Flagged', '+\\Answered')
        self.assertEqual({('vault', 'flagged'): 1}, self.twin.sync('save').changes())
        self.one.delete('late')
        self.assertEqual({('vault', 'deleted'): 1}, self.twin.sync('save').changes())
        self.assertEqual({('two', 'copied'): 200}, self.twin.sync('back').changes())

    def test_a_mailbox_that_was_made_anew_is_in_the_next_snapshot_as_it_stands(self):
        """Another UIDVALIDITY holds deletions back everywhere else; here the earlier snapshots keep them."""
        self.one.add(letter('stays', 'Anew'), letter('goes', 'Anew'))
        self.twin.sync('save')
        self.one.delete_mailbox('Anew')
        self.one.add(letter('comes', 'Anew'), letter('stays', 'Anew'))
        self.assertEqual({('vault', 'copied'): 1, ('vault', 'deleted'): 1}, self.twin.sync('save').changes())
        self.assertEqual({}, self.twin.sync('save').changes())
        self.assertEqual({('two', 'copied'): 202}, self.twin.sync('back').changes())
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))

    def test_a_mailbox_that_went_with_the_state_is_not_in_the_next_snapshot(self):
        """Nobody knows any more what of it was synced; the earlier snapshots keep it all the same."""
        self.one.add(letter('goes', 'Gone'))
        self.twin.sync('save')
        self.one.delete_mailbox('Gone')
        shutil.rmtree(self.twin.home / 'state')
        self.twin.sync('save')
        self.twin.sync('back')
        self.assertNothing(compare.compare(self.one.read(), self.two.read()))
        self.assertIn('Gone', self.twin.command('ls', 'vault', '--snapshot', '1').out)

    def test_a_place_that_was_put_back_as_it_was_earlier_is_in_the_next_snapshot_as_it_stands(self):
        mirror = MaildirHand(self.scratch / 'mirror')
        self.twin.configure({'one': mirror.store(), 'vault': {'archive': str(self.scratch / 'other.mta')}},
                            {'save': {'from': 'one', 'to': 'vault'}})
        mirror.add(letter('a'), letter('b'))
        self.twin.sync('save')
        shutil.copytree(mirror.path, self.scratch / 'earlier')
        mirror.add(letter('c'))
        self.twin.sync('save')
        shutil.rmtree(mirror.path)
        shutil.copytree(self.scratch / 'earlier', mirror.path)
        self.assertEqual({('vault', 'copied'): 2}, self.twin.sync('save').changes())
        self.assertEqual({}, self.twin.sync('save').changes())
        verified = self.twin.command('verify', 'save')
        self.assertEqual('save: 2 of 2 messages the same\n', verified.out, verified)

    def test_an_archive_that_was_removed_is_begun_anew(self):
        self.twin.sync('save')
        (self.scratch / 'work.mta').unlink()
        self.assertEqual({('vault', 'copied'): 200}, self.twin.sync('save').changes())
        self.assertEqual({}, self.twin.sync('save').changes())

    def test_snapshot_takes_a_store_of_the_configuration(self):
        run = self.twin.command('snapshot', 'one', self.scratch / 'other.mta')
        self.assertEqual(0, run.exit, run)
        self.assertIn('200 new', run.out)


if __name__ == '__main__':
    suite.main()
