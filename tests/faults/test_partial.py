#!/usr/bin/env python3
"""Reads and writes are shorter than asked for, calls are interrupted, and the disk is full: bytes are
equal, or an error is told."""
import errno
import itertools
import shutil
import subprocess

import world
import mailtwin
import suite
from campaign import SIZE, Campaign, points

SEEDS = 100 if SIZE == 'all' else points(100, 10, 4)    # of each workload
BRIEFS = points(600, 40, 4)
INTERRUPTED = points(400, 40, 4)
FILLS = points(300, 40, 8)
SMALL = points(20, 6, 1)        # and of each folder

LENGTHS = 1, -1     # an octet, or one less than was asked for
MAY_BE_SHORT = 'read', 'pread', 'write', 'pwrite', 'send', 'recv'
MAY_BE_INTERRUPTED = MAY_BE_SHORT + (
    'open', 'openat', 'close', 'fsync', 'fdatasync', 'ftruncate', 'fcntl', 'flock', 'connect', 'poll', 'ppoll',
    'sendmsg', 'recvmsg', 'getrandom', 'fdopendir', 'readdir')

# $1 becomes a file system of its own, with the options $2, that holds what $1 held; $3 and on are run.
ON_A_SMALL_DISK = '''
folder=$1 options=$2; shift 2
mv "$folder" "$folder.was" && mkdir "$folder" && mount -t tmpfs -o "$options" none "$folder" || exit 90
cp -a "$folder.was/." "$folder" || exit 91
"$@"; code=$?
stat -f -c '%b %f %c %d' "$folder"
cp -a "$folder" "$folder.now" && umount "$folder" && rmdir "$folder" && mv "$folder.now" "$folder" || exit 92
exit $code
'''


class SmallDisk:
    """Where `folder` of a world lies for a run: so many blocks of 4 KiB, so many inodes."""

    def __init__(self, here, folder):
        self.here, self.folder = here, folder

    def run(self, blocks, inodes, *command):
        here = self.here
        here.settle()
        shutil.rmtree(str(self.folder) + '.was', ignore_errors=True)
        done = subprocess.run(
            ['unshare', '-rm', 'sh', '-c', ON_A_SMALL_DISK, 'sh', self.folder,
             'mode=700,size=%d,nr_inodes=%d' % (blocks * 4096, inodes),
             *(command or (mailtwin.program(), '-c', here.twin.config, 'sync'))],
            env=here.twin.environment(), capture_output=True, text=True, timeout=world.RUN_SECONDS)
        if done.returncode >= 90:
            raise AssertionError('no small disk: ' + done.stderr)
        all_blocks, free_blocks, all_inodes, free_inodes = map(int, done.stdout.splitlines()[-1].split())
        fired = ['a call'] * (done.returncode != 0 or 'No space left' in done.stderr)
        return (world.Ended(done.returncode, done.stderr, fired),
                all_blocks - free_blocks, all_inodes - free_inodes)


class Partial(suite.Case):
    def each(self, what, workload, work):
        def one(campaign, folder):
            with world.World(folder, world.WORKLOADS[workload]) as here:
                work(campaign, here)
        campaign = Campaign('%s, %s' % (what, workload))
        campaign.over(self.scratch, one)
        campaign.end(self)

    @staticmethod
    def calls(here, names):
        """(name, which of that name) of all that a clean run makes."""
        made = here.calls('calls')
        return [(name, n + 1) for name in names for n in range(made.count(name))]

    @staticmethod
    def tell(campaign, here, what, ended, clean=False):
        wrong = ['exit %d: %s' % (ended.exit, ended.err)] if clean and ended.exit != 0 else []
        campaign.tell(what, bool(ended.fired), wrong + list(here.judge(ended)), 'exit %d' % ended.exit)

    def shorten_all(self, campaign, here):
        for seed, _ in campaign.choose(SEEDS if SIZE == 'all' else 1 << 20, SEEDS):
            here.restore()
            self.tell(campaign, here, 'lengths by %d' % seed, here.run('short:calls:%d' % seed), clean=True)

    def shorten_one(self, campaign, here):
        places = list(itertools.product(self.calls(here, MAY_BE_SHORT), LENGTHS))
        for point, _ in campaign.choose(len(places), BRIEFS):
            (name, nth), length = places[point]
            here.restore()
            self.tell(campaign, here, '%s %d, %d octets' % (name, nth, length),
                      here.run('brief:%s:%d:%d' % (name, nth, length)), clean=True)

    def interrupt(self, campaign, here):
        places = self.calls(here, MAY_BE_INTERRUPTED)
        for point, _ in campaign.choose(len(places), INTERRUPTED):
            here.restore()
            self.tell(campaign, here, '%s %d' % places[point],
                      here.run('once:%s:%d:%d' % (*places[point], errno.EINTR)))

    def fill(self, campaign, here):
        """Of each write all but its last octet, half of it, one octet or none has room, and nothing after it."""
        here.restore()
        sizes = list(map(int, here.run('sizes:calls').fired))
        rooms = set()
        for before, size in zip(itertools.accumulate(sizes, initial=0), sizes):
            rooms |= {before, before + min(1, size - 1), before + size // 2, before + size - 1}
        rooms = sorted(rooms)
        for point, _ in campaign.choose(len(rooms), FILLS):
            here.restore()
            self.tell(campaign, here, 'room for %d of %d octets' % (rooms[point], sum(sizes)),
                      here.run('room:calls:%d' % rooms[point]))
        if campaign.share[0] == 0:
            print('%s: %d octets in %d writes' % (campaign.name, sum(sizes), len(sizes)), flush=True)

    def overfill(self, campaign, here):
        """A small tmpfs, for the Maildir or for the program's home: all sizes, until there is no more to want."""
        plenty = 1 << 20
        for folder in here.laptop.parent, here.twin.home:
            disk = SmallDisk(here, folder)
            here.restore()
            _, blocks, inodes = disk.run(plenty, plenty, 'true')
            here.restore()
            _, blocks_after, inodes_after = disk.run(plenty, plenty)
            more = 16 if SIZE == 'all' else 0   # files that come and go within a run need room, too
            sizes = [(n, plenty) for n in range(blocks, blocks_after + more)]
            sizes += [(plenty, n) for n in range(inodes, inodes_after + more)]
            for point, _ in campaign.choose(len(sizes), SMALL):
                here.restore()
                ended, *_ = disk.run(*sizes[point])
                self.tell(campaign, here, '%s of %d blocks and %d inodes' % (folder.name, *sizes[point]), ended)


def _add(workload, sentence, what, method):
    def test(self):
        self.each(what, workload, getattr(self, method))
    setattr(Partial, 'test_' + sentence % workload.replace(' ', '_').replace('-', '_'), test)


for _workload in world.WORKLOADS:
    _add(_workload, 'a_%s_by_short_reads_and_writes_is_the_same', 'short reads and writes', 'shorten_all')
    _add(_workload, 'S06_a_%s_onto_a_full_disk_says_so_and_is_ended_by_the_next', 'full disk', 'fill')
for _workload in world.WORKLOADS if SIZE else ('pull', 'two-way'):
    _add(_workload, 'a_%s_by_one_short_read_or_write_is_the_same', 'a short read or write', 'shorten_one')
    _add(_workload, 'a_%s_that_is_interrupted_ends_well_or_says_so', 'EINTR', 'interrupt')
    _add(_workload, 'S06_a_%s_on_a_small_disk_says_so_and_is_ended_by_the_next', 'small disk', 'overfill')

if __name__ == '__main__':
    suite.main()
