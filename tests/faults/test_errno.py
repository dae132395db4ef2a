#!/usr/bin/env python3
"""Each call of a run that touches files, sockets or memory fails, once or from then on.

Exit 0 then means that all was done nevertheless; any other run says what went wrong, nothing is
lost by it, and the next one ends all.  Too little memory ends a run with exit 7.
"""
import collections
import errno
import itertools
import os
import random
import re
import shutil

import world
import compare
import mailtwin
import suite
from hands import MaildirHand, letter
from campaign import SIZE, Campaign, points

POINTS = {'calls': points(1200, 1200, 28), 'memory': points(300, 50, 12)}     # of each workload
ARCHIVES = {'calls': points(300, 100, 8), 'memory': points(100, 20, 2)}      # of each command
STACKS = os.environ.get('MAILTWIN_FAULTS_STACKS')    # with `all`: three of each stack of calls for memory
STALE = 'openat', 'read', 'readdir', 'fstat', 'renameat2', 'fsync'
STALES = points(40, 8, 4)   # of each call
LOCKS = ('once', 'EIO'), ('on', 'EIO'), ('once', 'ENOLCK'), ('on', 'ENOLCK'), ('once', 'EINTR')

# What a call may fail with that does not lie about the file (ENOENT would).  Some never stay: EINTR
# and EAGAIN are for one call, and a lock that another holds (SQLite takes ENOLCK for that, too) is
# waited for, three times ten seconds, before a run ends with exit 6.
PASSING = 'EINTR', 'EAGAIN', 'ENOLCK'
FILE = 'EIO EACCES ESTALE'
ERRORS = {
    'read': 'EIO EINTR', 'pread': 'EIO', 'write': 'EIO ENOSPC EDQUOT EINTR', 'pwrite': 'EIO ENOSPC EDQUOT',
    'open': 'EIO EACCES EMFILE ENOMEM', 'openat': 'EIO EACCES EMFILE ENFILE ENOMEM', 'close': 'EIO EINTR ENOSPC',
    'fsync': 'EIO ENOSPC EDQUOT', 'fdatasync': 'EIO ENOSPC', 'syncfs': 'EIO', 'ftruncate': 'EIO EINTR',
    'readdir': 'EIO ESTALE', 'fdopendir': 'ENOMEM EMFILE', 'mmap': 'ENOMEM EACCES', 'lseek': 'EIO',
    'rename': 'EIO ENOSPC EACCES', 'renameat': 'EIO ENOSPC EACCES', 'renameat2': 'EIO ENOSPC EACCES',
    'link': 'EIO EMLINK', 'linkat': 'EIO EMLINK', 'unlink': FILE, 'unlinkat': FILE,
    'mkdir': 'EIO ENOSPC EACCES', 'mkdirat': 'EIO ENOSPC EACCES', 'futimens': 'EIO EACCES', 'fchmod': 'EIO EPERM',
    'fstat': 'EIO ESTALE', 'fcntl': 'EIO ENOLCK EINTR', 'flock': 'EIO EINTR', 'pipe2': 'EMFILE', 'fstatfs': 'EIO',
    'socket': 'EMFILE ENOBUFS', 'connect': 'ECONNREFUSED ETIMEDOUT ENETUNREACH', 'poll': 'ENOMEM EINTR',
    'send': 'EPIPE ECONNRESET EINTR EAGAIN', 'recv': 'ECONNRESET ETIMEDOUT EINTR EAGAIN',
    'socketpair': 'EMFILE ENOMEM', 'fork': 'EAGAIN ENOMEM', 'pthread_create': 'EAGAIN',
    'sendmsg': 'EPIPE EINTR', 'recvmsg': 'ECONNRESET EINTR', 'ppoll': 'ENOMEM EINTR', 'getpeername': 'ENOBUFS',
    'shutdown': 'ENOTCONN', 'dup2': 'EMFILE EBUSY', 'getrandom': 'EAGAIN EIO', 'iconv_open': 'EINVAL EMFILE',
    'opendir': 'EIO EACCES EMFILE', 'readlink': 'EIO EACCES', 'realpath': 'EIO EACCES', 'getcwd': 'EACCES',
    'sync_file_range': 'EIO ENOSPC',
    'setsockopt': 'ENOMEM', 'getsockopt': 'ENOBUFS', 'getaddrinfo': 'EAGAIN ENOMEM EIO',
    'malloc': 'ENOMEM', 'calloc': 'ENOMEM', 'realloc': 'ENOMEM',
}


def errors_of(name, stays):
    errors = ERRORS.get(name, FILE).split()
    return [e for e in errors if not (stays and e in PASSING)] or errors[:1]


class Shelf:
    """An archive with a snapshot or two, and what a command makes of it."""

    def __init__(self, top):
        self.twin = mailtwin.Mailtwin(top)
        self.archive, self.saved, self.out = top / 'archive', top / 'saved', top / 'out'
        self.record, self.source = top / 'record', 'maildir:%s' % (top / 'Maildir')
        hand = MaildirHand(top / 'Maildir')
        world._some_mail(hand)
        self.run('snapshot', self.source, self.archive)
        hand.add(letter('later'))
        hand.delete('two')
        self.run('snapshot', self.source, self.archive)
        shutil.copy(self.archive, self.saved)
        hand.add(letter('latest'))
        hand.delete('later')

    def commands(self):
        return {'snapshot': ('snapshot', self.source, self.archive),
                'restore': ('restore', self.archive, 'maildir:%s' % self.out),
                'forget': ('forget', self.archive, '--keep-last', '1'),
                'verify': ('verify', self.archive)}

    def reset(self):
        shutil.rmtree(self.out, ignore_errors=True)
        for left in self.archive.parent.glob('archive*'):
            left.unlink()
        shutil.copy(self.saved, self.archive)

    def run(self, *command, fault=None):
        self.record.unlink(missing_ok=True)
        done = self.twin.run(*command, environment=world.faulty(fault, self.record) if fault else None)
        return world.Ended(done.exit, done.err, self.record.read_text().split() if self.record.exists() else []), done.out

    def seen(self):
        """What is to be had of it, and of what was restored."""
        snapshots = len(self.run('log', self.archive)[1].splitlines())
        restored = compare.read_maildir(self.out) if self.out.exists() else {}
        return snapshots, self.run('ls', self.archive)[1], {name: sorted(held) for name, held in restored.items()}

    def is_done(self, command, wanted):
        """A snapshot that was made, and not told so, is made again."""
        return self.seen()[command[0] == 'snapshot':] == wanted[command[0] == 'snapshot':]

    def judge(self, command, ended, wanted, codes):
        if ended.exit not in (0, *codes):
            yield 'exit %d: %s' % (ended.exit, ended.err)
        if ended.exit != 0 and not ended.err:
            yield 'exit %d without a word' % ended.exit
        if 'damaged' in ended.err.replace('it is damaged where it lists messages', ''):  # a page, for all it knows
            yield 'an error is no damage: ' + ended.err
        if self.run('verify', self.archive)[0].exit != 0:
            yield 'the archive is not whole'
        if ended.exit == 0 and not self.is_done(command, wanted):
            yield 'exit 0, and not all was done'
        after = self.run(*command)[0]
        if after.exit != 0:
            yield 'the run after it: exit %d: %s' % (after.exit, after.err)
        elif not self.is_done(command, wanted):
            yield 'the run after it did not end all'


def fail_archive(campaign, folder, what, class_):
    shelf = Shelf(folder)
    command = shelf.commands()[what]
    shelf.run(*command)
    wanted = shelf.seen()
    shelf.reset()
    names = shelf.run(*command, fault='count:' + class_)[0].fired
    for point, rng in campaign.choose(2 * len(names), ARCHIVES[class_]):
        n, how = point // 2, ('once', 'on')[point % 2]
        nth, error = names[:n + 1].count(names[n]), rng.choice(errors_of(names[n], how == 'on'))
        shelf.reset()
        ended, _ = shelf.run(*command, fault='%s:%s:%d:%d' % (how, names[n], nth, getattr(errno, error)))
        campaign.tell('%s, %s %d, %s %s' % (what, names[n], nth, error, how), bool(ended.fired),
                      list(shelf.judge(command, ended, wanted, [7] if class_ == 'memory' else range(1, 8))),
                      'exit %d' % ended.exit)


def fail_one(campaign, here, class_, call, how, rng):
    """True if there was such a call."""
    name, nth = call
    error = rng.choice(errors_of(name, how == 'on'))
    here.restore()
    ended = here.run('%s:%s:%d:%d' % (how, name, nth, getattr(errno, error)))
    wrong = list(here.judge(ended, [7] if class_ == 'memory' else range(1, 8)))
    if class_ == 'memory' and ended.exit == 7 and ended.err.count('\n') != 1 + ended.err.count('made anew\n'):
        wrong.append('more than one line: ' + ended.err)
    if ended.exit == 6 and error not in PASSING:
        wrong.append('nobody holds anything: ' + ended.err)
    if 'damaged' in ended.err:
        wrong.append('an error is no damage: ' + ended.err)
    if re.search(r'(?m)(?:^|: )([^:\n]+): \1: ', ended.err):
        wrong.append('named twice: ' + ended.err)
    lines = [line for line in ended.err.splitlines() if line.startswith('pair: ')]
    if len(lines) != len(set(lines)):
        wrong.append('told twice: ' + ended.err)
    if name == 'fsync' and ended.exit == 0 and ended.fired:     # SQLite's is fdatasync()
        wrong.append('exit 0 after an fsync() that failed')
    campaign.tell('%s, %s %d, %s %s' % (here.workload.name, name, nth, error, how), bool(ended.fired), wrong,
                  'exit %d' % ended.exit)
    here.had_more = 'more' in ended.fired
    return bool(ended.fired)


def some_of_each_stack(here, tell):
    """Which calls are the first, the middle or the last that came from where they came from."""
    places = collections.defaultdict(list)
    here.settle()
    here.restore()
    for n, stack in enumerate(here.run('stacks:memory').fired):
        places[stack].append(n)
    if tell:
        print('%s: %d calls for memory, %d stacks' % (here.workload.name, sum(map(len, places.values())), len(places)))
    return {at for some in places.values() for at in (some[0], some[len(some) // 2], some[-1])}


def fail_memory(campaign, here, point, call, rng):
    """Where no call came after the one that failed, the run in which all later ones fail is the same one."""
    fail_one(campaign, here, 'memory', call, 'once', rng)
    campaign.point = point + 1
    if str(point + 1) in campaign.done:
        return
    if here.had_more:     # judging it made runs of its own
        fail_one(campaign, here, 'memory', call, 'on', rng)
    else:
        campaign.same += 1


def fail_beyond(campaign, here, class_, seen):
    """A run that meets faults may call more often: until one ends in which none fired."""
    for name, count in seen.items():
        for how in 'once', 'on':
            nth, fired = count, True
            while fired:
                nth += 1
                campaign.point = '%s %d %s' % (name, nth, how)
                if campaign.point in campaign.done:
                    continue
                rng = random.Random('%s %s' % (campaign.name, campaign.point))
                fired = fail_one(campaign, here, class_, (name, nth), how, rng)
                campaign.exist += fired


class Errno(suite.Case):
    def faults(self, workload, class_):
        campaign = Campaign('errno, %s, %s' % (class_, workload))
        campaign.over(self.scratch, lambda part, folder: self.fail_each(part, folder, workload, class_))
        campaign.end(self)

    @staticmethod
    def fail_each(campaign, folder, workload, class_):
        with world.World(folder, world.WORKLOADS[workload]) as here:
            names = here.calls(class_)
            stacks = some_of_each_stack(here, campaign.share[0] == 0) if STACKS and class_ == 'memory' else None
            # Counted by its name: the order of a directory is not the same in each run.
            nth, seen = [], collections.Counter()
            for name in names:
                seen[name] += 1
                nth.append(seen[name])
            for point, rng in campaign.choose(2 * len(names), POINTS[class_]):
                n, how = point // 2, ('once', 'on')[point % 2]
                if SIZE != 'all' or class_ != 'memory':
                    fail_one(campaign, here, class_, (names[n], nth[n]), how, rng)
                elif how == 'once' and (stacks is None or n in stacks):
                    fail_memory(campaign, here, point, (names[n], nth[n]), rng)
            if SIZE == 'all' and campaign.share[0] == 0:
                fail_beyond(campaign, here, class_, seen)

    def test_S35_what_a_network_file_system_refuses_is_told_and_done_by_the_next(self):
        """Handles that are stale, and locks that nobody keeps."""
        campaign = Campaign('network file system, two-way')
        with world.World(self.scratch, world.WORKLOADS['two-way']) as here:
            names = here.calls('calls')
            for name, error in [*((name, 'ESTALE') for name in STALE), ('flock', 'ENOLCK')]:
                exist = names.count(name)
                for nth, rng in campaign.choose(exist, STALES if error == 'ESTALE' else 2 * exist):
                    how = rng.choice(('once', 'on'))
                    here.restore()
                    ended = here.run('%s:%s:%d:%d' % (how, name, nth + 1, getattr(errno, error)))
                    wrong = list(here.judge(ended))
                    if (name, nth, ended.exit) == ('flock', 0, 0):
                        wrong.append('exit 0 without the lock of the pair')
                    campaign.tell('%s %d, %s %s' % (name, nth + 1, error, how), bool(ended.fired), wrong)
        campaign.end(self)

    def test_S35_a_lock_that_does_not_pass_to_the_new_file_is_told(self):
        """What says which Maildir it is, and holds the lock of the run, is replaced by a run that writes."""
        campaign = Campaign('network file system, the lock of the Maildir')
        # behind the lock of the pair, and that of the file as it is; a new Maildir gets its file first
        for workload, calls in ('two-way', [3]), ('pull', [3, 4]):
            (self.scratch / workload).mkdir()
            with world.World(self.scratch / workload, world.WORKLOADS[workload]) as here:
                campaign.exist += len(calls)
                for nth, (how, error) in itertools.product(calls, LOCKS):
                    here.restore()
                    ended = here.run('%s:flock:%d:%d' % (how, nth, getattr(errno, error)))
                    wrong = list(here.judge(ended))
                    if (error == 'EINTR') != (ended.exit == 0):
                        wrong.append('exit %d: %s' % (ended.exit, ended.err))
                    if error != 'EINTR' and "cannot lock '.mailtwin.new'" not in ended.err:
                        wrong.append('not told: ' + ended.err)
                    campaign.tell('%s, flock %d, %s %s' % (workload, nth, error, how), bool(ended.fired), wrong)
        campaign.end(self)

    def test_files_that_cannot_be_looked_at_end_the_run(self):
        """Who waits for a lock looks whether the file is still the one that it has locked."""
        campaign = Campaign('errno, looking')
        with world.World(self.scratch, world.WORKLOADS['two-way']) as here:
            made = here.calls('calls')
            for name in 'fstatat', 'fstat', 'lstat':
                campaign.exist += made.count(name)
                for nth in range(1, min(made.count(name), 12) + 1):
                    fail_one(campaign, here, 'calls', (name, nth), 'on', random.Random(nth))
        campaign.end(self)

    def test_a_state_that_cannot_be_read_says_nothing_of_the_mailboxes(self):
        """That they are older than at the last sync, for one: then nothing would be deleted."""
        campaign = Campaign('errno, reading the state')
        with world.World(self.scratch, world.WORKLOADS['two-way']) as here:
            here.restore()
            campaign.exist = here.run('count:calls', '--dry-run').fired.count('pread')
            for nth in range(1, campaign.exist + 1):
                here.restore()
                ended = here.run('once:pread:%d:%d' % (nth, errno.EIO), '--dry-run')
                wrong = []
                if ended.exit not in (0, 7) or ended.err.count('\n') != (ended.exit == 7):
                    wrong.append('exit %d: %s' % (ended.exit, ended.err))
                campaign.tell('pread %d' % nth, bool(ended.fired), wrong, 'exit %d' % ended.exit)
        campaign.end(self)

    def test_a_folder_that_cannot_be_looked_at_is_not_taken_for_another_place(self):
        """Its snapshots would begin anew, as those of a second source."""
        campaign = Campaign('errno, looking, snapshot')
        shelf = Shelf(self.scratch)
        command = shelf.commands()['snapshot']
        shelf.run(*command)
        wanted = shelf.seen()
        shelf.reset()
        names = shelf.run(*command, fault='count:calls')[0].fired
        for name in 'fstat', 'statx':
            campaign.exist += names.count(name)
            for nth in range(1, min(names.count(name), 12) + 1):
                shelf.reset()
                ended, _ = shelf.run(*command, fault='once:%s:%d:%d' % (name, nth, errno.EIO))
                campaign.tell('snapshot, %s %d' % (name, nth), bool(ended.fired),
                              list(shelf.judge(command, ended, wanted, range(1, 8))))
        campaign.end(self)


def _add(workload, class_):
    def test(self):
        self.faults(workload, class_)
    name = 'a_%s_whose_%s_fail_ends_well_or_says_so' % (workload, class_)
    setattr(Errno, 'test_' + name.replace(' ', '_').replace('-', '_'), test)


def _add_archive(what, class_):
    def test(self):
        campaign = Campaign('errno, %s, %s' % (class_, what))
        campaign.over(self.scratch, lambda part, folder: fail_archive(part, folder, what, class_))
        campaign.end(self)
    setattr(Errno, 'test_a_%s_whose_%s_fail_leaves_the_archive_whole' % (what, class_), test)


for _what in 'snapshot', 'restore', 'forget', 'verify':
    for _class in ARCHIVES:
        if _class == 'memory' and os.environ.get('FAULTS_SANITIZED'):
            continue
        _add_archive(_what, _class)
for _workload in world.WORKLOADS:
    for _class in POINTS:
        if _class == 'memory' and os.environ.get('FAULTS_SANITIZED'):
            continue    # a sanitizer takes the place of malloc()
        _add(_workload, _class)

if __name__ == '__main__':
    suite.main()
