"""A relay that makes Dovecot a server with fewer extensions.

    with ProfileRelay(server.port, BARE) as relay:
        ... account.at(relay.port) ...
    relay.violations        # what the client sent that the profile does not have

Dovecot's own `imap_capability` hides an extension but still serves it, so a client that uses one
unannounced would pass.  Here it is answered BAD, and what only the extension may say is struck out
of the replies.
"""
import re
import socket
import threading

from relay import Listener

# The commands of RFC 3501; with UID before them where it may be.
BASE = '''CAPABILITY NOOP LOGOUT AUTHENTICATE LOGIN SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE
UNSUBSCRIBE LIST LSUB STATUS APPEND CHECK CLOSE EXPUNGE SEARCH FETCH STORE COPY'''.split()

# What else a command may hold, and the capability that it takes.  Strings are "" and literals {}
# here, so that no mailbox's name looks like a keyword.
NEEDS = [(re.compile(pattern, re.I), capability) for pattern, capability in [
    (r'ENABLE ', 'ENABLE'),
    (r'ID\b', 'ID'),
    (r'IDLE\b', 'IDLE'),
    (r'NAMESPACE\b', 'NAMESPACE'),
    (r'UNSELECT\b', 'UNSELECT'),
    (r'COMPRESS ', 'COMPRESS=DEFLATE'),
    (r'STARTTLS\b', 'STARTTLS'),
    (r'NOTIFY ', 'NOTIFY'),
    (r'(GET|SET)METADATA ', 'METADATA'),
    (r'(GETQUOTA|GETQUOTAROOT|SETQUOTA) ', 'QUOTA'),
    (r'(GETACL|SETACL|LISTRIGHTS|MYRIGHTS|DELETEACL) ', 'ACL'),
    (r'(UID )?SORT ', 'SORT'),
    (r'(UID )?THREAD ', 'THREAD=REFERENCES'),
    (r'(UID )?MOVE ', 'MOVE'),
    (r'(UID )?REPLACE ', 'REPLACE'),
    (r'UID EXPUNGE\b', 'UIDPLUS'),
    (r'AUTHENTICATE \S+ \S', 'SASL-IR'),
    (r'(SELECT|EXAMINE) \S+ \(.*\bCONDSTORE\b', 'CONDSTORE'),
    (r'(SELECT|EXAMINE) \S+ \(.*\bQRESYNC\b', 'QRESYNC'),
    (r'(UID )?(FETCH|SEARCH) .*\b(MODSEQ|CHANGEDSINCE)\b', 'CONDSTORE'),
    (r'(UID )?FETCH .*\bVANISHED\b', 'QRESYNC'),
    (r'(UID )?FETCH .*\b(EMAILID|THREADID)\b', 'OBJECTID'),
    (r'(UID )?FETCH .*\bX-GM-', 'X-GM-EXT-1'),
    (r'(UID )?FETCH .*\bBINARY\b', 'BINARY'),
    (r'(UID )?STORE .*\bUNCHANGEDSINCE\b', 'CONDSTORE'),
    (r'(UID )?SEARCH .*\bRETURN\b', 'ESEARCH'),
    (r'(UID )?\S+ .*\$(?![A-Za-z])', 'SEARCHRES'),
    (r'STATUS .*\bHIGHESTMODSEQ\b', 'CONDSTORE'),
    (r'STATUS .*\bSIZE\b', 'STATUS=SIZE'),
    (r'STATUS .*\bMAILBOXID\b', 'OBJECTID'),
    (r'LIST (\(|\S+ \()', 'LIST-EXTENDED'),
    (r'LIST .*\bRETURN \(', 'LIST-EXTENDED'),
    (r'LIST .*\bRETURN \(.*\bSTATUS\b', 'LIST-STATUS'),
    (r'LIST .*\bRETURN \(.*\bHIGHESTMODSEQ\b', 'CONDSTORE'),
    (r'LIST .*\bSPECIAL-USE\b', 'SPECIAL-USE'),
    (r'CREATE \S+ \(', 'CREATE-SPECIAL-USE'),
    (r'APPEND \S+ .*\{\}.*\{\}', 'MULTIAPPEND'),
    (r'APPEND .*~\{\}', 'BINARY'),
    (r'APPEND .*\bUTF8 \(', 'UTF8=ACCEPT'),
]]

# What a reply says only because of a capability: in responses that begin so, what is replaced by what.
STRIKES = [(re.compile(where, re.I), re.compile(pattern, re.I), replacement, capability)
           for where, pattern, replacement, capability in [
    (rb'\* VANISHED ', rb'(?s).*', b'', 'QRESYNC'),
    (rb'', rb'\[(APPENDUID|COPYUID) [^\]]*\] ?', b'', 'UIDPLUS'),
    (rb'\* OK \[HIGHESTMODSEQ ', rb'(?s).*', b'', 'CONDSTORE'),
    (rb'', rb'\[(HIGHESTMODSEQ \d+|NOMODSEQ|MODIFIED [^\]]*)\] ?', b'', 'CONDSTORE'),
    (rb'\* \d+ FETCH ', rb' ?\bMODSEQ \(\d+\)', b'', 'CONDSTORE'),
    (rb'\* LIST ', rb' ?\\(All|Archive|Drafts|Flagged|Junk|Sent|Trash|Important)\b(?=[^"]*\) )', b'', 'SPECIAL-USE'),
    (rb'\* LIST ', rb' ?\\Has(No)?Children\b(?=[^"]*\) )', b'', 'CHILDREN'),
]]


class Profile:
    """What a server is said to have: all that Dovecot has but `without`, or `only` these."""

    def __init__(self, name, without=(), only=None):
        self.name, self.without, self.only = name, set(without), only and set(only)

    def has(self, capability):
        capability = capability.upper()
        return capability in self.only if self.only is not None else capability not in self.without

    def __repr__(self):
        return self.name


# A relay cannot look into what is compressed or encrypted.
OPAQUE = {'COMPRESS=DEFLATE', 'STARTTLS'}
EVERYTHING = Profile('everything on', OPAQUE)
WITHOUT = Profile('without UIDPLUS, LITERAL+, CONDSTORE, ESEARCH, MOVE', OPAQUE | {
    'UIDPLUS', 'LITERAL+', 'CONDSTORE', 'QRESYNC', 'ESEARCH', 'SEARCHRES', 'CONTEXT=SEARCH', 'MOVE'})
BARE = Profile('bare IMAP4rev1', only={'IMAP4REV1'})


def needs(command):
    """The capabilities that `command` (without its tag) takes, as far as it is there."""
    word = re.match(r'(?:UID )?(\S+)', command, re.I)
    found = [capability for pattern, capability in NEEDS if pattern.match(command)]
    mechanism = re.match(r'AUTHENTICATE (\S+)', command, re.I)
    if mechanism:
        found.append('AUTH=' + mechanism[1].upper())
    if not found and (not word or word[1].upper() not in BASE):
        found.append('a command unknown here')
    return found


def without_strings(text):
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)


class _Session:
    """One connection; `client` and `server` are its two sockets."""

    def __init__(self, relay, client, server):
        self.relay, self.profile = relay, relay.profile
        self.client, self.server = client, server
        self.from_client, self.from_server = client.makefile('rb', 1 << 16), server.makefile('rb', 1 << 16)
        self.speaking = threading.Lock()        # held for one whole response to the client
        self.changed = threading.Condition()
        self.continuations, self.ended = 0, set()   # "+" seen, tags of replies seen
        self.begun = set()                          # tags of commands
        self.appends = set()                        # tags of APPENDs
        self.over = self.greeted = False

    # ---- client to server ----

    def commands(self):
        try:
            while self._command():
                pass
        except (OSError, ValueError):
            pass
        self.close()

    def _command(self):
        """Relay one command; False when the connection ends."""
        tag, text = None, ''
        while True:
            line = self.from_client.readline()
            if not line.endswith(b'\n'):
                return False
            part = line.rstrip(b'\r\n').decode('utf-8', 'surrogateescape')
            literal = re.search(r'\{(\d+)(\+?)\}$', part)
            if tag is None:
                tag, _, part = part.partition(' ')
            text += without_strings(part[:-len(literal[0])] + '{}' if literal else part)
            if text.upper().startswith('APPEND '):
                self.appends.add(tag)
            answer = self.relay.answers(text) if self.relay.answers else None
            if answer is not None:
                with self.changed:      # in its turn, as a server would
                    self.changed.wait_for(lambda: self.begun <= self.ended or self.over)
                with self.speaking:
                    self.client.sendall(answer.replace('TAG', tag).encode())
                return True
            wrong = [c for c in needs(text) if not self.profile.has(c)]
            if literal and literal[2] and not self.profile.has('LITERAL+'):
                wrong.append('LITERAL+')
            if wrong:
                return self._refuse(tag, text, wrong, literal)
            seen = self.continuations
            self.begun.add(tag)
            if literal and literal[2] and tag in self.appends and self.relay.alters:
                self._send_altered(line, literal)
                continue
            # Of OBJECTID only what `answers` says is there.
            self.server.sendall(line.replace(b' MAILBOXID', b'') if self.relay.offers else line)
            if not literal:
                return self._inner_lines(tag, text)
            if not literal[2] and not self._continued(tag, seen):
                return True     # refused before the literal was sent
            self._copy(self.from_client, self.server, int(literal[1]))

    def _send_altered(self, line, literal):
        octets = self.relay.alters(self.from_client.read(int(literal[1])))
        self.server.sendall(line[:line.rindex(b'{')] + b'{%d+}\r\n' % len(octets) + octets)

    def _inner_lines(self, tag, text):
        """What belongs to AUTHENTICATE or IDLE goes through as it is."""
        if re.match(r'(AUTHENTICATE|IDLE)\b', text, re.I):
            seen = 0
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: tag in self.ended or self.continuations > seen or self.over)
                    if tag in self.ended or self.over:
                        return True
                    seen = self.continuations
                self.server.sendall(self.from_client.readline())
        return True

    def _refuse(self, tag, text, wrong, literal):
        self.relay.violations.append('%s: takes %s' % (text, ', '.join(wrong)))
        with self.speaking:
            self.client.sendall(b'%s BAD not in this profile: %s\r\n' % (tag.encode(), ', '.join(wrong).encode()))
        # The octets of a literal that comes anyway would be read as commands: no way on from there.
        return not (literal and literal[2])

    def _continued(self, tag, seen):
        with self.changed:
            self.changed.wait_for(lambda: self.continuations > seen or tag in self.ended or self.over)
            return self.continuations > seen

    # ---- server to client ----

    def responses(self):
        try:
            while self._response():
                pass
        except (OSError, ValueError):
            pass
        self.close()

    def _response(self):
        line = self.from_server.readline()
        if not line:
            return False
        self._note(line)
        tag, _, text = line.decode('utf-8', 'replace').partition(' ')
        if tag in self.appends and text.startswith('OK') and self.relay.appended:
            self.relay.appended()
        with self.speaking:     # so that a refusal comes between two responses, never within one
            while True:
                self.client.sendall(self._edit(line))
                literal = re.search(rb'\{(\d+)\}\r\n$', line)
                if not literal:
                    return True
                self._copy(self.from_server, self.client, int(literal[1]))
                line = self.from_server.readline()

    def _note(self, line):
        with self.changed:
            if line.startswith(b'+'):
                self.continuations += 1
            elif not line.startswith(b'*'):
                self.ended.add(line.split(b' ', 1)[0].decode())
            self.changed.notify_all()

    def _edit(self, line):
        if self.relay.greets and not self.greeted:
            line = re.sub(rb'(?<=\* OK ).*(?=\r\n)', self.relay.greets.encode(), line)
        self.greeted = True
        line = re.sub(rb'((?:^\* |\[)CAPABILITY )([^\]\r\n]*)', self._capabilities, line, flags=re.I)
        for where, pattern, replacement, capability in STRIKES:
            if where.match(line) and not self.profile.has(capability):
                line = pattern.sub(replacement, line)
        return line

    def _capabilities(self, match):
        kept = [word for word in match[2].decode().split() if self.profile.has(word)] + self.relay.offers
        return match[1] + ' '.join(kept).encode()

    # ---- both ----

    @staticmethod
    def _copy(source, target, size):
        while size > 0:
            piece = source.read1(min(size, 1 << 16))
            if not piece:
                raise OSError('ended in a literal')
            target.sendall(piece)
            size -= len(piece)

    def close(self):
        with self.changed:
            self.over = True
            self.changed.notify_all()
        for s in (self.client, self.server):
            self.relay.drop(s)


class ProfileRelay(Listener):
    def __init__(self, port, profile, appended=None, answers=None, alters=None, offers=(), greets=None):
        """`alters(octets)` are what the server stores of a message that comes by LITERAL+; `appended()`
        is called when a message was appended, before the client hears of it; `answers(command)` is
        what the relay says in the server's place, with TAG for the tag, or None; `offers` are
        capabilities that Dovecot does not have; `greets` is what the server says of itself."""
        self.target, self.profile, self.offers = port, profile, list(offers)
        self.appended, self.answers, self.alters, self.greets = appended, answers, alters, greets
        self.violations = []

    def serve(self, client):
        session = _Session(self, client, self.keep(socket.create_connection(('127.0.0.1', self.target))))
        self.spawn(session.commands)
        session.responses()
