"""Points of a kind, taken evenly over all that exist, and what came of them.

    MAILTWIN_FAULTS=full   as many as each harness has for it; `all`: each point that exists; `prove`:
                           enough to find a bug that was planted, and none after that; else a short run
    MAILTWIN_FAULTS_SEED   the seed that a red run printed; else one point in four has a new one
    MAILTWIN_FAULTS_JOBS   so many processes, each with a world of its own, where a harness can
    MAILTWIN_FAULTS_LOG    a file with a line for each point: what stands in it is not tried again
"""
import collections
import contextlib
import dataclasses
import json
import multiprocessing
import os
import random
import traceback

import suite

if os.access('/dev/shm', os.W_OK):
    os.environ.setdefault('TMPDIR', '/dev/shm')     # a world is copied for each point
SIZE = os.environ.get('MAILTWIN_FAULTS')
JOBS = int(os.environ.get('MAILTWIN_FAULTS_JOBS', '1'))
LOG = os.environ.get('MAILTWIN_FAULTS_LOG')
suite.TEST_SECONDS = {None: 300, 'all': 36000}.get(SIZE, 7200)
NEW_SEED = int(os.environ.get('MAILTWIN_FAULTS_SEED') or random.SystemRandom().randrange(1 << 31))


def points(full, prove, short):
    """How many of each workload."""
    return {'all': 1 << 40, 'full': full, 'prove': prove}.get(SIZE, short)


def evenly(exist, count, rng):
    """`count` numbers below `exist`, spread evenly, from a random place on; all, if there are no more."""
    if count >= exist:
        return list(range(exist))
    first = rng.random()
    return sorted({int((i + first) * exist / count) for i in range(count)})


@dataclasses.dataclass
class Campaign:
    """All points of one harness under one workload."""
    name: str
    exist: int = 0
    tried: int = 0
    fired: int = 0
    wrong: list = dataclasses.field(default_factory=list)
    ends: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # how runs ended
    same: int = 0       # not tried, for the run would be the same as one that was
    share: tuple = 0, 1     # which points are ours: the first of two, say

    def __post_init__(self):
        self.point, self.done = None, set()

    def choose(self, exist, count):
        """(point, rng): three in four by the fixed seed, one by the new one."""
        self.exist += exist
        for seed, share in ((1, count - count // 4), (NEW_SEED, count // 4)):
            for point in evenly(exist, share, random.Random('%s %d' % (self.name, seed))):
                if SIZE == 'prove' and self.wrong:
                    return
                if point % self.share[1] == self.share[0] and str(point) not in self.done:
                    self.point = point
                    yield point, random.Random('%s %d %d' % (self.name, seed, point))
            if share >= exist:
                return

    def tell(self, what, fired, sentences, end=None):
        """`end` is the exit code, or whatever is worth counting."""
        self.add(fired, '%s: %s' % (what, '; '.join(sentences[:4])) if sentences else None, end)
        if LOG:
            with open(LOG, 'a') as log:
                log.write(json.dumps([self.name, str(self.point), bool(fired), self.wrong[-1] if sentences else None,
                                      end]) + '\n')

    def add(self, fired, wrong, end):
        self.tried += 1
        self.fired += fired
        self.ends[end] += 1
        if wrong:
            self.wrong.append(wrong)

    def resume(self):
        """What an earlier run told of the same campaign."""
        with contextlib.suppress(FileNotFoundError), open(LOG or '') as log:
            for name, point, fired, wrong, end in map(json.loads, log):
                if name == self.name and point not in self.done:
                    self.done.add(point)
                    self.add(fired, wrong, end)

    def over(self, scratch, work):
        """`work(campaign, folder)` in JOBS processes, each with its share of the points."""
        self.resume()
        context = multiprocessing.get_context('fork')
        told = context.SimpleQueue()

        def one(share):
            part = Campaign(self.name, share=(share, JOBS))
            part.done = self.done
            folder = scratch / str(share)
            folder.mkdir()
            try:
                work(part, folder)
                told.put(part)
            except Exception:
                told.put(traceback.format_exc())
        processes = [context.Process(target=one, args=(share,)) for share in range(JOBS)]
        for process in processes:
            process.start()
        parts = [told.get() for _ in processes]
        for process in processes:
            process.join()
        for part in parts:
            if isinstance(part, str):
                raise AssertionError(part)
            self.exist = max(self.exist, part.exist)
            self.same += part.same
            self.tried += part.tried
            self.fired += part.fired
            self.wrong += part.wrong
            self.ends += part.ends

    def __str__(self):
        ends = ', '.join('%d with %s' % (n, end) for end, n in sorted(self.ends.items(), key=str) if end is not None)
        same = self.same and ', the same as another %d' % self.same
        return '%s: points that exist %d, tried %d%s, fired %d, wrong %d (seed %d)%s' % (
            self.name, self.exist, self.tried, same or '', self.fired, len(self.wrong), NEW_SEED,
            ends and '; ended: ' + ends)

    def end(self, case):
        """Print the figures; a wrong point fails the test."""
        print(self, flush=True)
        case.assertGreater(self.fired, 0, 'no fault came: nothing was tested')
        case.assertEqual([], self.wrong[:40])
