"""What a mirror, a copy and an archive may hold after a run, from what both sides held before it.

Nothing ever happens to the source, so that little has to be known of what people did: a mirror is what
its source is; a copy loses nothing, and has nothing twice that its source has once; an archive shows its
source, and goes on showing what it showed.  The laptop is the target.
"""
import collections

import compare

from hands import letter


def body_of(subject):
    number = int(subject.split()[-1])
    return 'A line.\r\n' * (number * 7 % 40 + number % 5 * 300)


def letter_of(subject, mailbox):
    """What bears a subject is the same to the octet, and came at the same moment."""
    return letter(subject, mailbox, body=body_of(subject), received=1_600_000_000 + int(subject.split()[-1]))


def _count(world):
    return collections.Counter(('/'.join(levels), message.subject.strip("'"))
                               for levels, messages in world.items() for message in messages)


def _marks(world):
    """{(mailbox, subject): marks} of what is in a mailbox once."""
    counts = _count(world)
    return {key: message.marks for levels, messages in world.items() for message in messages
            if counts[key := ('/'.join(levels), message.subject.strip("'"))] == 1}


def _everything(world):
    """How often there is what: (mailbox, subject, marks)."""
    return collections.Counter(('/'.join(levels), message.subject.strip("'"), frozenset(message.marks))
                               for levels, messages in world.items() for message in messages)


def _told(what, sentences):
    for sentence in sentences:
        yield '%s: %s' % (what, sentence.replace('the first', 'what was').replace('the second', 'what is'))


class OneWay:
    def __init__(self):
        self.left_out = set()       # mailboxes whose twin has another name, or is gone
        self.busy = set()           # mailboxes that somebody touched since all was right

    # ---- what people do ----

    def add(self, side, subject, mailbox):
        self.busy.add(mailbox)

    def delete(self, side, subject, mailbox):
        self.busy.add(mailbox)

    def move(self, side, subject, mailbox, to):
        self.busy |= {mailbox, to}

    def mark(self, side, subject, mailbox, change):
        self.busy.add(mailbox)

    def rename_mailbox(self, side, mailbox, to, subjects):
        self.busy.add(to)

    def delete_mailbox(self, side, mailbox, subjects):
        if side == 'laptop':
            self.left_out.add(mailbox)

    # ---- what happens ----

    def doubt(self, hands):
        pass

    def cut_off(self):
        pass

    def leave_out(self, mailboxes, hands):
        self.left_out |= mailboxes

    def before(self, hands):
        self.work, self.laptop = hands['work'].read(), hands['laptop'].read()

    def settle(self, hands):
        self.busy.clear()

    # ---- what must be so ----

    def visible(self, world):
        return {levels: messages for levels, messages in world.items() if '/'.join(levels) not in self.left_out}

    def harmed(self, hands):
        """Sentences on what no run may do, however it ended."""
        work, laptop = hands['work'].read(), hands['laptop'].read()
        yield from self.source_harmed(work, laptop)
        for levels, messages in laptop.items():
            for one in messages:
                made = letter_of(one.subject.strip("'"), '/'.join(levels))
                if one.digest != compare.make_message(made.raw, (), 0, '').digest or one.received != made.received:
                    yield '%s: %s is not the letter that was sent' % ('/'.join(levels), one)
        source, before, after = _count(self.work), _count(self.laptop), _count(laptop)
        for mailbox, subject in sorted({*before, *after}):
            key = mailbox, subject
            low, high = self.bounds(key, source[key], before[key])
            if mailbox not in self.left_out and not low <= after[key] <= high:
                yield '"%s": %d of it in %s, and there should be %d to %d' % (subject, after[key], mailbox, low, high)

    def source_harmed(self, work, laptop):
        yield from _told('the source was changed', compare.compare(self.work, work))

    def counts_equal(self, hands):
        """How many messages a run says are equal, if that is known."""
        left, right = (self.visible(hands[side].read()) for side in ('work', 'laptop'))
        return None if self.left_out else sum(len(messages) for levels, messages in left.items() if levels in right)


class Mirror(OneWay):
    def __init__(self):
        super().__init__()
        self.renamed = set()        # names that a run may take away
        self.may_lack = set()       # what the target had under another name may be taken for gone

    def rename_mailbox(self, side, mailbox, to, subjects):
        super().rename_mailbox(side, mailbox, to, subjects)
        self.renamed |= {mailbox, to}
        if side == 'laptop':
            self.may_lack.add(mailbox)

    def bounds(self, key, source, target):
        return min(source, target), source + target

    def harmed(self, hands):
        # A mailbox takes its new name with all that is in it, at any moment of the run.
        left_out, self.left_out = self.left_out, self.left_out | self.renamed
        yield from super().harmed(hands)
        self.left_out = left_out

    def wrong(self, hands):
        """Sentences on what should be so after a run that says it did all."""
        work, laptop = (self.visible(hands[side].read()) for side in ('work', 'laptop'))
        wanted = {levels: messages for levels, messages in work.items()
                  if levels in laptop or '/'.join(levels) not in self.may_lack}
        yield from compare.compare(wanted, {levels: laptop[levels] for levels in laptop.keys() & work.keys()})
        beyond = {levels: messages for levels, messages in self.visible(self.laptop).items()
                  if levels not in work and '/'.join(levels) not in self.renamed}
        yield from _told('what only the target has', compare.compare(
            beyond, {levels: laptop[levels] for levels in laptop.keys() & beyond.keys()}))

    def settle(self, hands):
        super().settle(hands)
        self.renamed.clear()


class Copy(OneWay):
    def __init__(self):
        super().__init__()
        self.gone = collections.Counter()   # how often a person took it from the target
        self.touched = set()                # marked there since all was right
        self.anew = set()                   # came to either side since then
        self.came = collections.Counter()   # what is new in the source since all was right
        self.went = set()                   # what went from it since then
        self.flags = {}                     # marks in the source then
        self.cut = self.doubted = False

    def add(self, side, subject, mailbox):
        super().add(side, subject, mailbox)
        self.anew.add((mailbox, subject))
        if side == 'work':
            self.came[mailbox, subject] += 1

    def delete(self, side, subject, mailbox):
        super().delete(side, subject, mailbox)
        self._took(side, subject, mailbox)

    def move(self, side, subject, mailbox, to):
        super().move(side, subject, mailbox, to)
        self.anew.add((to, subject))
        self._took(side, subject, mailbox)
        if side == 'work':
            self.came[to, subject] += 1

    def _took(self, side, subject, mailbox):
        if side == 'work':
            self.went.add((mailbox, subject))
        else:
            self.gone[mailbox, subject] += 1

    def mark(self, side, subject, mailbox, change):
        super().mark(side, subject, mailbox, change)
        if side == 'laptop':
            self.touched.add((mailbox, subject, change[1:]))

    def rename_mailbox(self, side, mailbox, to, subjects):
        """The target keeps its name: they are twins under two."""
        self.left_out |= {mailbox, to}

    def doubt(self, hands):
        self.doubted = True

    def cut_off(self):
        self.cut = True

    def bounds(self, key, source, target):
        # One that went from the source stays; one that is equal to it and came after it is another.
        high = source + target if key in self.went else max(source, target)
        return target, high if self.doubted else min(high, target + self.came[key])

    def wrong(self, hands):
        work, laptop = (self.visible(hands[side].read()) for side in ('work', 'laptop'))
        for levels in sorted(work.keys() - laptop.keys()):
            yield 'there is no %s' % '/'.join(levels)
        source, target = _count(work), _count(laptop)
        for key in sorted(source):
            if target[key] < source[key] - self.gone[key]:
                yield '"%s": %d of it in %s, and there should be %d' % (
                    key[1], target[key], key[0], source[key] - self.gone[key])
        if not self.doubted:
            yield from self._wrong_marks(work, laptop)

    def _wrong_marks(self, work, laptop):
        """Of what either side has once: the source's change wins, and else the target's stays."""
        now, there, had = _marks(work), _marks(laptop), _marks(self.laptop)
        for key in sorted(now.keys() & there.keys() & had.keys() & self.flags.keys() - self.anew):
            for mark in sorted(now[key] | there[key] | had[key]):
                changed = (mark in now[key]) != (mark in self.flags[key])
                wanted = mark in (now if changed else had)[key]
                # a run that did not end may have done what was undone since
                certain = not self.cut or changed and (*key, mark) not in self.touched
                if certain and (mark in there[key]) != wanted:
                    yield '"%s" in %s: %s, which should be %s' % (
                        key[1], key[0], mark if mark in there[key] else 'without ' + mark,
                        'set' if wanted else 'unset')
        for key in sorted(there.keys() & now.keys() - had.keys()):
            if there[key] != now[key]:
                yield '"%s" in %s is new and has %s instead of %s' % (
                    key[1], key[0], sorted(there[key]), sorted(now[key]))

    def settle(self, hands):
        super().settle(hands)
        work, laptop = (_marks(self.visible(hands[side].read())) for side in ('work', 'laptop'))
        self.flags = {key: marks for key, marks in work.items() if key in laptop}
        self.touched.clear()
        self.came.clear()
        self.went.clear()
        self.anew.clear()
        self.cut = self.doubted = False
        source = _count(hands['work'].read())
        self.gone = collections.Counter({key: n for key, n in self.gone.items() if source[key]})

    def counts_equal(self, hands):
        return None


class Move(Copy):
    """What is there goes, and only when it is here."""

    def bounds(self, key, source, target):
        # One that is equal to what was moved before is new mail.
        return target, source + target if self.doubted else target + min(source, self.came[key])

    def source_harmed(self, work, laptop):
        before, after = _everything(self.work), _everything(work)
        for mailbox, subject, marks in sorted((after - before), key=str):
            yield 'the source was changed: "%s" in %s has %s' % (subject, mailbox, sorted(marks))
        source, left, target = _count(self.work), _count(work), _count(laptop)
        for key in sorted(source):
            if source[key] - left[key] > target[key]:
                yield '"%s": %d of it went from %s, and %d are in the target' % (
                    key[1], source[key] - left[key], key[0], target[key])

    def wrong(self, hands):
        work, laptop = (self.visible(hands[side].read()) for side in ('work', 'laptop'))
        yield from ('there is no %s' % '/'.join(levels) for levels in sorted(work.keys() - laptop.keys()))
        for key, n in sorted(_count(work).items()):
            if n > self.gone[key]:      # what the target lost again stays
                yield '"%s": %d of it are left in %s' % (key[1], n, key[0])
        if not self.doubted and not self.cut:
            there, now, had = _marks(self.visible(self.work)), _marks(laptop), _marks(self.laptop)
            for key in sorted(there.keys() & now.keys() - had.keys()):
                if there[key] != now[key]:
                    yield '"%s" in %s came with %s instead of %s' % (
                        key[1], key[0], sorted(now[key]), sorted(there[key]))


class Archive(OneWay):
    def before(self, hands):
        super().before(hands)
        self.snapshots = hands['laptop'].snapshots()

    def harmed(self, hands):
        yield from _told('the source was changed', compare.compare(self.work, hands['work'].read()))
        found = hands['laptop'].snapshots()
        for number, world in self.snapshots.items():
            if number not in found:
                yield 'snapshot %d is gone' % number
            else:
                yield from _told('snapshot %d was changed' % number, compare.compare(world, found[number]))
        new = found.keys() - self.snapshots.keys()
        if len(new) > 1 or any(number < max(self.snapshots, default=0) for number in new):
            yield 'beside the snapshots %s there are %s' % (sorted(self.snapshots), sorted(new))

    @staticmethod
    def tended(before, last, done, after):
        """After `forget` that was to keep `last`, or `compact`: only what was to go may be gone, and is
        where it says that it did all; the others are as they were."""
        for number, world in before.items():
            if number in after:
                yield from _told('snapshot %d was changed' % number, compare.compare(world, after[number]))
            elif number in last:
                yield 'snapshot %d was to be kept, and is gone' % number
        if beyond := after.keys() - (last if done else before.keys()):
            yield 'the snapshots %s should not be there' % sorted(beyond)

    def wrong(self, hands):
        yield from compare.compare(hands['work'].read(), hands['laptop'].read())

    def visible(self, world):
        return world
