"""What two sides that are synced both ways may hold in the end, from what people did to each.

A message is known by its subject: what bears the same is the same to the octet.  How many there shall
be is certain where people did something on one side only, and has bounds where both did: then the order
counts in which runs saw it.  After a loss (of the state, of UIDVALIDITY, of what came since a backup)
nothing is deleted that one side still has.
"""
import collections
import dataclasses

import compare

SIDES = 'work', 'laptop'
OTHER = {'work': 'laptop', 'laptop': 'work'}


def by_subject(world):
    """{subject: [(mailbox, marks)]} of what compare.py has read."""
    found = collections.defaultdict(list)
    for levels, messages in world.items():
        for message in messages:
            found[message.subject.strip("'")].append(('/'.join(levels), message.marks))
    return found


def _counter():
    return {side: 0 for side in SIDES}


@dataclasses.dataclass
class Kin:
    """The messages of one subject: `low` to `high` of them since last they were counted, and what people
    did since."""
    low: int = 0
    high: int = 0
    place: str = None       # where it is, if there is one only and it is certain
    marks: frozenset = None     # the same
    added: dict = dataclasses.field(default_factory=_counter)
    deleted: dict = dataclasses.field(default_factory=_counter)
    moved: dict = dataclasses.field(default_factory=_counter)
    marked: dict = dataclasses.field(default_factory=lambda: {side: {} for side in SIDES})
    doubted: bool = False
    cut: bool = False       # a run that did not end may have copied it, and not written that down
    half_moved: set = dataclasses.field(default_factory=set)   # the sides of which it may have done a move so
    even: bool = True       # both sides had as many, when it was doubted

    def touched(self, side):
        return bool(self.added[side] or self.deleted[side] or self.moved[side] or self.marked[side])

    def bounds(self):
        added, deleted = self.added, self.deleted
        low = max(0, self.low + (max(added.values()) if self.even else 0) - sum(deleted.values()))
        if any(self.moved.values()) and self.high + sum(added.values()) > 1:
            # Of equal ones nobody knows which moved: two that went to one place may be one.
            low = max(min(1, low), low - sum(self.moved.values()))
        if self.doubted or self.cut:
            return low, self.high + sum(added.values()) + sum(self.moved.values())
        if not all(self.touched(side) for side in SIDES):
            return low, self.high + sum(added.values()) - sum(deleted.values())
        if all(deleted.values()) and self.high == 1 and not any(added.values()) and not any(self.marked.values()):
            return 0, 0
        return low, self.high + sum(added.values()) + sum(self.moved.values())


class Model:
    def __init__(self):
        self.kin = collections.defaultdict(Kin)
        self.left_out = set()       # mailboxes that one side renamed or deleted
        self.busy = set()           # mailboxes that somebody touched since all was counted

    # ---- what people do ----

    def add(self, side, subject, mailbox):
        kin = self.kin[subject]
        first = kin.high == 0 and not any(kin.added.values())
        kin.added[side] += 1
        kin.place, kin.marks = (mailbox, frozenset()) if first else (None, None)
        self.busy.add(mailbox)

    def delete(self, side, subject, mailbox):
        kin = self.kin[subject]
        kin.deleted[side] += 1
        kin.cut |= side in kin.half_moved
        self.busy.add(mailbox)

    def move(self, side, subject, mailbox, to):
        kin = self.kin[subject]
        kin.moved[side] += 1
        kin.cut |= side in kin.half_moved
        kin.place = kin.place and to
        self.busy |= {mailbox, to}

    def mark(self, side, subject, mailbox, change):
        self.kin[subject].marked[side].setdefault(change[1:], set()).add(change[0])
        self.busy.add(mailbox)

    def rename_mailbox(self, side, mailbox, to, subjects):
        self.left_out.add(mailbox)
        self.busy.add(to)
        for subject in subjects:
            self.kin[subject].place = self.kin[subject].place and to

    def delete_mailbox(self, side, mailbox, subjects):
        self.left_out.add(mailbox)
        for subject in subjects:
            kin = self.kin[subject]
            kin.low, kin.high, kin.place = max(0, kin.low - 1), kin.high - 1, None

    # ---- what happens to the world ----

    def doubt(self, hands):
        """From now on nothing is deleted that one side has."""
        sides = [by_subject(self.visible(hands[side].read())) for side in SIDES]
        for subject in {*self.kin, *sides[0], *sides[1]}:
            old, kin = self.kin[subject], Kin(doubted=True)
            places = [collections.Counter(place for place, _ in side.get(subject, ())) for side in sides]
            may_be_gone = any(old.deleted.values()) or (old.doubted and old.low == 0)
            kin.low = 0 if may_be_gone else max(sum(p.values()) for p in places)
            kin.high = sum((places[0] | places[1]).values()) + min(old.added.values())
            kin.even = places[0] == places[1]
            kin.moved = old.moved       # they can still make one of two
            self.kin[subject] = kin

    def cut_off(self):
        """A run did not end.  What it copied and had not written down comes back where somebody deletes or
        moves what it was made from before the next run; so does what it moved, where that is moved on or deleted
        on the side that had moved it."""
        for kin in self.kin.values():
            kin.cut |= any(kin.added.values())
            kin.half_moved |= {side for side in SIDES if kin.moved[side]}

    def leave_out(self, mailboxes, hands):
        """The program says that it leaves them alone: what is in them is not looked at any more."""
        for side in SIDES:
            for subject, found in by_subject(self.visible(hands[side].read())).items():
                if any(place in mailboxes for place, _ in found):
                    self.kin[subject].low, self.kin[subject].doubted, self.kin[subject].even = 0, True, False
        self.left_out |= mailboxes

    def before(self, hands):
        pass

    def settle(self, hands):
        """What both sides hold is right."""
        self.busy.clear()
        self.kin.clear()
        for subject, found in by_subject(self.visible(hands['work'].read())).items():
            only = found[0] if len(found) == 1 else (None, None)
            self.kin[subject] = Kin(len(found), len(found), *only)

    # ---- what must be so ----

    def visible(self, world):
        return {levels: messages for levels, messages in world.items() if '/'.join(levels) not in self.left_out}

    def harmed(self, hands):
        return ()       # either side may lose by what the other did

    def counts_equal(self, hands):
        """How many messages a run says are equal."""
        left, right = (hands[side].read() for side in SIDES)
        return sum(min(len(left[name]), len(right[name])) for name in left.keys() & right.keys())

    def wrong(self, hands):
        """Of sides that were synced, as sentences."""
        work, laptop = (self.visible(hands[side].read()) for side in SIDES)
        yield from compare.compare(work, laptop)
        found = by_subject(work)
        for subject in sorted({*self.kin, *found}):
            low, high = self.kin[subject].bounds()
            there = found.get(subject, [])
            if not low <= len(there) <= high:
                yield '"%s": %d of it, and there should be %d to %d' % (subject, len(there), low, high)
            elif len(there) == low == high == 1:
                yield from self._wrong_one(subject, self.kin[subject], *there[0])

    def _wrong_one(self, subject, kin, place, marks):
        if kin.doubted or kin.cut:
            return
        if kin.place not in (None, place) and not all(kin.moved.values()):
            yield '"%s" is in %s, and should be in %s' % (subject, place, kin.place)
        for mark in {*marks, *(kin.marks or ())} if kin.marks is not None else ():
            changes = kin.marked['work'].get(mark, set()) | kin.marked['laptop'].get(mark, set())
            wanted = '+' in changes if len(changes) == 1 else mark in kin.marks
            if len(changes) < 2 and (mark in marks) != wanted:
                yield '"%s": %s, which should be %s' % (
                    subject, mark if mark in marks else 'without ' + mark, 'set' if wanted else 'unset')
