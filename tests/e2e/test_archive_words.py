#!/usr/bin/env python3
"""What a person asks of an archive: log, ls, show, search, diff."""
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import suite

PROGRAM = os.environ.get('MAILTWIN', './mailtwin')
SUBJECTS = {    # by how they are written
    'utf-8': '=?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=',
    'windows-1251': '=?Windows-1251?B?z/Do4uXy?=',
    'iso-2022-jp': '=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=',
    'gb18030': '=?GB18030?B?1tDOxA==?=',
    'split': '=?UTF-8?B?5pel5g==?= =?utf-8?B?nKzoqp4=?= plan',
}


class Words(suite.Case):
    def setUp(self):
        super().setUp()
        self.env = dict(os.environ, HOME=str(self.scratch), XDG_STATE_HOME=str(self.scratch / 'state'),
                        LC_ALL='C.UTF-8')
        self.file, self.box, self.number = self.scratch / 'work.mta', self.scratch / 'Mail', 0

    def deliver(self, subject, sender='ann@example.org', date='Mon, 2 Jan 2006 15:04:05 +0000', folder='',
                info='2,', body='Hello.'):
        self.number += 1
        for part in ('cur', 'new', 'tmp'):
            (self.box / folder / part).mkdir(parents=True, exist_ok=True)
        text = b'From: %s\nTo: list@example.org\nSubject: %s\nDate: %s\n\n%s\n' % tuple(
            word if isinstance(word, bytes) else word.encode() for word in (sender, subject, date, body))
        path = self.box / folder / 'cur' / ('%d.M%d.host:%s' % (1700000000 + self.number, self.number, info))
        path.write_bytes(text)
        os.utime(path, (1700000000, 1700000000))
        return path, hashlib.sha256(text.replace(b'\n', b'\r\n')).hexdigest()

    def run_it(self, *words, expect=0):
        done = subprocess.run([PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        done.out, done.err = done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace')
        self.assertEqual(expect, done.returncode, (words, done.out, done.err))
        return done

    def snapshot(self):
        self.run_it('snapshot', 'maildir:%s' % self.box, self.file)

    def objects(self, *words, **how):
        return [json.loads(line) for line in self.run_it(*words, '--json', **how).out.splitlines()]

    def found(self, *query):
        return [hit['message'] for hit in self.objects('search', self.file, *query)]

    def edit(self, *statement):
        archive = sqlite3.connect(self.file)
        archive.execute(*statement)
        archive.commit()
        archive.close()

    def test_log_tells_what_came_and_went(self):
        path, _ = self.deliver('one')
        self.deliver('two')
        self.snapshot()
        path.unlink()
        self.deliver('three')
        self.snapshot()
        self.snapshot()
        counts = [(s['snapshot'], s['messages'], s['came'], s['went'], s['changed']) for s in self.objects('log', self.file)]
        self.assertEqual([(1, 2, 2, 0, 0), (2, 2, 1, 1, 0), (3, 2, 0, 0, 0)], counts)
        self.assertIn('2 messages', self.run_it('log', self.file).out)

    def test_ls_lists_each_message_with_digest_flags_and_date(self):
        wanted = {self.deliver('one', info='2,FS')[1]: ('INBOX', ['\\Flagged', '\\Seen']),
                  self.deliver('two', folder='.Lists.C')[1]: ('Lists/C', [])}
        self.snapshot()
        listed = [m for m in self.objects('ls', self.file) if m['event'] == 'message']
        self.assertEqual(wanted, {m['message']: (m['mailbox'], m['flags']) for m in listed})
        self.assertEqual({'2023-11-14T22:13:20Z'}, {m['received'] for m in listed})
        self.assertEqual(['two'], [m['subject'] for m in self.objects('ls', self.file, '--mailbox', 'Lists/**')
                                   if m['event'] == 'message'])

    def test_ls_shows_the_snapshot_that_was_asked_for(self):
        path, _ = self.deliver('first')
        self.snapshot()
        path.unlink()
        self.deliver('second')
        self.snapshot()
        self.edit('UPDATE snapshot SET taken = 1700000000 WHERE id = 1')
        for which, subject in (('1', 'first'), ('2', 'second'), ('2023-12-01', 'first'), (None, 'second')):
            words = ['--snapshot', which] if which else []
            out = self.run_it('ls', self.file, *words).out
            self.assertIn(subject, out)
            self.assertEqual(1, len(out.splitlines()))
        self.assertIn('no snapshot number 7', self.run_it('ls', self.file, '--snapshot', '7', expect=2).err)
        self.assertIn('2026-11-23', self.run_it('ls', self.file, '--snapshot', 'noon', expect=2).err)

    def test_show_gives_the_bytes_of_a_message(self):
        path, digest = self.deliver('one', body='\xe4\x00 \x1b[2J'.encode('latin-1'))
        self.snapshot()
        self.assertEqual(path.read_bytes().replace(b'\n', b'\r\n'), self.run_it('show', self.file, digest[:12]).stdout)

    def test_show_asks_which_where_several_begin_alike(self):
        for n in range(40):
            self.deliver('number %d' % n)
        self.snapshot()
        told = self.run_it('show', self.file, '', expect=2)
        digests = sorted(m['message'] for m in self.objects('ls', self.file) if m['event'] == 'message')
        twice = next(a[:1] for a, b in zip(digests, digests[1:]) if a[0] == b[0])
        told = self.run_it('show', self.file, twice, expect=2)
        self.assertIn('is the beginning of', told.err)
        for digest in [d for d in digests if d[0] == twice]:
            self.assertIn(digest[:24], told.err)
        self.assertIn('no message', self.run_it('show', self.file, 'xyz', expect=2).err)

    def test_search_finds_words_whatever_charset_they_came_in(self):
        digests = {name: self.deliver(subject)[1] for name, subject in SUBJECTS.items()}
        digests['raw'] = self.deliver('raw Gr\xfc\xdfe'.encode('latin-1'))[1]
        self.snapshot()
        for word, name in (('köln', 'utf-8'), ('Привет', 'windows-1251'), ('日本語', 'iso-2022-jp'),
                           ('中文', 'gb18030'), ('plan', 'split'), ('raw', 'raw')):
            self.assertIn(digests[name], self.found(word), word)
        self.assertEqual({digests['utf-8'], digests['raw']}, set(self.found('grüße')))
        self.assertEqual([digests['split']], self.found('"日本語 plan"'))

    def test_search_finds_what_stands_within_a_run_of_characters_without_blanks(self):
        board = self.deliver('会議の議事録を添付します', '山田太郎 <taro@example.org>')[1]
        other = self.deliver('請求書 March', 'ben@example.org')[1]
        thai = self.deliver('รายงานการประชุมประจำเดือน')[1]
        self.snapshot()
        for words, found in ((['議事録'], [board]), (['subject:議事', 'from:太郎'], [board]), (['from:議事'], []),
                             (['march', '請求'], [other]), (['請求書 March'], [other]), (['"求書 march"'], [other]),
                             (['ประชุม'], [thai]), (['議事録*'], [board]), (['議録'], [])):
            self.assertEqual(found, self.found(*words), words)

    def test_search_narrows_by_field_date_and_mailbox(self):
        old = self.deliver('Minutes', 'bob@example.org', 'Mon, 3 Jan 2005 10:00:00 +0000')[1]
        new = self.deliver('Minutes of May', 'ann@example.org', 'Mon, 7 May 2007 10:00:00 +0000', '.Board')[1]
        self.deliver('bob says', 'cy@example.org')
        self.snapshot()
        for query, wanted in (('minutes', [new, old]), ('from:bob', [old]), ('subject:minutes from:ann', [new]),
                              ('minutes before:2006-01-01', [old]), ('minutes after:2005-01-04', [new]),
                              ('minutes after:2005-01-03 before:2005-01-04', [old]),
                              ('mailbox:Board', [new]), ('minut*', [new, old]), ('minut', []),
                              ('"of minutes"', []), ('to:list@example.org from:bob@example.org', [old])):
            self.assertEqual(wanted, self.found(query), query)

    def test_search_tells_in_which_snapshots_a_message_is(self):
        path, _ = self.deliver('gone')
        self.snapshot()
        self.deliver('new')
        self.snapshot()
        path.unlink()
        self.snapshot()
        hit, = self.objects('search', self.file, 'gone')
        self.assertEqual((1, 2), (hit['first'], hit['last']))
        hit, = self.objects('search', self.file, 'new')
        self.assertEqual((2, 3), (hit['first'], hit['last']))
        self.assertEqual([], self.objects('search', self.file, 'gone', '--snapshot', '3'))

    def test_search_takes_nothing_for_an_operator_of_the_index(self):
        digest = self.deliver('a "quoted" NEAR OR')[1]
        self.snapshot()
        for query in ('NEAR', 'OR', 'NEAR(a b)', 'a"b', '-a', 'subject:"a" OR', '{from}a', 'a AND', '^a', '(a', 'x:y', 'a\'b'):
            self.run_it('search', self.file, '--', query)
        for query in ('(', 'a + b', '*', '""'):
            self.assertIn('there is no word', self.run_it('search', self.file, '--', query, expect=2).err)
        self.assertEqual([digest], self.found('near'))
        self.assertIn("'from:' wants", self.run_it('search', self.file, 'from:', expect=2).err)
        self.assertIn('no date', self.run_it('search', self.file, 'before:soon', expect=2).err)

    def test_search_refuses_what_is_too_long_to_be_looked_for_whole(self):
        self.deliver('one')
        self.snapshot()
        for query in (['x' * 100000], ['one', 'x' * 100000], ['one'] * 61):
            told = self.run_it('search', self.file, *query, expect=2)
            self.assertEqual('', told.out)
            self.assertRegex(told.err, 'too long|60 words at most')

    def test_diff_tells_what_changed_between_two_snapshots(self):
        gone, _ = self.deliver('gone')
        flagged, _ = self.deliver('flagged')
        self.deliver('stays')
        self.deliver('elsewhere', folder='.Old')
        self.snapshot()
        gone.unlink()
        flagged.rename(str(flagged) + 'F')
        self.deliver('new')
        (self.box / '.Old').rename(self.box / '.New')
        self.snapshot()
        told = {(o.get('sign'), o.get('subject') or o.get('renamed')) for o in self.objects('diff', self.file, 1, 2)
                if o['event'] != 'end'}
        self.assertEqual({('-', 'gone'), ('~', 'flagged'), ('+', 'new'), ('>', 'New')}, told)
        back = {(o.get('sign'), o.get('subject') or o.get('renamed')) for o in self.objects('diff', self.file, 2, 1)
                if o['event'] != 'end'}
        self.assertEqual({('+', 'gone'), ('~', 'flagged'), ('-', 'new'), ('>', 'Old')}, back)
        self.run_it('diff', '--exit-code', '--quiet', self.file, 1, 2, expect=1)
        self.assertEqual('0 came, 0 went, 0 changed from snapshot 2 to 2\n', self.run_it('diff', self.file, 2, 2).out)
        self.assertIn('wants two snapshots', self.run_it('diff', self.file, expect=2).err)

    def two_accounts(self):
        other = self.scratch / 'Other'
        self.deliver('red')
        self.snapshot()
        self.run_it('snapshot', 'maildir:%s' % self.box, self.file)
        self.box.rename(self.scratch / 'first')
        self.deliver('blue')
        self.box.rename(other)
        (self.scratch / 'first').rename(self.box)
        self.run_it('snapshot', 'maildir:%s' % other, self.file)
        return other

    def test_of_several_accounts_each_message_tells_its_own(self):
        self.deliver('alone')
        self.snapshot()
        self.assertRegex(self.run_it('search', self.file, 'alone').out, r' \d+  INBOX  ann')
        self.assertEqual([str(self.box)], [line['source'] for line in self.objects('search', self.file, 'alone')])
        other = self.two_accounts()
        for words in (('search', self.file, 'blue'), ('ls', self.file, '--source', other)):
            self.assertRegex(self.run_it(*words).out, r' \d+  %s: INBOX  ann@example.org: blue' % other)
        self.assertEqual([str(other)], [line['source'] for line in self.objects('search', self.file, 'blue')])

    def test_diff_of_several_accounts_takes_dates_of_one(self):
        other = self.two_accounts()
        today = time.strftime('%Y-%m-%d', time.gmtime(time.time() + 86400))
        self.assertIn('say which source', self.run_it('diff', self.file, '1', today, expect=2).err)
        self.assertRegex(self.run_it('diff', self.file, '1', today, '--source', self.box).out, 'from snapshot 1 to 2')
        self.assertIn('no snapshot number 1', self.run_it('diff', self.file, '1', today, '--source', other, expect=2).err)
        self.assertIn('--source', self.run_it('diff', '--source', other, expect=2).err)

    def test_nothing_that_a_message_says_moves_the_cursor(self):
        self.deliver(b'=?UTF-8?Q?=1B[31mred?= \x1b[2J \xe2\x80\xae', b'\x1b]0;x\x07 <a@b>')
        self.snapshot()
        for words in (('ls',), ('search', 'red'), ('ls', '--json')):
            out = self.run_it(words[0], self.file, *words[1:]).stdout
            self.assertNotRegex(out, rb'[\x00-\x08\x0b-\x1f\x7f]')
            self.assertTrue(words[-1] == '--json' or b'\xe2\x80\xae' not in out)

    def test_a_damaged_row_is_named_and_the_others_are_listed(self):
        self.deliver('one')
        self.deliver('two')
        self.snapshot()
        self.edit('UPDATE placement SET flags = 4 WHERE id = 1')
        told = self.run_it('ls', self.file, expect=7)
        self.assertEqual(2, len(told.out.splitlines()))
        self.assertIn('does not match its check', told.err)

    def fill_a_list(self):
        for number in range(600):
            self.deliver('number %d' % number)
        self.deliver('elsewhere', folder='.Other')
        self.snapshot()

    def damage_a_list(self, fill=True):
        """600 messages, in whose list one page is damaged; the first, the last and those elsewhere are not in it."""
        if fill:
            self.fill_a_list()
        octets = bytearray(self.file.read_bytes())
        size = int.from_bytes(octets[16:18], 'big')
        # A page of placements is known by the names at the source.
        pages = [octets[at:at + size] for at in range(0, len(octets), size)]
        page = next(n for n, text in enumerate(pages) if b'.M300.host' in text or b'.M400.host' in text
                    or b'.M200.host' in text if not any(b'.M%d.host' % n in text for n in (1, 600, 601)))
        octets[page * size:(page + 1) * size] = b'\xff' * size
        self.file.write_bytes(octets)

    def test_what_lies_behind_a_damaged_page_is_listed_and_exported(self):
        self.damage_a_list()
        told = self.run_it('ls', self.file, expect=7)
        listed = [line for line in told.out.splitlines() if 'number' in line]
        self.assertTrue(500 < len(listed) < 600, len(listed))
        for word in ('number 0', 'number 599', 'elsewhere'):
            self.assertRegex(told.out, r'\b%s\b' % word)
        self.assertIn('INBOX: the file is damaged where it lists messages', told.err)
        self.run_it('export', self.file, self.scratch / 'out', '--format', 'eml', expect=7)
        self.assertEqual(len(listed), len(list((self.scratch / 'out/INBOX').glob('*.eml'))))
        self.assertEqual(1, len(list((self.scratch / 'out/Other').glob('*.eml'))))

    def subjects(self, root):
        return sorted(re.search(rb'^Subject: (.*?)\r?$', path.read_bytes(), re.M)[1].decode()
                      for path in root.glob('*/*.*'))

    def test_what_lies_behind_a_damaged_page_is_restored(self):
        self.damage_a_list()
        listed = re.findall(r'number \d+', self.run_it('ls', self.file, expect=7).out)
        back = self.scratch / 'Back'
        for again in (False, True):
            told = self.run_it('restore', self.file, 'maildir:%s' % back, expect=7)
            self.assertIn('INBOX: it is damaged where it lists messages', told.err)
            self.assertEqual(sorted(listed), self.subjects(back), again)
            self.assertEqual(['elsewhere'], self.subjects(back / '.Other'))

    def test_what_lies_behind_a_damaged_page_is_found_and_what_was_found_restored(self):
        self.damage_a_list()
        listed = sorted(re.findall(r'number \d+', self.run_it('ls', self.file, expect=7).out))
        for query in (('number',), ('mailbox:INBOX',), ('--snapshot', '1', 'numb*', 'before:2007-01-01')):
            told = self.run_it('search', self.file, *query, expect=7)
            self.assertEqual(listed, sorted(re.findall(r'number \d+', told.out)), query)
            self.assertIn('the file is damaged where it lists messages: some in 1 place cannot be found', told.err)
        self.assertIn('elsewhere', self.run_it('search', self.file, 'elsewhere').out)
        back = self.scratch / 'Back'
        told = self.run_it('restore', self.file, 'maildir:%s' % back, '--search', 'number', expect=7)
        self.assertIn('INBOX: it is damaged where it lists messages', told.err)
        self.assertEqual(listed, self.subjects(back))

    def test_a_sync_from_it_takes_nothing_behind_a_damaged_page_for_gone(self):
        back = self.scratch / 'Back'
        self.fill_a_list()
        stores = ('--from', 'archive:%s' % self.file, '--to', 'maildir:%s' % back, '--mode', 'mirror')
        self.run_it('sync', *stores)
        self.assertEqual(600, len(self.subjects(back)))
        self.deliver('one more')
        self.snapshot()
        self.damage_a_list(fill=False)
        told = self.run_it('sync', *stores, '--max-deletions', 'any', expect=7)
        self.assertIn('damaged', told.err)
        self.assertEqual(600, len(self.subjects(back)))

    def test_a_damaged_message_is_named_and_the_others_are_shown(self):
        digests = [self.deliver(name)[1] for name in ('one', 'two')]
        self.snapshot()
        self.edit('UPDATE part SET data = zeroblob(length(data)) WHERE id / 65536 ='
                  ' (SELECT id FROM message WHERE digest = ?)', (bytes.fromhex(digests[0]),))
        self.assertIn('is damaged', self.run_it('show', self.file, digests[0], expect=7).err)
        self.assertIn('Subject: two', self.run_it('show', self.file, digests[1]).out)

    def test_verify_says_exactly_what_is_not_whole(self):
        digests = [self.deliver(name, folder='.Box')[1] for name in ('one', 'two')]
        self.snapshot()
        self.assertRegex(self.run_it('verify', self.file).out, r'^2 messages in 1 snapshot, \d+ B: whole\n$')
        self.edit('UPDATE part SET data = zeroblob(length(data)) WHERE id / 65536 ='
                  ' (SELECT id FROM message WHERE digest = ?)', (bytes.fromhex(digests[0]),))
        told = self.run_it('verify', self.file, expect=7)
        self.assertIn('in Box, "one": message %s is damaged' % digests[0][:12], told.err)
        self.assertEqual(1, len(told.err.splitlines()), told.err)
        self.assertIn('not whole', told.out)
        faults = [o for o in self.objects('verify', self.file, expect=7) if o['event'] == 'fault']
        self.assertEqual([('message', digests[0])], [(o['what'], o['message']) for o in faults])
        self.edit('UPDATE placement SET received = received + 1')
        told = self.run_it('verify', self.file, expect=7).err
        self.assertIn('Box: the row of item', told)
        self.assertIn('snapshot 1 of', told)

    def stopped(self, *words):
        """The end of a command that gets SIGINT while another program has the archive."""
        other = sqlite3.connect(self.file, isolation_level=None)
        other.execute('BEGIN EXCLUSIVE')
        process = subprocess.Popen([PROGRAM, *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        caught = 0
        while process.poll() is None and not caught & 1 << signal.SIGINT - 1:
            with open('/proc/%d/status' % process.pid) as status:
                caught = int(re.search(r'SigCgt:\s*(\w+)', status.read())[1], 16)
            time.sleep(.01)
        process.send_signal(signal.SIGINT)
        other.execute('ROLLBACK')
        other.close()
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def test_a_person_may_stop_verify_and_export(self):
        self.deliver('one')
        self.snapshot()
        self.assertEqual((130, '', ''), self.stopped('verify', self.file))
        out = self.scratch / 'out'
        self.assertEqual((130, '', ''), self.stopped('export', self.file, out, '--format', 'mbox'))
        self.assertEqual([], list(out.rglob('*.mbox*')))
        shutil.rmtree(out, ignore_errors=True)
        self.run_it('export', self.file, out, '--format', 'mbox')

    def test_what_is_no_archive_is_told_plainly(self):
        for words in (('log',), ('verify',), ('ls',), ('show', 'aa'), ('search', 'x'), ('diff', '1', '2')):
            told = self.run_it(words[0], self.scratch / 'none.mta', *words[1:], expect=7)
            self.assertIn('No such file', told.err)
            self.assertEqual(1, len(told.err.splitlines()))


if __name__ == '__main__':
    suite.main()
