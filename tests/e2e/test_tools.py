#!/usr/bin/env python3
"""The tests' own tools, against a real Dovecot: a tool that cannot see a fault proves nothing."""
import imaplib
import os
import socket
import ssl
import textwrap
import time

import compare
import mailgen
import suite
from delay_relay import DelayRelay
from dovecot import MASTER, MASTER_PASSWORD, Dovecot
from profile_relay import BARE, EVERYTHING, WITHOUT, ProfileRelay
from script_server import Script, ScriptServer

server = None


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Server(suite.Case):
    def test_a_client_certificate_signs_in_and_a_wrong_password_does_not(self):
        context = ssl.create_default_context(cafile=server.top / 'ca.pem')
        server.ca.client(self.scratch / 'zoe', 'zoe')
        context.load_cert_chain(self.scratch / 'zoe.pem', self.scratch / 'zoe.key')
        with imaplib.IMAP4_SSL('localhost', server.tls_port, ssl_context=context) as client:
            client.authenticate('EXTERNAL', lambda _: b'')
        with imaplib.IMAP4('127.0.0.1', server.port) as client:
            with self.assertRaisesRegex(client.error, 'AUTHENTICATIONFAILED'):
                client.login('zoe', 'wrong')

    def test_a_master_user_opens_everybodys_mailbox(self):
        mailgen.into_imap(server.account('owner'), some_mail(count=3, mailboxes=1))
        with imaplib.IMAP4('127.0.0.1', server.port) as client:
            client.authenticate('PLAIN', lambda _: '\0'.join(('owner', MASTER, MASTER_PASSWORD)).encode())
            self.assertEqual([b'3'], client.select()[1])


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


def record(client):
    """The lines that `client` reads from now on."""
    lines, read = [], client.readline

    def readline():
        lines.append(read())
        return lines[-1]
    client.readline = readline
    return lines


class Profiles(suite.Case):
    def client(self, profile, user='profile'):
        relay = ProfileRelay(server.port, profile)
        relay.__enter__()
        self.addCleanup(relay.__exit__)
        client = server.account(user).at(relay.port).connect()
        self.addCleanup(client.shutdown)
        return client, relay

    def test_a_profile_hides_its_capabilities(self):
        client, _ = self.client(BARE)
        self.assertEqual('IMAP4REV1', client.capability()[1][0].decode().upper())
        client, _ = self.client(WITHOUT)
        words = client.capability()[1][0].decode().split()
        self.assertIn('NAMESPACE', words)
        for word in ('UIDPLUS', 'LITERAL+', 'CONDSTORE', 'QRESYNC', 'ESEARCH', 'MOVE'):
            self.assertNotIn(word, words)

    def test_an_unannounced_uid_expunge_is_caught(self):
        for profile in (WITHOUT, BARE):
            client, relay = self.client(profile)
            client.select()
            with self.assertRaisesRegex(client.error, 'UIDPLUS'):
                client.uid('EXPUNGE', '1')
            self.assertEqual(['UID EXPUNGE 1: takes UIDPLUS'], relay.violations)
            self.assertEqual('OK', client.noop()[0], 'the session goes on')
        client, relay = self.client(EVERYTHING)
        client.select()
        self.assertEqual('OK', client.uid('EXPUNGE', '1')[0])
        self.assertEqual([], relay.violations)

    def test_every_other_unannounced_extension_is_caught(self):
        for command in ('ENABLE CONDSTORE', 'ID NIL', 'NAMESPACE', 'UNSELECT', 'UID MOVE 1 "x"',
                        'SELECT "INBOX" (CONDSTORE)', 'EXAMINE INBOX (QRESYNC (1 2))',
                        'UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)', 'FETCH 1 (MODSEQ)',
                        'UID STORE 1 (UNCHANGEDSINCE 3) +FLAGS (\\Seen)', 'UID SEARCH RETURN (ALL) ALL',
                        'STATUS "INBOX" (HIGHESTMODSEQ)', 'LIST (SPECIAL-USE) "" "*"', 'COMPRESS DEFLATE',
                        'LIST "" "*" RETURN (STATUS (MESSAGES))', 'LIST "" ("a" "b")', 'CREATE "x" (USE (\\Sent))',
                        'AUTHENTICATE PLAIN AGEAYg==', 'UID COPY $ "x"', 'GETMETADATA "" "/x"', 'XYZZY'):
            with self.subTest(command):
                client, relay = self.client(BARE)
                client.send(b'x1 ' + command.encode() + b'\r\n')
                self.assertRegex(client.readline(), b'^x1 BAD ')
                self.assertEqual(1, len(relay.violations))

    def test_names_that_look_like_extensions_pass(self):
        client, relay = self.client(BARE)
        for command in ('CREATE "x (USE"', 'STATUS "HIGHESTMODSEQ" (MESSAGES)', 'SELECT "INBOX"',
                        'UID SEARCH SUBJECT "RETURN"', 'UID STORE 1 +FLAGS (\\Seen $MDNSent)'):
            client.send(b'x1 ' + command.encode() + b'\r\n')
            while not (line := client.readline()).startswith(b'x1 '):
                pass
            self.assertNotRegex(line, b'profile')
        self.assertEqual([], relay.violations)

    def test_a_literal_that_does_not_wait_is_caught(self):
        client, relay = self.client(WITHOUT)
        client.send(b'x1 APPEND INBOX {5+}\r\nhello\r\n')
        self.assertRegex(client.readline(), b'^x1 BAD ')
        self.assertRegex(relay.violations[0], r'takes LITERAL\+')

    def test_replies_say_nothing_of_what_is_hidden(self):
        letters = some_mail(count=20, mailboxes=4, attachments=.01)
        for profile in (EVERYTHING, WITHOUT, BARE):
            user = 'replies%d' % id(profile)
            direct = server.account(user).connect()
            direct.enable('CONDSTORE')      # from now on Dovecot tells everybody HIGHESTMODSEQ
            direct.select()
            client, relay = self.client(profile, user)
            seen = record(client)
            client.create('Sent')
            for letter in letters:
                mailgen.append(client, '"INBOX"', letter)
            client.select()
            client.copy('1:3', 'Sent')
            client.fetch('1:*', '(UID FLAGS)')
            client.list()
            seen = b''.join(seen).decode()
            wanted = profile is EVERYTHING
            for word in ('APPENDUID', 'COPYUID', 'HIGHESTMODSEQ'):
                self.assertEqual(wanted, word in seen, (word, seen))
            self.assertEqual(profile is not BARE, '\\Sent' in seen, seen)
            self.assertEqual(profile is not BARE, '\\HasNoChildren' in seen, seen)
            self.assertEqual([], relay.violations)

    def test_mail_goes_through_a_profile_unchanged(self):
        letters = some_mail(count=150, attachments=.1)
        mailgen.into_maildir(self.scratch / 'files', letters)
        for profile in (WITHOUT, BARE):
            with ProfileRelay(server.port, profile) as relay:
                account = server.account('through-%d' % len(profile.name)).at(relay.port)
                mailgen.into_imap(account, letters)
                self.assertNothing(compare.compare(compare.read_imap(account),
                                                   compare.read_maildir(self.scratch / 'files')))
                self.assertEqual([], relay.violations)

    def test_a_refused_literal_leaves_the_session_in_step(self):
        client, relay = self.client(BARE)
        client.send(b'x1 APPEND "no such mailbox" {5}\r\n')
        while not (line := client.readline()).startswith((b'x1 ', b'+')):
            pass
        if line.startswith(b'+'):
            client.send(b'hello\r\n')
            while not (line := client.readline()).startswith(b'x1 '):
                pass
        self.assertRegex(line, b'^x1 NO ')
        self.assertEqual('OK', client.noop()[0])


class Delays(suite.Case):
    def test_a_delay_is_felt_once_for_each_round_trip(self):
        with DelayRelay(server.port, .05) as relay:
            began = time.monotonic()
            client = server.account('slow').at(relay.port).connect()
            for _ in range(10):
                client.noop()
            seconds = time.monotonic() - began
            client.shutdown()
        # imaplib: CAPABILITY, LOGIN, then ten.
        self.assertEqual(12, relay.round_trips())
        self.assertGreater(seconds, (2 + 12) * .05)
        self.assertLess(seconds, (2 + 12) * .05 + .3)

    def test_a_pipeline_is_one_round_trip(self):
        with DelayRelay(server.port, .05) as relay:
            client = server.account('slow').at(relay.port).connect()
            before = relay.round_trips()
            client.send(b''.join(b'x%d NOOP\r\n' % n for n in range(50)))
            while not client.readline().startswith(b'x49 '):
                pass
            client.shutdown()
        self.assertEqual(1, relay.round_trips() - before)

    def test_a_delay_does_not_slow_bulk_down(self):
        mailgen.into_imap(server.account('bulk'), some_mail(count=1, big=8 << 20))
        with DelayRelay(server.port, .02) as relay:
            began = time.monotonic()
            boxes = compare.read_imap(server.account('bulk').at(relay.port))
            self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(2, sum(map(len, boxes.values())))
        self.assertGreater(relay.octets('server'), 8 << 20)


class Scripts(suite.Case):
    def serve(self, text, **how):
        path = self.scratch / 'test.script'
        path.write_text(textwrap.dedent(text))
        running = ScriptServer(Script(path), **how)
        running.__enter__()
        self.addCleanup(running.__exit__)
        return running

    def talk(self, running, sent):
        """All that the server says to somebody who says `sent` at once."""
        with socket.create_connection(('127.0.0.1', running.port), 10) as s:
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)
            said = b''
            while piece := s.recv(1 << 16):
                said += piece
            return said

    def test_a_script_is_said_and_heard_in_order(self):
        running = self.serve("""
            title: a dialogue
            on: (\\S+) NOOP
                \\1 OK nothing
            # a comment
            S: * OK hello
            C: (\\S+) LOGIN "ann" (\\S+)
            S: \\1 OK you are \\2
            C: \\S+ APPEND INBOX \\{5\\}\\r\\nhello
            body: 12 ab\\n
            bytes: \\x00\\xff
            """)
        said = self.talk(running, b'a NOOP\r\nb login "ann" x\r\nc NOOP\r\nd APPEND INBOX {5}\r\nhello\r\n')
        self.assertEqual(b'* OK hello\r\na OK nothing\r\nb OK you are x\r\nc OK nothing\r\n+ go on\r\n'
                         b'{12}\r\nab\nab\nab\nab\n\x00\xff', said)
        self.assertEqual([], running.failures)
        self.assertEqual(['a dialogue'], running.script.settings['title'])
        self.assertEqual('d APPEND INBOX {5}\r\nhello', running.heard[-1])

    def test_what_no_line_of_a_script_wants_is_a_failure(self):
        running = self.serve("""
            S: * OK hello
            C: \\S+ LOGIN .*
            """)
        self.talk(running, b'a DELETE INBOX\r\n')
        self.assertEqual(1, len(running.failures))
        self.assertIn('the client sent "a DELETE INBOX": test.script:3 wants', running.failures[0])

    def test_a_script_may_treat_each_connection_differently(self):
        running = self.serve("""
            on: x
                y
            connection
            S: * BYE first
            close
            connection
            S: * OK second
            """)
        self.assertEqual(b'* BYE first\r\n', self.talk(running, b''))
        self.assertEqual(b'* OK second\r\ny\r\n', self.talk(running, b'x\r\n'))
        self.assertEqual(b'* OK second\r\n', self.talk(running, b''))

    def test_a_script_speaks_tls(self):
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(server.top / 'server.pem', server.top / 'server.key')
        theirs = ssl.create_default_context(cafile=server.top / 'ca.pem')
        running = self.serve("S: * OK hello", context=ours, tls=True)
        with socket.create_connection(('127.0.0.1', running.port), 10) as s:
            with theirs.wrap_socket(s, server_hostname='localhost') as tls:
                self.assertEqual(b'* OK hello\r\n', tls.recv(100))

    def test_a_typing_mistake_in_a_script_is_told(self):
        with self.assertRaisesRegex(ValueError, r'test.script:3: what is "closed"'):
            self.serve("""
                S: * OK hello
                closed
                """)


if __name__ == '__main__':
    suite.main()
