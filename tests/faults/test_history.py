#!/usr/bin/env python3
"""Histories at random: people at both sides, losses, and runs with faults; then all has to be right.

    MAILTWIN_HISTORY=SEED    that one history only, with its steps

Each begins with some mail that is on both sides, and has one to four rounds: what people do to mail on
either side, at times a loss, and a run, most often one that is killed, or in which a call fails or the
connection breaks; of an archive snapshots are forgotten, and it is compacted, with faults as well.  In the end runs without
faults have to make both sides equal, and what model.py or one_way.py wants; the run after that changes
nothing.  One that goes wrong is lived again with fewer steps, for as long as it still does.
"""
import dataclasses
import json
import os
import random
import re
import shutil
import time

import world
import suite
from campaign import NEW_SEED, SIZE, Campaign, points
from cut_relay import CutRelay
from hands import MaildirHand
from model import OTHER, SIDES, Model, by_subject
from one_way import Archive, Copy, Mirror, Move, letter_of
from shrink import shrink
from uids import Uids
from vault import Vault

HISTORIES = points(1000, 100, 12), points(1000, 100, 5)     # of each pair, two-way and one-way ...
NEW = points(250, 25, 1)                # ... and how many of them nobody has seen before
SHRUNK, SHRINK_SECONDS = points(10, 0, 2), 60     # so many of those that go wrong, so long each
ROUNDS, STEPS = (1, 4), (2, 9)
CALLS, OCTETS = (60, 300, 900), (600, 3000, 9000)   # a fault comes within so many, if there are so many
RUNS = 5                                # without a fault, until all is done
ERRORS = 5, 12, 28                      # EIO, ENOMEM, ENOSPC
MARKS = '\\Seen', '\\Flagged', '\\Answered', '\\Draft', 'later', 'urgent'
KEYWORDS = {'later', 'urgent'}
KNOWN = {   # those that went wrong once
    'keeps mailboxes': [56, 481],
    'deletes mailboxes': [1666029328, 1845205803],
    'is of two servers': [890745814, 275484890],
    'fills an archive': [33],
    'moves': [126],
}
LEFT_ALONE = re.compile(r"\w+: (Box \d+): (?:left out: '(Box \d+)' on \w+ is the twin of '(Box \d+)' already|"
                        r'it is gone on \w+ but is not removed here)')
ONE_WAY = {'from': 'work', 'to': 'laptop', 'max_deletions': 'any'}


@dataclasses.dataclass(frozen=True)
class Pair:
    keys: dict
    model: type = Model
    kind: str = 'maildir'       # of the laptop's store
    people: tuple = SIDES       # where they are


PAIRS = {
    'keeps mailboxes': Pair({'between': [*SIDES], 'max_deletions': 'any'}),
    'deletes mailboxes': Pair({'between': [*SIDES], 'max_deletions': 'any', 'mailbox_deletions': 'propagate'}),
    'is of two servers': Pair({'between': [*SIDES], 'max_deletions': 'any'}, kind='imap'),
    'mirrors': Pair({'mode': 'mirror', **ONE_WAY}, Mirror),
    'copies': Pair({'mode': 'copy', **ONE_WAY}, Copy),
    'moves': Pair({'mode': 'move', **ONE_WAY}, Move),
    'fills an archive': Pair(ONE_WAY, Archive, 'archive', ('work',)),
}


class Relay(CutRelay):
    def __init__(self, port):
        super().__init__(port, [])


class Wrong(Exception):
    pass


class Gone(Exception):
    """What a step was about is not there, and nothing was done."""


@dataclasses.dataclass
class Step:
    what: object        # a method of History
    arguments: tuple
    drawn: list = dataclasses.field(default_factory=list)   # what was left to chance in it


class History:
    """One of them, in a world that was restored for it."""

    def __init__(self, here, pair, seed):
        self.here, self.pair, self.rng, self.told = here, pair, random.Random('history %s' % seed), []
        self.tending = random.Random('tending %s' % seed)
        self.steps, self.step, self.given = [], Step(None, ()), None
        self.hand = {'work': MaildirHand(here.work)}
        if pair.kind == 'archive':
            self.hand['laptop'] = Vault(here.laptop)
        else:
            self.hand['laptop'] = MaildirHand(here.laptop)
            self.hand['laptop'].writer.count = 1_000_000    # no file on one side is called as one on the other
        self.model, self.names, self.faults = pair.model(), 0, 0
        self.backups = here.top / 'backups'
        shutil.rmtree(self.backups, ignore_errors=True)
        self.backups.mkdir()
        self.runs, self.saved, self.end = 0, [], None
        self.given_twice = False    # a UID, so that no client can know what is there
        self.uids = [Uids(self.hand[side]) for side in (SIDES if pair.kind == 'imap' else ('work',))]

    def tell(self, text, *words):
        self.told.append(text % words)

    # ---- chance ----

    def do(self, what, *arguments, given=None):
        """A step; `given` was drawn when it was made for the first time."""
        self.step, self.given = Step(what, arguments), given and iter(given)
        self.steps.append(self.step)
        try:
            what(self, *arguments)
        except Gone:
            self.steps.pop()
        self.step, self.given = Step(None, ()), None

    def once(self, make):
        """What make() gives, or gave when the step was made for the first time."""
        value = make() if self.given is None else next(self.given, Gone)
        if value is Gone:
            raise Gone
        self.step.drawn.append(value)
        return value

    def draw(self, candidates):
        candidates = list(candidates)
        if not candidates:
            raise Gone
        value = self.once(lambda: self.rng.choice(candidates))
        if value not in candidates:
            raise Gone
        return value

    # ---- people ----

    def mailboxes(self, side):
        return sorted({'/'.join(levels) for levels in self.model.visible(self.hand[side].read())})

    def letters(self, side):
        """(subject, mailbox, marks) of each."""
        return sorted((subject, mailbox, marks) for subject, found in
                      by_subject(self.model.visible(self.hand[side].read())).items() for mailbox, marks in found)

    def new_name(self, what):
        self.names += 1
        return self.once(lambda: '%s %d' % (what, self.names))

    def add(self, side, subject, mailbox):
        self.hand[side].add(letter_of(subject, mailbox))
        self.model.add(side, subject, mailbox)
        self.tell('%s: "%s" comes to %s', side, subject, mailbox)

    def append(self, side):
        self.add(side, self.new_name('letter'), self.draw(self.mailboxes(side)))

    def duplicate(self, side):
        self.add(side, *self.draw(letter[:2] for letter in self.letters(side)))

    def mark(self, side):
        letters = self.letters(side)
        subject, mailbox = self.draw(letter[:2] for letter in letters)
        mark = self.draw(MARKS)
        found = [marks for other, _, marks in letters if other == subject]
        if len(found) > 1:
            raise Gone      # nobody knows which it was
        change = ('-' if mark in found[0] else '+') + mark
        self.hand[side].flag(subject, change, mailbox=mailbox)
        self.model.mark(side, subject, mailbox, change)
        self.tell('%s: "%s" in %s gets %s', side, subject, mailbox, change)

    def delete(self, side):
        subject, mailbox = self.draw(letter[:2] for letter in self.letters(side))
        self.hand[side].delete(subject, mailbox)
        self.model.delete(side, subject, mailbox)
        self.tell('%s: "%s" goes from %s', side, subject, mailbox)

    def move(self, side):
        """One without keywords: their letters mean something else elsewhere."""
        found = self.letters(side)
        subject, mailbox = self.draw(one[:2] for one in found
                                     if not any(one[:2] == two[:2] and two[2] & KEYWORDS for two in found))
        to = self.draw(self.mailboxes(side))
        if to == mailbox:
            raise Gone
        self.hand[side].move(subject, to, mailbox)
        self.model.move(side, subject, mailbox, to)
        self.tell('%s: "%s" goes from %s to %s', side, subject, mailbox, to)

    def create_mailbox(self, side):
        name = self.new_name('Box')
        self.hand[side].create(name)
        self.model.busy.add(name)
        self.tell('%s: mailbox %s is made', side, name)

    def quiet_mailbox(self, side):
        """One that nobody touched since all was right, with what is in it."""
        name = self.draw(name for name in self.mailboxes(side) if name != 'INBOX' and
                         name not in self.model.busy and name in self.mailboxes(OTHER[side]))
        return name, [subject for subject, mailbox, _ in self.letters(side) if mailbox == name]

    def rename_mailbox(self, side):
        mailbox, subjects = self.quiet_mailbox(side)
        to = self.new_name('Box')
        self.hand[side].rename_mailbox(mailbox, to)
        self.model.rename_mailbox(side, mailbox, to, subjects)
        self.tell('%s: mailbox %s is called %s', side, mailbox, to)

    def delete_mailbox(self, side):
        mailbox, subjects = self.quiet_mailbox(side)
        self.hand[side].delete_mailbox(mailbox)
        self.model.delete_mailbox(side, mailbox, subjects)
        self.tell('%s: mailbox %s is deleted', side, mailbox)

    PEOPLE = [append] * 6 + [mark] * 5 + [delete] * 3 + [move] * 3 + [duplicate, create_mailbox, rename_mailbox,
                                                                   delete_mailbox]

    # ---- losses ----

    def reset_uidvalidity(self):
        side = self.draw(SIDES if self.pair.kind == 'imap' else ('work',))
        mailbox = self.draw(self.mailboxes(side))
        folder = self.hand[side].create(mailbox)
        for path in [*folder.glob('dovecot-uidlist*'), *folder.glob('dovecot.index*')]:
            path.unlink()
        self.tell('%s: %s has another UIDVALIDITY', side, mailbox)

    def state_folder(self):
        return self.here.here / 'home' / 'state'

    def lose_state(self):
        shutil.rmtree(self.state_folder(), ignore_errors=True)
        self.tell('the state is lost')

    def backup(self):
        """One of when both sides had the mailboxes that they have: whether one was renamed is not to be
        guessed."""
        number = self.draw(self.saved)
        for side in SIDES:
            path = self.hand[side].path
            backup = type(self.hand[side])(self.backups / str(number) / path.relative_to(self.here.here)).read()
            if self.mailboxes(side) != sorted('/'.join(levels) for levels in self.model.visible(backup)):
                raise Gone
        return number

    def restore_state(self):
        number = self.backup()
        shutil.rmtree(self.state_folder(), ignore_errors=True)
        self.here._copy(self.backups / str(number) / 'home' / 'state', self.state_folder())
        self.tell('the state is that after run %d', number)

    def restore_side(self):
        side = self.draw(SIDES)
        number = self.backup()
        self.here._copy(self.backups / str(number) / side, self.hand[side].path.parent)
        if self.pair.kind != 'archive' or side == 'work':
            self.hand[side].writer.keywords.clear()
        self.tell('%s is as after run %d', side, number)

    LOSSES = reset_uidvalidity, lose_state, restore_state, restore_side

    def lose(self):
        self.draw(self.LOSSES)(self)
        self.model.doubt(self.hand)

    # ---- runs ----

    @staticmethod
    def fault(rng):
        """What shim.c takes for FAULT, and where the relay cuts."""
        kind, n = rng.randrange(4), rng.randrange(rng.choice(CALLS)) + 1
        if kind == 0:
            return 'kill:calls:%d' % n, []
        if kind == 3:
            return None, [(rng.choice(('client', 'server')), rng.randrange(rng.choice(OCTETS)))]
        return '%s:calls:%d:%d' % ('once' if kind == 1 else 'on', n, rng.choice(ERRORS)), []

    def run(self, faulty, *words):
        self.runs += 1
        number = self.once(lambda: self.runs)
        relay = self.draw(relay for relay in self.here.relays if relay)
        fault, relay.cuts = self.once(lambda: self.fault(self.rng)) if faulty else (None, [])
        relay.broken = 0
        time.sleep(.03)     # the clock's grain: what changed within it is not deleted yet
        what = '%s%s' % (fault or '', relay.cuts or '')
        for uids in self.uids:
            for mailbox in uids.given_again():
                self.given_twice = True
                self.tell('in %s a UID is another message\'s', mailbox)
        self.model.before(self.hand)
        ended = self.here.run(fault, *words)
        relay.cuts = []
        self.here.settle()
        self.faults += bool(ended.fired) + relay.broken
        for uids in self.uids:
            uids.looked(ended.exit == 0)
        self.tell('sync %d %s: exit %d %s', number, what, ended.exit, ended.err.strip())
        if ended.exit not in (*range(8), -9) or 'Sanitizer' in ended.err:
            raise AssertionError('a run ends with %d' % ended.exit)
        self.raise_if(self.model.harmed(self.hand))
        if ended.exit == 1 and self.leaves_alone(number, ended.err):
            return 0
        if ended.exit == 0:
            self.check(number)
        else:
            self.model.cut_off()
        return ended.exit

    def tend(self, faulty):
        """Forget snapshots of an archive, or compact it."""
        command, *words = self.once(lambda: self.tending.choice((
            ('compact',), *(('forget', '--keep-last', str(n)) for n in (1, 1, 2, 3)))))
        fault = self.once(lambda: self.fault(self.tending)[0]) if faulty else None
        before = self.hand['laptop'].snapshots()
        last = sorted(before)[-int(words[1]):] if words else before.keys()
        ended = self.here.run(fault, *words, self.here.laptop, command=command)
        self.faults += bool(ended.fired)
        self.tell('%s %s %s: exit %d %s', command, ' '.join(words), fault or '', ended.exit, ended.err.strip())
        if ended.exit not in (0, 7, -9) or 'Sanitizer' in ended.err:
            raise AssertionError('%s ends with %d' % (command, ended.exit))
        self.raise_if(self.model.tended(before, last, ended.exit == 0, self.hand['laptop'].snapshots()))
        self.is_whole()

    def is_whole(self):
        """An archive says so itself."""
        if self.pair.kind == 'archive' and self.here.laptop.exists():
            ended = self.here.run(None, self.here.laptop, command='verify')
            if ended.exit != 0:
                raise Wrong('verify: exit %d: %s' % (ended.exit, ended.err.strip()))

    def leaves_alone(self, number, err):
        """Whether all that it complains of is mailboxes that it does not know what to do with."""
        found = [LEFT_ALONE.match(line) for line in err.splitlines() if 'paired by content' not in line]
        if not all(found):
            return False
        self.model.leave_out({name for one in found for name in one.groups() if name}, self.hand)
        self.check(number)
        return True

    @staticmethod
    def raise_if(sentences):
        if sentences := [*sentences]:
            raise Wrong('; '.join(sentences[:4]))

    def check(self, number):
        """All was done, it says."""
        self.raise_if(self.model.wrong(self.hand))
        self.model.settle(self.hand)
        self.here._copy(self.here.here, self.backups / str(number))
        self.saved.append(number)

    def run_to_the_end(self):
        for _ in range(RUNS):
            if self.run(False) == 0:
                return
        raise Wrong('it does not come to an end')

    def changes_nothing(self):
        before = [self.hand[side].read() for side in SIDES]
        ended = self.here.twin.command('sync', '--json')
        self.here.settle()
        if ended.exit not in (0, 1) or ended.changes() or before != [self.hand[side].read() for side in SIDES]:
            raise Wrong('one more run changes something: %s' % json.dumps(ended.end))
        equal = self.model.counts_equal(self.hand)
        # With exit 1 two mailboxes may be twins under different names.
        if ended.exit == 0 and equal is not None and ended.end['equal'] != equal:
            raise Wrong('it counts %d messages as equal, of %d' % (ended.end['equal'], equal))
        self.is_whole()

    def begin(self):
        for _ in range(2):
            self.do(History.create_mailbox, self.rng.choice(self.pair.people))
        for _ in range(self.rng.randrange(6)):
            self.do(History.append, self.rng.choice(self.pair.people))
        self.do(History.run, False)

    def come_to_the_end(self):
        self.run_to_the_end()
        self.changes_nothing()

    def play(self):
        self.begin()
        for _ in range(self.rng.randint(*ROUNDS)):
            for _ in range(self.rng.randint(*STEPS)):
                self.do(self.rng.choice(self.PEOPLE), self.rng.choice(self.pair.people))
            if self.rng.random() < .25:
                self.do(History.lose)
            self.do(History.run, self.rng.random() < .7)
            if self.pair.kind == 'archive' and self.tending.random() < .5:
                self.do(History.tend, self.tending.random() < .7)
        self.come_to_the_end()

    def play_again(self, steps):
        for step in steps:
            self.do(step.what, *step.arguments, given=step.drawn)
        self.come_to_the_end()

    def goes_wrong(self, play, *arguments):
        """Why, or nothing."""
        self.here.restore()
        try:
            play(*arguments)
        except (Wrong, AssertionError) as why:
            if isinstance(why, AssertionError) or not self.given_twice:
                return str(why)
            self.end = 'a UID given twice'
            self.tell('%s', why)
        return None


def _milder(step):
    """A run without a fault, for one that had one."""
    if step.arguments == (True,):
        yield dataclasses.replace(step, arguments=(False,))


def _kind(why):
    """What went wrong, without the names of what it went wrong with."""
    return re.sub(r'"[^"]*"|Box \d+|INBOX|\d+', '', why.split(';')[0])


def shortest(history, seed, why):
    """The shortest that goes wrong in the same way."""
    found = history

    def fails(steps):
        nonlocal found
        again = History(history.here, history.pair, seed)
        wrong = again.goes_wrong(again.play_again, steps)
        if wrong is None or _kind(wrong) != _kind(why):
            return False
        found = again
        again.tell(wrong)
        return True
    shrink(history.steps, fails, SHRINK_SECONDS, _milder)
    return found


class Histories(suite.Case):
    def live(self, pair):
        """Most by a fixed seed, the others by a new one."""
        campaign = Campaign('histories, a pair that %s' % pair)
        seeds = [*KNOWN.get(pair, []), *range(HISTORIES[PAIRS[pair].model is not Model] - NEW), *range(NEW_SEED, NEW_SEED + NEW)]
        if 'MAILTWIN_HISTORY' in os.environ:
            seeds = [int(os.environ['MAILTWIN_HISTORY'])]
        workload = world.Workload('history', world._nothing, world._nothing, PAIRS[pair].keys)
        with world.World(self.scratch, workload, front=Relay, kind=PAIRS[pair].kind) as here:
            campaign.exist = len(seeds)
            for seed in seeds:
                self.live_one(campaign, here, PAIRS[pair], seed)
                if SIZE == 'prove' and campaign.wrong:
                    break
                if campaign.tried % 250 == 0:
                    print(campaign, flush=True)
        campaign.end(self)

    def live_one(self, campaign, here, pair, seed):
        history = History(here, pair, seed)
        why = history.goes_wrong(history.play)
        wrong = [why] if why else []
        if wrong or 'MAILTWIN_HISTORY' in os.environ:
            print('MAILTWIN_HISTORY=%d shows it:\n    %s' % (seed, '\n    '.join(history.told + wrong)), flush=True)
        if wrong and len(campaign.wrong) < SHRUNK:
            short = shortest(history, seed, why)
            if short is history:
                print('none with fewer steps did', flush=True)
            else:
                print('so do %d of its %d steps:\n    %s' % (
                    len(short.steps), len(history.steps), '\n    '.join(short.told)), flush=True)
        campaign.tell('history %d' % seed, history.faults > 0, wrong, history.end)


    def test_a_long_story_is_cut_down_to_what_matters(self):
        self.assertEqual([3, 17], shrink([*range(40)], lambda steps: {3, 17} <= {*steps}, 20))
        self.assertEqual([3, -17], shrink([*range(40)], lambda steps: {3, 17} <= {*map(abs, steps)}, 20,
                                          lambda step: [-step] if step > 3 else []))

    def test_a_history_is_lived_again_from_its_steps(self):
        pair = PAIRS['mirrors']
        workload = world.Workload('history', world._nothing, world._nothing, pair.keys)
        with world.World(self.scratch, workload, front=Relay, kind=pair.kind) as here:
            def live():
                first.begin()
                for what in first.PEOPLE:
                    first.do(what, 'work')
                first.come_to_the_end()
            first = History(here, pair, 1)
            self.assertIsNone(first.goes_wrong(live))
            for steps in first.steps, [step for step in first.steps if step.what is not History.run]:
                again = History(here, pair, 2)
                self.assertIsNone(again.goes_wrong(again.play_again, steps))
                self.assertEqual(steps, again.steps)
                self.assertEqual(_by_people(first), _by_people(again))


def _by_people(history):
    return [line for line in history.told if line.startswith('work:')]


def _add(pair):
    setattr(Histories, 'test_a_pair_that_%s_comes_out_right_of_any_history' % pair.replace(' ', '_'),
            lambda self: self.live(pair))


for _pair in PAIRS:
    _add(_pair)

if __name__ == '__main__':
    suite.main()
