"""Certificates for the tests' servers, made with the openssl program.

One authority that clients are told to trust, good server and client certificates, and the wrong
ones that a client must refuse.  Keys are on the P-256 curve, which costs a hundredth of a second.
"""
import subprocess

CONFIGURATION = '''
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[extensions]
basicConstraints = critical, CA:{is_ca}
{extensions}
'''


def _openssl(*arguments):
    done = subprocess.run(['openssl', *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError('openssl %s: %s' % (arguments[0], done.stderr))


class Authority:
    """A certificate authority whose certificate is FOLDER/NAME.pem."""

    def __init__(self, folder, name='ca', signed_by=None, extensions=''):
        self.folder = folder
        self.path = folder / name
        self._issue(self.path, 'mailtwin test authority ' + name,
                    ('keyUsage = critical, keyCertSign\n' + extensions), signed_by or self, is_ca='TRUE')

    def server(self, path, name='localhost', names='DNS:localhost, IP:127.0.0.1, IP:::1',
               usage='serverAuth', key='ec', **how):
        """A server's certificate PATH.pem and its key PATH.key, good for `names`."""
        extensions = 'extendedKeyUsage = %s\n' % usage
        if names:
            extensions += 'subjectAltName = %s\n' % names
        self._issue(path, name, extensions, self, key=key, **how)

    def client(self, path, name):
        """A certificate by which user `name` signs in."""
        self._issue(path, name, 'extendedKeyUsage = clientAuth\n', self)

    def _issue(self, path, name, extensions, signer, is_ca='FALSE', key='ec', digest='sha256',
               days=('20200101000000Z', '20991231235959Z')):
        configuration = path.with_suffix('.cnf')
        configuration.write_text(CONFIGURATION.format(name=name, is_ca=is_ca, extensions=extensions))
        kind = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] if key == 'ec' else key.split()
        _openssl('req', '-new', '-config', configuration, '-newkey', *kind, '-nodes',
                 '-keyout', path.with_suffix('.key'), '-out', path.with_suffix('.csr'))
        ca = ['-selfsign', '-keyfile', path.with_suffix('.key')] if signer.path == path else \
            ['-cert', signer.path.with_suffix('.pem'), '-keyfile', signer.path.with_suffix('.key')]
        database = path.with_suffix('.db')
        database.write_text('')
        settings = path.with_suffix('.ca.cnf')
        settings.write_text('[ca]\ndefault_ca = here\n[here]\ndatabase = %s\nnew_certs_dir = %s\n'
                            'rand_serial = yes\npolicy = any\nunique_subject = no\n[any]\ncommonName = optional\n'
                            % (database, path.parent))
        _openssl('ca', '-batch', '-notext', '-config', settings, '-md', digest, *ca,
                 '-startdate', days[0], '-enddate', days[1], '-in', path.with_suffix('.csr'),
                 '-extfile', configuration, '-extensions', 'extensions', '-out', path.with_suffix('.pem'))
