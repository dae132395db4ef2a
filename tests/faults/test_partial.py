#!/usr/bin/env python3
"""Reads and writes are shorter than asked for, and the disk is full: bytes are equal, or an error is told."""
import world
import suite
from campaign import Campaign, points

SEEDS = points(100, 10, 4)     # of each workload
FILLS = points(300, 40, 12)


class Partial(suite.Case):
    def shorten(self, workload):
        campaign = Campaign('short reads and writes, %s' % workload)
        with world.World(self.scratch, world.WORKLOADS[workload]) as here:
            for seed, _ in campaign.choose(1 << 20, SEEDS):
                here.restore()
                ended = here.run('short:calls:%d' % seed)
                wrong = [] if ended.exit == 0 else ['exit %d: %s' % (ended.exit, ended.err)]
                campaign.tell('%s, lengths by %d' % (workload, seed), bool(ended.fired),
                              wrong + list(here.judge(ended)))
        campaign.end(self)

    def fill(self, workload):
        """Room for N octets in files: the rest of the run has none."""
        campaign = Campaign('full disk, %s' % workload)
        with world.World(self.scratch, world.WORKLOADS[workload]) as here:
            here.restore()
            exist = self.octets(here)
            for room, _ in campaign.choose(exist, FILLS):
                here.restore()
                ended = here.run('room:calls:%d' % room)
                campaign.tell('%s, room for %d of %d octets' % (workload, room, exist), bool(ended.fired),
                              list(here.judge(ended)))
        campaign.end(self)

    @staticmethod
    def octets(here):
        """As many as a run puts into files: the least room, to the next 256, in which nothing fails."""
        low, high = 0, 1 << 22
        while high - low > 256:
            middle = (low + high) // 2
            here.restore()
            low, high = (middle, high) if here.run('room:calls:%d' % middle).fired else (low, middle)
            here.settle()
        return high


def _add(workload):
    name = workload.replace(' ', '_').replace('-', '_')
    setattr(Partial, 'test_a_%s_by_short_reads_and_writes_is_the_same' % name, lambda self: self.shorten(workload))
    setattr(Partial, 'test_S06_a_%s_onto_a_full_disk_says_so_and_is_ended_by_the_next' % name,
            lambda self: self.fill(workload))


for _workload in world.WORKLOADS:
    _add(_workload)

if __name__ == '__main__':
    suite.main()
