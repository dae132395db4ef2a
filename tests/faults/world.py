"""A small world that is made once and copied for each fault: a server, a Maildir, the program's home.

The server is Dovecot's own `imap`, a process a connection, signed in from the start (PREAUTH), on a
loopback port; it keeps its mail in a Maildir, too, so that both sides are filled and read as files.
"""
import collections
import contextlib
import dataclasses
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'e2e'))

import compare
import mailtwin
from hands import MaildirHand, letter
from relay import Listener
from vault import Vault

RUN_SECONDS = 60    # a run takes some hundredths of one, or 30 where it waits for a lock; this one hangs

CONFIGURATION = '''
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = imap
mail_location = maildir:~/Maildir
mail_fsync = never
first_valid_uid = 1
first_valid_gid = 1
ssl = no
namespace inbox {{
  inbox = yes
  separator = /
}}
'''


class Server(Listener):
    """Dovecot's `imap` for the Maildir in `home`/Maildir, whoever connects."""

    def __init__(self, top, home):
        self.home, self.processes = home, []
        conf = pathlib.Path(top) / 'dovecot.conf'
        conf.write_text(CONFIGURATION.format(top=top))
        plain = {'PATH': os.environ['PATH'] + ':/usr/sbin', 'HOME': str(home), 'USER': 'ann'}
        # Read once: `imap -c` would read it, in a process of its own, for each connection.
        told = subprocess.run(['doveconf', '-f', 'service=imap', '-c', conf, '-m', 'imap', '-e', '/usr/bin/env'],
                              env=plain, check=True, capture_output=True, text=True).stdout
        self.environment = dict(line.split('=', 1) for line in told.splitlines() if '=' in line)
        folder = subprocess.run(['doveconf', '-c', conf, '-h', 'libexec_dir'], env=plain, check=True,
                                capture_output=True, text=True).stdout.strip()
        self.program = folder + '/imap'

    def serve(self, client):
        self.processes.append(subprocess.Popen([self.program], stdin=client, stdout=client, cwd=self.home,
                                               stderr=subprocess.DEVNULL, env=self.environment))
        client.close()
        self.sockets.discard(client)

    def settle(self):
        """Until nobody is served any more: what is on the disk then is all there is."""
        while select.select([self.listener], [], [], 0)[0]:     # a run that ended at once left its connection here
            time.sleep(.001)
        for thread in self.threads[1:]:
            thread.join(20)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError('a server process was left behind') from None
        self.processes.clear()
        self.threads = [thread for thread in self.threads if thread.is_alive()]


@dataclasses.dataclass(frozen=True)
class Workload:
    """What a run has to do: `before` was synced, `changes` came then."""
    name: str
    before: object      # functions of both hands, server first
    changes: object
    pair: dict = dataclasses.field(default_factory=lambda: {'between': ['work', 'laptop']})


def _some_mail(hand, name=''):
    hand.add(letter(name + 'one', flags=['\\Seen'], keywords=['later']), letter(name + 'two', flags=['\\Flagged']),
             letter(name + 'twin'), letter(name + 'twin'), letter(name + 'three', body='A line of text.\r\n' * 700),
             letter(name + 'kernel', 'Lists/kernel', flags=['\\Answered', '\\Seen'], received=1_600_000_000),
             letter(name + 'sent', 'Sent', flags=['\\Seen']))
    hand.create('Empty')


def _nothing(work, laptop):
    pass


def _messages_change(work, laptop):
    work.add(letter('from work'), letter('kernel 2', 'Lists/kernel', keywords=['later', 'urgent']))
    laptop.add(letter('from laptop', flags=['\\Seen']))
    work.flag('one', '+\\Answered')
    work.flag('two', '-\\Flagged')
    work.delete('sent', mailbox='Sent')
    work.move('three', 'Lists/kernel')
    laptop.flag('one', '+\\Flagged', '+urgent')
    laptop.flag('two', '+\\Seen')
    laptop.delete('twin')
    laptop.move('kernel', 'INBOX', mailbox='Lists/kernel')


def _only_marks_change(work, laptop):
    work.flag('one', '+\\Answered')
    work.flag('kernel', '-\\Answered', mailbox='Lists/kernel')
    laptop.flag('two', '+\\Seen')
    laptop.flag('sent', '+\\Flagged', mailbox='Sent')
    laptop.delete('twin')


def _both_change(work, laptop):
    work.add(letter('first', 'Made at work'))
    laptop.add(letter('first', 'Made on laptop'))
    _messages_change(work, laptop)


def _both_have_it(work, laptop):
    """The same mail on both sides, and nobody knows of it; each side has one more."""
    _some_mail(work)
    _some_mail(laptop)
    work.add(letter('only at work'))
    laptop.add(letter('only on laptop'))


def _mirrored(work, laptop):
    _both_change(work, laptop)
    laptop.add(letter('beyond'))


SAME_MAILBOXES = Workload('two-way in mailboxes that are there', lambda work, laptop: _some_mail(work),
                          _messages_change)
NOTHING_NEW = Workload('two-way without a new message', lambda work, laptop: _some_mail(work), _only_marks_change)
WORKLOADS = {w.name: w for w in [
    Workload('pull', _nothing, lambda work, laptop: _some_mail(work)),
    Workload('push', _nothing, lambda work, laptop: _some_mail(laptop)),
    Workload('two-way', lambda work, laptop: _some_mail(work), _both_change),
    Workload('first pairing', _nothing, _both_have_it),
    Workload('mirror', lambda work, laptop: _some_mail(work), _mirrored,
             {'from': 'work', 'to': 'laptop', 'mode': 'mirror'}),
    Workload('move', lambda work, laptop: _some_mail(work), lambda work, laptop: work.add(letter('late')),
             {'from': 'work', 'to': 'laptop', 'mode': 'move'}),
]}


def faulty(fault, record):
    """The environment in which shim.c has that fault come."""
    shim = os.environ.get('FAULTS_SHIM') or str(pathlib.Path('tests/faults/shim.so').resolve())
    return unleaky({'FAULT': fault, 'FAULT_RECORD': str(record), 'LD_PRELOAD': shim})


def unleaky(environment):
    """A leak check makes calls of its own, which fail."""
    if environment and os.environ.get('FAULTS_SANITIZED'):
        environment['ASAN_OPTIONS'] = 'exitcode=99:detect_leaks=0:verify_asan_link_order=0'
    return environment


@dataclasses.dataclass
class Ended:
    exit: int           # negative: by that signal
    err: str
    fired: list         # names of the calls that failed


class World:
    """`top` is a scratch folder.  `front` makes a relay before a server, from its port: it stays the
    same for all runs, for a server is known by its port.  `kind` is of the laptop: its mail is in a
    Maildir, where it is a server as well, or in an archive."""

    hand = MaildirHand      # who changes the laptop's mail

    def __init__(self, top, workload, front=None, kind='maildir'):
        self.top, self.workload = pathlib.Path(top), workload
        self.front, self.kind = front or (lambda port: contextlib.nullcontext()), kind
        self.here, self.saved, self.backup = self.top / 'now', self.top / 'saved', self.top / 'backup'
        self.here.mkdir()
        self.work, self.laptop = self.here / 'work' / 'Maildir', self.here / 'laptop' / 'Maildir'
        if kind == 'archive':
            self.hand = Vault
        self.work.parent.mkdir()
        self.laptop.parent.mkdir()
        self.record = self.top / 'record'

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.servers = [stack.enter_context(Server(self.top, path.parent)) for path in (self.work, self.laptop)]
            self.relays = [stack.enter_context(self.front(server.port)) for server in self.servers]
            self._make()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _store(self, side):
        port = (self.relays[side] or self.servers[side]).port
        return {'imap': '127.0.0.1:%d' % port, 'user': 'ann', 'password': 'none', 'tls': 'none',
                'connections': 1, 'timeout': '10s'}

    def _configure(self):
        self.twin = mailtwin.Mailtwin(self.here)
        laptop = self._store(1) if self.kind == 'imap' else {self.kind: str(self.laptop)}
        self.twin.configure({'work': self._store(0), 'laptop': laptop}, {'pair': self.workload.pair})

    def _start(self, environment, command, *more):
        return self.twin.start('-c', self.twin.config, command, *more, environment=environment)

    def _make(self):
        self._configure()
        hands = MaildirHand(self.work), self.hand(self.laptop)
        self.workload.before(*hands)
        if self.workload.before is not _nothing:
            self._clean_run()
            self.settle()
        self._copy(self.here, self.backup)
        self.workload.changes(*hands)
        time.sleep(.03)     # the clock's grain: what changed within it would be looked at twice
        self._copy(self.here, self.saved)
        self.start = self.read()
        self._clean_run()
        self.wanted = self.read()
        self.restore()

    def settle(self):
        for server in self.servers:
            server.settle()

    def _clean_run(self):
        ended = self.run()
        if ended.exit != 0:
            raise AssertionError('a clean run ends with exit %d: %s' % (ended.exit, ended.err))

    @staticmethod
    def _copy(source, target):
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(['cp', '-a', source, target], check=True)

    def restore(self):
        self._copy(self.saved, self.here)

    def put_back(self, path):
        """A side, as it was before the changes, when all was in step."""
        self.settle()
        self._copy(self.backup / path.relative_to(self.here), path)

    def read(self):
        self.settle()
        laptop = Vault(self.laptop).read() if self.kind == 'archive' else compare.read_maildir(self.laptop)
        return compare.read_maildir(self.work), laptop

    def run(self, fault=None, *more, command='sync', environment=None):
        """`fault` is what shim.c takes for FAULT; `environment` is for another shim."""
        environment = faulty(fault, self.record) if fault else unleaky(environment or {})
        self.record.unlink(missing_ok=True)
        with self._start(environment, command, *more) as process:
            try:
                out, err = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return Ended(-99, 'still running after %d s' % RUN_SECONDS, self.fired())
        return Ended(process.returncode, err, self.fired())

    def fired(self):
        return self.record.read_text().split() if self.record.exists() else []

    def calls(self, class_):
        """The names of the calls that a clean run makes, in order."""
        self.restore()
        names = self.run('count:%s' % class_).fired
        self.settle()
        return names

    # ---- what must be so ----

    def undone(self):
        """What a run that says 0 must not have left, as sentences."""
        for side, wanted, found in zip(('work', 'laptop'), self.wanted, self.read()):
            for sentence in compare.compare(wanted, found):
                yield '%s: %s' % (side, sentence.replace('the first', 'what is wanted').replace(
                    'the second', 'what is there'))

    def lost(self):
        """What was there from the start, shall be there in the end, and is not there now."""
        for side, start, wanted, found in zip(('work', 'laptop'), self.start, self.wanted, self.read()):
            for levels in start.keys() & wanted.keys():
                def bodies(world):
                    return collections.Counter((m.digest, m.size) for m in world.get(levels, ()))
                if (bodies(start) & bodies(wanted)) - bodies(found):
                    yield '%s: %s: a message was deleted that should have stayed' % (side, '/'.join(levels))

    def recovers(self):
        """One more run without faults must end all; sentences for what it does not."""
        ended = self.run()
        if ended.exit != 0:
            yield 'the run after it: exit %d: %s' % (ended.exit, ended.err.strip())
        for sentence in self.undone():
            yield 'after the run after it: ' + sentence

    def untouched(self):
        """Whether no file or folder, of either side or the program's, is another than at the start."""
        self.settle()
        return self._look(self.here) == self._look(self.saved)

    @staticmethod
    def _look(top):
        def look(folder):
            for entry in os.scandir(folder):
                st = entry.stat(follow_symlinks=False)
                is_folder = entry.is_dir(follow_symlinks=False)
                yield (entry.path[len(str(top)):], st.st_mode, st.st_mtime_ns, None if is_folder else st.st_size)
                if is_folder:
                    yield from look(entry.path)
        return sorted(look(top))

    def judge(self, ended, codes=range(1, 8)):
        """All that is wrong about a run that had a fault."""
        if ended.exit == 0:
            yield from ('exit 0, but ' + sentence for sentence in self.undone())
        elif ended.exit not in codes or 'Sanitizer' in ended.err:
            yield 'exit %d: %s' % (ended.exit, ended.err.strip()[-2000:])
        elif not ended.err and ended.exit != -9:
            yield 'exit %d without a word' % ended.exit
        if ended.exit != 0 and self.untouched():
            return      # the run after it would be the clean run that made `wanted`
        yield from self.lost()
        yield from self.recovers()


