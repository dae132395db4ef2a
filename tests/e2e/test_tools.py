#!/usr/bin/env python3
"""The tests' own tools, against a real Dovecot: a tool that cannot see a fault proves nothing."""
import os

import compare
import mailgen
import suite
from dovecot import Dovecot

server = None


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


def some_mail(seed=1, count=300, **how):
    return list(mailgen.letters(seed, count, **how))


class Generator(suite.Case):
    def test_one_seed_gives_one_mailbox(self):
        self.assertEqual(some_mail(7, 100), some_mail(7, 100))
        self.assertNotEqual(some_mail(7, 100), some_mail(8, 100))

    def test_generated_mail_holds_what_life_holds(self):
        letters = some_mail(count=3000, attachments=.1, big=20 << 20)
        raw = [letter.raw for letter in letters]
        self.assertLess(len(set(raw)), len(raw), 'true duplicates')
        self.assertTrue(any(20 << 20 <= len(r) < 21 << 20 for r in raw), '20 MiB')
        self.assertTrue(any(r.startswith(b'\r\n') for r in raw), 'no header')
        self.assertTrue(any(r.endswith(b'\r\n\r\n') and r.count(b'\r\n\r\n') == 1 for r in raw), 'empty body')
        self.assertTrue(any(b'\r\n\r\n' not in r for r in raw), 'no empty line')
        self.assertTrue(any(b'In-Reply-To' in r for r in raw), 'threads')
        self.assertTrue(any(not r.isascii() for r in raw), '8-bit')
        self.assertTrue(any(not letter.mailbox.isascii() for letter in letters))
        self.assertTrue(any(letter.keywords for letter in letters))

    def test_malformed_messages_are_there(self):
        self.assertGreater(len(dict(mailgen.malformed())), 40)


class Comparer(suite.Case):
    def test_what_was_appended_over_imap_equals_what_was_written_as_files(self):
        letters = some_mail(count=400, attachments=.1)
        boxes = mailgen.names(25)
        mailgen.into_imap(server.account('imap'), letters, boxes)
        mailgen.into_maildir(self.scratch / 'files', letters, mailboxes=boxes)
        files = compare.read_maildir(self.scratch / 'files')
        self.assertEqual(25, len(files))
        self.assertEqual(400, sum(map(len, files.values())))
        self.assertNothing(compare.compare(compare.read_imap(server.account('imap')), files))

    def test_dovecot_reads_a_written_maildir_as_it_is_meant(self):
        letters = some_mail(seed=2, attachments=.1)
        account = server.account('files')
        mailgen.into_maildir(account.home / 'Maildir', letters, names='utf7')
        self.assertNothing(compare.compare(compare.read_imap(account), compare.read_maildir(
            account.home / 'Maildir', names='utf7')))

    def test_malformed_messages_are_equal_on_both_ways(self):
        letters = [mailgen.Letter('INBOX', raw, frozenset(), frozenset(), 1_000_000_000 + n)
                   for n, (name, raw) in enumerate(mailgen.malformed())]
        mailgen.into_imap(server.account('malformed'), letters)
        mailgen.into_maildir(self.scratch / 'files', letters)
        self.assertNothing(compare.compare(compare.read_imap(server.account('malformed')),
                                           compare.read_maildir(self.scratch / 'files')))

    def differences(self, change):
        """What the comparer says of two equal Maildirs when `change(folder)` was done to one."""
        letters = some_mail(seed=3, count=40, mailboxes=4, attachments=.1)
        for side in ('one', 'two'):
            mailgen.into_maildir(self.scratch / side, letters)
        self.assertNothing(compare.compare(compare.read_maildir(self.scratch / 'one'),
                                           compare.read_maildir(self.scratch / 'two')))
        change(self.scratch / 'two')
        return compare.compare(compare.read_maildir(self.scratch / 'one'), compare.read_maildir(self.scratch / 'two'))

    @staticmethod
    def first(folder):
        return sorted((folder / 'cur').iterdir())[0]

    def test_one_planted_byte_is_found(self):
        def change(folder):
            path = self.first(folder)
            times = path.stat()
            raw = bytearray(path.read_bytes())
            raw[-2] ^= 1
            path.write_bytes(raw)
            os.utime(path, (times.st_atime, times.st_mtime))
        found = self.differences(change)
        self.assertEqual(2, len(found), found)
        self.assertRegex(found[0] + found[1], 'only in the (first|second)')

    def test_one_planted_flag_is_found(self):
        def change(folder):
            path = self.first(folder)
            base, info = path.name.split(':2,')
            path.rename(path.with_name(base + ':2,' + (info.replace('F', '') if 'F' in info else 'F' + info)))
        found = self.differences(change)
        self.assertEqual(1, len(found), found)
        self.assertRegex(found[0], r'^INBOX: .*\\flagged.*|\\Flagged')

    def test_one_planted_keyword_is_found(self):
        def change(folder):
            keywords = folder / 'dovecot-keywords'
            keywords.write_text(keywords.read_text().replace('work', 'play'))
        found = self.differences(change)
        self.assertTrue(found)
        self.assertIn('play', found[0])

    def test_one_second_of_internaldate_is_found(self):
        def change(folder):
            path = self.first(folder)
            os.utime(path, (0, path.stat().st_mtime + 1))
        found = self.differences(change)
        self.assertEqual(1, len(found), found)
        self.assertRegex(found[0], 'received .* in the first, .* in the second')

    def test_a_lost_duplicate_and_a_lost_mailbox_are_found(self):
        def change(folder):
            path = self.first(folder)
            path.rename(folder / '.Sent' / 'cur' / path.name)
            for entry in (folder / '.Trash' / 'cur').glob('*'):
                entry.unlink()
            (folder / '.Trash' / 'cur').rmdir()
        found = '\n'.join(self.differences(change))
        self.assertIn('INBOX: ', found)
        self.assertIn('only in the second', found)
        self.assertIn('Trash: there is no such mailbox in the second', found)


if __name__ == '__main__':
    suite.main()
