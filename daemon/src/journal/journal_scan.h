/* journal_scan.h - reads a journal's messages one by one: decoded again, with the names that the
 * daemon gave.
 *
 * A journal is read in its own transaction: a daemon may be writing it. Progress is shown; Ctrl-C
 * ends it. Threads: one owner. Memory: the heap, freed before journal_scan_read() returns.
 */
#ifndef MURID_JOURNAL_SCAN_H
#define MURID_JOURNAL_SCAN_H

#include <stdbool.h>

#include "fault.h"
#include "proto/message.h"

/* Which messages, and in what order: conditions on `e`, a row of the table event. A session_start
 * has no trial, and NULL comes before all numbers. */
#define JOURNAL_SCAN_STARTS "(e.status = 'noted' AND e.kind IN ('session_start', 'stimulus'))"
#define JOURNAL_SCAN_AS_TAKEN                                                                      \
    "e.status IN ('taken', 'healed') OR " JOURNAL_SCAN_STARTS " ORDER BY e.id"
#define JOURNAL_SCAN_NOT_HEALED "e.status = 'taken' OR " JOURNAL_SCAN_STARTS " ORDER BY e.id"
#define JOURNAL_SCAN_BY_TRIAL                                                                      \
    "(e.status IN ('taken', 'healed') AND e.kind = 'trial')"                                       \
    " OR (e.status = 'noted' AND e.kind = 'session_start') ORDER BY e.session, e.trial, e.id"

struct journal_scan {
    const char *path; /* of the journal, for faults */
    int64_t event;
    char subject[PROTO_ID_MAX + 1];
    char rig[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    int64_t session_number;
    proto_message heard;
    uint32_t *subject_index; /* the reader's own for this subject; UINT32_MAX at first */
    bool *session_flag;      /* the reader's own for this session; false at first */
};

/* FAULT_NONE to go on; anything else, with *fault, ends the reading. */
typedef int journal_scan_take(void *context, const struct journal_scan *h, struct fault *fault);

/* Reads a journal or its data directory. what: the word that progress is shown by. only: one
 * animal; NULL: all. FAULT_NONE also where nothing was heard. */
int journal_scan_read(const char *path, const char *what, const char *only, const char *which,
                      journal_scan_take *take, void *context, struct fault *fault);

/* A message that cannot be what the daemon journaled: the journal is damaged. */
int journal_scan_fault(const struct journal_scan *h, struct fault *fault);

/* A journal was read to its end without a trial, of one animal or (only NULL) at all: FAULT_INPUT,
 * naming the animals that are there. */
int journal_scan_none(const char *path, const char *only, struct fault *fault);

#endif
