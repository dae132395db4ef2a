"""A relay that makes loopback as slow as the world, and counts what that costs.

    with DelayRelay(server.port, seconds=.05) as relay:
        ... account.at(relay.port) ...
    relay.round_trips()

`seconds` is one round trip.  Delays do not limit throughput: every piece is queued with the time
at which it is due.  A TCP handshake is part of it: a client sees the greeting two round trips after
its connect(), as over a real line.

What is counted is the longest chain, on one connection, of client data, the server data that was
sent after it, the client data that was sent after that, and so on: the round trips that had to wait
for one another.  A pipelining client has a short chain, however often the two sides alternate.
What the server says after the client has gone counts for nothing: nobody waits for the answer to a
LOGOUT.
"""
import queue
import socket
import time

from relay import Listener

PIECE = 256 * 1024


class _Connection:
    def __init__(self):
        self.depth = {'client': 0, 'server': 0}     # of the longest chain that arrived there
        self.octets = {'client': 0, 'server': 0}    # that were sent from there
        self.gone = False                           # the client has closed


class DelayRelay(Listener):
    def __init__(self, port, seconds):
        self.target, self.one_way = port, seconds / 2
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
        connection = _Connection()
        self.connections.append(connection)
        self._pump(connection, client, 'client', server, 'server')
        self._pump(connection, server, 'server', client, 'client')

    def _pump(self, connection, source, here, target, there):
        pieces = queue.SimpleQueue()
        self.spawn(self._read, connection, source, here, pieces)
        self.spawn(self._write, connection, target, there, pieces)

    def _read(self, connection, source, here, pieces):
        data = True
        while data:
            try:
                data = source.recv(PIECE)
            except OSError:
                data = b''
            connection.octets[here] += len(data)
            connection.gone |= here == 'client' and not data
            pieces.put((time.monotonic() + self.one_way, connection.depth[here], data))

    def _write(self, connection, target, there, pieces):
        while True:
            due, depth, data = pieces.get()
            time.sleep(max(0, due - time.monotonic()))
            if not data:
                break
            if there == 'server':
                depth += 1      # a link of the chain begins where the client speaks
            if not connection.gone:
                connection.depth[there] = max(connection.depth[there], depth)
            try:
                target.sendall(data)
            except OSError:
                break
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
