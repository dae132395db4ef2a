#!/usr/bin/env python3
"""A run is killed that meets another world than the last one left: the next one still deletes nothing.

What was thrown away or put back from a backup is found out at the start of a run, which leaves its
number there.  The run after it must not take that number for a sign that all is known.
"""
import collections
import shutil

import world
import compare
import suite
from campaign import Campaign, points
from hands import MaildirHand, letter

POINTS = points(300, 100, 20)       # of each loss


def _subjects(side):
    return collections.Counter((levels, message.subject) for levels, messages in side.items() for message in messages)


class Loss(suite.Case):
    def prepare(self, here, side):
        """A sync, a backup, and another sync with more mail: saved with the backup in place."""
        here.restore()
        backup = here.top / 'backup'
        path = {'work': here.work, 'laptop': here.laptop}[side]
        here._copy(path.parent, backup)
        MaildirHand(here.work).add(letter('late'), letter('later'), letter('late', 'Lists/kernel'))
        here._clean_run()
        here.settle()
        shutil.rmtree(path.parent)
        here._copy(backup, path.parent)
        here._copy(here.here, here.saved)

    def kill_each(self, campaign, here, spoil=lambda: None):
        """Wherever it is killed: what either side has then is on both in the end."""
        exist = len(here.calls('calls'))
        for point, _ in campaign.choose(exist, POINTS):
            here.restore()
            ended = here.run('kill:calls:%d' % (point + 1))
            fired = bool(here.fired())
            here.settle()
            spoil()
            had = here.read()
            wanted = _subjects(had[0]) | _subjects(had[1])
            campaign.tell('at %d of %d' % (point + 1, exist), fired and ended.exit == -9,
                          [*self.after(here, wanted)])

    def after(self, here, wanted):
        for _ in range(2):
            ended = here.run()
        if ended.exit != 0:
            yield 'exit %d: %s' % (ended.exit, ended.err)
        work, laptop = here.read()
        yield from compare.compare(work, laptop)
        if _subjects(work) != wanted:
            yield 'wrong: %s' % sorted((wanted - _subjects(work)) + (_subjects(work) - wanted))[:4]

    def put_back(self, side):
        campaign = Campaign('loss, an older %s' % side)
        with world.World(self.scratch, world.Workload('loss', world._both_have_it, world._nothing)) as here:
            self.prepare(here, side)
            self.kill_each(campaign, here)
        campaign.end(self)

    def test_a_maildir_that_was_put_back_is_doubted_until_a_run_has_ended(self):
        self.put_back('laptop')

    def test_a_server_that_was_put_back_is_doubted_until_a_run_has_ended(self):
        self.put_back('work')

    def test_a_maildir_thrown_away_after_a_first_run_that_was_killed_is_filled_again(self):
        campaign = Campaign('loss, a Maildir')
        with world.World(self.scratch, world.WORKLOADS['pull']) as here:
            def throw_away():
                """All but the folders: one that is gone is left alone on the other side."""
                for path in here.laptop.rglob('*'):
                    if not path.is_dir():
                        path.unlink()
            self.kill_each(campaign, here, throw_away)
        campaign.end(self)


if __name__ == '__main__':
    suite.main()
