"""What every end-to-end test stands on: tests named as sentences, an ordinary user, a scratch folder.

A file of tests ends with `suite.main()`.  Its tests are methods `test_a_sentence_with_underscores`
of classes made from `suite.Case`; they are printed as cmocka prints its own, which tests/driver
counts.  By hand: `tests/e2e/test_x.py [WORD...]` runs those whose sentence has all the words, with
MAILTWIN naming the program (default: ./mailtwin).
"""
import os
import pathlib
import pwd
import shutil
import signal
import sys
import tempfile
import time
import unittest

# No test takes a tenth of it; one that hangs must not stop all the others.
TEST_SECONDS = int(os.environ.get('MAILTWIN_TEST_SECONDS', '300'))


def drop_root():
    """Become nobody: what root may do never fails, and Dovecot and mailtwin are not made for root."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam('nobody')
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        os.environ['HOME'] = '/nonexistent'


def scratch_folder(prefix='mailtwin-e2e.'):
    """A new folder with a short name: a Unix socket below it has 107 bytes for its whole path."""
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix))


class TookTooLong(Exception):
    pass


def _out_of_time(_signal, _frame):
    raise TookTooLong('still running after %d seconds' % TEST_SECONDS)


class Case(unittest.TestCase):
    """A test with a folder of its own, `self.scratch`, that goes with it."""
    longMessage = True
    maxDiff = 4000

    def setUp(self):
        self.scratch = scratch_folder()
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        signal.signal(signal.SIGALRM, _out_of_time)
        signal.alarm(TEST_SECONDS)
        self.addCleanup(signal.alarm, 0)

    def assertNothing(self, differences, message=None):
        """Differences are sentences (see compare.py); there must be none."""
        self.assertEqual([], differences[:20], message)


def sentence(test):
    """The method's name; where several classes share it, what this class is about comes after it."""
    name = str(test.id()).rsplit('.', 1)[-1].removeprefix('test_')
    return name + getattr(test, 'where', '')


class Printer(unittest.TestResult):
    """cmocka's lines."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.verdict = 'OK'
        print('[ RUN      ] ' + sentence(test), flush=True)

    def _bad(self, test, error):
        self.verdict = 'FAILED'
        text = self._exc_info_to_string(error, test)
        print('[  ERROR   ] --- %s\n%s' % (sentence(test), text.rstrip()), flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print('in ' + subtest._subDescription())
            self._bad(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.verdict == 'OK':
            self.verdict = 'SKIPPED'
        print('skipped: ' + reason)

    def stopTest(self, test):
        super().stopTest(test)
        print('[%9s ] %s' % (self.verdict, sentence(test)), flush=True)
        seconds = time.monotonic() - self.began
        if seconds >= 1:
            print('%14.1f s' % seconds)


def _chosen(tests, words):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from _chosen(test, words)
        elif all(word in sentence(test) for word in words):
            yield test


def main():
    """Run the tests of the calling file."""
    drop_root()
    words = sys.argv[1:]
    loaded = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    tests = unittest.TestSuite(_chosen(loaded, words))
    result = Printer()
    tests.run(result)
    bad = len(result.failures) + len(result.errors)
    print('%d tests, %d of them bad' % (result.testsRun, bad))
    if result.skipped and not result.testsRun and not bad:
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
