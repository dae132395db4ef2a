"""Mailbox names on the wire and on disk: modified UTF-7 (RFC 3501, 5.1.3)."""
import base64
import re


def to_utf7(text):
    def encode(match):
        raw = base64.b64encode(match[0].encode('utf-16-be')).rstrip(b'=').replace(b'/', b',')
        return '&' + raw.decode() + '-'
    return re.sub(r'[^\x20-\x7e]+', encode, text.replace('&', '&-'))


def from_utf7(text):
    def decode(match):
        if not match[1]:
            return '&'
        raw = match[1].replace(',', '/')
        return base64.b64decode(raw + '=' * (-len(raw) % 4)).decode('utf-16-be')
    return re.sub(r'&([^-]*)-', decode, text)


def quoted(text):
    """As an IMAP quoted string."""
    return '"' + re.sub(r'(["\\])', r'\\\1', text) + '"'
