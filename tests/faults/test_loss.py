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
from profile_relay import Profile, ProfileRelay

POINTS = points(300, 100, 12)       # of each loss
PROFILES = {'with QRESYNC': None, 'with CONDSTORE': Profile('with CONDSTORE', {'QRESYNC'})}


def _subjects(side):
    return collections.Counter((levels, message.subject) for levels, messages in side.items() for message in messages)


def _more_than_a_chunk(work, laptop):
    """What comes in one chunk is written down with the end of the run, or not at all."""
    work.add(*(letter('letter %d' % n, 'Lists/kernel' if n % 2 else 'INBOX') for n in range(300)))


def _more_than_a_chunk_to_push(work, laptop):
    _more_than_a_chunk(laptop, work)


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

    def kill_each(self, campaign, here, spoil=lambda: None, may_come_back=False):
        """Wherever it is killed: what either side has then is on both in the end."""
        exist = len(here.calls('calls'))
        for point, _ in campaign.choose(exist, POINTS):
            here.restore()
            ended = here.run('kill:calls:%d' % (point + 1))
            fired = bool(here.fired())
            here.settle()
            spoil()
            campaign.tell('at %d of %d' % (point + 1, exist), fired and ended.exit == -9,
                          [*self.after(here, may_come_back)])

    def after(self, here, may_come_back):
        work, laptop = (_subjects(side) for side in here.read())
        high = work | laptop
        low = work if may_come_back else high
        for _ in range(2):
            ended = here.run()
        if ended.exit != 0:
            yield 'exit %d: %s' % (ended.exit, ended.err)
        work, laptop = here.read()
        yield from compare.compare(work, laptop)
        if low - _subjects(work) or _subjects(work) - high:
            yield 'lost: %s; too many: %s' % (low - _subjects(work), _subjects(work) - high)

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
        with world.World(self.scratch, world.Workload('loss', world._nothing, _more_than_a_chunk)) as here:
            def throw_away():
                """All but the folders: one that is gone is left alone on the other side."""
                for path in here.laptop.rglob('*'):
                    if not path.is_dir():
                        path.unlink()
            self.kill_each(campaign, here, throw_away)
        campaign.end(self)

    def test_a_server_put_back_to_before_a_run_that_was_killed_takes_no_letter_away(self):
        """Of what that run had copied there, and written down, the server knows nothing."""
        campaign = Campaign('loss, a server without the last copies')
        with world.World(self.scratch, world.Workload('loss', world._both_have_it, _more_than_a_chunk_to_push)) as here:
            def put_back():
                shutil.rmtree(here.work.parent)
                here._copy(here.saved / here.work.parent.relative_to(here.here), here.work.parent)
            self.kill_each(campaign, here, put_back)
        campaign.end(self)

    def come_and_go(self, what):
        """The run that is killed has seen it; nobody who is asked for what is new since the one before
        will.  Only what it copied and had not written down may come back."""
        campaign = Campaign('loss, what came and went, %s' % what)
        profile = PROFILES[what]
        with world.World(self.scratch, world.Workload('go', world._both_have_it, _add_late),
                         front=(lambda port: ProfileRelay(port, profile)) if profile else None) as here:
            self.kill_each(campaign, here, lambda: _remove_late(here), may_come_back=True)
        campaign.end(self)


def _add_late(work, laptop):
    work.add(letter('late'), letter('late', 'Lists/kernel'))


def _remove_late(here):
    hand = MaildirHand(here.work)
    hand.delete('late')
    hand.move('late', 'INBOX', mailbox='Lists/kernel')


def _add(what):
    setattr(Loss, 'test_what_came_and_went_between_two_looks_goes_on_the_other_side_%s' % what.replace(' ', '_'),
            lambda self: self.come_and_go(what))


for _what in PROFILES:
    _add(_what)

if __name__ == '__main__':
    suite.main()
