#!/usr/bin/python3
"""Extract every message of a snapshot of a mailtwin archive, without mailtwin.

usage: read-archive.py ARCHIVE DIRECTORY [SNAPSHOT]

Writes DIRECTORY/MAILBOX/ITEM.eml, one file a message; doc/FORMAT.md describes the archive.
What is damaged is named, the rest is written all the same; then the exit code is 1.
"""
import hashlib
import os
import sqlite3
import sys
import urllib.parse
import zlib

MESSAGES = """
    SELECT n.name, p.item, p.received, m.id, m.digest, m.size, m.parts
    FROM snapshot s JOIN mailbox b ON b.source = s.source
    JOIN mailbox_name n ON n.mailbox = b.id AND n.first <= s.id
        AND (n.last IS NULL OR n.last >= s.id)
    JOIN placement p ON p.mailbox = b.id AND p.first <= s.id
        AND (p.last IS NULL OR p.last >= s.id)
    LEFT JOIN message m ON m.id = p.message
    WHERE s.id = ? AND s.taken IS NOT NULL ORDER BY p.id"""


def read_message(archive, message, digest, parts, out):
    """Write the bytes of a message to the file `out`; raise an error if they are not whole."""
    seen = hashlib.sha256()
    for n in range(parts):
        (data,) = archive.execute("SELECT data FROM part WHERE id = ?", (message * 65536 + n,)).fetchone()
        part = zlib.decompressobj().decompress(data, 1 << 20)
        seen.update(part)
        out.write(part)
    if seen.digest() != digest:
        raise ValueError("its bytes are not those of its digest")


def main(path, directory, snapshot=None):
    archive = sqlite3.connect("file:%s?mode=rw" % urllib.parse.quote(path), uri=True)
    if snapshot is None:
        (snapshot,) = archive.execute("SELECT max(id) FROM snapshot WHERE taken IS NOT NULL").fetchone()
    damaged = 0
    for name, item, received, message, digest, size, parts in archive.execute(MESSAGES, (snapshot,)):
        folder = os.path.join(directory, *[urllib.parse.quote(level, safe=" ").replace(".", "%2E") for level in name.split("/")])
        os.makedirs(folder, exist_ok=True)
        file = os.path.join(folder, "%d.eml" % item)
        try:
            with open(file, "wb") as out:
                read_message(archive, message, digest, parts, out)
            os.utime(file, (received or 0, received or 0))
        except (TypeError, ValueError, zlib.error, sqlite3.DatabaseError) as why:
            os.unlink(file)
            damaged = print("%s: %d: %s" % (name, item, why), file=sys.stderr) or 1
    return damaged


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (3, 4) else __doc__)
