#!/usr/bin/env python3
"""Mailboxes that another program has kept so far are taken as they lie: no folder doubled, no
message copied twice, and the other program can go on."""
import dataclasses
import itertools
import os
import shutil
import subprocess
import unittest

import compare
import mailgen
import suite
from dovecot import Dovecot
from hands import ImapHand, letter
from mailbox_names import to_utf7
from mailtwin import Mailtwin, maildir

server = None
users = ('user%d' % n for n in itertools.count())

MBSYNC = '''
IMAPAccount far
Host {account.host}
Port {account.port}
User {account.user}
Pass {account.password}
SSLType None

IMAPStore far
Account far

MaildirStore near
{near}

Channel both
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
CopyArrivalDate yes
SyncState {folder}/state-
'''


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Takeover(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.account = server.account(next(users))
        self.imap = ImapHand(self.account)
        self.local = self.scratch / 'local'
        self.letters = list(mailgen.letters(11, 150, attachments=.05))

    def fill_server(self):
        mailgen.into_imap(self.account, self.letters, mailgen.names(25))

    def pair(self, **keys):
        self.twin.configure({'far': self.imap.store(), 'near': maildir(self.local, **keys)},
                            {'pair': {'between': ['far', 'near']}})

    def folders(self):
        return sorted(str(path.parent.relative_to(self.local)) for path in self.local.rglob('cur'))

    def assertTaken(self, read):
        """A first sync pairs everything and changes nothing, a second one neither."""
        folders = self.folders()
        for _ in range(2):
            self.assertEqual({}, self.twin.sync().changes())
        self.assertEqual(folders, self.folders())
        self.assertNothing(compare.compare(self.imap.read(), read()))

    # ---- Dovecot ----

    def test_a_maildir_of_dovecot_is_taken_as_it_lies(self):
        self.fill_server()
        shutil.copytree(self.account.home / 'Maildir', self.local)
        self.pair()
        self.assertTaken(lambda: compare.read_maildir(self.local, names='utf7'))

    def test_dovecot_goes_on_with_a_maildir_that_was_taken(self):
        other = ImapHand(server.account(next(users)))
        self.fill_server()
        shutil.copytree(self.account.home / 'Maildir', other.account.home / 'Maildir')
        self.local = other.account.home / 'Maildir'
        self.pair()
        self.twin.sync()
        self.imap.add(letter('by mailtwin', 'Entwürfe', keywords=['new-keyword']))
        other.add(letter('by Dovecot', '日本語/メモ', flags=['\\Flagged'], keywords=['other-keyword']))
        self.assertEqual({('far', 'copied'): 1, ('near', 'copied'): 1}, self.twin.sync().changes())
        self.assertNothing(compare.compare(self.imap.read(), other.read()))
        self.assertEqual({}, self.twin.sync().changes())

    # ---- mbsync ----

    def mbsync(self, near):
        if not shutil.which('mbsync'):
            raise unittest.SkipTest('there is no mbsync: apt-get install isync')
        config = self.scratch / 'mbsyncrc'
        config.write_text(MBSYNC.format(account=self.account, near=near, folder=self.scratch))
        self.local.mkdir(exist_ok=True)
        done = subprocess.run(['mbsync', '-qq', '-c', config, 'both'], capture_output=True, text=True, timeout=120,
                              env=os.environ | {'HOME': str(self.scratch)})
        self.assertEqual(0, done.returncode, done.stderr)

    def taken_from_mbsync(self, near, **keys):
        # mbsync skips messages without a header, and knows no keywords.
        self.letters = [dataclasses.replace(one, keywords=frozenset()) for one in self.letters
                        if b'\r\n\r\n' in one.raw[2:]]
        self.fill_server()
        self.mbsync(near)
        self.pair(**keys)
        before = self.folders(), sorted(p.name for p in self.local.rglob('*:2,*'))
        for _ in range(2):
            self.assertEqual({}, self.twin.sync().changes())
        self.assertEqual(before, (self.folders(), sorted(p.name for p in self.local.rglob('*:2,*'))))

    def test_a_nested_maildir_of_mbsync_is_taken_as_it_lies(self):
        self.taken_from_mbsync('Path %s/\nInbox %s/INBOX\nSubFolders Verbatim' % (self.local, self.local),
                               layout='nested')

    def test_a_maildir_plus_plus_of_mbsync_is_taken_as_it_lies(self):
        self.taken_from_mbsync('Inbox %s\nSubFolders Maildir++' % self.local)

    # ---- offlineimap ----

    def test_a_maildir_of_offlineimap_is_taken_as_it_lies(self):
        """Its names say the UID and the digest of the folder's name; folders are spelt as on the wire."""
        self.fill_server()
        for n, one in enumerate(self.letters):
            folder = self.local / to_utf7(one.mailbox)
            for part in ('cur', 'new', 'tmp'):
                (folder / part).mkdir(parents=True, exist_ok=True)
            info = ''.join(sorted(mailgen.LETTERS[flag] for flag in one.flags))
            path = folder / 'cur' / ('%d_%d.4711.host,U=%d,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,%s' %
                                     (one.received, n % 3, n + 1, info))
            path.write_bytes(one.raw.replace(b'\r\n', b'\n'))
            os.utime(path, (one.received, one.received))
        self.pair(layout='nested')
        folders = self.folders()
        first = self.twin.sync().changes()
        # It knows no keywords, and makes no folder for a mailbox without mail.
        self.assertEqual({('near', 'flagged')}, set(first) | {('near', 'flagged')}, first)
        self.assertEqual({}, self.twin.sync().changes())
        self.assertLessEqual(set(folders), set(self.folders()))
        self.assertNothing(compare.compare(self.imap.read(), compare.read_maildir(self.local, 'nested', 'utf7')))

    # ---- imapsync, or any other copy from server to server ----

    def test_S45_an_account_that_was_copied_already_is_not_copied_again(self):
        other = ImapHand(server.account(next(users)))
        self.fill_server()
        mailgen.into_imap(other.account, self.letters[:100] + [letter('only there')], mailgen.names(25))
        self.twin.configure({'far': self.imap.store(), 'near': other.store()},
                            {'pair': {'from': 'far', 'to': 'near'}})
        self.assertEqual({('near', 'copied'): 50}, self.twin.sync().changes())
        self.assertEqual(['INBOX: \'only there\' (%d octets): only in the second' % len(letter('only there').raw)],
                         compare.compare(self.imap.read(), other.read()))


if __name__ == '__main__':
    suite.main()
