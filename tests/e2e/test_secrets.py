#!/usr/bin/env python3
"""No secret where others can see it: outputs, trace, state, arguments and environment of programs."""
import os
import pathlib
import secrets
import stat
import sys

import suite
from dovecot import Dovecot
from mailtwin import Mailtwin, disguises, imap, is_sanitized, maildir

SECRET = 'Pa-' + secrets.token_hex(12)

# A connection to the port, for a program that notes down what it was given.
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
    server = Dovecot(password=SECRET)
    server.start()


def tearDownModule():
    server.stop()


class Secrets(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.seen = self.scratch / 'seen'
        self.seen.mkdir()
        (self.scratch / 'mail').mkdir()

    def note(self, name):
        """Words of a shell that note down environment, arguments, limits and all that is above it."""
        return ('{ env; ulimit -c; tr "\\0" "\\n" </proc/$$/cmdline; tr "\\0" "\\n" </proc/$PPID/cmdline; } '
                '>%s/%s' % (self.seen, name))

    def file_of_secret(self):
        path = self.scratch / 'given'
        path.write_text(SECRET + '\n')
        path.chmod(0o600)
        return path

    def sync(self, environment=None, expect=0, **keys):
        """One run whose outputs and trace are noted down, too."""
        account = server.account('ann')
        self.twin.configure({'work': imap(account, **keys), 'laptop': maildir(self.scratch / 'mail')},
                            {'pair': {'between': ['work', 'laptop']}})
        run = self.twin.sync('--verbose', '--trace', self.seen / 'trace', environment=environment, expect=expect)
        (self.seen / 'outputs').write_text(run.out + run.err)
        return run

    def assertHidden(self, secret=SECRET):
        """In none of the files but those that were given it: the configuration and `given`."""
        paths = [path for path in self.scratch.rglob('*')
                 if path.is_file() and path.name not in ('config.yml', 'given')]
        self.assertTrue([path for path in paths if path.name == 'trace'], paths)
        for path in paths:
            data = path.read_bytes()
            for disguise in disguises(secret):
                self.assertNotIn(disguise, data, '%s has a secret' % path)

    def test_a_secret_is_seen_nowhere_whatever_its_source_and_mechanism(self):
        given = self.file_of_secret()
        sources = {
            'literal': SECRET, 'env': {'env': 'WORK_SECRET'}, 'file': {'file': str(given)},
            'command': {'command': '%s; cat %s' % (self.note('command'), given)},
            'list': {'command': ['cat', str(given)]}}
        for source, password in sources.items():
            for mechanism in 'PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-256':
                with self.subTest(source + ' ' + mechanism):
                    self.sync({'WORK_SECRET': SECRET} if source == 'env' else None,
                              password=password, auth=[mechanism])
                    self.assertHidden()

    def test_a_refused_secret_is_seen_nowhere(self):
        for mechanism in 'PLAIN', 'LOGIN', 'SCRAM-SHA-256':
            wrong = 'No-' + secrets.token_hex(12)
            with self.subTest(mechanism):
                self.sync(password=wrong, auth=[mechanism], expect=3)
                self.assertHidden(wrong)

    def test_a_program_of_the_configuration_sees_no_secret_of_another_store(self):
        """The tunnel's environment is ours without the variable that holds the password."""
        tunnel = ['/bin/sh', '-c', '%s; exec "$@"' % self.note('tunnel'), 'tunnel',
                  sys.executable, '-c', TUNNEL, str(server.port)]
        self.sync({'WORK_SECRET': SECRET, 'OTHER': 'kept'}, password={'env': 'WORK_SECRET'}, tunnel=tunnel)
        self.assertIn('OTHER=kept', (self.seen / 'tunnel').read_text())
        self.assertHidden()

    def test_a_password_of_a_url_is_seen_by_no_program(self):
        account = server.account('ann')
        run = self.twin.run(
            'sync', '--verbose', '--trace', self.seen / 'trace',
            '--from', 'imap://ann@127.0.0.1:%d' % account.port, '--to', 'maildir:%s' % (self.scratch / 'mail'),
            environment={'MAILTWIN_FROM_PASSWORD': SECRET})
        (self.seen / 'outputs').write_text(run.out + run.err)
        self.assertHidden()

    def test_no_program_of_ours_dumps_a_core(self):
        given = self.file_of_secret()
        self.sync(password={'command': 'ulimit -c >%s/limit; cat %s' % (self.seen, given)})
        self.assertEqual('0\n', (self.seen / 'limit').read_text())

    def test_the_process_cannot_be_looked_into(self):
        """Only sanitizers look into their own process."""
        pipe = self.scratch / 'pipe'
        os.mkfifo(pipe)
        self.twin.configure(
            {'work': imap(server.account('ann'), password={'command': ['cat', str(pipe)]}),
             'laptop': maildir(self.scratch / 'mail')}, {'pair': {'between': ['work', 'laptop']}})
        with self.twin.start('-c', self.twin.config, 'sync') as process:
            with open(pipe, 'w') as out:    # opens once the command runs
                environ = pathlib.Path('/proc/%d/environ' % process.pid)
                self.assertEqual(os.getuid() if is_sanitized() else 0, environ.stat().st_uid)
                if not is_sanitized():
                    self.assertRaises(PermissionError, environ.read_bytes)
                out.write(SECRET + '\n')
            out, err = process.communicate(timeout=120)
        self.assertEqual(0, process.returncode, out + err)

    def test_what_is_kept_is_for_its_owner_only(self):
        self.sync()
        for path in [self.seen / 'trace', *(self.twin.home / 'state').rglob('*.db')]:
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode), path)


if __name__ == '__main__':
    suite.main()
