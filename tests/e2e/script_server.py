r"""An IMAP server that does as a text file says, for what no Dovecot would ever do.

A script is steps, one a line.  Lines that begin with # and empty lines are nothing.

    S: * OK ready               say this line (\r\n is added); \1 ... are the groups of the last C that has any
    C: (\S+) LOGIN .*           the client's next command must match, from its beginning to its end
    bytes: \x16\x03\x01         say these octets and nothing else; escapes as in Python
    body: 100 x                 say a literal: {100}, and the text again and again for 100 octets
    short body: 100 7 x         the same, but only the first 7 octets come
    octets: 100 x               say the text again and again for 100 octets, and nothing else
    message: 2 7 Subject: x\r\n  say the 2nd message, UID 7: FETCH with BODY[] and a literal of the right length
    flood: 1000 * OK tick       say the line so often
    wait: 0.5                   seconds
    drip: 0.01                  what is said from now on comes octet by octet, with this pause
    starttls                    go on in TLS, after what was said
    close                       end the connection (TLS without its close_notify)
    reset                       end it with a TCP reset
    refuse literals             from now on literals are not asked for with "+"

What the client sends that is not what the next C wants is answered by the rules, which stand
anywhere and hold from the beginning to the end of the connection: the first whose pattern matches.

    on: (\S+) NOOP
        \1 OK done
    on: (\S+) UID FETCH 1:\* .*
        * 1 FETCH (UID 7 FLAGS ())
        \1 OK done

What neither the next C nor a rule wants is a failure, told in `server.failures`; so is a client that
leaves before a C was heard.  After the last step
the rules go on until the client leaves.  Patterns are regular expressions without regard to case; a
command is matched with its literals in it ("A1 APPEND INBOX {5}\r\nhello").

    connection                  the steps below are for the next connection; the last one is for all
                                that follow.  Rules above the first `connection` hold in all, behind
                                those of the connection itself.
    include: FILE               the lines of another file, from the folder of this one

Lines `KEYWORD: VALUE` before the first step are kept in `script.settings`, for whoever runs it.
"""
import dataclasses
import pathlib
import re
import socket
import ssl
import struct
import time

from relay import Listener

STEPS = {'S', 'C', 'bytes', 'body', 'short body', 'octets', 'message', 'flood', 'wait', 'drip', 'starttls', 'close', 'reset',
         'refuse literals'}


@dataclasses.dataclass
class Connection:
    steps: list     # (line number, word, value)
    rules: list     # (line number, pattern, [line])


class Script:
    def __init__(self, path):
        self.path, self.settings = pathlib.Path(path), {}
        self.connections = [Connection([], [])]
        self.common = None  # rules of all connections
        for number, line in self._lines(self.path):
            rules = self.connections[-1].rules
            if re.match(r'\s', line):
                rules[-1][2].append(line.strip())
                continue
            word, _, value = line.partition(':')
            word, value = word.rstrip(), value.strip()
            if word == 'on':
                rules.append((number, self._pattern(number, value), []))
            elif word == 'connection':
                if self.common is None:
                    self.common = rules
                    self.connections = []
                self.connections.append(Connection([], []))
            elif word in STEPS:
                self.connections[-1].steps.append((number, word, value))
            elif ':' in line and not self.connections[-1].steps:
                self.settings.setdefault(word, []).append(value)
            else:
                raise ValueError('%s:%s: what is "%s"?' % (self.path.name, number, line))

    def _lines(self, path):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith('include:'):
                yield from self._lines(path.parent / line.partition(':')[2].strip())
            elif line.strip() and not line.startswith('#'):
                yield '%s:%d' % (path.name, number), line

    def _pattern(self, number, text):
        try:
            return re.compile(text, re.I | re.S)
        except re.error as error:
            raise ValueError('%s: %s' % (number, error)) from None


def _octets(text):
    """With the escapes of a Python string."""
    return text.encode('latin-1', 'backslashreplace').decode('unicode_escape').encode('latin-1')


class Left(Exception):
    """The client is gone, or the script hung up."""


class _Session:
    def __init__(self, server, s, connection):
        self.server, self.socket, self.connection = server, s, connection
        self.file = s.makefile('rb')
        self.drip, self.plus = 0, True
        self.groups = None

    def run(self):
        for number, word, value in self.connection.steps:
            if word == 'C':
                self._await(number, self.server.script._pattern(number, value))
            else:
                getattr(self, 'do_' + word.replace(' ', '_').lower())(value)
        while True:
            self._by_rule(self._command(), 'no rule')

    # ---- hearing ----

    def _command(self):
        text = b''
        while True:
            line = self.file.readline()
            if not line.endswith(b'\n'):
                raise Left
            text += line
            literal = re.search(rb'\{(\d+)(\+?)\}\r\n$', line)
            if not literal:
                break
            if not literal[2] and not self.plus:
                break       # its octets will not come
            if not literal[2]:
                self._send(b'+ go on\r\n')
            text += self.file.read(int(literal[1]))
        text = text.rstrip(b'\r\n').decode('utf-8', 'surrogateescape')
        self.server.heard.append(text)
        return text

    def _await(self, number, pattern):
        while True:
            try:
                text = self._command()
            except Left:
                self.server.failures.append('%s: the client never sent "%s"' % (number, pattern.pattern))
                raise
            match = pattern.fullmatch(text)
            if match:
                self.groups = match if pattern.groups else self.groups
                return
            self._by_rule(text, '%s wants "%s"' % (number, pattern.pattern))

    def _by_rule(self, text, otherwise):
        for _, pattern, lines in self.connection.rules + (self.server.script.common or []):
            match = pattern.fullmatch(text)
            if match:
                for line in lines:
                    self._say(line, match)
                return
        self.server.failures.append('the client sent "%s": %s' % (text, otherwise))
        raise Left

    # ---- saying ----

    def _send(self, data):
        try:
            if not self.drip:
                return self.socket.sendall(data)
            for i in range(len(data)):
                self.socket.sendall(data[i:i + 1])
                time.sleep(self.drip)
        except OSError:
            raise Left from None

    def _say(self, line, match):
        """`match` gives \\1 ...; a rule's line may also be a step, as `body: 100 x`."""
        word, _, value = line.partition(':')
        if word in STEPS and word not in ('S', 'C'):
            return getattr(self, 'do_' + word.replace(' ', '_'))(value.strip())
        self._send(self._filled(line, match) + b'\r\n')

    def _filled(self, line, match):
        if match:
            line = re.sub(r'\\(\d)', lambda m: match[int(m[1])], line)
        return line.encode('utf-8', 'surrogateescape')

    def do_s(self, value):
        self._send(self._filled(value, self.groups) + b'\r\n')

    def do_bytes(self, value):
        self._send(_octets(value))

    def do_body(self, value):
        size, text = value.split(' ', 1)
        self._literal(int(size), int(size), text)

    def do_message(self, value):
        number, uid, text = value.split(' ', 2)
        octets = _octets(text)
        self._send(b'* %s FETCH (UID %s BODY[] {%d}\r\n%s)\r\n' % (number.encode(), uid.encode(), len(octets), octets))

    def do_flood(self, value):
        count, text = value.split(' ', 1)
        line = _octets(text) + b'\r\n'
        piece = 1 + 65536 // len(line)
        for at in range(0, int(count), piece):
            self._send(line * min(piece, int(count) - at))

    def do_short_body(self, value):
        size, came, text = value.split(' ', 2)
        self._literal(int(size), int(came), text)

    def _literal(self, size, came, text):
        self._send(b'{%d}\r\n' % size)
        self._again_and_again(came, text)

    def do_octets(self, value):
        size, text = value.split(' ', 1)
        self._again_and_again(int(size), text)

    def _again_and_again(self, came, text):
        unit = _octets(text)
        piece = unit * (1 + 65536 // len(unit))
        while came > 0:
            self._send(piece[:came])
            came -= len(piece)

    def do_wait(self, value):
        time.sleep(float(value))

    def do_drip(self, value):
        self.drip = float(value)

    def do_refuse_literals(self, _):
        self.plus = False

    def do_starttls(self, _):
        self.server.start_tls(self)

    def do_close(self, _):
        raise Left

    def do_reset(self, _):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()
        raise Left


class ScriptServer(Listener):
    """`context` is an ssl.SSLContext, for `starttls`, or with `tls` from the first octet."""

    def __init__(self, script, context=None, tls=False):
        self.script, self.context, self.tls = script, context, tls
        self.heard, self.failures = [], []
        self.count = 0

    def serve(self, s):
        connections = self.script.connections
        session = _Session(self, s, connections[min(self.count, len(connections) - 1)])
        self.count += 1
        try:
            if self.tls:
                self.start_tls(session)
            session.run()
        except (Left, OSError):
            pass
        except Exception as error:  # a mistake in the script
            self.failures.append(repr(error))
        finally:
            self.drop(session.socket)

    def start_tls(self, session):
        try:
            session.socket = self.keep(self.context.wrap_socket(session.socket, server_side=True))
        except (ssl.SSLError, OSError) as error:
            self.heard.append('TLS: %s' % error)
            raise Left from None
        session.file = session.socket.makefile('rb')
