#!/usr/bin/env python3
"""SIGKILL at each call of a run, then at calls of the run that recovers: the next one ends all."""
import collections

import world
import compare
import suite
from campaign import Campaign, points

POINTS = points(400, 200, 20)       # of each workload
RUNS = 4                            # that a loss may take to be mended: the first deletes nothing, and says so
RECOVERIES = points(200, 50, 8)    # of those, how many are killed again, at two places


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

    def ends_equal(self, here, kept):
        """After a loss: all that is left is on both sides, and `kept` with it."""
        for _ in range(RUNS):
            ended = here.run()
            if ended.exit in (0, -99):
                break
        if ended.exit != 0:
            yield 'run %d after it: exit %d: %s' % (RUNS, ended.exit, ended.err.strip())
        worlds = here.read()
        # Mailboxes that are paired anew keep their marks to delete: one may be that of the run that was killed.
        yield from (sentence for sentence in compare.compare(*worlds) if '\\Deleted' not in sentence)
        for levels, messages in kept.items():
            if bodies(messages) - bodies(worlds[0].get(levels, ())):
                yield '%s: a message was deleted that nobody deleted' % '/'.join(levels)
        here.run()
        if here.read() != worlds:
            yield 'one more run changes something'

    def kill_and_put_back(self, kind, workload=world.SAME_MAILBOXES):
        """A run that was killed wrote down more than how far the mailboxes had come."""
        campaign = Campaign('kill, then a side put back, %s and imap, %s' % (kind, workload.name))
        with world.World(self.scratch, workload, kind=kind) as here:
            exist = len(here.calls('calls'))
            for point, rng in campaign.choose(exist, POINTS):
                here.restore()
                wrong = self.killed(here, point + 1)
                fired = bool(here.fired())
                side = rng.randrange(2)
                here.put_back((here.work, here.laptop)[side].parent)
                campaign.tell('at %d of %d, side %d' % (point + 1, exist, side), fired,
                              wrong + list(self.ends_equal(here, here.read()[not side])))
        campaign.end(self)

    def test_S03_a_server_that_is_put_back_after_a_run_was_killed_is_in_step_again(self):
        self.kill_and_put_back('imap')

    def test_S03_a_maildir_that_is_put_back_after_a_run_was_killed_is_in_step_again(self):
        self.kill_and_put_back('maildir')

    def test_S03_a_server_that_is_put_back_after_only_marks_changed_is_in_step_again(self):
        """Where nothing was added no UID tells that it was."""
        self.kill_and_put_back('imap', world.NOTHING_NEW)


def bodies(messages):
    return collections.Counter((m.digest, m.size) for m in messages)


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
