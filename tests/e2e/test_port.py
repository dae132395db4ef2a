#!/usr/bin/env python3
"""An archive goes out as files that other programs read (export), and comes in from such (import).

The files are read here by rules of their own: what the .jsonl says, and what RFC 4155 says.
"""
import gzip
import hashlib
import json
import mailbox
import os
import pathlib
import re
import subprocess
import time

import compare
import suite
from hands import MaildirHand, letter

PROGRAM = os.environ.get('MAILTWIN', './mailtwin')
WHEN = 1_700_000_000
HEAD = b'From: ann@example.org\r\nSubject: %s\r\n\r\n'
# Bodies that an mbox, or a careless program, could spoil; in a Maildir, all of them with CRLF.
BODIES = {
    'plain': b'Hello.\r\n',
    'separators': b'From here\r\n>From there\r\n>>From far\r\n From near\r\nFrom a@b Wed Jul 17 09:44:25 1996\r\n',
    'separator after an empty line': b'\r\n\r\nFrom a@b Wed Jul 17 09:44:25 1996\r\n\r\n\r\n',
    'no line end': b'the end',
    'From as the end': b'x\r\nFrom ',
    'empty body': b'',
    'only empty lines': b'\r\n\r\n\r\n',
    'nul': b'a\0b\r\n\0From x\r\n',
    '8-bit': 'Grüße\r\n'.encode() + bytes(range(128, 256)) + b'\r\n',
    'lone CR': b'a\rFrom b\r\n\r\r\nx\r',
    'long line': b'x' * 70_000 + b'\r\n',
    'long': b''.join(b'From line %d\r\n' % n for n in range(20_000)),
}
NAMES = ['INBOX', 'Lists', 'Lists/C', 'Lists/C.mbox', 'Lists.mbox', 'Lists.mbox/x', 'a.eml', 'a.eml/00000001.eml', 'Entwürfe',
         'Entwürfe/Über uns', 'messages.jsonl', '.hidden', 'cur', '台北/日本語']


class Port(suite.Case):
    def setUp(self):
        super().setUp()
        self.env = dict(os.environ, HOME=str(self.scratch), XDG_STATE_HOME=str(self.scratch / 'state'),
                        LC_ALL='C.UTF-8', TZ='Asia/Tokyo')
        self.file, self.box, self.out = self.scratch / 'work.mta', self.scratch / 'Mail', self.scratch / 'out'

    def run_it(self, *words, expect=0):
        done = subprocess.run([PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120)
        done.out, done.err = done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace')
        self.assertEqual(expect, done.returncode, (words, done.out, done.err))
        return done

    def held(self, file=None, **how):
        """{mailbox: [(digest, size, received, zone, flags)]} of an archive; with [] where it is empty."""
        found = {}
        for line in self.run_it('ls', file or self.file, '--json').out.splitlines():
            one = json.loads(line)
            box = found.setdefault(one['mailbox'], [])
            if one['event'] == 'message':
                box.append((one['message'], one['size'], one['received'], one['zone'], tuple(sorted(one['flags']))))
        return {name: sorted(box, key=str) for name, box in found.items()}

    def fill(self):
        hand = MaildirHand(self.box)
        for number, (subject, body) in enumerate(BODIES.items()):
            hand.add(letter(subject, body=body.decode('latin-1'), received=WHEN + number,
                            flags=['\\Seen'] if number % 2 else [], keywords=['$Forwarded', 'Work'][:number % 3]))
            raw = HEAD % subject.encode() + body
            path = hand.create('INBOX') / 'cur' / ('%d.raw%d.host:2,F' % (WHEN, number))
            path.write_bytes(raw)
            os.utime(path, (WHEN + number, WHEN + number))
        for name in NAMES:
            spelt = name.replace('.', '%2E')    # as a Maildir++ has to
            hand.create(spelt)
            if name != 'messages.jsonl':
                hand.add(letter('in ' + ascii(name), spelt))
        self.run_it('snapshot', 'maildir:%s' % self.box, self.file)

    def export(self, kind, *words, **how):
        return self.run_it('export', self.file, self.out, '--format', kind, *words, **how)


def entry(line, raw):
    """What a line of a sidecar says of the message ${raw}, as Port.held() has it; None where it does not fit."""
    date = line['internaldate']
    when = email_time(date) if date else (None, 0)
    return hashlib.sha256(raw).hexdigest(), len(raw), when[0], when[1], tuple(sorted(line['flags']))


def email_time(text):
    day, zone = text[:-6], text[-5:]
    minutes = (int(zone[1:3]) * 60 + int(zone[3:])) * (-1 if zone[0] == '-' else 1)
    seconds = int(time.mktime(time.strptime(day.strip() + ' UTC', '%d-%b-%Y %H:%M:%S %Z'))) - time.timezone - minutes * 60
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds)), minutes


def unquoted(stored):
    return re.sub(rb'(?m)^>(>*From )', rb'\1', stored)


def read_mboxes(root):
    """{mailbox: [(digest, ...)]}, by the sidecars and nothing else."""
    found = {}
    for side in root.rglob('*.mbox.jsonl'):
        plain = side.with_suffix('')
        data = plain.read_bytes() if plain.exists() else gzip.decompress(pathlib.Path(str(plain) + '.gz').read_bytes())
        lines = [json.loads(line) for line in side.read_text().splitlines()]
        box = found[lines[0]['mailbox']] = []
        for line in lines[1:]:
            start = data.index(b'\n', line['offset']) + 1
            raw = unquoted(data[start:start + line['length']])
            if line['lines'] == 'crlf':
                raw = raw.replace(b'\n', b'\r\n')
            raw = raw[:line['size']]
            assert line['sha256'] == hashlib.sha256(raw).hexdigest(), (side, line)
            box.append(entry(line, raw))
        box.sort(key=str)
    return found


def read_emls(root):
    found = {}
    for side in root.rglob('messages.jsonl'):
        if side.is_dir():
            continue
        lines = [json.loads(line) for line in side.read_text().splitlines()]
        box = found[lines[0]['mailbox']] = []
        for line in lines[1:]:
            box.append(entry(line, (side.parent / line['file']).read_bytes()))
        assert {line['file'] for line in lines[1:]} == {p.name for p in side.parent.glob('*.eml') if p.is_file()}
        box.sort(key=str)
    return found


class Exporting(Port):
    def test_an_mbox_holds_each_message_to_the_bit(self):
        self.fill()
        run = self.export('mbox')
        self.assertIn('%d messages in %d mailboxes' % (2 * len(BODIES) + len(NAMES) - 1, len(NAMES)), run.out)
        self.assertEqual(self.held(), read_mboxes(self.out))

    def test_an_mbox_may_be_compressed(self):
        self.fill()
        self.export('mbox.gz')
        self.assertEqual(self.held(), read_mboxes(self.out))
        self.assertEqual([], list(self.out.rglob('*.mbox')))

    def test_eml_files_are_the_messages_to_the_bit(self):
        self.fill()
        self.export('eml')
        self.assertEqual(self.held(), read_emls(self.out))

    def test_a_maildir_is_one_as_restore_makes_it(self):
        self.fill()
        self.export('maildir')
        self.assertNothing(compare.compare(compare.read_maildir(self.box), compare.read_maildir(self.out)))

    def test_another_program_finds_the_same_messages_in_an_mbox(self):
        self.fill()
        self.export('mbox')
        box = mailbox.mbox(self.out / 'INBOX.mbox', create=False)
        froms = sorted(message.get_from() for message in box)
        self.assertEqual(2 * len(BODIES) + 1, len(froms))
        self.assertIn('MAILER-DAEMON Tue Nov 14 22:13:20 2023', froms)
        box.close()

    def test_one_mailbox_of_one_snapshot_may_be_written(self):
        hand = MaildirHand(self.box)
        hand.add(letter('old'), letter('old list', 'Lists/C'))
        self.run_it('snapshot', 'maildir:%s' % self.box, self.file)
        hand.delete('old list', 'Lists/C')
        self.run_it('snapshot', 'maildir:%s' % self.box, self.file)
        self.export('mbox', '--snapshot', '1', '--mailbox', 'Lists/**')
        self.assertEqual({'Lists/C.mbox', 'Lists/C.mbox.jsonl'},
                         {str(p.relative_to(self.out)) for p in self.out.rglob('*') if p.is_file()})
        self.assertEqual(1, len(read_mboxes(self.out)['Lists/C']))

    def test_nothing_that_is_there_is_overwritten(self):
        self.fill()
        self.out.mkdir()
        (self.out / 'INBOX.mbox').write_text('mine')
        for kind in ('mbox', 'mbox.gz', 'eml', 'maildir'):
            run = self.export(kind, expect=2)
            self.assertIn('nothing is overwritten', run.err)
        self.assertEqual(['INBOX.mbox'], [p.name for p in self.out.rglob('*')])
        self.assertEqual('mine', (self.out / 'INBOX.mbox').read_text())

    def test_only_the_owner_may_read_it_and_no_temporary_file_stays(self):
        self.fill()
        self.export('eml')
        for path in self.out.rglob('*'):
            self.assertEqual(0o700 if path.is_dir() else 0o600, path.stat().st_mode & 0o777, path)
            self.assertFalse(path.name.endswith('.tmp'), path)

    def test_mistakes_are_told_and_nothing_is_made(self):
        self.fill()
        for words, told in ((('export', self.file, self.out), 'a format'),
                            (('export', self.file, '--format', 'mbox'), 'a folder'),
                            (('export', self.file, self.out, '--format', 'pst'), "'pst' is not one of"),
                            (('export', self.file, self.out, '--format', 'mbox', '--snapshot', '9'), 'no snapshot'),
                            (('export', self.file, self.out, '--format', 'eml', '--mailbox', 'No'), 'no mailbox')):
            self.assertIn(told, self.run_it(*words, expect=2).err)
        self.assertFalse(self.out.exists())


if __name__ == '__main__':
    suite.main()
