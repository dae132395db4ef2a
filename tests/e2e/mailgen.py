"""Mail as life has it, from a seed: the same seed gives the same bytes.

    for letter in letters(seed=1, count=5000, mailboxes=25): ...

Sizes have a long tail; there are threads, alternatives, attachments, 8-bit text and headers in half
a dozen charsets, empty bodies, messages without a header, lines of every length, true duplicates.
`into_maildir()` and `into_imap()` put them somewhere; `malformed()` are the messages that Python's
own tests of its mail parser keep.

    python3 mailgen.py SEED COUNT MAILBOXES MAILDIR
"""
import base64
import dataclasses
import imaplib
import os
import pathlib
import random
import sys
import time

from mailbox_names import quoted, to_utf7

END = 1735689600    # 2025-01-01: what is generated never depends on today
YEARS = 10 * 365 * 86400

# Mailboxes and their shares of the mail.
MAILBOXES = [
    ('INBOX', 14), ('Sent', 8), ('Drafts', .2), ('Trash', 1.5), ('Archive', 2),
    ('Archive/2022', 5), ('Archive/2023', 5), ('Archive/2024', 5), ('Lists', .2), ('Lists/kernel', 9),
    ('Lists/varnish & oil', 3), ('Entwürfe', .3), ('Persönlich', 1), ('Persönlich/Familie Müller', .8),
    ('Réunions', .6), ('Корзина', .5), ('日本語', .3), ('日本語/メモ', .4), ('Ελληνικά', .2), ('Projects', .3),
    ('Projects/alpha', 1.5), ('Projects/alpha/design', .6), ('Projects/alpha/design/reviews', .3),
    ('Receipts 100%', 1.4), ('Empty', 0),
]
KEYWORDS = ['$Forwarded', '$MDNSent', 'NonJunk', 'work', 'later', 'Receipts']
WORDS = '''the boat oar water wind river steady row stroke long day home key door meeting please thanks
attached report update about review server patch release version error test build memory invoice order
payment customer project deadline monday friday regards best hello grüße straße können naïve café
встреча письмо спасибо 会議 添付 ありがとう'''.split()
ASCII_WORDS = [word for word in WORDS if word.isascii()]
PEOPLE = ['%s %s <%s@%s>' % (first, last, first.lower(), host)
          for first in 'Ann Ben Carol David Erika Frank Grace Heidi Ivan Judy'.split()
          for last, host in (('Avery', 'example.org'), ('Okafor', 'example.net'), ('Rossi', 'mail.example.it'))]
DAYS = 'Thu Fri Sat Sun Mon Tue Wed'.split()     # 1970 began on a Thursday
MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()
FORMAT = '%d-%%s-%Y %H:%M:%S +0000'


@dataclasses.dataclass(frozen=True)
class Letter:
    mailbox: str            # levels parted by '/'
    raw: bytes              # as on the wire
    flags: frozenset        # '\\Seen'
    keywords: frozenset
    received: int

    def internaldate(self):
        at = time.gmtime(self.received)
        return '"%s"' % (time.strftime(FORMAT, at) % MONTHS[at.tm_mon - 1])


class Writer:
    """Writes messages, one after the other, from one stream of random numbers."""

    def __init__(self, seed, attachments):
        self.random = random.Random(seed)
        self.attachments = attachments
        self.noise = base64.encodebytes(self.random.randbytes(1 << 20))
        self.prose = self._prose(1 << 19, ASCII_WORDS)
        self.international = self._prose(1 << 17, WORDS)
        self.recent = {}    # mailbox: the last Message-IDs, to be answered
        self.count = 0

    def _prose(self, size, words):
        lines, total = [], 0
        while total < size:
            line = ' '.join(self.random.choices(words, k=self.random.randint(0, 13)))
            line = self.random.choice(('', '', '', '', '> ', '>> ', '\t')) + line
            lines.append(line)
            total += len(line) + 1
        return '\n'.join(lines) + '\n'

    def _piece(self, pool, size):
        """About `size` of the pool, whole lines."""
        size = min(size, len(pool) // 2)
        start = self.random.randrange(len(pool) - size)
        newline = '\n' if isinstance(pool, str) else b'\n'
        start = pool.find(newline, start) + 1
        return pool[start:pool.find(newline, start + size) + 1]

    def _size(self, median, spread=1.0):
        return int(median * self.random.lognormvariate(0, spread)) + 1

    def _header(self, mailbox, received, subject, extra=''):
        self.count += 1
        zone = self.random.choice((-8, -5, 0, 1, 2, 9))
        at = time.gmtime(received + zone * 3600)
        date = '%s, %d %s %d %02d:%02d:%02d %+03d00' % (
            DAYS[(received + zone * 3600) // 86400 % 7], at.tm_mday, MONTHS[at.tm_mon - 1], at.tm_year,
            at.tm_hour, at.tm_min, at.tm_sec, zone)
        me = '<%d.%s@example.org>' % (self.count, self.random.randbytes(6).hex())
        thread = self.recent.setdefault(mailbox, [])
        answers = ''
        if thread and self.random.random() < .4:
            parents = thread[-self.random.randint(1, 6):]
            answers = 'In-Reply-To: %s\nReferences: %s\n' % (parents[-1], '\n\t'.join(parents))
            subject = 'Re: ' + subject
        thread.append(me)
        del thread[:-20]
        return ('Received: from mx%d.example.org (mx.example.org [192.0.2.%d])\n\tby mail.example.org with ESMTPS'
                ' id %s;\n\t%s\nDate: %s\nFrom: %s\nTo: %s\nSubject: %s\nMessage-ID: %s\n%s%s' % (
                    self.count % 7, self.count % 250, self.random.randbytes(5).hex(), date, date,
                    self.random.choice(PEOPLE), self.random.choice(PEOPLE), subject, me, answers, extra))

    def _subject(self, words=ASCII_WORDS):
        return ' '.join(self.random.choices(words, k=self.random.randint(1, 9)))

    # Kinds of message: each returns its bytes with LF line ends.

    def plain(self, mailbox, received):
        return (self._header(mailbox, received, self._subject()) + '\n' +
                self._piece(self.prose, self._size(1500))).encode()

    def utf8(self, mailbox, received):
        header = self._header(mailbox, received, '=?UTF-8?B?%s?=' % base64.b64encode(
            self._subject(WORDS).encode()[:40]).decode(), 'MIME-Version: 1.0\nContent-Type: text/plain;'
            ' charset=utf-8\nContent-Transfer-Encoding: 8bit\n')
        return (header + '\n' + self._piece(self.international, self._size(1500))).encode()

    def alternative(self, mailbox, received):
        text = self._piece(self.prose, self._size(2500))
        html = ''.join('<p style=3D"margin:0">%s</p>=\n' % line for line in text.split('\n'))
        return (self._header(mailbox, received, self._subject(), 'MIME-Version: 1.0\nContent-Type: '
                             'multipart/alternative; boundary="=_alt"\n') +
                '\n--=_alt\nContent-Type: text/plain\n\n' + text + '--=_alt\nContent-Type: text/html\n'
                'Content-Transfer-Encoding: quoted-printable\n\n' + html + '\n--=_alt--\n').encode()

    def attachment(self, mailbox, received, size=None):
        size = size or int(self._size(60_000, 1.4) * self.attachments) + 100
        parts = [(self._header(mailbox, received, self._subject(), 'MIME-Version: 1.0\nContent-Type: '
                               'multipart/mixed; boundary="=_mix"\n') +
                  '\n--=_mix\nContent-Type: text/plain\n\n' + self._piece(self.prose, 300) +
                  '--=_mix\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n').encode()]
        while size > 0:
            parts.append(self._piece(self.noise, size))
            size -= len(parts[-1])
        parts.append(b'--=_mix--\n')
        return b''.join(parts)

    def latin1(self, mailbox, received):
        return (self._header(mailbox, received, 'Grüße, raw') + '\nSchöne Grüße aus Köln\n').encode('latin-1')

    def utf8_header(self, mailbox, received):
        return (self._header(mailbox, received, self._subject(WORDS)) + '\nraw UTF-8 above\n').encode()

    def empty_body(self, mailbox, received):
        return (self._header(mailbox, received, self._subject()) + '\n').encode()

    def header_only(self, mailbox, received):
        return self._header(mailbox, received, self._subject()).encode()

    def no_header(self, mailbox, received):
        return ('\nno header, number %d\n' % self.random.getrandbits(60)).encode()

    def no_subject(self, mailbox, received):
        return ('From: cron@example.org\nX-Number: %d\n\nbackup done\n' % self.random.getrandbits(60)).encode()

    def long_line(self, mailbox, received):
        return (self._header(mailbox, received, 'a long line') + '\n' + 'x' * self._size(3000) + '\nend').encode()

    def odd_lines(self, mailbox, received):
        return (self._header(mailbox, received, 'dots and From') +
                '\n.\n..\n.dot\nFrom here\n>From there\n\n\n \n-- \n').encode()


KINDS = [('plain', 40), ('utf8', 14), ('alternative', 22), ('attachment', 16), ('latin1', 1), ('utf8_header', 1),
         ('empty_body', 1), ('header_only', .5), ('no_header', .5), ('no_subject', 1), ('long_line', 1),
         ('odd_lines', 1)]


def _marks(rng, mailbox):
    flags = {flag for flag, share in (('\\Seen', .85), ('\\Answered', .2), ('\\Flagged', .05), ('\\Deleted', .004))
             if rng.random() < share}
    if mailbox == 'Drafts':
        flags.add('\\Draft')
    return frozenset(flags), frozenset(k for k in KEYWORDS if rng.random() < .03)


def names(mailboxes):
    return [name for name, _ in MAILBOXES[:mailboxes]]


def letters(seed, count, mailboxes=len(MAILBOXES), attachments=1.0, big=None):
    """`count` letters over the first `mailboxes` of MAILBOXES.  `attachments` scales the attached
    files, `big` is the least size of one more letter, in INBOX."""
    rng = random.Random('letters/%s' % seed)
    writer = Writer('writer/%s' % seed, attachments)
    boxes, shares = zip(*MAILBOXES[:mailboxes])
    kinds, weights = zip(*KINDS)
    last = None
    for i in range(count):
        if last and rng.random() < .005:
            yield last      # a true duplicate
            continue
        mailbox = rng.choices(boxes, shares)[0]
        received = END - YEARS + YEARS * i // count + rng.randrange(3600)
        raw = getattr(writer, rng.choices(kinds, weights)[0])(mailbox, received)
        last = Letter(mailbox, raw.replace(b'\n', b'\r\n'), *_marks(rng, mailbox), received)
        yield last
    if big:
        raw = writer.attachment('INBOX', END, big)
        yield Letter('INBOX', raw.replace(b'\n', b'\r\n'), frozenset(), frozenset(), END)


def malformed():
    """(name, bytes as on the wire) of what Python's tests of its mail parser keep."""
    import test.test_email  # Debian: libpython3.11-testsuite
    data = pathlib.Path(test.test_email.__file__).parent / 'data'
    for path in sorted(data.glob('*.txt')):
        yield path.name, path.read_bytes().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')


# ---- putting them somewhere ----

LETTERS = {'\\Draft': 'D', '\\Flagged': 'F', '\\Answered': 'R', '\\Seen': 'S', '\\Deleted': 'T'}


class MaildirWriter:
    """Writes letters into the Maildir++ `path`; `names` is how Dovecot and mbsync 1.4 (utf7) or we
    (utf8) spell folders."""

    def __init__(self, path, names='utf8'):
        self.path, self.names = pathlib.Path(path), names
        self.count, self.keywords = 0, {}

    def folder(self, mailbox):
        spelt = to_utf7(mailbox) if self.names == 'utf7' else mailbox
        folder = self.path if mailbox == 'INBOX' else self.path / ('.' + spelt.replace('/', '.'))
        if folder not in self.keywords:
            for part in ('cur', 'new', 'tmp'):
                (folder / part).mkdir(parents=True, exist_ok=True)
            self.keywords[folder] = []
        return folder

    def add(self, letter):
        folder = self.folder(letter.mailbox)
        known = self.keywords[folder]
        new = sorted(letter.keywords - set(known))
        if new:
            known += new
            (folder / 'dovecot-keywords').write_text(''.join('%d %s\n' % row for row in enumerate(known)))
        info = ''.join(sorted(LETTERS[f] for f in letter.flags)) + \
            ''.join(sorted(chr(ord('a') + known.index(k)) for k in letter.keywords))
        raw = letter.raw.replace(b'\r\n', b'\n')
        self.count += 1
        path = folder / 'cur' / ('%d.M%dP1.generated,S=%d:2,%s' % (letter.received, self.count, len(raw), info))
        path.write_bytes(raw)
        os.utime(path, (letter.received, letter.received))


def into_maildir(path, letters, names='utf8', mailboxes=()):
    """`mailboxes` are made even if no letter is for them."""
    writer = MaildirWriter(path, names)
    for mailbox in mailboxes:
        writer.folder(mailbox)
    for letter in letters:
        writer.add(letter)


def into_imap(account, letters, mailboxes=(), separator='/'):
    client = account.connect()
    made = {'INBOX'}

    def wire(mailbox):
        name = quoted(to_utf7(mailbox.replace('/', separator)))
        if mailbox not in made:
            made.add(mailbox)
            client.create(name)
        return name
    for mailbox in mailboxes:
        wire(mailbox)
    for letter in letters:
        append(client, wire(letter.mailbox), letter)
    client.logout()


def append(client, name, letter):
    """imaplib's own append() rewrites line ends, which must stay as they are."""
    client.literal = letter.raw
    status, reply = client._simple_command(
        'APPEND', name, '(%s)' % ' '.join(sorted(letter.flags | letter.keywords)), letter.internaldate())
    if status != 'OK':
        raise imaplib.IMAP4.error(reply)


if __name__ == '__main__':
    _seed, _count, _mailboxes, _path = sys.argv[1:]
    into_maildir(_path, letters(_seed, int(_count), int(_mailboxes)), mailboxes=names(int(_mailboxes)))
