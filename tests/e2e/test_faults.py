#!/usr/bin/env python3
"""What goes wrong is told in one sentence, with the exit code for it, and nothing is lost or doubled."""
import itertools
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import compare
import mailgen
import mailtwin
import suite
from cut_relay import CutRelay
from dovecot import PASSWORD, Dovecot, free_port
from hands import ImapHand, MaildirHand, letter, subjects
from mailtwin import Mailtwin
from profile_relay import EVERYTHING, ProfileRelay
from script_server import Script, ScriptServer

server = None
users = ('user%d' % n for n in itertools.count())


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


class Faults(suite.Case):
    def setUp(self):
        super().setUp()
        self.twin = Mailtwin(self.scratch)
        self.imap = ImapHand(server.account(next(users)))
        self.local = MaildirHand(self.scratch / 'local')

    def pair(self, one=None, two=None, **keys):
        self.twin.configure({'work': one or self.imap.store(), 'laptop': two or self.local.store()},
                            {'pair': keys or {'between': ['work', 'laptop']}})

    def fails(self, exit_code, pattern, *command):
        """The run ends with `exit_code`, and one line on standard error matches `pattern`."""
        run = self.twin.command(*(command or ['sync']))
        self.assertEqual(exit_code, run.exit, run)
        self.assertRegex(run.err, pattern)
        self.assertNotIn(PASSWORD, run.out + run.err)
        return run

    def assertEqualSides(self):
        self.assertNothing(compare.compare(self.imap.read(), self.local.read()))

    # ---- before anything is contacted ----

    def test_a_missing_configuration_is_told(self):
        self.fails(2, 'config.yml.*No such file')

    def test_every_mistake_in_the_file_is_told_at_once(self):
        self.twin.config.write_text('stores:\n  work:\n    imap: localhost\n    pasword: x\n'
                                    'pairs:\n  p:\n    between: [work, wrok]\n    max_deletions: many\n')
        run = self.fails(2, r'config.yml:4:5: stores.work: unknown key "pasword"; did you mean "password"\?')
        self.assertRegex(run.err, r'config.yml:7:\d+: .*"wrok"; did you mean "work"\?')
        self.assertRegex(run.err, r'config.yml:8:\d+: .*max_deletions')

    def test_an_unknown_pair_is_told(self):
        self.pair()
        self.fails(2, "no pair 'pear'", 'sync', 'pear')

    def test_a_password_that_others_can_read_is_refused(self):
        self.pair()
        self.twin.config.chmod(0o644)
        self.fails(2, 'chmod')

    # ---- the server ----

    def test_a_wrong_password_is_told_and_not_tried_again(self):
        self.pair(self.imap.store(password='wrong'), {'maildir': str(self.scratch / 'new')})
        run = self.fails(3, r'^work: .*(sign|authenticat|refused)')
        self.assertEqual(1, self.refused_sign_ins())
        self.assertNothingLeftBehind(run)

    def assertNothingLeftBehind(self, run):
        """Nothing was made before the server was reached, and no more said than why it was not."""
        self.assertEqual(1, len(run.err.splitlines()), run.err)
        self.assertFalse((self.scratch / 'new').exists())

    @staticmethod
    def refused_sign_ins():
        """As the server's log tells, which is written a moment after the answer was sent."""
        deadline = time.monotonic() + 10
        while 'auth failed' not in server.log() and time.monotonic() < deadline:
            time.sleep(.05)
        time.sleep(.2)
        return server.log().count('auth failed, 1 attempts')

    def test_a_server_that_is_not_there_is_told(self):
        self.pair(self.imap.store(imap='127.0.0.1:%d' % free_port()), {'maildir': str(self.scratch / 'new')})
        self.assertNothingLeftBehind(self.fails(4, r'^work: .*Connection refused'))

    def test_a_certificate_of_nobody_is_refused(self):
        account = server.account(next(users), tls=True)
        store = mailtwin.imap(account)
        del store['ca_file']
        self.pair(store)
        self.fails(3, r'^work: .*certificate')
        self.assertNotIn('Login: user=<%s>' % account.user, server.log())

    def test_a_wrong_host_name_is_refused(self):
        account = server.account(next(users), tls=True)
        server.ca.server(server.top / 'other', names='DNS:other.example')
        other = Dovecot(extra='ssl_cert = <%s/other.pem\nssl_key = <%s/other.key' % (server.top, server.top))
        other.start()
        self.addCleanup(other.stop)
        self.pair(mailtwin.imap(account) | {'imap': 'localhost:%d' % other.tls_port})
        self.fails(3, r'^work: .*(name|localhost)')

    def test_one_pair_that_fails_does_not_stop_the_next(self):
        self.imap.add(letter('a'))
        self.twin.configure(
            {'dead': self.imap.store(imap='127.0.0.1:%d' % free_port()), 'work': self.imap.store(),
             'laptop': self.local.store(), 'other': mailtwin.maildir(self.scratch / 'other')},
            {'first': {'from': 'dead', 'to': 'other'}, 'second': {'from': 'work', 'to': 'laptop'}})
        self.fails(4, 'dead: ')
        self.assertEqual(['a'], subjects(self.local))

    # ---- connections that break ----

    def broken(self, cuts, store='work', rounds=15):
        """Runs over connections that break at the given places, until one ends well; then all is as it should be."""
        with CutRelay(server.port, cuts) as relay:
            stores = {'work': self.imap.store(), 'laptop': self.local.store()}
            stores[store] = stores[store] | {'imap': '127.0.0.1:%d' % relay.port, 'timeout': '10s'}
            self.twin.configure(stores, {'pair': {'between': ['work', 'laptop']}})
            for _ in range(rounds):
                run = self.twin.command('sync', '--json')
                self.assertIn(run.exit, (0, 1, 4), run)
                if run.exit == 0:
                    break
            self.assertGreater(relay.broken, 0)
        self.assertEqual(0, run.exit, run)
        self.assertEqualSides()

    def test_a_pull_over_breaking_connections_ends_well(self):
        mailgen.into_imap(self.imap.account, mailgen.letters(21, 150, 6, .1))
        rng = random.Random(21)
        self.broken([('server', rng.randrange(200_000)) for _ in range(10)])

    def test_S03_a_push_over_breaking_connections_doubles_nothing(self):
        mailgen.into_maildir(self.local.path, mailgen.letters(22, 150, 6, .1))
        rng = random.Random(22)
        self.broken([('client', rng.randrange(200_000)) for _ in range(10)])

    def test_exit_0_of_a_push_means_that_all_arrived_however_often_what_is_copied_again_is_cut_off(self):
        for seed in range(12):
            with self.subTest(seed=seed):
                rng = random.Random(seed)
                self.twin = Mailtwin(self.scratch, 'home%d' % seed)
                self.imap = ImapHand(server.account(next(users)))
                self.local = MaildirHand(self.scratch / ('local%d' % seed))
                self.local.add(*(letter('letter %d' % n, body='x' * rng.choice((10, 200, 40_000, 90_000)) + '\r\n')
                                 for n in range(24)))
                self.broken([('client', rng.randrange(1_000, 250_000)) for _ in range(12)])

    def test_S03_a_push_whose_replies_are_lost_doubles_nothing(self):
        mailgen.into_maildir(self.local.path, mailgen.letters(23, 150, 6, .1))
        rng = random.Random(23)
        self.broken([('server', rng.randrange(600, 6_000)) for _ in range(10)])

    def test_S31_one_run_goes_on_over_connections_that_break_while_it_pulls(self):
        mailgen.into_imap(self.imap.account, mailgen.letters(26, 150, 6, .1))
        self.broken([('server', 3_000), ('server', 60_000), ('client', 300), ('server', 90_000)], rounds=1)

    def test_S31_one_run_goes_on_over_connections_that_break_while_it_pushes(self):
        mailgen.into_maildir(self.local.path, mailgen.letters(27, 150, 6, .1))
        self.broken([('client', 500), ('client', 60_000), ('server', 1_500), ('client', 90_000)], rounds=1)

    def test_S33_one_run_goes_on_when_flags_and_deletions_lose_their_connection(self):
        """Each run loses its connection a little later."""
        with CutRelay(server.port, []) as relay:
            self.pair(self.imap.store(imap='127.0.0.1:%d' % relay.port), between=['work', 'laptop'], max_deletions='any')
            for octets in range(300, 1_100, 100):
                self.local.add(*(letter('m%d of %d' % (n, octets)) for n in range(6)))
                self.twin.sync()
                paths = sorted(path for part in ('new', 'cur') for path in (self.local.path / part).iterdir())
                for path in paths[:3]:
                    path.unlink()
                for path in paths[3:]:
                    path.rename(self.local.path / 'cur' / (path.name.partition(':')[0] + ':2,F'))
                relay.cuts.append(('client', octets))
                run = self.twin.command('sync')
                self.assertEqual(0, run.exit, run)
                self.assertEqualSides()
                self.assertEqual({}, self.twin.sync().changes())
                for path in (self.local.path / 'cur').iterdir():
                    path.unlink()
                self.twin.sync()
            self.assertGreater(relay.broken, 2)

    def test_a_signal_ends_the_wait_for_a_server(self):
        path = self.scratch / 'later.script'
        path.write_text('S: * OK ready\nC: (\\S+) CAPABILITY\n'
                        'S: * BYE Suggested Backoff Time: 250000 milliseconds\nclose\n')
        with ScriptServer(Script(path)) as waiting:
            self.pair(self.imap.store(imap='127.0.0.1:%d' % waiting.port))
            with self.twin.start('-c', self.twin.config, 'sync', '--verbose') as process:
                while 'asked again' not in (line := process.stderr.readline()):
                    self.assertTrue(line, 'it did not wait')
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=100)
        self.assertEqual(143, process.returncode)

    def test_S03_S04_killed_while_it_pushes_it_doubles_nothing(self):
        mailgen.into_maildir(self.local.path, mailgen.letters(24, 400, 6, .1))
        self.pair()
        for n in range(1, 11):
            with self.twin.start('-c', self.twin.config, 'sync') as process:
                time.sleep(.03 * n)
                process.send_signal(signal.SIGKILL)
                process.communicate()
        self.twin.sync()
        self.assertEqualSides()
        self.assertEqual({}, self.twin.sync().changes())

    # ---- what a server refuses ----

    def limited(self, rule):
        """An account with a quota rule."""
        limited = Dovecot(extra='''
            mail_plugins = $mail_plugins quota
            plugin {
              quota = count:User quota
              quota_vsizes = yes
              %s
            }
            protocol imap {
              mail_plugins = $mail_plugins quota
            }''' % rule)
        limited.start()
        self.addCleanup(limited.stop)
        self.imap = ImapHand(limited.account('ann'))

    def test_S28_a_message_that_the_server_refuses_does_not_stop_the_others(self):
        self.limited('quota_max_mail_size = 20k')
        self.local.add(letter('small 1'), letter('much too big', body='x' * 30_000 + '\r\n'), letter('small 2'))
        self.pair()
        self.fails(1, r'^(work|laptop): INBOX.*much too big.*refused')
        self.assertEqual(['small 1', 'small 2'], subjects(self.imap))
        self.fails(1, 'much too big')
        self.assertEqual(['much too big', 'small 1', 'small 2'], subjects(self.local))

    def test_S28_what_was_refused_with_another_and_is_then_unreadable_is_told_by_its_subject(self):
        """All that shares an APPEND is refused, and is sent one by one, which reads each message again."""
        self.limited('quota_max_mail_size = 20k')
        names = ['small %d of a longer name' % n for n in range(8)]
        self.local.add(*map(letter, names))
        paths = [self.local._find(name, 'INBOX') for name in names]
        sent = []

        def alters(octets):
            sent.append(octets)
            if len(sent) < len(names):
                return octets
            for path in paths:      # the last of the command makes it too big
                path.chmod(0)
            return octets + b'x' * 30_000

        with ProfileRelay(self.imap.account.port, EVERYTHING, alters=alters) as relay:
            self.pair(one=ImapHand(self.imap.account.at(relay.port)).store())
            run = self.fails(1, 'Permission denied')
        for name in names:
            self.assertRegex(run.err, r'(?m)^laptop: INBOX.*"%s".*Permission denied' % name)

    def test_S28_a_full_account_is_told(self):
        self.limited('quota_rule = *:storage=40k')
        self.local.add(*(letter('m%d' % n, body='x' * 9_000 + '\r\n') for n in range(10)))
        self.pair()
        self.fails(1, r'(?i)quota')
        self.assertEqual(10, len(subjects(self.local)), 'nothing is deleted for it')
        self.assertLess(2, len(subjects(self.imap)))

    # ---- the disk ----

    def test_a_maildir_that_cannot_be_written_is_told(self):
        self.imap.add(letter('a', 'New'))
        self.local.path.chmod(0o500)
        self.addCleanup(self.local.path.chmod, 0o700)
        self.pair()
        self.fails(7, r'laptop.*Permission denied')

    def test_S06_a_full_disk_is_told_and_the_next_run_goes_on(self):
        """On a file system of 1 MiB of its own, in a user namespace."""
        if subprocess.run(['unshare', '-rm', 'true'], capture_output=True).returncode != 0:
            raise unittest.SkipTest('user namespaces are not allowed here')
        mailgen.into_imap(self.imap.account, mailgen.letters(25, 200, 3, .1))
        small = self.scratch / 'small'
        small.mkdir()
        self.pair(two=mailtwin.maildir(small / 'mail'))
        kept = self.scratch / 'kept'
        script = ('mount -t tmpfs -o size=1m none "$1" && "$2" -c "$3" sync; code=$?;'
                  ' cp -a "$1/mail" "$4"; exit $code')
        done = subprocess.run(['unshare', '-rm', 'sh', '-c', script, 'sh', small, mailtwin.program(), self.twin.config,
                               kept], capture_output=True, text=True, timeout=120, env=self.twin.environment())
        self.assertEqual(7, done.returncode, done.stderr)
        self.assertRegex(done.stderr, 'laptop.*No space left on device')
        for path in kept.rglob('*'):
            self.assertFalse(path.is_file() and path.parent.name == 'tmp', 'a stray %s' % path)
        # The same mail on a disk with room: what did arrive is whole, and is not fetched again.
        shutil.copytree(kept, self.local.path, dirs_exist_ok=True)
        arrived = sum(map(len, self.local.read().values()))
        self.assertGreater(arrived, 0)
        self.pair()
        self.assertEqual({('laptop', 'copied'): 200 - arrived}, self.twin.sync().changes())
        self.assertEqualSides()

    def test_a_state_that_is_damaged_is_never_replaced(self):
        self.imap.add(letter('a'))
        self.pair()
        self.twin.sync()
        state = [path for path in (self.twin.home / 'state' / 'mailtwin').iterdir() if path.stat().st_size > 1000]
        self.assertEqual(1, len(state), state)
        damage = os.urandom(4096)
        state[0].write_bytes(damage)
        self.fails(7, 'remove it to pair again by content')
        self.assertEqual(damage, state[0].read_bytes())
        state[0].unlink()
        self.assertEqual({}, self.twin.sync().changes())

    def test_B66_a_state_that_cannot_be_read_is_told_and_left_as_it_is(self):
        self.imap.add(letter('a'))
        self.pair()
        self.twin.sync()
        state, = (path for path in (self.twin.home / 'state' / 'mailtwin').iterdir() if path.stat().st_size > 1000)
        whole = state.read_bytes()
        for what, damage in (
                ('random', random.Random(66).randbytes(9_000)),
                ('cut off', whole[:len(whole) // 2 + 100]),
                ('shorter than a header', whole[:50]),
                ("another program's", whole[:68] + b'\1\2\3\4' + whole[72:]),
                ('newer', whole[:60] + b'\0\0\x7f\xff' + whole[64:])):
            with self.subTest(what):
                for rest in state.parent.glob(state.name + '-*'):
                    rest.unlink()
                state.write_bytes(damage)
                self.fails(7, 'remove it to pair again by content')
                self.assertEqual(damage, state.read_bytes())
                self.assertEqual(['a'], subjects(self.local))
        state.write_bytes(whole)
        self.assertEqual({}, self.twin.sync().changes())

    def test_B52_messages_with_strange_file_names_are_taken_once_and_keep_them(self):
        self.local.add(letter('first'))
        names = [b'1.a.host', b'2.b.host:2,ZZ', b'3.c.host:1,x', b'4.d.host:2,S:2,F', b'5.e.host,U=0:2,S', b'6.f.host,U=7:2,',
                 b'7.g.host,U=7:2,', b'8.h\x1b[m\nhost:2,', b'9.i.' + b'h' * 246 + b':2,S', b'10.j.\xff\xfe:2,S',
                 b'11.k.host,S=5:2,']
        cur = os.fsencode(self.local.path / 'cur')
        for n, name in enumerate(names):
            with open(os.path.join(cur, name), 'wb') as file:
                file.write(b'Subject: strange %d\n\nHello.\n' % n)
        self.pair(max_deletions='any', between=['work', 'laptop'])
        self.assertEqual({('work', 'copied'): 1 + len(names)}, self.twin.sync().changes())
        self.assertEqual(sorted(['first', *('strange %d' % n for n in range(len(names)))]), sorted(subjects(self.imap)))
        lay = sorted(os.listdir(cur))
        self.assertEqual({}, self.twin.sync().changes())
        self.assertEqual(lay, sorted(os.listdir(cur)), 'no file is renamed again and again')

    # ---- names ----

    def test_names_that_are_no_file_names_come_back_as_they_were(self):
        dots = Dovecot(separator='/')
        dots.start()
        self.addCleanup(dots.stop)
        self.imap = ImapHand(dots.account('ann'))
        strange = ['100%41', 'back\\slash "quoted"', 'cur', 'tmp', 'a & b', 'til~de', 'new/cur', 'Ünï/cödé']
        self.imap.add(*(letter('in ' + str(n), name) for n, name in enumerate(strange)))
        self.pair()
        self.twin.sync()
        self.assertEqual({}, self.twin.sync().changes())
        self.assertEqualSides()
        again = ImapHand(dots.account('ben'))
        self.twin.configure({'work': again.store(), 'laptop': self.local.store()},
                            {'other': {'from': 'laptop', 'to': 'work'}})
        self.twin.sync()
        self.assertNothing(compare.compare(self.imap.read(), again.read()))


if __name__ == '__main__':
    suite.main()
