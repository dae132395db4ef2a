"""A relay that breaks connections.

    with CutRelay(server.port, [('server', 5000), ('client', 300)]) as relay: ...

The first connection is broken after the server sent 5,000 octets (which still arrive), the second
after the client sent 300, those that follow not at all.  The next connection begins when the server
has ended the broken one: until then it may still store what it was sent.
"""
import socket
import threading

from relay import Listener


class CutRelay(Listener):
    def __init__(self, port, cuts):
        self.target, self.cuts = port, list(cuts)
        self.broken, self.servers = 0, set()
        self.breaking = threading.Lock()

    def serve(self, client):
        with self.breaking:
            pass
        who, octets = self.cuts.pop(0) if self.cuts else (None, 0)
        server = self.keep(socket.create_connection(('127.0.0.1', self.target)))
        self.servers.add(server)
        self.spawn(self._pump, client, server, octets if who == 'client' else None)
        self._pump(server, client, octets if who == 'server' else None)

    def _pump(self, source, target, octets):
        try:
            while octets is None or octets > 0:
                piece = source.recv(1 << 16 if octets is None else min(1 << 16, octets))
                if not piece:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(piece)
                octets = octets if octets is None else octets - len(piece)
            self.broken += 1
        except OSError:
            pass
        self._break(source, target)

    def _break(self, *pair):
        with self.breaking:
            for s in sorted(pair, key=self.servers.__contains__):   # the client's first
                if s in self.servers:
                    self._see_it_end(s)
                self.drop(s)

    @staticmethod
    def _see_it_end(server):
        try:
            server.settimeout(20)
            server.shutdown(socket.SHUT_WR)
            while server.recv(1 << 16):
                pass
        except OSError:
            pass
