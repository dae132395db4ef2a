#!/usr/bin/env python3
"""Every command does its work inside the sandbox; what is active, and that it is, is seen from outside."""
import os
import pathlib
import sys

import suite
from dovecot import PASSWORD, Dovecot
from mailtwin import Mailtwin, imap, is_sanitized, maildir

TUNNEL = '''
import os, select, socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
while True:
    for ready in select.select([0, s], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else s.recv(65536)
        if not data:
            sys.exit()
        s.sendall(data) if ready == 0 else os.write(1, data)
'''

server = None


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Sandbox(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.mail = self.scratch / 'not' / 'yet' / 'there'

    def configure(self, account, **keys):
        self.twin.configure(
            {'work': imap(account, **keys), 'laptop': maildir(self.mail),
             'vault': {'archive': str(self.scratch / 'archives' / 'work.mta')}},
            {'pair': {'between': ['work', 'laptop']}, 'nightly': {'from': 'work', 'to': 'vault'}})

    def good(self, *arguments, **how):
        """A run inside of it, which says so."""
        run = self.twin.command(*arguments, **how)
        self.assertEqual(0, run.exit, run)
        return run

    def assertTold(self, run):
        line = [line for line in run.err.splitlines() if line.startswith('sandbox: ')]
        self.assertEqual(1, len(line), run)
        if is_sanitized():
            self.assertEqual('sandbox: left out of a build with sanitizers', line[0])
        else:
            self.assertRegex(line[0], r'^sandbox: files (and ports )?(not )?\(Landlock.*\), system calls (not )?\(seccomp')

    def test_each_command_does_its_work_in_it(self):
        (self.scratch / 'archives').mkdir()
        account = server.account('eve', tls=True)     # by the name localhost: looked up outside
        with account.connect() as client:
            for n in range(3):
                client.append('INBOX', None, None,
                              b'Message-ID: <%d@x>\r\nSubject: =?iso-2022-jp?B?GyRCTjYbKEI=?= n%d\r\n\r\nhello\r\n' % (n, n))
        secret = self.scratch / 'secret'
        secret.write_text(PASSWORD + '\n')
        self.configure(account, password={'command': 'cat %s' % secret})
        archive = str(self.scratch / 'archives' / 'work.mta')
        self.assertTold(self.good('check', '--verbose'))
        self.assertTold(self.good('diff', '--verbose', 'pair'))
        self.assertTold(self.good('sync', '--verbose'))
        self.assertEqual(3, len(list((self.mail).rglob('*,S=*'))))
        self.good('sync')
        self.good('status')
        self.assertTold(self.good('verify', '--verbose', 'pair'))
        self.good('verify', 'work', 'laptop')
        self.good('snapshot', 'work', archive)
        self.assertIn('n1', self.good('ls', archive).out)
        self.assertIn('n2', self.good('search', archive, 'n2').out)
        self.good('log', archive)
        self.good('diff', archive, '1', '2')
        self.assertTold(self.good('verify', '--verbose', archive))
        self.assertTold(self.good('restore', '--verbose', archive, 'maildir:%s' % (self.scratch / 'back')))
        self.assertEqual(3, len(list((self.scratch / 'back').rglob('*,S=*'))))
        self.good('restore', archive, 'work')
        self.good('forget', archive, '--keep-last', '1')
        self.good('compact', archive)
        self.good('verify', archive)
        self.assertEqual([archive], [str(path) for path in (self.scratch / 'archives').iterdir()
                                     if path.suffix == '.mta'])

    def test_a_tunnel_and_a_secret_in_a_file_work_in_it(self):
        secret = self.scratch / 'secret'
        secret.touch(mode=0o600)
        secret.write_text(PASSWORD + '\n')
        self.configure(server.account('ann'), password={'file': str(secret)},
                       tunnel=[sys.executable, '-c', TUNNEL, str(server.port)])
        self.assertTold(self.good('sync', '--verbose', 'pair'))
        self.good('sync', 'pair')

    def test_a_client_certificate_and_the_trace_work_in_it(self):
        server.ca.client(self.scratch / 'zoe', 'zoe')
        self.configure(server.account('zoe', tls=True), client_cert=str(self.scratch / 'zoe.pem'),
                       client_key=str(self.scratch / 'zoe.key'))
        self.assertTold(self.good('sync', '--verbose', '--trace', self.scratch / 'trace', 'pair'))
        self.assertIn('LIST', (self.scratch / 'trace').read_text())

    def test_it_is_there_before_anything_is_contacted(self):
        """The kernel's word, while the password is waited for; a build with sanitizers leaves it out."""
        pipe = self.scratch / 'pipe'
        os.mkfifo(pipe)
        self.configure(server.account('ann'), password={'command': ['cat', str(pipe)]})
        with self.twin.start('-c', self.twin.config, 'sync', '--verbose', 'pair') as process:
            with open(pipe, 'w') as out:    # opens once the command runs
                status = pathlib.Path('/proc/%d/status' % process.pid).read_text()
                out.write(PASSWORD + '\n')
            out, err = process.communicate(timeout=120)
        self.assertEqual(0, process.returncode, out + err)
        self.assertRegex(status, r'NoNewPrivs:\s%d\n' % (not is_sanitized()))
        if 'system calls (seccomp)' in err:
            self.assertRegex(status, r'Seccomp:\s2\n')


if __name__ == '__main__':
    suite.main()
