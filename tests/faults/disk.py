"""What a disk may hold after a loss of power: from what it held, and the record of what was done since.

    disk = Disk(folder)             # as it lies there, all of it durable
    disk.replay(record)             # what recorder.c wrote
    disk.crash(random.Random(7)).write_to(folder)

POSIX promises little, and this takes it at its word.  The octets of a file are there once the file was
flushed; its name is there once the directory was: a flush of the one does nothing for the other.  Of
what was not flushed any part may be there, in any order: some writes, the first octets or some sectors
of one, zeros in the length of the file; some names, and some not.  Only these hold all the same: a
rename is done or not done, in both directories at once, and of what was done to the name of one file
nothing is there without what was done before it, or it would have two names.
"""
import dataclasses
import hashlib
import os
import pathlib
import stat
import struct

ENTRY = struct.Struct('=c3x3I Q2Q2q')
SECTORS = 512, 4096


@dataclasses.dataclass(eq=False)
class File:
    mode: int
    time: int               # of the last change, in nanoseconds
    safe: bytes = b''       # what was flushed
    safe_time: int = 0
    safe_mode: int = 0
    pending: list = dataclasses.field(default_factory=list)     # (offset, data), or (length, None)

    def now(self):
        return _applied(self.safe, self.pending)

    def flush(self, times):
        self.safe, self.pending = self.now(), []
        if times:
            self.safe_time, self.safe_mode = self.time, self.mode


@dataclasses.dataclass(eq=False)
class Directory:
    mode: int
    safe: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(eq=False)
class Naming:
    """One change of names: what each name stands for after it."""
    node: object            # the file or directory that it is about
    names: list             # (directory, name, node or None)

    def touches(self, directory):
        return any(directory is one for one, _, _ in self.names)


def _applied(data, operations):
    data = bytearray(data)
    for at, octets in operations:
        if octets is None:
            del data[at:]
            data.extend(bytes(at - len(data)))
        else:
            data.extend(bytes(max(0, at - len(data))))
            data[at:at + len(octets)] = octets
    return bytes(data)


class Disk:
    """`beside` are names in `folder` that lie on another disk."""

    def __init__(self, folder, beside=()):
        self.nodes, self.pending, self.calls = {}, [], 0
        self.root = self._read(pathlib.Path(folder), set(beside))

    def _read(self, path, beside):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            node = Directory(mode)
            for entry in os.scandir(path):
                if entry.name not in beside:
                    node.safe[entry.name] = self._read(path / entry.name, ())
        else:
            node = File(mode, status.st_mtime_ns, path.read_bytes(), status.st_mtime_ns, mode)
        self.nodes[status.st_ino] = node
        return node

    # ---- the record ----

    def replay(self, record):
        data, at = pathlib.Path(record).read_bytes(), 0
        while at + ENTRY.size <= len(data):
            what, name_len, second_len, data_len, inode, a, b, number, time = ENTRY.unpack_from(data, at)
            at += ENTRY.size
            texts = []
            for size in (name_len, second_len, data_len):
                texts.append(data[at:at + size])
                at += size
            self.calls += what != b'?'
            self._do(what.decode(), os.fsdecode(texts[0]), os.fsdecode(texts[1]), texts[2], inode, (a, b), number, time)
        return self

    def _do(self, what, name, second, data, inode, directories, number, time):
        a, b = (self.nodes.get(directory) for directory in directories)
        node = self.nodes.get(inode)
        if what == '?':
            raise AssertionError('no record can tell what %s() does to a file' % name)
        if what in 'cm':
            node = Directory(number) if what == 'm' else File(number, time, safe_time=time, safe_mode=number)
            self.nodes[inode] = node
            self._name(node, (a, name, node))
        elif what == 'u':
            self._name(self.found(a, name), (a, name, None))
        elif what == 'r':
            node = self.found(a, name)
            self._name(node, (a, name, None), (b, second, node))
        elif what == 'l':
            node = self.found(a, name)
            self._name(node, (b, second, node))
        elif what == 'S':
            for one in [*self.nodes.values()]:
                self._flush(one, True)
        elif what in 'sd' and node is not None:
            self._flush(node, what == 's')
        elif what == 'p' and node is not None:
            node.mode = number
        elif what in 'wti' and node is not None:
            node.time = time
            if what != 'i':
                node.pending.append((number, data if what == 'w' else None))

    def _name(self, node, *names):
        """What lies outside of the folder is nobody's business."""
        if all(directory is not None for directory, _, _ in names):
            self.pending.append(Naming(node, [*names]))

    def _flush(self, node, times):
        if isinstance(node, File):
            node.flush(times)
            return
        durable = self._with_all_before(one.touches(node) for one in self.pending)
        for one, done in zip(self.pending, durable):
            if done:
                _rename(one)
        self.pending = [one for one, done in zip(self.pending, durable) if not done]

    def _with_all_before(self, chosen):
        """Of the pending changes of names: those, and what was done before them to the same files."""
        chosen, files = [*chosen], set()
        for i in range(len(chosen) - 1, -1, -1):
            chosen[i] = chosen[i] or id(self.pending[i].node) in files
            if chosen[i] and isinstance(self.pending[i].node, File):
                files.add(id(self.pending[i].node))
        return chosen

    def found(self, directory, name):
        for one in reversed(self.pending):
            for where, what, node in one.names:
                if where is directory and what == name:
                    return node
        return directory.safe.get(name) if directory is not None else None

    # ---- what is left ----

    def now(self):
        """As the program saw it."""
        return self._left([True] * len(self.pending), lambda file: (file.mode, file.now(), file.time))

    def crash(self, rng):
        kind, share = rng.randrange(6), rng.choice((.1, .5, .9))
        upto = rng.randrange(len(self.pending) + 1)
        names = self._with_all_before(
            kind > 3 if kind in (0, 4) else i < upto if kind in (1, 2) else rng.random() < share
            for i in range(len(self.pending)))
        how, left = rng.randrange(6), {}

        def contents(file):
            if id(file) not in left:
                left[id(file)] = _torn(file, how if how < 4 else rng.randrange(4), rng)
            return left[id(file)]
        return self._left(names, contents)

    def _left(self, names, contents):
        entries = {id(node): dict(node.safe) for node in self.nodes.values() if isinstance(node, Directory)}
        known = {id(node): node for node in self.nodes.values()}
        for one, done in zip(self.pending, names):
            for directory, name, node in one.names if done else ():
                known.setdefault(id(directory), directory)
                of = entries.setdefault(id(directory), dict(directory.safe))
                of.pop(name, None)
                if node is not None:
                    of[name] = node
        return Left(self._tree(self.root, entries, contents))

    def _tree(self, directory, entries, contents):
        return directory.mode, {
            name: self._tree(node, entries, contents) if isinstance(node, Directory) else contents(node)
            for name, node in sorted(entries.get(id(directory), directory.safe).items())}


def _rename(naming):
    for directory, name, node in naming.names:
        directory.safe.pop(name, None)
        if node is not None:
            directory.safe[name] = node


def _torn(file, how, rng):
    """What is left of a file."""
    return (rng.choice((file.mode, file.safe_mode)), _torn_octets(file, how, rng),
            rng.choice((file.time, file.safe_time)))


def _torn_octets(file, how, rng):
    """What was not flushed is gone (0), is there (1), is there up to a place in the middle of a write (2),
    or some writes are, and some sectors of others (3)."""
    if not file.pending or how == 1:
        return file.now()
    if how == 0:
        # The length may have come before the octets.
        return file.safe.ljust(len(file.now()), b'\0') if rng.random() < .3 else file.safe
    if how == 2:
        whole = rng.randrange(len(file.pending))
        at, octets = file.pending[whole]
        part = [] if octets is None else [(at, octets[:rng.randrange(len(octets) + 1)])]
        return _applied(file.safe, file.pending[:whole] + part)
    kept = []
    for at, octets in file.pending:
        if rng.random() < .5:
            kept.append((at, octets))
        elif octets is not None and rng.random() < .5:
            kept += [one for one in _sectors(at, octets, rng.choice(SECTORS)) if rng.random() < .5]
    return _applied(file.safe, kept)


def _sectors(at, octets, size):
    """A write cut where the disk's sectors end."""
    begin = 0
    while begin < len(octets):
        end = min(len(octets), begin + size - (at + begin) % size)
        yield at + begin, octets[begin:end]
        begin = end


class Left:
    """A tree: (mode, {name: tree}) for a directory, (mode, octets, time) for a file."""

    def __init__(self, tree):
        self.tree = tree

    def digest(self):
        return hashlib.sha256(repr(self.tree).encode()).digest()

    def write_to(self, folder):
        """Into `folder`, which is there."""
        self._write(pathlib.Path(folder), self.tree[1])

    def _write(self, folder, entries):
        for name, node in entries.items():
            path = os.path.join(folder, name)
            if len(node) == 2:
                os.mkdir(path)
                self._write(path, node[1])
                os.chmod(path, node[0])
                continue
            with open(path, 'wb') as file:
                file.write(node[1])
            os.chmod(path, node[0])
            os.utime(path, ns=(node[2], node[2]))
