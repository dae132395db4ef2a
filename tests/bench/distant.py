#!/usr/bin/env python3
"""Five jobs over a distant line, with mailtwin and the peers that are installed: `make bench`.

    distant.py [--messages 2000] [--mailboxes 25] [--delay 50] [--rounds 1] [--text FILE] [--plot FILE.svg]

Jobs: a first pull into an empty Maildir; nothing changed; 100 new messages, 500 changed flags and 50
deletions on the server; 50 new messages and 200 changed flags in the Maildir; a copy from one server
to another, into an empty account.  A relay delays all connections by `--delay` milliseconds a round
trip, and counts octets and turns: the longest chain of round trips, on one connection, that had to
wait for one another.  Turns and octets repeat; times are only good for ratios within one run.

Each tool has a copy of the same account, and writes durably.  After each job the number of messages
and of flagged ones on both sides has to be what was asked for; of mailtwin every octet is compared.
"""
import argparse
import collections
import grp
import os
import pathlib
import pwd
import random
import re
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'e2e'))

import compare  # noqa: E402
import mailgen  # noqa: E402
import mailtwin  # noqa: E402
import suite  # noqa: E402
from bench import MBSYNC, measured  # noqa: E402
from delay_relay import DelayRelay  # noqa: E402
from dovecot import Dovecot  # noqa: E402
from mailbox_names import quoted, to_utf7  # noqa: E402

JOBS = {'first pull': 'pull', 'nothing changed': 'pull', 'changes on the server': 'pull',
        'changes in the Maildir': 'pull', 'server to server': 'copy'}
NEW, FLAGS, GONE, LOCAL_NEW, LOCAL_FLAGS = 100, 500, 50, 50, 200

# A Dovecot without a daemon serves interimap the Maildir.
LOCAL_DOVECOT = '''
base_dir = {folder}/run
log_path = {folder}/log
ssl = no
mail_location = maildir:{folder}/mail
mail_home = {folder}/home
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = optimized
namespace inbox {{
  inbox = yes
  separator = /
}}
'''
INTERIMAP = '''
database = {folder}/state/{job}
list-mailbox = "*"

[local]
{local}

[remote]
type = imap
host = 127.0.0.1
STARTTLS = NO
port = {source.port}
username = {source.user}
password = {source.password}
auth = PLAIN
'''
INTERIMAP_SERVER = '''type = imap
host = 127.0.0.1
STARTTLS = NO
port = {target.port}
username = {target.user}
password = {target.password}
auth = PLAIN'''


class Tool:
    layout, stderr = 'maildir++', None

    def __init__(self, folder, source, target):
        self.maildir = folder / 'mail'
        for part in ('mail', 'state', 'home', 'run'):
            (folder / part).mkdir()


class Mailtwin(Tool):
    name = 'mailtwin'

    def __init__(self, folder, source, target):
        super().__init__(folder, source, target)
        self.twin = mailtwin.Mailtwin(folder, 'twin')
        self.twin.configure(
            {'one': mailtwin.imap(source, auth=['PLAIN']), 'two': mailtwin.imap(target, auth=['PLAIN']),
             'here': mailtwin.maildir(self.maildir)},
            {'pull': {'between': ['one', 'here']}, 'copy': {'from': 'one', 'to': 'two'}})

    def command(self, job):
        return [mailtwin.program(), '-c', str(self.twin.config), 'sync', '-q', job], self.twin.environment()

    @staticmethod
    def version():
        return subprocess.run([mailtwin.program(), '--version'], capture_output=True, text=True).stdout.split()[1]


class Mbsync(Tool):
    name, layout = 'mbsync', 'tree'

    def __init__(self, folder, source, target):
        super().__init__(folder, source, target)
        self.config = folder / 'mbsyncrc'
        self.config.write_text(MBSYNC.format(folder=folder, source=source, target=target).replace(
            'Create Near\nSync Pull', 'Create Both\nExpunge Both\nSync All'))

    def command(self, job):
        return ['mbsync', '-qq', '-c', str(self.config), job], dict(os.environ)

    @staticmethod
    def version():
        return subprocess.run(['mbsync', '--version'], capture_output=True, text=True).stdout.split()[1]


class Interimap(Tool):
    name, stderr = 'interimap', subprocess.DEVNULL      # it tells of each mailbox that it makes

    def __init__(self, folder, source, target):
        super().__init__(folder, source, target)
        self.folder, self.user = folder, pwd.getpwuid(os.getuid()).pw_name
        (folder / 'local.conf').write_text(LOCAL_DOVECOT.format(
            folder=folder, user=self.user, group=grp.getgrgid(os.getgid()).gr_name))
        tunnel = 'type = tunnel\ncommand = exec doveadm -c %s/local.conf exec imap\nnull-stderr = YES' % folder
        for job, local in (('pull', tunnel), ('copy', INTERIMAP_SERVER.format(target=target))):
            path = folder / (job + '.conf')
            path.write_text(INTERIMAP.format(folder=folder, job=job, local=local, source=source))
            path.chmod(0o600)

    def command(self, job):
        environment = dict(os.environ, HOME=str(self.folder / 'home'), USER=self.user,
                           XDG_CONFIG_HOME=str(self.folder / 'home'), XDG_DATA_HOME=str(self.folder / 'home'))
        return ['interimap', '--quiet', '--config=%s/%s.conf' % (self.folder, job)], environment

    @staticmethod
    def version():
        out = subprocess.run(['interimap', '--version'], capture_output=True, text=True)
        found = re.search(r'[0-9][0-9.]*', out.stdout + out.stderr)
        return found[0].rstrip('.') if found else ''


# ---- the world that is synced

def folders(root, layout):
    """Each mailbox of a Maildir that a tool keeps: its name and its folder."""
    if layout == 'tree':
        for folder in sorted(path.parent for path in root.rglob('cur') if path.is_dir()):
            yield str(folder.relative_to(root)), folder
        return
    for folder in sorted(path.parent for path in root.glob('*/cur')):
        if folder.name.startswith('.'):
            yield folder.name[1:].replace('.', '/'), folder
    if (root / 'cur').is_dir():
        yield 'INBOX', root


def files(root, layout):
    """Messages only: some tools keep more in a Maildir."""
    for name, folder in folders(root, layout):
        for part in ('cur', 'new'):
            for path in (folder / part).iterdir():
                if re.match(r'[0-9]+[._]', path.name):
                    yield name, path


def tally(root, layout):
    """How many messages there are, and how many of them are flagged."""
    counts = collections.Counter()
    for _, path in files(root, layout):
        counts['messages'] += 1
        counts['flagged'] += 'F' in path.name.partition(':2,')[2]
    return counts


def change_server(account):
    """The same changes for every tool."""
    rng = random.Random('server')
    client = account.connect()
    wire = [line.decode().rpartition(' "/" ')[2] for line in client.list()[1]]
    sizes = {name: int(client.select(name)[1][0]) for name in wire}
    big = sorted(wire, key=lambda name: (-sizes[name], name))[:8]
    made = iter(mailgen.letters(7, NEW, 1))
    for i in range(NEW):
        mailgen.append(client, big[i % len(big)] if i % 2 else 'INBOX', next(made))
    for i, name in enumerate(big):
        client.select(name)
        uids = client.uid('SEARCH', '1:*')[1][0].decode().split()[:sizes[name]]
        rng.shuffle(uids)
        gone = GONE // len(big) + (i < GONE % len(big))
        marked = FLAGS // len(big) + (i < FLAGS % len(big))
        client.uid('STORE', ','.join(uids[gone:gone + marked]), '+FLAGS', r'(\Flagged)')
        client.uid('STORE', ','.join(uids[:gone]), '+FLAGS', r'(\Deleted)')
        client.uid('EXPUNGE', ','.join(uids[:gone]))
    client.logout()


def change_maildir(root, layout):
    rng = random.Random('local')
    found = sorted(files(root, layout), key=lambda item: (item[0], item[1].stat().st_size, item[1].name))
    for name, path in rng.sample(found, LOCAL_FLAGS):
        base, _, flags = path.name.partition(':2,')
        flags = ''.join(sorted(set(flags) ^ {'F'}))
        path.rename(path.parent.parent / 'cur' / (base + ':2,' + flags))
    where = dict(folders(root, layout))
    names = sorted(where)[:4]
    for i, letter in enumerate(mailgen.letters(8, LOCAL_NEW, 1)):
        name = '%d.M%dP2.elsewhere' % (letter.received, i)
        (where[names[i % 4]] / 'tmp' / name).write_bytes(letter.raw.replace(b'\r\n', b'\n'))
        (where[names[i % 4]] / 'tmp' / name).rename(where[names[i % 4]] / 'new' / name)


# ---- measuring

def run(tool, job, relays):
    for relay in relays:
        relay.forget()
    result = measured(*tool.command(JOBS[job]), stderr=tool.stderr)
    result['turns'] = max(relay.round_trips() for relay in relays)
    result['kB up'] = sum(relay.octets('client') for relay in relays) / 1000
    result['kB down'] = sum(relay.octets('server') for relay in relays) / 1000
    result['connections'] = sum(len(relay.connections) for relay in relays)
    return result


def check(tool, job, source, target):
    there = tally(source.home / 'Maildir', 'maildir++')
    here = tally(target.home / 'Maildir', 'maildir++') if JOBS[job] == 'copy' else tally(tool.maildir, tool.layout)
    if there != here:
        print('  %s, %s: %s there, %s here' % (tool.name, job, dict(there), dict(here)), flush=True)
    if not isinstance(tool, Mailtwin):
        return
    other = compare.read_imap(target) if JOBS[job] == 'copy' else compare.read_maildir(tool.maildir)
    differences = compare.compare(compare.read_imap(source), other)
    if differences:
        raise SystemExit('\n'.join(['after "%s" the sides differ:' % job] + [str(d) for d in differences[:10]]))


def round_of(kind, number, server, seconds, results):
    folder = suite.scratch_folder('mailtwin-bench.')
    source, target = (server.account('%s%d%s' % (kind.name, number, end)) for end in ('a', 'b'))
    shutil.copytree(server.account('source').home, source.home)
    with DelayRelay(server.port, seconds) as one, DelayRelay(server.port, seconds) as two:
        tool = kind(folder, source.at(one.port), target.at(two.port))
        for job in JOBS:
            if job == 'changes on the server':
                change_server(source)
            elif job == 'changes in the Maildir':
                change_maildir(tool.maildir, tool.layout)
            results.setdefault((job, kind.name), []).append(
                run(tool, job, (one, two) if JOBS[job] == 'copy' else (one,)))
            check(tool, job, source, target)
    for path in (folder, source.home, target.home):
        shutil.rmtree(path)


# ---- telling

COLUMNS = {'seconds': '%.2f', 'turns': '%.0f', 'kB up': '%.1f', 'kB down': '%.1f', 'connections': '%.0f',
           'cpu seconds': '%.2f', 'peak MB': '%.1f'}


def medians(results, job, kind, column):
    return statistics.median(result[column] for result in results[job, kind.name])


def text(results, kinds, heading):
    lines = [heading, '', '%-24s%-12s' % ('job', 'tool') + ''.join('%12s' % column for column in COLUMNS)]
    for job in JOBS:
        for kind in kinds:
            lines.append('%-24s%-12s' % (job if kind is kinds[0] else '', kind.name) + ''.join(
                '%12s' % (form % medians(results, job, kind, column)) for column, form in COLUMNS.items()))
    return '\n'.join(lines) + '\n'


def plot(results, kinds, heading):
    """Bars of turns; SVG needs no program to draw it."""
    colours, row, left, width = ['#2563a8', '#c0792a', '#7a8b52', '#8a5a83'], 15, 170, 620
    most = max(medians(results, job, kind, 'turns') for job in JOBS for kind in kinds)
    out, y = [], 34
    for job in JOBS:
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (left - 8, y + row * len(kinds) / 2 + 4, job))
        for colour, kind in zip(colours, kinds):
            turns = medians(results, job, kind, 'turns')
            length = max(2, turns / most * (width - left - 150))
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (left, y, length, row - 3, colour))
            out.append('<text x="%.1f" y="%d">%d %s</text>' % (left + length + 5, y + row - 5, turns, kind.name))
            y += row
        y += 10
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">\n'
            '<rect width="100%%" height="100%%" fill="white"/>\n<text x="8" y="18" font-size="12">%s: turns</text>\n'
            '%s\n</svg>\n' % (width, y, heading, '\n'.join(out)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--messages', type=int, default=2000)
    parser.add_argument('--mailboxes', type=int, default=25)
    parser.add_argument('--delay', type=float, default=50, help='milliseconds a round trip')
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--text', help='write the table there, too')
    parser.add_argument('--plot', help='draw the turns there, as SVG')
    options = parser.parse_args()
    suite.drop_root()
    kinds = [kind for kind in (Mailtwin, Interimap, Mbsync) if kind is Mailtwin or shutil.which(kind.name)]
    with Dovecot() as server:
        account = server.account('source')
        letters = list(mailgen.letters(1, options.messages, options.mailboxes))
        mailgen.into_maildir(account.home / 'Maildir', letters, 'utf7', mailgen.names(options.mailboxes))
        compare.read_imap(account)
        results = {}
        for number in range(options.rounds):
            for kind in kinds:
                round_of(kind, number, server, options.delay / 1000, results)
    heading = '%d messages in %d mailboxes, %.0f MB, %g ms a round trip; %s' % (
        len(letters), options.mailboxes, sum(len(letter.raw) for letter in letters) / 1e6, options.delay,
        ', '.join('%s %s' % (kind.name, kind.version()) for kind in kinds))
    told = text(results, kinds, heading)
    print(told, end='')
    if options.text:
        pathlib.Path(options.text).write_text(told)
    if options.plot:
        pathlib.Path(options.plot).write_text(plot(results, kinds, heading))


if __name__ == '__main__':
    main()
