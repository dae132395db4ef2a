#!/usr/bin/env python3
"""Time mailtwin, and mbsync where it is installed, on one generated mailbox: `make bench`.

    bench.py [--messages 5000] [--mailboxes 25] [--rounds 3] [--delay MS] [--attachments 1.0] [--big MIB]

Jobs: an initial pull from IMAP into an empty Maildir, a run without changes after it, and a copy
from one IMAP account to another.  Every round does all jobs with every tool, in turn, so that both
meet the same machine; medians are told.  Both write durably (fsync).  What mailtwin pulled and
copied is compared message by message with the source before anything is printed.

A second table holds an archive against a Maildir: the first snapshot against the pull, one without
changes against such a run, restoring into a Maildir against the pull, and the size of the file
against that of `tar | gzip -6` of the same Maildir.
"""
import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'e2e'))

import compare  # noqa: E402
import mailgen  # noqa: E402
import mailtwin  # noqa: E402
import suite  # noqa: E402
from delay_relay import DelayRelay  # noqa: E402
from dovecot import Dovecot  # noqa: E402

MBSYNC = '''
IMAPAccount one
Host 127.0.0.1
Port {source.port}
User {source.user}
Pass {source.password}
SSLType None
AuthMechs PLAIN

IMAPStore one
Account one

IMAPAccount two
Host 127.0.0.1
Port {target.port}
User {target.user}
Pass {target.password}
SSLType None
AuthMechs PLAIN

IMAPStore two
Account two

MaildirStore here
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel pull
Far :one:
Near :here:
Patterns *
Create Near
Sync Pull
CopyArrivalDate yes
SyncState {folder}/state/pull-

Channel copy
Far :one:
Near :two:
Patterns *
Create Near
Sync Pull
CopyArrivalDate yes
SyncState {folder}/state/copy-
'''


class Mbsync:
    name = 'mbsync'

    def __init__(self, folder, source, target):
        self.maildir = folder / 'mail'
        (folder / 'mail').mkdir()
        (folder / 'state').mkdir()
        self.config = folder / 'mbsyncrc'
        self.config.write_text(MBSYNC.format(folder=folder, source=source, target=target))

    def command(self, job):
        return ['mbsync', '-qq', '-c', str(self.config), job], dict(os.environ)


class Ours:
    name = 'mailtwin'

    def __init__(self, folder, source, target):
        self.maildir = folder / 'mail'
        self.twin = mailtwin.Mailtwin(folder)
        self.twin.configure(
            {'one': mailtwin.imap(source), 'two': mailtwin.imap(target), 'here': mailtwin.maildir(self.maildir),
             'vault': {'archive': str(folder / 'vault.mta')}},
            {'pull': {'from': 'one', 'to': 'here'}, 'copy': {'from': 'one', 'to': 'two'},
             'save': {'from': 'one', 'to': 'vault'}})
        self.vault, self.back = folder / 'vault.mta', folder / 'back'

    def command(self, job):
        return self.words('sync', '-q', job)

    def words(self, *words):
        return [mailtwin.program(), '-c', str(self.twin.config), *words], self.twin.environment()


def peak(pid):
    """VmHWM in MB; wait4() would tell the peak of the Python that this process was made from."""
    try:
        status = pathlib.Path('/proc/%d/status' % pid).read_text()
    except OSError:
        return 0
    found = re.search(r'VmHWM:\s+(\d+) kB', status)
    return int(found[1]) / 1024 if found else 0


def measured(command, environment, stderr=None):
    """Wall seconds, CPU seconds, peak MB of one run."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=stderr)
    memory, pid = 0, 0
    while not pid:
        memory = max(memory, peak(process.pid))
        time.sleep(.005)
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit('%s ended with %d' % (' '.join(command), process.returncode))
    return {'seconds': time.monotonic() - began, 'cpu seconds': usage.ru_utime + usage.ru_stime, 'peak MB': memory}


def keep(tool, results):
    """The jobs of an archive, and what its file and a packed Maildir take."""
    restore = tool.words('restore', '-q', str(tool.vault), 'maildir:' + str(tool.back))
    for job, command in (('first snapshot', tool.command('save')), ('no changes', tool.command('save')),
                         ('restore', restore)):
        results.setdefault((job, 'archive'), []).append(measured(*command))
    packed = subprocess.run(['sh', '-c', 'tar -C "$1" -c . | gzip -6 | wc -c', 'sh', str(tool.maildir)],
                            capture_output=True, check=True)
    results.setdefault(('size', 'archive'), []).append({'MB': tool.vault.stat().st_size / 1e6})
    results.setdefault(('size', 'tar | gzip -6'), []).append({'MB': int(packed.stdout) / 1e6})


def round_of(tool_class, number, server, options, results):
    """All jobs of one tool, from an empty Maildir and an empty account."""
    folder = suite.scratch_folder('mailtwin-bench.')
    port = server.port
    with DelayRelay(port, options.delay / 1000) as relay:
        if options.delay:
            port = relay.port
        source, target = (server.account(user).at(port) for user in ('source', '%s%d' % (tool_class.name, number)))
        tool = tool_class(folder, source, target)
        for job, word in (('initial pull', 'pull'), ('no changes', 'pull'), ('IMAP to IMAP', 'copy')):
            results.setdefault((job, tool.name), []).append(measured(*tool.command(word)))
        if tool_class is Ours:
            keep(tool, results)
    if tool_class is Ours and number == 0:
        wanted = compare.read_imap(server.account('source'))
        for what, got in (('pull', compare.read_maildir(tool.maildir)),
                          ('copy', compare.read_imap(server.account(target.user))),
                          ('restored archive', compare.read_maildir(tool.back))):
            differences = compare.compare(wanted, got)
            if differences:
                raise SystemExit('\n'.join(['the %s is not equal:' % what] + differences[:10]))
    shutil.rmtree(folder)
    shutil.rmtree(server.account(target.user).home)


def table(results, tools):
    print('%-14s %-12s' % ('job', '') + ''.join('%10s' % tool.name for tool in tools) +
          ('%10s' % 'ratio' if len(tools) > 1 else ''))
    for job in dict.fromkeys(job for job, name in results if name == 'mailtwin'):
        for what in ('seconds', 'cpu seconds', 'peak MB'):
            medians = [statistics.median(run[what] for run in results[job, tool.name]) for tool in tools]
            row = '%-14s %-12s' % (job, what) + ''.join('%10.2f' % median for median in medians)
            print(row + ('%10.2f' % (medians[0] / medians[1]) if len(tools) > 1 else ''))


def archive_table(results):
    """Beside each job what the same takes with a Maildir."""
    print('\n%-14s %-12s%10s%10s%10s' % ('job', '', 'archive', 'Maildir', 'ratio'))
    for job, beside in (('first snapshot', 'initial pull'), ('no changes', 'no changes'), ('restore', 'initial pull')):
        for what in ('seconds', 'cpu seconds', 'peak MB'):
            ours, other = (statistics.median(run[what] for run in results[key])
                           for key in ((job, 'archive'), (beside, 'mailtwin')))
            print('%-14s %-12s%10.2f%10.2f%10.2f' % (job, what, ours, other, ours / other))
    ours, other = (statistics.median(run['MB'] for run in results['size', key]) for key in ('archive', 'tar | gzip -6'))
    print('%-27s%10.2f%10.2f%10.2f' % ('size MB (tar | gzip -6)', ours, other, ours / other))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--messages', type=int, default=5000)
    parser.add_argument('--mailboxes', type=int, default=25)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--delay', type=float, default=0, help='milliseconds a round trip')
    parser.add_argument('--attachments', type=float, default=1.0)
    parser.add_argument('--big', type=int, default=0, help='one more message, of so many MiB')
    options = parser.parse_args()
    suite.drop_root()
    tools = [Ours, Mbsync] if shutil.which('mbsync') else [Ours]
    with Dovecot() as server:
        account = server.account('source')
        letters = list(mailgen.letters(1, options.messages, options.mailboxes, options.attachments, options.big << 20))
        mailgen.into_maildir(account.home / 'Maildir', letters, 'utf7', mailgen.names(options.mailboxes))
        compare.read_imap(account)      # builds Dovecot's indexes: what a server in daily use has
        print('%d messages in %d mailboxes, %.0f MB, %g ms a round trip, %d rounds' % (
            len(letters), options.mailboxes, sum(len(letter.raw) for letter in letters) / 1e6, options.delay,
            options.rounds), flush=True)
        results = {}
        for number in range(options.rounds):
            for tool in tools:
                round_of(tool, number, server, options, results)
        table(results, tools)
        archive_table(results)


if __name__ == '__main__':
    main()
