"""Points of a kind, taken evenly over all that exist, and what came of them.

    MAILTWIN_FAULTS=full   as many as each harness has for it; `prove`: enough to find a bug that was
                           planted, and none after that; else a short run
    MAILTWIN_FAULTS_SEED   the seed that a red run printed; else one point in four has a new one
"""
import dataclasses
import os
import random

import suite

if os.access('/dev/shm', os.W_OK):
    os.environ.setdefault('TMPDIR', '/dev/shm')     # a world is copied for each point
SIZE = os.environ.get('MAILTWIN_FAULTS')
suite.TEST_SECONDS = 7200 if SIZE else 300
NEW_SEED = int(os.environ.get('MAILTWIN_FAULTS_SEED') or random.SystemRandom().randrange(1 << 31))


def points(full, prove, short):
    """How many of each workload."""
    return {'full': full, 'prove': prove}.get(SIZE, short)


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

    def choose(self, exist, count):
        """(point, rng): three in four by the fixed seed, one by the new one."""
        self.exist += exist
        for seed, share in ((1, count - count // 4), (NEW_SEED, count // 4)):
            rng = random.Random('%s %d' % (self.name, seed))
            for point in evenly(exist, share, rng):
                if SIZE == 'prove' and self.wrong:
                    return
                yield point, rng
            if share >= exist:
                return

    def tell(self, what, fired, sentences):
        self.tried += 1
        self.fired += fired
        if sentences:
            self.wrong.append('%s: %s' % (what, '; '.join(sentences[:4])))

    def __str__(self):
        return '%s: points that exist %d, tried %d, fired %d, wrong %d (seed %d)' % (
            self.name, self.exist, self.tried, self.fired, len(self.wrong), NEW_SEED)

    def end(self, case):
        """Print the figures; a wrong point fails the test."""
        print(self, flush=True)
        case.assertGreater(self.fired, 0, 'no fault came: nothing was tested')
        case.assertEqual([], self.wrong[:40])
