"""Certificates for the tests' servers, made with the openssl program (3.0 or newer).

What is wrong with a certificate, and how that is told, is tests/unit/test_tls.c's business; here
are good ones only.
"""
import subprocess


class Authority:
    """A certificate authority whose certificate is FOLDER/ca.pem."""

    def __init__(self, folder):
        self.path = folder / 'ca'
        self._issue(self.path, 'mailtwin test authority', 'basicConstraints=critical,CA:TRUE', by=())

    def server(self, path, names='DNS:localhost,IP:127.0.0.1,IP:::1'):
        """A server's certificate PATH.pem and its key PATH.key, good for `names`."""
        self._issue(path, 'localhost', 'extendedKeyUsage=serverAuth', 'subjectAltName=' + names)

    def client(self, path, user):
        """A certificate by which `user` signs in."""
        self._issue(path, user, 'extendedKeyUsage=clientAuth')

    def _issue(self, path, name, *extensions, by=None):
        by = ('-CA', self.path.with_suffix('.pem'), '-CAkey', self.path.with_suffix('.key')) if by is None else by
        command = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                   '-days', '2', '-subj', '/CN=' + name, *by,
                   '-keyout', path.with_suffix('.key'), '-out', path.with_suffix('.pem')]
        for extension in extensions:
            command += ['-addext', extension]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError('openssl: ' + done.stderr)
