"""Compare two stores as a person would want it: every byte, flag, keyword and INTERNALDATE.

    compare(read_imap(account), read_maildir(path))  ->  ['INBOX: "Minutes": \\Seen only in the first', ...]

No differences, no sentences.  A mailbox is known by the tuple of its levels, so that neither side's
spelling matters; messages are matched by their bytes, as many as there are.  Nothing here is shared
with the program: imaplib reads one kind, plain files the other.

    python3 compare.py maildir:PATH imap://USER:PASSWORD@HOST:PORT
"""
import collections
import dataclasses
import email.utils
import hashlib
import imaplib
import os
import pathlib
import re
import sys
import time

from mailbox_names import from_utf7, quoted

imaplib._MAXLINE = 50_000_000   # a listing of many thousands of messages may be one line
LETTERS = {'S': '\\Seen', 'R': '\\Answered', 'F': '\\Flagged', 'T': '\\Deleted', 'D': '\\Draft'}


@dataclasses.dataclass(frozen=True, order=True)
class Message:
    digest: bytes           # of the bytes as the wire has them: CRLF line ends
    size: int
    subject: str = dataclasses.field(compare=False)
    marks: frozenset        # flags and keywords; the latter in lower case, for they have none
    received: int           # INTERNALDATE, seconds since the epoch
    key: str = dataclasses.field(compare=False)

    def __str__(self):
        return '%s (%d octets)' % (self.subject, self.size)


def make_message(raw, marks, received, key):
    header = raw.split(b'\r\n\r\n', 1)[0]
    found = re.search(rb'(?im)^Subject:[ \t]*([^\r\n]*)', header)
    subject = ascii(found[1].decode('utf-8', 'replace')) if found else 'no subject'
    marks = frozenset(m if m.startswith('\\') else m.lower() for m in marks) - {'\\Recent'}
    return Message(hashlib.sha256(raw).digest(), len(raw), subject, marks, received, key)


def on_the_wire(raw):
    """A file's bytes with the line ends of the wire: every LF without a CR before it gets one."""
    return re.sub(rb'(?<!\r)\n', b'\r\n', raw)


# ---- IMAP ----

ATTRIBUTES = re.compile(rb'UID (?P<uid>\d+)|FLAGS \((?P<flags>[^)]*)\)|INTERNALDATE "(?P<date>[^"]*)"')


def _messages(response):
    """Put together what imaplib tears apart at literals: (attributes, body) a message."""
    attributes, body = b'', None
    for part in response:
        if isinstance(part, tuple):
            attributes, body = attributes + part[0], part[1]
        elif part is not None:
            attributes += part
        if not isinstance(part, tuple) and attributes.rstrip().endswith(b')'):
            yield attributes, body if body is not None else b''     # an empty body may come as ""
            attributes, body = b'', None


def _date(text):
    return int(email.utils.mktime_tz(email.utils.parsedate_tz(text.strip().replace('-', ' ', 2))))


def _read_selected(client, total):
    found = []
    for first in range(1, total + 1, 500):
        status, response = client.fetch('%d:%d' % (first, min(total, first + 499)),
                                        '(UID FLAGS INTERNALDATE BODY.PEEK[])')
        if status != 'OK':
            raise RuntimeError('FETCH: %r' % response)
        for attributes, body in _messages(response):
            what = {k: v for m in ATTRIBUTES.finditer(attributes) for k, v in m.groupdict().items() if v is not None}
            if 'uid' in what:   # else an unsolicited FETCH of a flag
                found.append(make_message(body, what['flags'].decode().split(), _date(what['date'].decode()),
                                          what['uid'].decode()))
    if len(found) != total:
        raise RuntimeError('%d of %d messages came' % (len(found), total))
    return found


def _listed(client):
    """(levels, name on the wire) of every mailbox that can be selected."""
    status, lines = client.list('""', '"*"')
    if status != 'OK':
        raise RuntimeError('LIST: %r' % lines)
    for line in lines:
        if line is None or line == b'':
            continue
        head, literal = line if isinstance(line, tuple) else (line, None)
        match = re.match(rb'\(([^)]*)\) (?:"((?:[^"\\]|\\.)*)"|NIL) (.*)$', head, re.S)
        name = literal if literal is not None else match[3]
        if name.startswith(b'"'):
            name = re.sub(rb'\\(.)', rb'\1', name[1:-1])
        if re.search(rb'(?i)\\(Noselect|NonExistent)', match[1]):
            continue
        name = name.decode()
        delimiter = re.sub(r'\\(.)', r'\1', match[2].decode()) if match[2] else None
        levels = name.split(delimiter) if delimiter else [name]
        yield tuple(from_utf7(level) for level in levels), name


def _canonical(levels, prefix=()):
    if levels[:len(prefix)] == prefix and len(levels) > len(prefix):
        levels = levels[len(prefix):]
    return ('INBOX', *levels[1:]) if levels[0].upper() == 'INBOX' else levels


def read_imap(account, prefix=()):
    """{levels: [Message]}; `prefix` are the levels that the server's namespace puts before each."""
    client = account.connect()
    try:
        mailboxes = {}
        for levels, name in list(_listed(client)):
            status, total = client.select(quoted(name), readonly=True)
            if status != 'OK':
                raise RuntimeError('EXAMINE %s: %r' % (name, total))
            mailboxes[_canonical(levels, prefix)] = _read_selected(client, int(total[0]))
        return mailboxes
    finally:
        client.logout()


# ---- Maildir ----

def _decoded(level, names):
    """A level as a directory's name has it: %2E for a dot and its like, perhaps modified UTF-7."""
    level = re.sub(r'%([0-9A-Fa-f]{2})', lambda m: chr(int(m[1], 16)), level)
    return from_utf7(level) if names == 'utf7' else level


def maildir_folders(path, layout='maildir++', names='utf8'):
    """{levels: folder} of the mailboxes in the Maildir `path`."""
    path = pathlib.Path(path)
    found = {}
    if layout == 'maildir++':
        for folder in [path, *sorted(path.glob('.*'))]:
            if (folder / 'cur').is_dir():
                levels = [] if folder == path else folder.name[1:].split('.')
                found[tuple(_decoded(level, names) for level in levels) or ('INBOX',)] = folder
    else:
        for cur in sorted(path.rglob('cur')):
            if cur.is_dir():
                levels = cur.parent.relative_to(path).parts
                found[_canonical(tuple(_decoded(level, names) for level in levels))] = cur.parent
    return found


def _keywords(folder):
    try:
        lines = (folder / 'dovecot-keywords').read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {chr(ord('a') + int(line.split(' ', 1)[0])): line.split(' ', 1)[1] for line in lines if line}


def read_maildir_folder(folder):
    folder, found = pathlib.Path(folder), []
    keywords = _keywords(folder)
    for part in ('new', 'cur'):
        if not (folder / part).is_dir():
            continue    # a folder that is being made
        for entry in sorted(os.scandir(folder / part), key=lambda e: e.name):
            if entry.name.startswith('.'):
                continue
            base, _, info = entry.name.partition(':2,')
            marks = [LETTERS.get(letter) or keywords.get(letter) or ('$Forwarded' if letter == 'P' else letter)
                     for letter in info]
            raw = pathlib.Path(entry.path).read_bytes()
            found.append(make_message(on_the_wire(raw), marks, int(entry.stat().st_mtime), base))
    return found


def read_maildir(path, layout='maildir++', names='utf8'):
    return {levels: read_maildir_folder(folder)
            for levels, folder in maildir_folders(path, layout, names).items()}


# ---- the comparison ----

def _words(marks):
    return ' '.join(sorted(marks)) or 'no flags'


def _when(seconds):
    return time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))


def _compare_messages(where, first, second, marks, dates):
    """Equal bytes on both sides: pair what is equal in all, then tell what the rest differs in."""
    def rest(ours, theirs):
        left = collections.Counter(theirs)
        for message in ours:
            if left[message] > 0:
                left[message] -= 1
            else:
                yield message
    ours, theirs = sorted(rest(first, second), key=_order), sorted(rest(second, first), key=_order)
    for a, b in zip(ours, theirs):
        if marks and a.marks != b.marks:
            yield '%s: %s: %s in the first, %s in the second' % (where, a, _words(a.marks), _words(b.marks))
        if dates and a.received != b.received:
            yield '%s: %s: received %s in the first, %s in the second' % (
                where, a, _when(a.received), _when(b.received))
    for message in ours[len(theirs):]:
        yield '%s: %s: only in the first' % (where, message)
    for message in theirs[len(ours):]:
        yield '%s: %s: only in the second' % (where, message)


def _order(message):
    return message.received, sorted(message.marks)


def _by_bytes(messages):
    groups = collections.defaultdict(list)
    for message in messages:
        groups[message.digest, message.size].append(message)
    return groups


def compare(first, second, marks=True, dates=True):
    """What differs between two stores, as sentences.  `marks` and `dates` say what else than the
    bytes must be equal."""
    told = []
    for levels in sorted(first.keys() | second.keys()):
        where = '/'.join(levels)
        if levels not in first or levels not in second:
            told.append('%s: there is no such mailbox in the %s' % (where, 'second' if levels in first else 'first'))
            continue
        ours, theirs = _by_bytes(first[levels]), _by_bytes(second[levels])
        for bytes_ in sorted(ours.keys() | theirs.keys()):
            told += _compare_messages(where, ours.get(bytes_, []), theirs.get(bytes_, []), marks, dates)
    return told


def _read_word(word):
    import dovecot
    kind, _, rest = word.partition(':')
    if kind == 'maildir':
        return read_maildir(rest)
    user, password, host, port = re.match(r'//([^:]*):([^@]*)@([^:]*):(\d+)$', rest).groups()
    return read_imap(dovecot.Account(host, int(port), user, password))


if __name__ == '__main__':
    differences = compare(_read_word(sys.argv[1]), _read_word(sys.argv[2]))
    print('\n'.join(differences) or 'equal')
    sys.exit(bool(differences))
