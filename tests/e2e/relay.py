"""What the tests' servers and relays share: a loopback port with a thread a connection."""
import socket
import threading


class Listener:
    """Accepts on a free loopback port and calls self.serve(socket) in a thread of its own for each
    connection; __exit__ closes what is still open and waits for the threads."""

    def __enter__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.sockets, self.threads, self.closing = set(), [], False
        self.spawn(self._accept)
        return self

    def __exit__(self, *_):
        self.closing = True
        self.hang_up(self.listener)
        for s in list(self.sockets):
            self.hang_up(s)
        for thread in self.threads:
            thread.join(10)

    def spawn(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self.threads.append(thread)
        return thread

    def keep(self, s):
        """Close `s` at the end, whatever happens."""
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.add(s)
        return s

    @staticmethod
    def hang_up(s):
        """Also wakes a thread that waits on `s`, which close() alone does not."""
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()

    def drop(self, s):
        self.sockets.discard(s)
        self.hang_up(s)

    def _accept(self):
        while not self.closing:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.spawn(self.serve, self.keep(s))
