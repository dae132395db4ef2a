"""A private Dovecot on loopback, for one file of tests.

    with Dovecot() as server:
        ann = server.account('ann')      # any user name is good
        ...

It runs as the user who runs the tests, in a scratch folder of its own, on free ports, and is
stopped by the process id that was started.  `python3 dovecot.py` starts one to play with.
"""
import ctypes
import dataclasses
import imaplib
import os
import pathlib
import pwd
import grp
import shutil
import signal
import socket
import ssl
import subprocess
import time
import unittest

import certificates
import suite

PASSWORD = 'correct-horse'
MASTER, MASTER_PASSWORD = 'root@master', 'battery-staple'

CONFIGURATION = r'''
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = imap
listen = 127.0.0.1

# No user but ours is needed, and nothing that only root may do.
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
service anvil {{
  chroot =
  # A second wrong password would have to wait.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}

service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
mail_max_userip_connections = 0
auth_failure_delay = 0

ssl = yes
ssl_cert = <{top}/server.pem
ssl_key = <{top}/server.key
ssl_ca = <{top}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-1 scram-sha-256 cram-md5 external
auth_username_chars =

passdb {{
  driver = passwd-file
  master = yes
  args = scheme=PLAIN username_format=%u {top}/masters
}}
passdb {{
  driver = static
  mechanisms = external
  args = nopassword
}}
passdb {{
  driver = static
  mechanisms = plain login scram-sha-1 scram-sha-256 cram-md5
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={top}/home/%u
}}

mail_location = maildir:~/Maildir
mail_fsync = never
mail_plugins = zlib
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Drafts {{
    special_use = \Drafts
  }}
  mailbox Sent {{
    special_use = \Sent
  }}
  mailbox Trash {{
    special_use = \Trash
  }}
}}
protocol imap {{
  mail_plugins = zlib imap_zlib
}}
{extra}
'''


@dataclasses.dataclass(frozen=True)
class Account:
    """Where and as whom to sign in."""
    host: str
    port: int
    user: str
    password: str = PASSWORD
    ca_file: str = None         # None: in the clear
    home: pathlib.Path = None   # of the user on the server's side

    def at(self, port):
        """The same account behind a relay on `port`, in the clear."""
        return dataclasses.replace(self, port=port, ca_file=None)

    def connect(self):
        """Signed in, by imaplib."""
        if self.ca_file:
            context = ssl.create_default_context(cafile=self.ca_file)
            client = imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=60)
        else:
            client = imaplib.IMAP4(self.host, self.port, timeout=60)
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login('"%s"' % self.user, self.password)
        return client


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def _die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Dovecot:
    """`extra` is appended to the configuration; `separator` and `prefix` are the namespace's;
    `password` is everybody's."""

    def __init__(self, extra='', separator='/', prefix='', password=PASSWORD):
        self.extra, self.separator, self.prefix, self.password = extra, separator, prefix, password
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.program = shutil.which('dovecot', path=os.environ['PATH'] + ':/usr/sbin')
        if not self.program:
            raise unittest.SkipTest('there is no dovecot: apt-get install dovecot-imapd')
        self.top = suite.scratch_folder()
        (self.top / 'home').mkdir()
        (self.top / 'masters').write_text('%s:{PLAIN}%s\n' % (MASTER, MASTER_PASSWORD))
        self.ca = certificates.Authority(self.top)
        self.ca.server(self.top / 'server')
        for _ in range(5):
            if self._try_ports():
                return
        raise RuntimeError('dovecot does not start:\n' + self.log())

    def _try_ports(self):
        """Somebody may take a free port before Dovecot does: then it ends at once."""
        self.port, self.tls_port = free_port(), free_port()
        configuration = self.top / 'dovecot.conf'
        configuration.write_text(CONFIGURATION.format(
            top=self.top, port=self.port, tls_port=self.tls_port, password=self.password,
            user=pwd.getpwuid(os.geteuid()).pw_name, group=grp.getgrgid(os.getegid()).gr_name,
            separator=self.separator, prefix=self.prefix, extra=self.extra))
        self.process = subprocess.Popen(
            [self.program, '-F', '-c', configuration], stdin=subprocess.DEVNULL,
            stdout=open(self.top / 'out', 'ab'), stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)
        deadline = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with socket.create_connection(('127.0.0.1', self.port), 5) as s:
                    if s.recv(4) == b'* OK':
                        return True
            except OSError:
                pass
            time.sleep(.02)
        self._end_process()
        return False

    def stop(self):
        self._end_process()
        shutil.rmtree(self.top, ignore_errors=True)

    def _end_process(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self):
        return ''.join(path.read_text(errors='replace') for path in (self.top / 'out', self.top / 'log')
                       if path.exists())

    def account(self, user, tls=False):
        return Account(host='localhost' if tls else '127.0.0.1', user=user, password=self.password,
                       port=self.tls_port if tls else self.port,
                       ca_file=str(self.top / 'ca.pem') if tls else None,
                       home=self.top / 'home' / user)

    def doveadm(self, *arguments):
        return subprocess.run(['doveadm', '-c', self.top / 'dovecot.conf', *arguments], check=True,
                              capture_output=True, text=True, timeout=120).stdout


if __name__ == '__main__':
    suite.drop_root()
    with Dovecot() as dovecot:
        print('imap 127.0.0.1:%d, imaps localhost:%d with ca_file %s/ca.pem; any user, password %r;'
              ' log %s/log; Ctrl-C ends it' % (dovecot.port, dovecot.tls_port, dovecot.top, PASSWORD, dovecot.top))
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
