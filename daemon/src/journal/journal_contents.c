#include "journal_contents.h"

#include <string.h>

#include "proto/content.h"

#define COLUMNS "event.source, event.rig, subject.name, event.raw"

static const char *const SQL[] = {
    [CONTENTS_TRIAL] =
        ("SELECT trial, " COLUMNS " FROM event JOIN subject ON subject.id = event.subject"
         " WHERE event.session = ?1 AND trial >= ?2 AND trial < ?2 + ?3 AND kind = 'trial'"
         " AND event.id >= ?4 AND event.id < ?5"
         " AND status IN ('taken', 'healed', 'late', 'doubted') ORDER BY event.id"),
    [CONTENTS_SEQ] =
        ("SELECT seq, " COLUMNS " FROM session CROSS JOIN event ON event.session = session.id"
         " JOIN subject ON subject.id = event.subject"
         " WHERE session.counts = ?1 AND seq >= ?2 AND seq < ?2 + ?3 AND seq IS NOT NULL"
         " AND event.id >= ?4 AND event.id < ?5 AND status <> 'refused'"
         " ORDER BY event.id"),
};
_Static_assert(sizeof SQL / sizeof SQL[0] == CONTENTS_SEQ + 1, "a query for each");

int journal_contents_open(struct journal_contents *c, const char *path, struct fault *fault)
{
    *c = (struct journal_contents){0};
    int rc = journal_reader_open(&c->journal, path, fault);
    for (int i = 0; rc == FAULT_NONE && i < 2; i++) {
        rc = journal_reader_prepare(&c->journal, SQL[i], &c->find[i], fault);
    }
    if (rc != FAULT_NONE) {
        journal_contents_close(c);
    }
    return rc;
}

void journal_contents_close(struct journal_contents *c)
{
    for (int i = 0; i < 2; i++) {
        sqlite3_finalize(c->find[i]);
    }
    journal_reader_close(&c->journal);
    *c = (struct journal_contents){0};
}

/* What a row's message says; 0 if it cannot be read. */
static uint64_t content_of(sqlite3_stmt *s)
{
    proto_message heard;
    return journal_reader_message(s, 1, &heard) ? proto_content(&heard) : 0;
}

int journal_contents_fetch(void *context, const struct contents_key *key, int64_t before,
                           uint64_t out[CONTENTS_NUMBERS])
{
    const struct journal_contents *c = context;
    sqlite3_stmt *s = c->find[key->space];
    int step;
    memset(out, 0, CONTENTS_NUMBERS * sizeof out[0]);
    sqlite3_bind_int64(s, 1, key->session);
    sqlite3_bind_int64(s, 2, key->first);
    sqlite3_bind_int64(s, 3, CONTENTS_NUMBERS);
    sqlite3_bind_int64(s, 4, key->since);
    sqlite3_bind_int64(s, 5, before);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        const uint64_t content = content_of(s);
        if (content == 0) {
            step = SQLITE_CORRUPT;
            break;
        }
        uint64_t *to = &out[sqlite3_column_int64(s, 0) - key->first];
        *to = *to != 0 ? *to : content; /* the first holds */
    }
    sqlite3_reset(s); /* ends the reading: the log can be moved */
    return step == SQLITE_DONE ? 0 : -1;
}
