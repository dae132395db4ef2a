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
import resource
import sqlite3
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

    def test_a_disk_that_is_full_leaves_no_half_a_file(self):
        self.fill()
        for kind in ('mbox', 'eml'):
            self.out = self.scratch / kind
            done = subprocess.run([PROGRAM, 'export', str(self.file), str(self.out), '--format', kind, '--mailbox', 'INBOX'],
                                  env=self.env, capture_output=True, timeout=60, restore_signals=False,    # SIGXFSZ stays ignored
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))
            self.assertEqual(7, done.returncode, done)
            self.assertIn(b'File too large', done.stderr)
            names = {path.name for path in self.out.rglob('*') if path.is_file()}
            self.assertEqual(set(), {name for name in names if not name.endswith('.eml')})
            for path in self.out.rglob('*.eml'):
                self.assertIn(hashlib.sha256(path.read_bytes()).hexdigest(), {line[0] for line in self.held()['INBOX']})

    def test_of_a_damaged_archive_what_is_whole_goes_out(self):
        self.fill()
        archive = sqlite3.connect(self.file)
        archive.execute('UPDATE part SET data = zeroblob(length(data)) WHERE id < 4 * 65536')
        archive.commit()
        archive.close()
        held = self.held()
        for kind, read in (('mbox', read_mboxes), ('eml', read_emls)):
            self.out = self.scratch / kind
            run = self.export(kind, expect=7)
            self.assertEqual(3, run.err.count('is damaged in the archive'), run.err)
            found = read(self.out)
            self.assertEqual(sum(map(len, held.values())) - 3, sum(map(len, found.values())))
            self.assertEqual(set(held), set(found))

    def test_mistakes_are_told_and_nothing_is_made(self):
        self.fill()
        for words, told in ((('export', self.file, self.out), 'a format'),
                            (('export', self.file, '--format', 'mbox'), 'a folder'),
                            (('export', self.file, self.out, '--format', 'pst'), "'pst' is not one of"),
                            (('export', self.file, self.out, '--format', 'mbox', '--snapshot', '9'), 'no snapshot'),
                            (('export', self.file, self.out, '--format', 'eml', '--mailbox', 'No'), 'no mailbox')):
            self.assertIn(told, self.run_it(*words, expect=2).err)
        self.assertFalse(self.out.exists())


# What only a server could have let in: (bytes, INTERNALDATE, flags).
ODD = [
    (b'', '17-Jul-1996 02:44:25 -0700', []),
    (b'\n', '17-Jul-1996 02:44:26 -0700', ['\\Seen']),
    (b'From ', ' 1-Jan-2026 00:00:00 +0000', []),
    (b'>From x', ' 1-Jan-2026 00:00:01 +0545', ['$Forwarded']),
    (b'Subject: bare\n\nFrom a\n>From b\r\n\n\nFrom a@b Wed Jul 17 09:44:25 1996\n\n', '31-Dec-1999 23:59:59 -0330', ['\\Flagged', 'Gr%C3%BC%C3%9F%20e']),
    (b'Subject: mixed\r\n\nx\ry\r\r\nz\r', '29-Feb-2024 12:00:00 +1400', ['\\Answered', '\\Draft', '\\Deleted']),
    (b'Subject: nul\r\n\r\n\0\0From \0\n', '29-Feb-2024 12:00:01 -1200', ['a"b', "c{}\\\\d"]),
    (b'Status: RO\r\nX-Mozilla-Status: 0009\r\n\r\nonly text\r\n', None, []),
    (b'\x1f\x8b\x08 compressed?', ' 1-Jan-1970 00:00:00 +0000', []),
    (b'Subject: 8\r\n\r\n' + bytes(range(256)) * 300, '17-Jul-2006 02:44:25 +0200', []),
    (b'Subject: twin\r\n\r\nx\r\n', '17-Jul-2006 02:44:25 +0200', ['\\Seen']),
    (b'Subject: twin\r\n\r\nx\r\n', '17-Jul-2006 02:44:25 +0200', []),
    (b'Subject: twin\r\n\r\nx\r\n', '17-Jul-2007 02:44:25 +0200', []),
]


class RoundTrip(Port):
    def odd(self, root):
        """ODD as .eml files in several mailboxes, one of which is empty."""
        for folder, name, use in (('1', 'INBOX', []), ('2', 'Ablage/Über uns.mbox', ['\\Sent']), ('3', 'x%2Fy/%25ab', []),
                                  ('4', 'Leer', ['\\Trash'])):
            (root / folder).mkdir(parents=True)
            lines = [{'v': 1, 'mailbox': name, 'use': use, 'subscribed': folder == '2'}]
            for number, (raw, date, flags) in enumerate(ODD if folder != '4' else [], 1):
                file = '%08d.eml' % number
                (root / folder / file).write_bytes(raw)
                lines.append({'v': 1, 'file': file, 'size': len(raw), 'lines': 'raw', 'internaldate': date, 'flags': flags})
            (root / folder / 'messages.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))

    def start(self):
        self.odd(self.scratch / 'odd')
        self.run_it('import', self.scratch / 'odd', self.file, '--format', 'eml')
        wanted = sorted((entry({'internaldate': date, 'flags': flags}, raw) for raw, date, flags in ODD), key=str)
        held = self.held()
        self.assertEqual({'INBOX', 'Ablage/Über uns.mbox', 'x%2Fy/%25ab', 'Leer'}, set(held))
        self.assertEqual([], held.pop('Leer'))
        for name, box in held.items():
            self.assertEqual(wanted, box, name)

    def test_all_comes_back_as_it_was(self):
        self.start()
        wanted = self.held()
        for kind in ('mbox', 'mbox.gz', 'eml'):
            self.out, file = self.scratch / kind, self.scratch / (kind + '.mta')
            self.export(kind)
            self.run_it('import', self.out, file, '--format', kind)
            self.assertEqual(wanted, self.held(file), kind)
            self.run_it('verify', file)

    def test_special_uses_come_back(self):
        self.start()
        self.export('mbox')
        other = self.scratch / 'other.mta'
        self.run_it('import', self.out, other, '--format', 'mbox')
        self.run_it('export', other, self.scratch / 'again', '--format', 'mbox')
        for path in self.out.rglob('*.jsonl'):
            self.assertEqual(path.read_text().splitlines()[0],
                             (self.scratch / 'again' / path.relative_to(self.out)).read_text().splitlines()[0])

    def test_a_maildir_comes_back(self):
        self.fill()
        self.export('maildir')
        other = self.scratch / 'other.mta'
        self.run_it('import', self.out, other, '--format', 'maildir')
        self.assertEqual(self.held(), self.held(other))

    def test_a_second_import_adds_nothing(self):
        self.start()
        wanted = self.held()
        self.run_it('import', self.scratch / 'odd', self.file, '--format', 'eml')
        self.assertEqual(wanted, self.held())

    def test_a_dry_run_writes_nothing(self):
        self.odd(self.scratch / 'odd')
        run = self.run_it('import', self.scratch / 'odd', self.file, '--format', 'eml', '--dry-run')
        self.assertIn('to do: %d new' % (3 * len(ODD)), run.out)
        self.assertFalse(self.file.exists())

    def peak(self, *words):
        """The most memory that the program had, in octets."""
        process = subprocess.Popen([PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(0, process.returncode, words)
        return usage.ru_maxrss * 1024

    def test_a_large_message_needs_no_more_memory_than_a_small_one(self):
        peaks, large = {}, 2_000_000 * len(b'From the beginning\r\n')
        for name, count in (('small', 1), ('large', 2000)):
            folder, file = self.scratch / name, self.scratch / (name + '.mta')
            folder.mkdir()
            with open(folder / '1.eml', 'wb') as out:   # not at once: a child counts what its parent had
                out.write(b'Subject: big\r\n\r\n')
                for _ in range(count):
                    out.write(b'From the beginning\r\n' * 1000)
            peaks[name] = [self.peak('import', folder, file, '--format', 'eml'),
                           self.peak('export', file, self.scratch / (name + ' mbox'), '--format', 'mbox'),
                           self.peak('import', self.scratch / (name + ' mbox'), self.scratch / (name + ' 2.mta'), '--format', 'mbox')]
            self.assertEqual([box for box in self.held(file).values()], [box for box in self.held(self.scratch / (name + ' 2.mta')).values()])
        for small, big in zip(peaks['small'], peaks['large']):
            self.assertLess(big - small, large * 3 // 4, peaks)


class Foreign(Port):
    def write(self, name, data):
        path = self.scratch / 'theirs' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def imported(self, kind, *words):
        self.run_it('import', self.scratch / 'theirs', self.file, '--format', kind, *words)
        return self.held()

    @staticmethod
    def one(raw, received, *flags, zone=0):
        return hashlib.sha256(raw).hexdigest(), len(raw), received, zone, tuple(sorted(flags))

    def test_an_mbox_of_another_program(self):
        self.write('inbox.mbox', b'From ann@example.org Wed Jul 17 09:44:25 1996\nSubject: 1\nStatus: RO\nX-Status: AF\n\n>From here\n'
                   b'From x Wed Jul 17 09:44:25 1996\n\nFrom an empty line on, but no date\n\n'
                   b'From bob@example.org Wed Jul 17 09:44:26 1996 +0200\nSubject: 2\n\nno line end')
        self.assertEqual({'INBOX': sorted([
            self.one(b'Subject: 1\r\nStatus: RO\r\nX-Status: AF\r\n\r\nFrom here\r\nFrom x Wed Jul 17 09:44:25 1996\r\n\r\n'
                     b'From an empty line on, but no date\r\n', '1996-07-17T09:44:25Z', '\\Seen', '\\Answered', '\\Flagged'),
            self.one(b'Subject: 2\r\n\r\nno line end', '1996-07-17T07:44:26Z')], key=str)}, self.imported('mbox'))

    def test_a_profile_of_thunderbird(self):
        one = (b'From - Wed Jul 17 09:44:25 1996\r\nX-Mozilla-Status: %s\r\nX-Mozilla-Keys: $label1 work   \r\nSubject: 1\r\n\r\nx\r\n\r\n')
        raw = b'\r\n'.join((one % b'0005').split(b'\r\n')[1:-2]) + b'\r\n'
        self.write('Inbox', one % b'0005' + one % b'0009')
        self.write('Inbox.msf', b'// <!-- <mdb:mork:z v="1.4"/> -->')
        self.write('Inbox.sbd/Sent Mail', one % b'0005')
        self.write('Drafts', b'')
        self.assertEqual({name: [self.one(raw, '1996-07-17T09:44:25Z', '\\Seen', '\\Flagged', '$label1', 'work')]
                          for name in ('INBOX', 'INBOX/Sent Mail')}, self.imported('mbox'))

    def test_one_mbox_may_be_named(self):
        self.write('a.mbox', b'From x Wed Jul 17 09:44:25 1996\n\nhello\n')
        self.run_it('import', self.scratch / 'theirs' / 'a.mbox', self.file, '--format', 'mbox')
        self.assertEqual({'a': [self.one(b'\r\nhello\r\n', '1996-07-17T09:44:25Z')]}, self.held())

    def test_a_compressed_one(self):
        self.write('a.mbox.gz', gzip.compress(b'From x Wed Jul 17 09:44:25 1996\n\nhello\n\n' * 9))
        self.assertEqual({'a': 9 * [self.one(b'\r\nhello\r\n', '1996-07-17T09:44:25Z')]}, self.imported('mbox'))

    def test_a_plain_folder_of_eml_files(self):
        self.write('one.eml', b'Date: Wed, 17 Jul 1996 02:44:25 -0700\n\n>From x\n')
        self.write('Two.EML', b'Subject: no date\r\n\r\n')
        self.write('sub/3.eml', b'Date: Wed, 17 Jul 1996 02:44:25 -0700\r\n\r\n')
        self.write('sub/readme.txt', b'no mail')
        os.utime(self.scratch / 'theirs' / 'Two.EML', (WHEN, WHEN))
        self.assertEqual({
            'theirs': sorted([self.one(b'Date: Wed, 17 Jul 1996 02:44:25 -0700\r\n\r\n>From x\r\n', '1996-07-17T09:44:25Z', zone=-420),
                              self.one(b'Subject: no date\r\n\r\n', '2023-11-14T22:13:20Z')], key=str),
            'sub': [self.one(b'Date: Wed, 17 Jul 1996 02:44:25 -0700\r\n\r\n', '1996-07-17T09:44:25Z', zone=-420)]},
            self.imported('eml'))

    def test_an_export_that_was_changed_since_is_read_for_what_it_is(self):
        self.write('a.mbox', b'From x Wed Jul 17 09:44:25 1996\n\nhello\n')
        self.run_it('import', self.scratch / 'theirs', self.file, '--format', 'mbox')
        self.export('mbox')
        path = self.out / 'a.mbox'
        path.write_bytes(path.read_bytes() + b'From y Wed Jul 17 09:44:26 1996\nStatus: R\n\nmore\n\n')
        other = self.scratch / 'other.mta'
        self.run_it('import', self.out, other, '--format', 'mbox')
        held = self.held()['a']
        self.assertEqual(sorted(held + [self.one(b'Status: R\r\n\r\nmore\r\n', '1996-07-17T09:44:26Z', '\\Seen')],
                                key=str), self.held(other)['a'])
        path.write_bytes(path.read_bytes().replace(b'hello', b'hello there'))
        other = self.scratch / 'third.mta'
        self.run_it('import', self.out, other, '--format', 'mbox')
        self.assertIn(self.one(b'\r\nhello there\r\n', '1996-07-17T09:44:25Z'), self.held(other)['a'])

    def test_a_message_that_took_the_place_of_another_does_not_take_its_flags(self):
        one, two = b'Status: R\n\nhello\n', b'Status: O\n\nworld\n'
        self.write('a.mbox', b'From x Wed Jul 17 09:44:25 1996\n%s\nFrom x Wed Jul 17 09:44:26 1996\n%s' % (one, two))
        self.run_it('import', self.scratch / 'theirs', self.file, '--format', 'mbox')
        wanted = {line[0]: line[4] for line in self.held()['a']}
        self.assertEqual([(), ('\\Seen',)], sorted(wanted.values()))
        for kind in ('mbox', 'mbox.gz', 'eml'):
            self.out, file = self.scratch / ('out.' + kind), self.scratch / (kind + '.mta')
            self.export(kind)
            for path in (path for path in self.out.rglob('*') if path.suffix in ('.mbox', '.gz', '.eml')):
                if path.is_dir():
                    continue
                read, write = ((gzip.decompress, gzip.compress) if kind == 'mbox.gz' else (bytes, bytes))
                text = read(path.read_bytes())
                swapped = re.sub(rb'(Status: )(R|O)(\r?\n\r?\n)(hello|world)', lambda m: m[1] + {b'R': b'O', b'O': b'R'}[
                    m[2]] + m[3] + {b'hello': b'world', b'world': b'hello'}[m[4]], text)
                self.assertNotEqual(text, swapped)
                path.write_bytes(write(swapped))
            self.run_it('import', self.out, file, '--format', kind)
            self.assertEqual(wanted, {line[0]: line[4] for line in self.held(file)['a']}, kind)

    def test_two_files_that_are_one_mailbox_are_refused(self):
        for name in ('a', 'a.mbox'):
            self.write(name, b'From x Wed Jul 17 09:44:25 1996\n\nhello\n')
        run = self.run_it('import', self.scratch / 'theirs', self.file, '--format', 'mbox', expect=2)
        self.assertIn("are both the mailbox 'a'", run.err)

    def test_a_compressed_file_that_was_cut_is_named(self):
        self.write('a.mbox.gz', gzip.compress(b'From x Wed Jul 17 09:44:25 1996\n\n' + os.urandom(100_000))[:50_000])
        run = self.run_it('import', self.scratch / 'theirs', self.file, '--format', 'mbox', expect=7)
        self.assertIn("a.mbox.gz' cannot be read", run.err)

    def test_mistakes_are_told(self):
        self.write('readme.txt', b'no mail')
        theirs = self.scratch / 'theirs'
        for words, told, code in (((theirs, self.file), 'a format', 2), ((theirs, self.file, '--format', 'x'), 'is not one of', 2),
                                  ((theirs, self.file, '--format', 'mbox'), 'holds no mbox', 2),
                                  ((theirs, self.file, '--format', 'eml'), 'holds no .eml', 2),
                                  ((theirs, 'maildir:' + str(self.scratch / 'm'), '--format', 'mbox'), 'this is no archive', 2),
                                  ((self.scratch / 'no', self.file, '--format', 'eml'), 'cannot read', 7)):
            self.assertIn(told, self.run_it('import', *words, expect=code).err)


if __name__ == '__main__':
    suite.main()
