#!/usr/bin/env python3
"""SIGKILL at each call of a run, then at calls of the run that recovers: the next one ends all."""
import world
import suite
from campaign import Campaign, points

POINTS = points(400, 200, 30)       # of each workload
RECOVERIES = points(200, 50, 10)   # of those, how many are killed again, at two places


class Kill(suite.Case):
    def killed(self, here, n):
        ended = here.run('kill:calls:%d' % n)
        if ended.exit not in (0, -9):
            return ['exit %d: %s' % (ended.exit, ended.err)]
        return list(here.lost())

    def kill_each(self, workload):
        campaign = Campaign('kill, %s' % workload)
        with world.World(self.scratch, world.WORKLOADS[workload]) as here:
            exist = len(here.calls('calls'))
            for point, _ in campaign.choose(exist, POINTS):
                here.restore()
                wrong = self.killed(here, point + 1)
                campaign.tell('%s at %d of %d' % (workload, point + 1, exist), bool(here.fired()),
                              wrong + list(here.recovers()))
        campaign.end(self)

    def kill_the_recovery(self, workload):
        """What a run makes of half a job is not what it makes of a whole one."""
        campaign = Campaign('kill of the recovery, %s' % workload)
        with world.World(self.scratch, world.WORKLOADS[workload]) as here:
            exist = len(here.calls('calls'))
            for point, rng in campaign.choose(exist, RECOVERIES):
                here.restore()
                second, third = rng.randrange(exist) + 1, rng.randrange(exist // 2) + 1
                wrong = self.killed(here, point + 1)
                wrong += self.killed(here, second)
                fired = bool(here.fired())
                wrong += self.killed(here, third)
                campaign.tell('%s at %d, %d, %d of %d' % (workload, point + 1, second, third, exist), fired,
                              wrong + list(here.recovers()))
        campaign.end(self)


def _add(workload):
    name = workload.replace(' ', '_').replace('-', '_')
    setattr(Kill, 'test_S03_S04_a_%s_that_is_killed_is_ended_by_the_next' % name,
            lambda self: self.kill_each(workload))
    setattr(Kill, 'test_S03_S04_a_%s_that_is_killed_again_and_again_is_ended_by_the_next' % name,
            lambda self: self.kill_the_recovery(workload))


for _workload in world.WORKLOADS:
    _add(_workload)

if __name__ == '__main__':
    suite.main()
