"""Which letter bears which UID on a server, and whether another one bore it when a run last looked.

A server that was put back, and then got as many messages as it had lost, gives their UIDs to others
under the same UIDVALIDITY, and its UIDNEXT tells nobody: no client can know that.
"""
import collections


def _listed(folder):
    """(UIDVALIDITY, UIDNEXT, {file: UID}) as Dovecot last wrote it."""
    try:
        head, *lines = (folder / 'dovecot-uidlist').read_text().splitlines()
    except FileNotFoundError:
        return None, 1, {}
    words = {word[0]: word[1:] for word in head.split()[1:]}
    rows = (line.partition(' :') for line in lines)
    uids = {name.partition(':2,')[0]: int(row.split()[0]) for row, _, name in rows}
    # what it adds to the file does not change the head
    return int(words['V']), max([int(words['N']), *(uid + 1 for uid in uids.values())]), uids


class Uids:
    def __init__(self, hand):
        self.hand, self.known = hand, {}

    def _now(self):
        """{(mailbox, UIDVALIDITY): {UID: subject}}, with those that the next look will give."""
        found = {}
        for levels, messages in self.hand.read().items():
            mailbox = '/'.join(levels)
            validity, following, uids = _listed(self.hand.create(mailbox))
            rows = found[mailbox, validity] = {}
            for message in sorted(messages, key=lambda message: message.key):
                uid = uids.get(message.key)
                if uid is None:
                    uid, following = following, following + 1
                rows[uid] = message.subject
        return found

    def looked(self, all_done):
        """A run has come to its end; what it saw may be known, and what those before it saw, unless all
        was done."""
        if all_done:
            self.known.clear()
        for mailbox, rows in self._now().items():
            known = self.known.setdefault(mailbox, collections.defaultdict(set))
            for uid, subject in rows.items():
                known[uid].add(subject)

    def given_again(self):
        """Mailboxes in which a UID that may be known is another letter's, and none that is known is still to
        be given."""
        for (mailbox, validity), rows in self._now().items():
            known = self.known.get((mailbox, validity), {})
            if max(known, default=0) <= max(rows, default=0) and any(
                    known.get(uid, {subject}) != {subject} for uid, subject in rows.items()):
                yield mailbox
