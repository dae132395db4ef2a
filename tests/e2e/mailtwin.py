"""Run the program under test in a home of its own.

    twin = Mailtwin(self.scratch)
    twin.configure({'work': imap(account), 'laptop': maildir(path)},
                   {'pair': {'between': ['work', 'laptop']}})
    run = twin.sync()               # sync --json
    run.exit, run.side('laptop')['copied'], run.problems
"""
import base64
import dataclasses
import json
import os
import pathlib
import subprocess

RUN_SECONDS = 240
SANITIZER_EXIT = 99     # or a sanitizer's own exit code would look like one of ours
SANITIZER = 'Sanitizer', 'runtime error:'


def program():
    return os.environ.get('MAILTWIN') or str(pathlib.Path('mailtwin').resolve())


def imap(account, **keys):
    """The configuration of an IMAP store."""
    store = {'imap': '%s:%d' % (account.host, account.port), 'user': account.user, 'password': account.password}
    if account.ca_file:
        store['ca_file'] = account.ca_file
    else:
        store['tls'] = 'none'
    return store | keys


def maildir(path, **keys):
    return {'maildir': str(path)} | keys


def is_sanitized():
    """Whether the program is a build with sanitizers."""
    data = pathlib.Path(program()).read_bytes()
    return b'__asan_init' in data or b'__tsan_init' in data


def disguises(secret):
    """The forms in which a secret could slip out."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    for before in range(3):     # base64 has three ways to cut it; the first and last letters also hold neighbours
        coded = base64.b64encode(b'x' * before + raw)
        yield coded[4 if before else 0:-4]


@dataclasses.dataclass
class Run:
    """How one run of the program ended."""
    arguments: list
    exit: int
    out: str
    err: str

    def __str__(self):
        out = '\n'.join(line for line in self.out.splitlines() if '"event":"mailbox"' not in line)
        return '%s: exit %d\n%s\n%s' % (' '.join(self.arguments), self.exit, out[-4000:], self.err[-4000:])

    def events(self, kind):
        lines = [json.loads(line) for line in self.out.splitlines() if line.startswith('{')]
        return [line for line in lines if line['event'] == kind]

    @property
    def end(self):
        return self.events('end')[-1]

    @property
    def problems(self):
        """What went wrong, a line each, as `sync` without --json would tell it."""
        return '\n'.join(': '.join(filter(None, (
            event['store'], ' '.join(filter(None, (event['mailbox'], event['message']))), event['text'])))
            for event in self.events('problem'))

    def side(self, store):
        return self.end['sides'][store]

    def changes(self):
        """What the run did, as {(store, 'copied'): 12}; empty when it did nothing."""
        return {(store, what): tally[what] for store, tally in self.end['sides'].items()
                for what in ('copied', 'flagged', 'deleted', 'moved') if tally[what]}


class Mailtwin:
    def __init__(self, scratch, name='home'):
        self.home = pathlib.Path(scratch) / name
        self.home.mkdir()
        self.config = self.home / 'config.yml'

    def environment(self, **more):
        kept = {key: os.environ[key] for key in ('PATH', 'TMPDIR', 'TSAN_OPTIONS') if key in os.environ}
        return kept | {
            'HOME': str(self.home), 'XDG_CONFIG_HOME': str(self.home / 'cfg'),
            'XDG_STATE_HOME': str(self.home / 'state'), 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC',
            'MAILTWIN_BACKOFF': '20',
            'ASAN_OPTIONS': 'exitcode=%d:detect_leaks=1' % SANITIZER_EXIT,
            'UBSAN_OPTIONS': 'exitcode=%d:print_stacktrace=1' % SANITIZER_EXIT,
        } | more

    def configure(self, stores, pairs):
        """YAML is a superset of JSON."""
        self.config.touch(mode=0o600)
        self.config.write_text(json.dumps({'stores': stores, 'pairs': pairs}, indent=4, ensure_ascii=False))

    def run(self, *arguments, environment=None, **popen):
        """Run to the end.  A sanitizer's report is always a failure of the test."""
        command = [program(), *map(str, arguments)]
        with self.start(*arguments, environment=environment, **popen) as process:
            try:
                out, err = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError('still running after %d s: %s' % (RUN_SECONDS, ' '.join(command))) from None
        run = Run(list(map(str, arguments)), process.returncode, out, err)
        if run.exit == SANITIZER_EXIT or any(word in err for word in SANITIZER):
            raise AssertionError('a sanitizer reports: %s' % run)
        return run

    def start(self, *arguments, environment=None, **popen):
        how = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE} | popen
        return subprocess.Popen([program(), *map(str, arguments)], text=True, errors='replace',
                                env=self.environment(**(environment or {})), **how)

    def command(self, *arguments, **how):
        """With the configuration that configure() wrote."""
        return self.run('-c', self.config, *arguments, **how)

    def sync(self, *arguments, expect=0, **how):
        """One `sync --json`, which must end with exit code `expect`."""
        run = self.command('sync', '--json', *arguments, **how)
        if run.exit != expect:
            raise AssertionError('exit %d was expected: %s' % (expect, run))
        return run
