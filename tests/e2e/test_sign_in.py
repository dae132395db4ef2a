#!/usr/bin/env python3
"""Every way to sign in, against a real Dovecot; what only a wrong server shows is in tests/unit."""
import base64
import dataclasses
import hashlib
import subprocess
import sys

import suite
from dovecot import MASTER, MASTER_PASSWORD, PASSWORD, Dovecot, free_port
from mailtwin import Mailtwin, imap, maildir

MECHANISMS = 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5', 'PLAIN', 'LOGIN'

# What stands between two of our processes and knows nothing of mail.
TUNNEL = '''
import os, select, socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
while True:
    for ready in select.select([0, s], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else s.recv(65536)
        if not data:
            sys.exit()
        s.sendall(data) if ready == 0 else os.write(1, data)
'''

server = None


def setUpModule():
    global server
    server = Dovecot()
    server.start()


def tearDownModule():
    server.stop()


def public_key_pin(certificate):
    """As curl writes it: sha256//BASE64 of the SubjectPublicKeyInfo."""
    key = subprocess.run(['openssl', 'x509', '-in', certificate, '-noout', '-pubkey'], check=True,
                         capture_output=True, timeout=60).stdout
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=key, check=True,
                         capture_output=True, timeout=60).stdout
    return 'sha256//' + base64.b64encode(hashlib.sha256(der).digest()).decode()


class SignIn(suite.Case):
    def check(self, account, without=(), **keys):
        """Run `mailtwin check` on a pair with this store; its trace is in self.trace."""
        twin = Mailtwin(self.scratch, 'home%d' % len(list(self.scratch.iterdir())))
        (twin.home / 'mail').mkdir()
        store = {key: value for key, value in imap(account, **keys).items() if key not in without}
        twin.configure({'work': store, 'laptop': maildir(twin.home / 'mail')},
                       {'pair': {'from': 'work', 'to': 'laptop'}})
        run = twin.command('check', '--trace', twin.home / 'trace')
        self.trace = (twin.home / 'trace').read_text()
        for secret in PASSWORD, MASTER_PASSWORD, base64.b64encode(PASSWORD.encode()).decode()[:-4]:
            self.assertNotIn(secret, self.trace + run.out + run.err)
        return run

    def assertSignsIn(self, *arguments, **keys):
        run = self.check(*arguments, **keys)
        self.assertEqual(0, run.exit, run)
        self.assertIn('LIST', self.trace)

    def assertRefused(self, words, *arguments, **keys):
        run = self.check(*arguments, **keys)
        self.assertEqual(3, run.exit, run)
        self.assertIn(words, run.err)

    def test_each_mechanism_signs_in_and_refuses_a_wrong_password(self):
        for name in MECHANISMS:
            with self.subTest(name):
                ann = server.account('ann')
                command = ' LOGIN ' if name == 'LOGIN' else ' AUTHENTICATE ' + name
                self.assertSignsIn(ann, auth=[name])
                self.assertIn(command, self.trace)
                self.assertRefused('refused the sign-in of ann', ann, auth=[name], password='wrong')

    def test_without_being_told_it_takes_the_strongest_and_within_tls_the_shortest(self):
        self.assertSignsIn(server.account('ann'))
        self.assertIn(' AUTHENTICATE SCRAM-SHA-256', self.trace)
        self.assertSignsIn(server.account('ann', tls=True))
        self.assertIn(' AUTHENTICATE PLAIN <secret>', self.trace)

    def test_a_refusal_of_a_short_name_advises_the_whole_address(self):
        self.assertRefused('try the whole address', server.account('ann'), password='wrong')

    def test_starttls_is_as_good_as_tls_at_once(self):
        ann = dataclasses.replace(server.account('ann', tls=True), port=server.port)
        self.assertSignsIn(ann, tls='starttls')
        before, after = self.trace.split('STARTTLS\n', 1)
        self.assertNotIn('AUTHENTICATE', before)
        self.assertIn('AUTHENTICATE PLAIN <secret>', after)

    def test_an_authority_that_nobody_named_is_not_trusted(self):
        for how in {'port': server.tls_port}, {'port': server.port, 'tls': 'starttls'}:
            ann = dataclasses.replace(server.account('ann', tls=True), port=how.pop('port'))
            self.assertRefused('is not one that is trusted', ann, without=['ca_file'], **how)
            self.assertNotIn('AUTHENTICATE', self.trace)

    def test_a_pin_does_without_an_authority_and_takes_no_other_key(self):
        ann = server.account('ann', tls=True)
        self.assertSignsIn(ann, without=['ca_file'], pin=public_key_pin(server.top / 'server.pem'))
        self.assertRefused('its public key is not the pinned one', ann, without=['ca_file'],
                           pin=public_key_pin(server.top / 'ca.pem'))
        self.assertNotIn('AUTHENTICATE', self.trace)

    def test_a_client_certificate_signs_in_by_itself(self):
        server.ca.client(self.scratch / 'zoe', 'zoe')
        self.assertSignsIn(server.account('zoe', tls=True), without=['password'],
                           client_cert=str(self.scratch / 'zoe.pem'), client_key=str(self.scratch / 'zoe.key'))
        self.assertIn('AUTHENTICATE EXTERNAL', self.trace)

    def test_a_master_signs_in_for_another(self):
        for name in 'PLAIN', 'SCRAM-SHA-256':
            with self.subTest(name):
                self.assertSignsIn(server.account('bob'), auth=[name], master=MASTER, password=MASTER_PASSWORD)

    def test_a_tunnel_is_a_connection(self):
        command = [sys.executable, '-c', TUNNEL, str(server.port)]
        self.assertSignsIn(server.account('ann'), tunnel=command)
        run = self.check(server.account('ann'), tunnel=[sys.executable, '-c', 'raise SystemExit(7)'])
        self.assertEqual(4, run.exit, run)
        self.assertIn("the tunnel's program ended with status 7", run.err)

    def test_a_port_where_nobody_listens_is_told(self):
        run = self.check(server.account('ann').at(free_port()))
        self.assertEqual(4, run.exit, run)
        self.assertIn('Connection refused', run.err)


if __name__ == '__main__':
    suite.main()
