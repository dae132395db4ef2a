#include "store/maildir.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

bool maildir_fetch(struct session *session, const char *name, const char *epoch,
	const char *const *keys, size_t n, enum fetch_part part, struct error *err)
{
	(void)err;
	struct maildir_question *q = maildir_queue_add(&maildir_session(session)->fetches, name);
	q->same_epoch = epoch == NULL || strcmp(epoch, MAILDIR_EPOCH) == 0;
	q->keys = keys;
	q->n = n;
	q->part = part;
	return true;
}

int maildir_box_open_file(struct maildir_session *s, struct maildir_box *box, const char *key,
	struct maildir_entry **entry, int *fd, struct error *err)
{
	char path[MAILDIR_PATH];
	for (int look = 0; look < MAILDIR_LOOKS; look++) {
		int found = maildir_index_find(box, s->grain, key, entry, err);
		if (found <= 0)
			return found;
		maildir_entry_path(*entry, path);
		*fd = file_open(box->dir, path);
		if (*fd >= 0)
			return 1;
		if (errno != ENOENT) {
			maildir_unreadable(err, path);
			return -1;
		}
		maildir_index_forget(box); /* another program renamed it: look where it is now */
	}
	error_set(err, ERROR_MESSAGE, CAUSE_LOCAL,
		"'%s' is renamed by another program all the time", key);
	return -1;
}

/* Read the next key of ${q}: 1; 0 = it is not there any more; -1. */
static int take_key(struct maildir_session *s, struct maildir_question *q, const char *key,
	struct message *message, struct error *err)
{
	struct maildir_entry *entry = NULL;
	struct stat st;
	char path[MAILDIR_PATH];
	int fd = -1;
	struct maildir_box *box = maildir_box(s, q->name, err);
	if (box == NULL)
		return -1;
	int found = maildir_box_open_file(s, box, key, &entry, &fd, err);
	if (found <= 0)
		return found;
	maildir_entry_path(entry, path);
	uint64_t known = fstat(fd, &st) == 0 ? maildir_known_size(entry->name, &st) : 0;
	if (!maildir_body_begin(&s->body, fd, path, q->part == FETCH_HEADER, known, err))
		return -1;
	message->size = s->body.size;
	message->received = st.st_mtim.tv_sec;
	message->flags = maildir_letters_system(maildir_letters_parse(entry->name));
	s->session.traffic.bytes_in += s->body.reader.size;
	return 1;
}

static bool may_be_taken(const struct maildir_question *q, struct error *err)
{
	if (!q->same_epoch)
		return error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "it is another mailbox by now");
	return q->part != FETCH_EMAILID ||
	       error_set(err, ERROR_MAILBOX, CAUSE_MAIL, "a Maildir has no ids of messages");
}

int maildir_take(
	struct session *session, struct message *message, struct reader **reader, struct error *err)
{
	struct maildir_session *s = maildir_session(session);
	struct maildir_question *q = s->fetches.first;
	*message = (struct message){.received = RECEIVED_UNKNOWN};
	*reader = NULL;
	maildir_body_end(&s->body);
	while (q != NULL && q->at < q->n) {
		const char *key = q->keys[q->at++];
		struct error why = {0};
		*message = (struct message){.key = key, .received = RECEIVED_UNKNOWN};
		int got = may_be_taken(q, &why) ? take_key(s, q, key, message, &why) : -1;
		if (got > 0) {
			*reader = &s->body.reader;
			return 1;
		}
		if (got < 0) {
			if (why.scope != ERROR_MESSAGE)
				q->at = q->n;
			if (err != NULL)
				*err = why;
			return -1;
		}
	}
	if (q != NULL)
		maildir_queue_drop(&s->fetches);
	return 0;
}
