"""An archive read with nothing but SQLite and doc/FORMAT.md."""
import contextlib
import pathlib
import shutil
import sqlite3
import tempfile
import zlib

import compare

FLAGS = {1: '\\Seen', 2: '\\Answered', 4: '\\Flagged', 8: '\\Deleted', 16: '\\Draft'}
SHOWN = 'first <= ? AND (last IS NULL OR last >= ?)'


class Vault:
    """In place of a hand: people do nothing to an archive."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    @contextlib.contextmanager
    def _opened(self):
        """A copy of it: reading what a killed run left rolls that back, which is the next run's work."""
        with tempfile.TemporaryDirectory() as folder:
            for path in self.path.parent.glob(self.path.name + '*'):
                shutil.copy(path, folder)
            with contextlib.closing(sqlite3.connect(pathlib.Path(folder) / self.path.name)) as archive:
                yield archive

    def snapshots(self):
        """{number: {levels: [Message]}} of all that are finished."""
        if not self.path.exists():
            return {}
        with self._opened() as archive:
            if not archive.execute("SELECT 1 FROM sqlite_master WHERE name = 'snapshot'").fetchone():
                return {}   # it was killed while it made the file
            rows = archive.execute('SELECT id, source FROM snapshot WHERE taken IS NOT NULL').fetchall()
            bytes_ = {}
            return {number: self._shown(archive, bytes_, number, source) for number, source in rows}

    def read(self):
        snapshots = self.snapshots()
        return snapshots[max(snapshots)] if snapshots else {}

    def _shown(self, archive, bytes_, number, source):
        found = {}
        for mailbox, name in archive.execute(
                'SELECT mailbox, name FROM mailbox_name JOIN mailbox ON mailbox.id = mailbox_name.mailbox '
                'WHERE source = ? AND ' + SHOWN, (source, number, number)).fetchall():
            found[tuple(name.split('/'))] = [
                self._message(archive, bytes_, *row) for row in archive.execute(
                    'SELECT message, flags, keywords, received, item FROM placement WHERE mailbox = ? AND ' + SHOWN,
                    (mailbox, number, number)).fetchall()]
        return found

    @staticmethod
    def _message(archive, bytes_, message, flags, keywords, received, item):
        if message not in bytes_:
            parts = archive.execute('SELECT data FROM part WHERE id BETWEEN ? AND ? ORDER BY id',
                                    (message << 16, (message << 16) + 65535)).fetchall()
            bytes_[message] = b''.join(zlib.decompress(data) for data, in parts)
        marks = [name for bit, name in FLAGS.items() if flags & bit] + (keywords or '').split()
        return compare.make_message(bytes_[message], marks, received, str(item))
