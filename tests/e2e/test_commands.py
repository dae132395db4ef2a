#!/usr/bin/env python3
"""What a person types and sees: mistakes, results, exit codes. Between Maildirs, without a server."""
import fcntl
import json
import os
import signal
import subprocess
import time

import suite

PROGRAM = os.environ.get('MAILTWIN', './mailtwin')
MESSAGE = 'From: ann@example.org\nSubject: %s\nMessage-ID: <%s@example.org>\n\nbody\n'


class Command(suite.Case):
    def setUp(self):
        super().setUp()
        self.env = dict(os.environ, HOME=str(self.scratch), XDG_CONFIG_HOME=str(self.scratch / 'config'),
                        XDG_STATE_HOME=str(self.scratch / 'state'), LC_ALL='C.UTF-8')
        for side in 'ab':
            for part in ('cur', 'new', 'tmp'):
                (self.scratch / side / part).mkdir(parents=True)
        self.serial = 0
        self.configure('between: [a, b]')

    def configure(self, pair):
        self.write('stores:\n  a: {maildir: a}\n  b: {maildir: b}\npairs:\n  p: {%s}\n' % pair)

    def write(self, text):
        path = self.scratch / 'config.yml'
        path.write_text(text)
        path.chmod(0o600)

    def deliver(self, side, subject, name=None):
        self.serial += 1
        path = self.scratch / side / 'cur' / ('170000000%d.M%d.host:2,S' % (self.serial, self.serial))
        path.write_text(MESSAGE % (subject, name or self.serial))
        return path

    def run_it(self, *words, config=True, **more):
        words = [PROGRAM] + (['-c', 'config.yml'] if config else []) + list(words)
        return subprocess.run(words, cwd=self.scratch, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, **more)

    def sync(self, *words):
        done = self.run_it('sync', *words)
        self.assertEqual((0, ''), (done.returncode, self.unusual(done.stderr)))
        return done.stdout

    @staticmethod
    def unusual(errors):
        return ''.join(line for line in errors.splitlines(True) if 'no state was found' not in line)

    def tree(self):
        return sorted(str(p.relative_to(self.scratch)) for p in self.scratch.rglob('*'))


class Mistakes(Command):
    def test_all_mistakes_of_a_file_are_told_at_once_and_nothing_is_made(self):
        self.write('stores:\n  a: {maildir: a, durabilty: none}\n  b: {imap: h, pasword: x}\n'
                   'pairs:\n  p: {between: [a, c]}\n')
        before = self.tree()
        done = self.run_it('sync')
        self.assertEqual(2, done.returncode)
        self.assertRegex(done.stderr, r'config.yml:2:\d+: .*"durabilty"; did you mean "durability"\?')
        self.assertRegex(done.stderr, r'config.yml:3:\d+: .*"pasword"; did you mean "password"\?')
        self.assertRegex(done.stderr, r'config.yml:5:\d+: ')
        self.assertEqual(before, self.tree())

    def test_a_missing_file_is_named(self):
        done = self.run_it('-c', 'nowhere.yml', 'sync', config=False)
        self.assertEqual(2, done.returncode)
        self.assertIn('nowhere.yml', done.stderr)
        self.assertIn('No such file', done.stderr)

    def test_a_misspelt_word_is_told_with_the_nearest_known_one(self):
        for words, wanted in ((['snyc'], "did you mean 'sync'?"), (['sync', '--quit'], "did you mean '--quiet'?"),
                              (['sync', 'P'], "no pair 'P'"), (['sync', '--wait', 'soon'], "--wait"),
                              (['sync', '--mode', 'miror'], 'mirror'), (['sync', '--from', 'a'], '--to'),
                              (['sync', '-x'], "unknown option '-x'"),
                              (['sync', '--from', 'maildir:a', '--to', './a'], 'same place'), (['sync', '--mailbox'], 'wants a value')):
            done = self.run_it(*words)
            self.assertEqual(2, done.returncode, words)
            self.assertIn(wanted, done.stderr, words)

    def test_help_and_version_are_there(self):
        done = self.run_it('--version', config=False)
        self.assertRegex(done.stdout, r'^mailtwin \d+\.\d+')
        done = self.run_it('help', 'sync', config=False)
        self.assertEqual(0, done.returncode)
        self.assertIn('--max-deletions', done.stdout)
        self.assertEqual(2, self.run_it(config=False).returncode)

    def test_results_that_cannot_be_written_are_no_success(self):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([PROGRAM, '-c', 'config.yml', 'sync'], cwd=self.scratch, env=self.env,
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(7, done.returncode)
        self.assertIn('cannot write to standard output', done.stderr)


class Results(Command):
    def test_a_run_says_what_it_did_and_the_next_says_0_of_everything(self):
        self.deliver('a', 'one')
        self.deliver('a', 'two')
        self.deliver('b', 'three')
        self.assertRegex(self.sync(), r'^p: 2 new to b, 1 new to a; 3 messages equal, \d+\.\d s\n$')
        self.assertRegex(self.sync(), r'^p: 0 new, 0 changed, 0 deleted; 3 messages equal, \d+\.\d s\n$')

    def test_a_quiet_run_prints_nothing(self):
        self.deliver('a', 'one')
        done = self.run_it('sync', '-q')
        self.assertEqual((0, '', ''), (done.returncode, done.stdout, done.stderr))

    def test_json_is_an_object_a_line_with_times_and_counts(self):
        self.deliver('a', 'one')
        events = [json.loads(line) for line in self.sync('--json').splitlines()]
        self.assertEqual(['start', 'mailbox', 'end'], [e['event'] for e in events])
        for event in events:
            self.assertEqual(1, event['v'])
            self.assertRegex(event['time'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        end = events[-1]
        self.assertEqual(('p', 0), (end['pair'], end['exit']))
        self.assertEqual({'copied', 'flagged', 'deleted', 'moved', 'bytes_in', 'bytes_out', 'round_trips'},
                         set(end['sides']['b']))
        self.assertEqual(1, end['sides']['b']['copied'])

    def test_diff_shows_and_does_nothing(self):
        self.deliver('a', 'one')
        before = self.tree()
        done = self.run_it('diff')
        self.assertEqual(0, done.returncode)
        self.assertIn('INBOX: 1 new to b', done.stdout)
        self.assertEqual(1, self.run_it('diff', '--exit-code').returncode)
        self.assertEqual(0, self.run_it('sync', '-n').returncode)
        self.assertEqual(before, self.tree())
        self.sync()
        self.assertEqual(0, self.run_it('diff', '--exit-code').returncode)

    def test_a_line_a_message_is_escaped(self):
        path = self.deliver('a', 'one')
        path.write_bytes(b'From: Ann <ann@example.org>\nSubject: red \x1b[31m alert\n\nbody\n')
        done = self.run_it('diff', '-v')
        self.assertRegex(done.stdout, r'(?m)^\+ b INBOX \d{4}-\S+Z Ann <ann@example.org>: red \\x1B\[31m alert$')

    def test_stores_can_be_given_as_urls(self):
        self.deliver('a', 'one')
        words = ['sync', '--from', 'maildir:a', '--to', 'maildir:b']
        done = self.run_it(*words, config=False)
        self.assertEqual((0, ''), (done.returncode, self.unusual(done.stderr)))
        self.assertIn('1 new', done.stdout)
        self.assertIn('0 new', self.run_it(*words, config=False).stdout)

    def test_only_the_mailboxes_asked_for_take_part(self):
        for name in ('.One', '.Two'):
            for part in ('cur', 'new', 'tmp'):
                (self.scratch / 'a' / name / part).mkdir(parents=True)
        self.sync('--mailbox', 'One')
        self.assertTrue((self.scratch / 'b' / '.One').exists())
        self.assertFalse((self.scratch / 'b' / '.Two').exists())

    def test_check_shows_which_mailbox_pairs_with_which(self):
        done = self.run_it('check')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('p: a <-> b\n  INBOX\n', done.stdout)


class Codes(Command):
    def test_5_names_the_two_commands_that_go_on(self):
        paths = [self.deliver('a', 'm%d' % i) for i in range(6)]
        self.sync()
        for path in paths:
            path.unlink()
        done = self.run_it('sync')
        self.assertEqual(5, done.returncode)
        self.assertIn('mailtwin sync p --max-deletions 6', done.stderr)
        self.assertIn('mailtwin sync p --bring-back', done.stderr)
        self.assertEqual(5, self.run_it('diff').returncode)
        self.assertEqual(6, len(list((self.scratch / 'b' / 'cur').iterdir())))
        self.assertIn('6 deleted on b', self.sync('--max-deletions', '6'))
        self.assertEqual([], list((self.scratch / 'b' / 'cur').iterdir()))

    def test_6_for_a_pair_that_another_run_holds(self):
        self.sync()
        lock = open(self.scratch / 'b' / '.mailtwin', 'r+')
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = self.run_it('sync')
        self.assertEqual(6, done.returncode)
        self.assertNotEqual('', done.stderr)
        done = self.run_it('sync', '-q')
        self.assertEqual((6, '', ''), (done.returncode, done.stdout, done.stderr))
        began = time.monotonic()
        self.assertEqual(6, self.run_it('sync', '--wait', '1s').returncode)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_a_wait_that_is_interrupted_ends_at_once_and_names_nobody(self):
        self.sync()
        for held in ('b/.mailtwin', 'state/mailtwin/p.db.lock'):
            for number in (signal.SIGINT, signal.SIGTERM):
                with open(self.scratch / held, 'a') as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    process = subprocess.Popen([PROGRAM, '-c', 'config.yml', 'sync', '--wait', '30s'], cwd=self.scratch, env=self.env,
                                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                    time.sleep(.5)
                    process.send_signal(number)
                    err = process.communicate(timeout=10)[1]
                self.assertEqual((128 + number, ''), (process.returncode, err))

    def test_7_for_a_state_that_is_damaged_and_it_is_left_as_it_is(self):
        self.sync()
        state, = (self.scratch / 'state' / 'mailtwin').glob('p*')
        state.write_bytes(b'not a database at all' * 100)
        done = self.run_it('sync')
        self.assertEqual(7, done.returncode)
        self.assertIn(state.name, done.stderr)
        self.assertIn('remove it to pair again by content', done.stderr)
        self.assertEqual(b'not a database at all' * 100, state.read_bytes())

    def test_7_for_a_folder_that_cannot_be_written_and_the_message_stays_to_be_copied(self):
        self.sync()
        self.deliver('a', 'one')
        (self.scratch / 'b' / 'tmp').chmod(0o500)
        done = self.run_it('sync')
        (self.scratch / 'b' / 'tmp').chmod(0o700)
        self.assertEqual(7, done.returncode)
        self.assertIn('Permission denied', done.stderr)
        self.assertIn('1 new to b', self.sync())

    def test_status_tells_a_monitor(self):
        done = self.run_it('status')
        self.assertEqual(1, done.returncode)
        self.assertIn('p: was never synced', done.stdout)
        self.sync()
        done = self.run_it('status', '--max-age', '1h')
        self.assertEqual(0, done.returncode)
        self.assertRegex(done.stdout, r'^p: last run \S+Z, exit 0; 0 messages equal in 1 mailbox\n$')
        state = json.loads(self.run_it('status', '--json').stdout)
        self.assertEqual((1, True, 0), (state['v'], state['ok'], state['last']['exit']))
        time.sleep(2.1)
        self.assertEqual(1, self.run_it('status', '--max-age', '1s').returncode)

    def test_one_pair_that_fails_does_not_stop_the_next(self):
        self.write('stores:\n  a: {maildir: a}\n  b: {maildir: b}\n  c: {maildir: c}\n'
                   'pairs:\n  p: {between: [a, c]}\n  q: {between: [a, b]}\n')
        self.deliver('a', 'one')
        (self.scratch / 'c').write_text('no directory')
        done = self.run_it('sync')
        self.assertEqual(7, done.returncode)
        self.assertIn('q: 1 new to b', done.stdout)


if __name__ == '__main__':
    suite.main()
