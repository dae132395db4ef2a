#!/usr/bin/env python3
"""Whole sessions with servers that no Dovecot would be: each a file in tests/e2e/scripts.

A file begins with what it is about and what must come of it; the dialogue follows, as
script_server.py has it.

    about: a server that ...        the test's name; behind `case:`, where strangers are numbered
    case: B14
    store: tls: starttls            a key of the store `work`, the scripted server; or of the
    pair: mode: move                pair, which is from work to laptop, a Maildir
    server: tls                     the server speaks TLS from the first octet
    server: dead IPv6               its name has an IPv6 address too, which never answers
    laptop: INBOX: a letter         what lies in the Maildir before: a mailbox and a subject
    command: check                  in place of `sync`

    exit: 4                         the exit code; 0 where nothing is said
    out: ... 2 new to laptop ...    lines on standard output (`...` stands for anything); where
                                    nothing is said, standard output does not matter
    err: work: ... closed ...       lines on standard error: each of these, and no other, must come
    sent: \\S+ LOGOUT               something that the client sent matches this, a regular expression
    never: .*LOGIN.*                nothing that the client sent matches this
    target: INBOX: one              a message that lies in laptop afterwards, by its subject, or as
    target: INBOX: "\\r\\nHello"     where there is none; these, and no other
    then: nothing; why              there is no next run; else there is, with ordinary.script, and
                                    laptop has its messages then, too, each once
    seconds: 20                     it must end within

What must hold whatever a server does is asserted for each file: `assertCommon`.
"""
import contextlib
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import threading
import time

import compare
import mailtwin
import suite
from certificates import Authority
from hands import MaildirHand, letter, subject_of
from mailtwin import Mailtwin, disguises
from script_server import Script, ScriptServer

FOLDER = pathlib.Path(__file__).parent / 'scripts'
SECONDS = 20
MEGABYTES = 64
SANITIZED_MEGABYTES = 640
LONGEST_LINE = 2048

# What must never reach a terminal: control characters, and those that turn text around.
UNFIT = re.compile('[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]')

authority = None


def setUpModule():
    global authority
    folder = suite.scratch_folder()
    authority = Authority(folder)
    authority.server(folder / 'server')


def value_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def keys(lines):
    """['tls: none'] as {'tls': 'none'}."""
    return {key: value_of(value.strip()) for key, _, value in (line.partition(':') for line in lines)}


def pattern_of(text):
    return re.compile('.*'.join(map(re.escape, text.split('...'))))


@contextlib.contextmanager
def dead_ipv6(port):
    """[::1]:port takes no more connections, and says nothing about it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET6))
        listener.bind(('::1', port))
        listener.listen(0)
        for _ in range(4):
            full = stack.enter_context(socket.socket(socket.AF_INET6))
            full.setblocking(False)
            full.connect_ex(('::1', port))
        yield


def files_in(folder):
    """What is in it, as {path: what it is like}."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob('*')):
        about = path.lstat()
        found[path] = (about.st_mode, about.st_size, about.st_mtime_ns if path.is_file() else 0)
    return found


class Scripts(suite.Case):
    """Its tests are made from the files."""

    def setUp(self):
        super().setUp()
        self.password = 'Pa-' + secrets.token_hex(12)
        self.local = self.scratch / 'local'
        self.trace = self.scratch / 'trace'
        self.outputs = b''

    def run_script(self, path):
        self.script = Script(path)
        self.want = self.script.settings
        self.twin = Mailtwin(self.scratch)
        with contextlib.ExitStack() as stack:
            self.server = stack.enter_context(self.serve())
            if 'dead IPv6' in self.want.get('server', []):
                stack.enter_context(dead_ipv6(self.server.port))
            self.prepare()
            before = files_in(self.scratch)
            exit_code, out, err = self.run_program(*self.one('command', 'sync').split())
            self.assertCommon(before)
            self.assertResult(exit_code, out, err)
            self.assertTarget()
            self.afterwards()

    def one(self, word, default=None):
        return self.want.get(word, [default])[-1]

    def serve(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server = authority.path.parent / 'server'
        context.load_cert_chain(server.with_suffix('.pem'), server.with_suffix('.key'))
        return ScriptServer(self.script, context, tls='tls' in self.want.get('server', []))

    def prepare(self):
        work = {'imap': 'localhost:%d' % self.server.port, 'tls': 'none', 'user': 'ann', 'password': self.password,
                'connections': 1, 'timeout': '2s'} | keys(self.want.get('store', []))
        if 'oauth2' in work:
            del work['password']
        if work['tls'] != 'none':
            work['ca_file'] = str(authority.path.with_suffix('.pem'))
        self.pair = {'from': 'work', 'to': 'laptop'} | keys(self.want.get('pair', []))
        if 'between' in self.pair:
            del self.pair['from'], self.pair['to']
        hand = MaildirHand(self.local)
        for line in self.want.get('laptop', []):
            mailbox, _, subject = line.rpartition(': ')
            hand.add(letter(subject, mailbox))
        self.twin.configure({'work': work, 'laptop': hand.store()}, {'pair': self.pair})

    def run_program(self, *arguments):
        """Like Mailtwin.run, but its memory is measured, and what it says is not decoded."""
        told = self.scratch / 'told'
        told.mkdir(exist_ok=True)
        with open(told / 'out', 'wb') as out, open(told / 'err', 'wb') as err:
            process = self.twin.start('-c', self.twin.config, *arguments, '--trace', self.trace, stdout=out, stderr=err)
            limit = float(self.one('seconds', SECONDS))
            timer = threading.Timer(limit, process.kill)
            timer.start()
            began = time.monotonic()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            timer.cancel()
        said = [(told / name).read_bytes() for name in ('out', 'err')]
        self.outputs += b''.join(said)
        words = ' '.join(arguments) + ': ' + said[1][-3000:].decode(errors='replace')
        self.assertLess(time.monotonic() - began, limit, 'not within its time: ' + words)
        self.assertFalse(any(word.encode() in said[1] for word in mailtwin.SANITIZER), words)
        self.assertLess(usage.ru_maxrss / 1024, self.megabytes(), 'too much memory: ' + words)
        return process.returncode, *said

    @staticmethod
    def megabytes():
        sanitized = b'__asan_init' in pathlib.Path(mailtwin.program()).read_bytes()
        return SANITIZED_MEGABYTES if sanitized else MEGABYTES

    # ---- what must hold whatever a server does ----

    def assertCommon(self, before):
        self.assertEqual([], self.server.failures)
        self.assertFit()
        self.assertOnlyTheTargetChanged(before)
        self.assertNoSecret()

    def assertFit(self):
        for line in self.outputs.decode('utf-8', 'surrogateescape').split('\n'):
            self.assertIsNone(UNFIT.search(line), 'not fit for a terminal: %r' % line)
            self.assertLess(len(line), LONGEST_LINE)
            line.encode()   # valid UTF-8

    def assertOnlyTheTargetChanged(self, before):
        allowed = self.local, self.twin.home / 'state', self.trace, self.scratch / 'told'
        after = files_in(self.scratch)
        changed = [str(path) for path in sorted(before.keys() | after.keys())
                   if before.get(path) != after.get(path) and not any(path == a or a in path.parents for a in allowed)]
        self.assertEqual([], changed, 'outside the target')
        self.assertEqual([], [str(path) for path in self.local.rglob('tmp/*')], 'left half made')
        self.assertEqual([], [str(path) for path in after if path.is_symlink()])

    def assertNoSecret(self):
        hidden = {path: path.read_bytes() for path in self.scratch.rglob('*')
                  if path.is_file() and path != self.twin.config}
        hidden['its outputs'] = self.outputs
        secrets_ = [self.password, *self.want.get('secret', [])]
        for secret in secrets_:
            for disguise in disguises(secret):
                for where, text in hidden.items():
                    self.assertNotIn(disguise, text, '%s has a secret' % where)

    # ---- what this file wants ----

    def assertResult(self, exit_code, out, err):
        words = 'exit %d\n%s\n%s\nheard: %s' % (exit_code, out.decode(), err.decode(), '\n'.join(self.server.heard[-12:]))
        self.assertEqual(int(self.one('exit', '0')), exit_code, words)
        self.assertLines('err', err.decode(), words)
        if 'out' in self.want:
            self.assertLines('out', out.decode(), words)
        for pattern in self.want.get('sent', []):
            self.assertTrue(self.heard(pattern), 'never sent: %s\n%s' % (pattern, words))
        for pattern in self.want.get('never', []):
            self.assertFalse(self.heard(pattern), words)

    def assertLines(self, word, text, words):
        patterns = [pattern_of(line) for line in self.want.get(word, [])]
        # Which is not news: every script begins with no state, and --verbose tells of the sandbox.
        lines = [line for line in text.splitlines()
                 if line != 'pair: no state was found: made anew' and not line.startswith('sandbox: ')]
        for line in lines:
            self.assertTrue(any(p.fullmatch(line) for p in patterns), 'unexpected: "%s"\n%s' % (line, words))
        for p in patterns:
            self.assertTrue(any(p.fullmatch(line) for line in lines), 'nothing is like: %s\n%s' % (p.pattern, words))
        self.assertEqual(len(patterns), len(lines), 'told twice\n' + words)

    def heard(self, pattern):
        return any(re.fullmatch(pattern, text, re.I | re.S) for text in self.server.heard)

    def lying(self):
        """What lies in laptop, as `target` writes it."""
        found = []
        for folder in compare.maildir_folders(self.local).values():
            mailbox = 'INBOX' if folder == self.local else folder.name[1:]
            for part in 'new', 'cur':
                for path in (folder / part).iterdir():
                    raw = path.read_bytes()
                    subject = subject_of(raw) if re.search(rb'(?im)^subject:', raw) else ascii(raw)[1:].replace("'", '"')
                    found.append('%s: %s' % (mailbox, subject))
        return sorted(found)

    def assertTarget(self):
        wanted = self.want.get('target', []) + self.want.get('laptop', [])
        self.assertEqual(sorted(wanted), self.lying())

    def afterwards(self):
        """The server is itself again, and so is laptop."""
        if self.one('then', 'converges') != 'converges':
            return
        ordinary = Script(FOLDER / 'ordinary.script')
        self.server.script, self.server.count = ordinary, 0
        before = files_in(self.scratch)
        lay = self.lying()
        exit_code, out, err = self.run_program('sync')
        self.assertCommon(before)
        self.assertEqual((0, ''), (exit_code, err.decode().replace('pair: no state was found: made anew\n', '')), out)
        self.assertEqual(sorted({*lay, *ordinary.settings['target']}), self.lying())


def _add_tests():
    for path in sorted(FOLDER.glob('*.script')):
        settings = Script(path).settings
        name = ' '.join([*settings.get('case', []), *settings.get('about', [path.stem])])
        setattr(Scripts, 'test_' + re.sub(r'\W+', '_', name), lambda self, path=path: self.run_script(path))


_add_tests()


if __name__ == '__main__':
    suite.main()
