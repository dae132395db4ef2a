"""What a person does to a mailbox with a mail program, alike for files and for IMAP.

Messages are found by their subjects.  `MaildirHand` and `ImapHand` have the same methods, so that a
test can be written once for every kind of store.
"""
import email
import os
import pathlib
import time

import compare
import mailgen
import mailtwin
from mailbox_names import quoted, to_utf7


def letter(subject, mailbox='INBOX', body='Hello.\r\n', flags=(), keywords=(), received=1_700_000_000, headers=''):
    raw = ('From: ann@example.org\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nSubject: %s\r\n'
           'Message-ID: <%s@example.org>\r\n%s\r\n%s' % (subject, subject.replace(' ', '.'), headers, body))
    return mailgen.Letter(mailbox, raw.encode(), frozenset(flags), frozenset(keywords), received)


def subject_of(raw):
    return str(email.message_from_bytes(raw)['Subject'])


class MaildirHand:
    def __init__(self, path, names='utf8'):
        self.path, self.names = pathlib.Path(path), names
        self.writer = mailgen.MaildirWriter(path, names)
        self.writer.folder('INBOX')

    def store(self, **keys):
        return mailtwin.maildir(self.path, **keys)

    def read(self):
        return compare.read_maildir(self.path, names=self.names)

    def create(self, mailbox):
        return self.writer.folder(mailbox)

    def add(self, *letters):
        for one in letters:
            self._learn_keywords(self.create(one.mailbox))
            self.writer.add(one)

    def _learn_keywords(self, folder):
        """The program under test may have written the file since."""
        known = compare._keywords(folder)
        self.writer.keywords[folder] = [known[letter] for letter in sorted(known)]

    def _find(self, subject, mailbox):
        folder = self.create(mailbox)
        for part in ('cur', 'new'):
            for path in sorted((folder / part).iterdir()):
                if subject_of(path.read_bytes()) == subject:
                    return path
        raise LookupError('no "%s" in %s' % (subject, mailbox))

    def flag(self, subject, *changes, mailbox='INBOX'):
        """`changes` are '+\\Seen', '-\\Flagged', '+keyword'."""
        path = self._find(subject, mailbox)
        folder = path.parent.parent
        self._learn_keywords(folder)
        base, _, info = path.name.partition(':2,')
        letters = set(info)
        for change in changes:
            letter_ = mailgen.LETTERS.get(change[1:]) or self._keyword_letter(folder, change[1:])
            (letters.add if change[0] == '+' else letters.discard)(letter_)
        path.rename(folder / 'cur' / (base + ':2,' + ''.join(sorted(letters))))

    def _keyword_letter(self, folder, keyword):
        known = self.writer.keywords[folder]
        if keyword not in known:
            known.append(keyword)
            # The old one may be read-only: whoever made it was killed right then.
            new = folder / 'dovecot-keywords.new'
            new.write_text(''.join('%d %s\n' % row for row in enumerate(known)))
            new.rename(folder / 'dovecot-keywords')
        return chr(ord('a') + known.index(keyword))

    def delete(self, subject, mailbox='INBOX'):
        self._find(subject, mailbox).unlink()

    def move(self, subject, to, mailbox='INBOX'):
        path = self._find(subject, mailbox)
        path.rename(self.create(to) / 'cur' / (path.name if ':2,' in path.name else path.name + ':2,'))

    def delete_mailbox(self, mailbox):
        folder = self.create(mailbox)
        for path in sorted(folder.rglob('*'), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
        del self.writer.keywords[folder]

    def rename_mailbox(self, mailbox, to):
        folder, target = self.create(mailbox), self.writer.folder(to)
        for path in sorted(target.rglob('*'), reverse=True):
            path.rmdir()
        os.rename(folder, target)
        del self.writer.keywords[folder]


class ImapHand:
    """`direct` is the account without a relay: what a person does is not what is tested."""

    def __init__(self, account, direct=None):
        self.account, self.direct = account, direct or account
        self._client = None

    def store(self, **keys):
        return mailtwin.imap(self.account, **keys)

    def read(self):
        return compare.read_imap(self.direct)

    def client(self, mailbox=None):
        if self._client is None:
            self._client = self.direct.connect()
        if mailbox:
            self.ok(self._client.select(self._wire(mailbox)))
        return self._client

    @staticmethod
    def ok(answer):
        if answer[0] != 'OK':
            raise RuntimeError(answer)
        return answer[1]

    @staticmethod
    def _wire(mailbox):
        return quoted(to_utf7(mailbox))

    def create(self, mailbox):
        if mailbox != 'INBOX':
            self.client().create(self._wire(mailbox))

    def add(self, *letters):
        for one in letters:
            self.create(one.mailbox)
            mailgen.append(self.client(), self._wire(one.mailbox), one)

    def _find(self, subject, mailbox):
        client = self.client(mailbox)
        for uid in self.ok(client.uid('SEARCH', 'ALL'))[0].split():
            data = self.ok(client.uid('FETCH', uid, '(BODY.PEEK[HEADER])'))
            if any(isinstance(part, tuple) and subject_of(part[1]) == subject for part in data):
                return uid
        raise LookupError('no "%s" in %s' % (subject, mailbox))

    def flag(self, subject, *changes, mailbox='INBOX'):
        uid = self._find(subject, mailbox)
        for change in changes:
            self.ok(self.client().uid('STORE', uid, change[0] + 'FLAGS', '(%s)' % change[1:]))

    def delete(self, subject, mailbox='INBOX'):
        uid = self._find(subject, mailbox)
        self.ok(self.client().uid('STORE', uid, '+FLAGS', '(\\Deleted)'))
        self.ok(self.client().uid('EXPUNGE', uid))

    def move(self, subject, to, mailbox='INBOX'):
        self.create(to)
        self.ok(self.client(mailbox).uid('MOVE', self._find(subject, mailbox), self._wire(to)))

    def delete_mailbox(self, mailbox):
        client = self.client()
        client.select()
        self.ok(client.delete(self._wire(mailbox)))

    def rename_mailbox(self, mailbox, to):
        self.ok(self.client().rename(self._wire(mailbox), self._wire(to)))


def subjects(hand, mailbox='INBOX'):
    """Sorted subjects of what is in `mailbox`, as the comparer shows them."""
    return sorted(message.subject.strip("'") for message in hand.read().get(tuple(mailbox.split('/')), ()))


def settle_clock():
    """Let the clock's grain (20 ms) pass: of a file that was made within it before it was listed,
    nobody can tell whether it was changed after, so it is not deleted in that run."""
    time.sleep(.03)
