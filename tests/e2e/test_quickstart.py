#!/usr/bin/env python3
"""contrib/quickstart with a real account: the program is the one under test, nothing is installed."""
import os
import pathlib
import shutil
import subprocess

import compare
import mailgen
import suite
from dovecot import PASSWORD, Dovecot
from mailtwin import Mailtwin, program

QUICKSTART = pathlib.Path(__file__).resolve().parent.parent.parent / 'contrib' / 'quickstart'

server = None


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Quickstart(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.top = self.scratch / 'top'
        (self.top / 'contrib').mkdir(parents=True)
        shutil.copy(QUICKSTART, self.top / 'contrib')
        # A tree that is built already.
        for name in 'configure.ac', 'configure':
            (self.top / name).touch()
        os.utime(self.top / 'configure.ac', (0, 0))
        (self.top / 'build').mkdir()
        (self.top / 'build' / 'Makefile').write_text('all:\n')
        (self.top / 'build' / 'mailtwin').symlink_to(program())

    def start(self, url, **environment):
        """At no terminal."""
        return subprocess.run([self.top / 'contrib' / 'quickstart', url], text=True, capture_output=True, timeout=120,
                              stdin=subprocess.DEVNULL, start_new_session=True,
                              env=self.twin.environment(SSL_CERT_FILE=str(server.top / 'ca.pem'), **environment))

    def assertFetched(self, account, url, letters):
        mailgen.into_imap(server.account(account), mailgen.letters(41, letters, 5))
        done = self.start(url, MAILTWIN_FROM_PASSWORD=PASSWORD)
        self.assertEqual(0, done.returncode, done)
        name = url.partition('://')[2]
        maildir = self.twin.home / 'Mail' / name
        self.assertNothing(compare.compare(compare.read_imap(server.account(account)), compare.read_maildir(maildir)))
        self.assertIn('The mail is in %s.' % maildir, done.stdout)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)
        # What it says to type next does what it says.
        line = next(line for line in done.stdout.splitlines() if ' sync --from ' in line)
        again = subprocess.run(line, shell=True, text=True, capture_output=True, timeout=60,
                               env=self.twin.environment(SSL_CERT_FILE=str(server.top / 'ca.pem'),
                                                         MAILTWIN_FROM_PASSWORD=PASSWORD))
        self.assertEqual(0, again.returncode, again)
        self.assertIn('0 new, 0 changed, 0 deleted', again.stdout)

    def test_an_account_behind_tls_is_fetched(self):
        self.assertFetched('ann', 'imaps://ann@localhost:%d' % server.tls_port, 60)

    def test_an_account_on_this_machine_is_fetched_without_tls(self):
        self.assertFetched('ben@example.org', 'imap://ben@example.org@127.0.0.1:%d' % server.port, 10)

    def assertTold(self, exit_code, words, url, **environment):
        done = self.start(url, **environment)
        self.assertEqual(exit_code, done.returncode, done)
        self.assertIn(words, done.stderr.splitlines()[0], done)
        self.assertNotIn('The mail is in', done.stdout)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)

    def test_a_wrong_password_is_told(self):
        self.assertTold(3, 'refused the sign-in of ann: ', 'imaps://ann@localhost:%d' % server.tls_port,
                        MAILTWIN_FROM_PASSWORD='wrong')

    def test_a_misspelt_host_is_told(self):
        self.assertTold(4, "locallhost.invalid", 'imaps://ann@locallhost.invalid', MAILTWIN_FROM_PASSWORD=PASSWORD)

    def test_a_password_that_cannot_be_asked_for_is_told_with_what_helps(self):
        self.assertTold(2, 'MAILTWIN_FROM_PASSWORD', 'imaps://ann@localhost:%d' % server.tls_port)


if __name__ == '__main__':
    suite.main()
