#!/usr/bin/env python3
"""The connection breaks after each octet, of either direction: the next run ends all.

With all that the server can, and without LITERAL+, UIDPLUS and what else a plain server lacks; and
where many messages share an APPEND of which nobody tells the UIDs.
"""
import world
import suite
from campaign import Campaign, points
from cut_relay import CutRelay
from profile_relay import BARE, OPAQUE, WITHOUT, Profile, ProfileRelay

POINTS = points(80, 80, 3)    # of each workload, profile and direction
PROFILES = {'as it is': None, 'without LITERAL+': Profile('without LITERAL+', {'LITERAL+', 'LITERAL-'}),
            'without UIDPLUS': WITHOUT, 'bare': BARE,
            'MULTIAPPEND but no UIDPLUS': Profile('MULTIAPPEND but no UIDPLUS', OPAQUE | {'UIDPLUS'})}


class Front(CutRelay):
    """What a server is reached through: said to have what `profile` says, and cut where a test wants."""

    def __init__(self, port, profile=None):
        super().__init__(port, [])
        self.inner = ProfileRelay(port, profile) if profile else None
        self.octets = {'client': 0, 'server': 0}
        self.clients = set()

    def __enter__(self):
        if self.inner:
            self.target = self.inner.__enter__().port
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        if self.inner:
            self.inner.__exit__()

    def serve(self, client):
        self.clients.add(client)
        super().serve(client)
        self.clients.discard(client)

    def _pump(self, source, target, octets):
        """Counts what goes by where nothing is to be cut."""
        if octets is not None:
            super()._pump(source, target, octets)
            return
        who = 'client' if source in self.clients else 'server'
        try:
            while piece := source.recv(1 << 16):
                self.octets[who] += len(piece)
                target.sendall(piece)
        except OSError:
            pass
        self._break(source, target)


class Cut(suite.Case):
    def cut(self, workload, profile, served):
        name = '%s, %s%s' % (workload, profile, ', IMAP to IMAP' if served else '')
        with world.World(self.scratch, world.WORKLOADS[workload], kind='imap' if served else 'maildir',
                         front=lambda port: Front(port, PROFILES[profile])) as here:
            campaigns = [self.cut_each(here, relay, who, '%s %s, by the %s' % (store, name, who))
                         for store, relay in zip(('work', 'laptop') if served else ('work',), here.relays)
                         for who in ('server', 'client')]
        for campaign in campaigns:
            campaign.end(self)

    def count(self, here, relay, who):
        relay.octets[who] = 0
        here.restore()
        ended = here.run()
        self.assertEqual(0, ended.exit, ended)
        self.assertNothing(list(here.undone()))
        return relay.octets[who]

    def cut_each(self, here, relay, who, name):
        exist = self.count(here, relay, who)
        campaign = Campaign('cut, %s' % name)
        for point, _ in campaign.choose(exist, POINTS):
            here.restore()
            relay.cuts, relay.broken = [(who, point)], 0
            ended = here.run()
            relay.cuts = []
            campaign.tell('%s: after octet %d of %d' % (name, point, exist), relay.broken > 0,
                          list(here.judge(ended, codes=(1, 4))))
        return campaign


def _add(workload, profile, served):
    name = 'test_S03_S07_a_%s_over_a_line_that_breaks_is_ended_by_the_next_%s%s' % (
        workload, profile, ' between servers' if served else '')
    setattr(Cut, name.replace(' ', '_').replace('-', '_').replace('+', 'plus'),
            lambda self: self.cut(workload, profile, served))


for _profile in PROFILES:
    for _workload in ('pull', 'push', 'two-way', 'move'):
        _add(_workload, _profile, False)
    for _workload in ('push', 'two-way'):
        _add(_workload, _profile, True)

if __name__ == '__main__':
    suite.main()
