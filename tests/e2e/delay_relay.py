"""A relay that makes loopback as slow as the world, and counts what that costs.

    with DelayRelay(server.port, seconds=.05) as relay:
        ... account.at(relay.port) ...
    relay.round_trips()

`seconds` is one round trip.  Delays do not limit throughput: every piece is queued with the time
at which it is due.  `speed` does: octets a second each way, of all connections together.  A TCP handshake is part of it: a client sees the greeting two round trips after
its connect(), as over a real line.

What is counted is the longest chain, on one connection, of client data, the server data that was
sent after it, the client data that was sent after that, and so on: the round trips that had to wait
for one another.  A pipelining client has a short chain, however often the two sides alternate.
What the server says after the client has gone counts for nothing: nobody waits for the answer to a
LOGOUT.  Nor does what lies in the client's receive queue when the client speaks, which the kernel
tells: a busy client says what it would have said without it.
"""
import pathlib
import queue
import select
import socket
import threading
import time

from relay import Listener

PIECE = 256 * 1024


def unread(ours, theirs):
    """Octets in the receive queue of the process that has the loopback port `theirs` towards `ours`."""
    ours, theirs = '%04X' % ours, '%04X' % theirs
    for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]:
        _, local, remote, _, queues = line.split()[:5]
        if local.endswith(':' + theirs) and remote.endswith(':' + ours):
            return int(queues.partition(':')[2], 16)
    return 0


class _Connection:
    def __init__(self, client):
        self.ports = client.getsockname()[1], client.getpeername()[1]
        self.speaking = threading.Lock()            # held while what the client says is taken in
        self.depth = {'client': 0, 'server': 0}     # of the longest chain that arrived there
        self.octets = {'client': 0, 'server': 0}    # that were sent from there
        self.delivered, self.links = 0, []          # to the client: octets; where each link begins
        self.gone = False                           # the client has closed

    def arrive(self, there, depth, octets):
        """A piece at the end of a chain of `depth` links is being delivered."""
        if self.gone:
            return
        if there == 'client':
            if depth > self.depth['client']:
                self.links.append((self.delivered, depth))
            self.delivered += octets
        self.depth[there] = max(self.depth[there], depth)

    def known(self, here):
        """The links that whoever speaks from `here` has seen."""
        if here == 'server':
            return self.depth['server']
        read = self.delivered - unread(*self.ports)
        return max((depth for begin, depth in self.links if begin < read), default=0)


class DelayRelay(Listener):
    def __init__(self, port, seconds, speed=None):
        self.target, self.one_way, self.speed = port, seconds / 2, speed
        self.free = {'client': 0, 'server': 0}      # when the line carries the next piece from there
        self.line = threading.Lock()
        self.connections = []

    def round_trips(self):
        """The longest chain of the busiest connection so far."""
        return max((c.depth['client'] for c in self.connections), default=0)

    def forget(self):
        """Count from here on, for connections to come."""
        self.connections.clear()

    def octets(self, side):
        return sum(c.octets[side] for c in self.connections)

    def serve(self, client):
        time.sleep(3 * self.one_way)
        try:
            server = self.keep(socket.create_connection(('127.0.0.1', self.target)))
        except OSError:
            return self.drop(client)
        connection = _Connection(client)
        self.connections.append(connection)
        ends = {'client': client, 'server': server}
        pieces = {'client': queue.SimpleQueue(), 'server': queue.SimpleQueue()}     # from there
        self.spawn(self._read, connection, ends, 'client', pieces)
        self.spawn(self._read, connection, ends, 'server', pieces)
        self.spawn(self._write, connection, ends, 'server', pieces)
        self.spawn(self._write, connection, ends, 'client', pieces)

    def _through(self, here, octets):
        """When so many octets from `here` have gone into the line."""
        if not self.speed:
            return time.monotonic()
        with self.line:
            self.free[here] = max(self.free[here], time.monotonic()) + octets / self.speed
            return self.free[here]

    def _take(self, connection, ends, here, pieces, flags=0):
        """One piece from `here`, if there is one; False at the end of the stream."""
        try:
            data = ends[here].recv(PIECE, flags)
        except BlockingIOError:
            return True
        except OSError:
            data = b''
        connection.octets[here] += len(data)
        connection.gone |= here == 'client' and not data
        pieces[here].put((self._through(here, len(data)) + self.one_way, connection.known(here), data))
        return bool(data)

    def _read(self, connection, ends, here, pieces):
        if here == 'server':
            while self._take(connection, ends, here, pieces):
                pass
            return
        ready = select.poll()
        ready.register(ends[here], select.POLLIN)
        while not connection.gone:
            ready.poll(1000)
            with connection.speaking:
                if not connection.gone:
                    self._take(connection, ends, here, pieces, socket.MSG_DONTWAIT)

    def _write(self, connection, ends, there, pieces):
        here = 'server' if there == 'client' else 'client'
        while True:
            due, depth, data = pieces[here].get()
            time.sleep(max(0, due - time.monotonic()))
            if not data:
                break
            with connection.speaking:
                if there == 'server':
                    depth += 1      # a link of the chain begins where the client speaks
                elif not connection.gone:
                    # What was said before this arrived does not answer to it, however late it is read.
                    self._take(connection, ends, 'client', pieces, socket.MSG_DONTWAIT)
                connection.arrive(there, depth, len(data))
            try:
                ends[there].sendall(data)
            except OSError:
                break
        try:
            ends[there].shutdown(socket.SHUT_WR)
        except OSError:
            pass
