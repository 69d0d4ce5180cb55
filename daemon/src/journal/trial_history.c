#include "trial_history.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "journal_scan.h"
#include "list.h"
#include "rows.h"
#include "session_event.h"
#include "status_message.h"

/* What is read from, and what of it is wanted. */
struct source {
    struct trial_history *past;
    const char *path;
    const char *only; /* NULL: the first animal's, and there must be no other */
};

/* False for an animal that is not asked for. */
static int is_wanted(struct source *s, const char *subject, bool *wanted, struct fault *fault)
{
    struct trial_history *past = s->past;
    if (s->only != NULL) {
        *wanted = strcmp(s->only, subject) == 0;
    } else if (past->subject[0] != '\0' && strcmp(past->subject, subject) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has trials of %.64s and of %.64s; one animal was expected, or "
                         "--subject",
                         s->path, past->subject, subject);
    } else {
        *wanted = true;
    }
    if (*wanted) {
        strcpy(past->subject, subject);
    }
    return FAULT_NONE;
}

static int push(struct source *s, const char *session,
                const model_training_status_session_info *info, const model_trial *trial,
                double p_left, struct fault *fault)
{
    struct trial_history *past = s->past;
    void *list = list_grow(past->trials, past->n, &past->capacity, sizeof *past->trials);
    if (list == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for its trials", s->path);
    }
    past->trials = list;
    const bool starts = past->n == 0 || strcmp(past->session, session) != 0;
    strcpy(past->session, session);
    past->trials[past->n++] = (struct trial_history_trial){
        .trial = *trial, .p_left = p_left, .starts_session = starts, .info = *info};
    return FAULT_NONE;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int take_row(void *context, const struct trial_table *table, const struct trial_row *row,
                    struct fault *fault)
{
    struct source *s = context;
    bool wanted = false;
    (void)table;
    const int rc = is_wanted(s, row->subject, &wanted, fault);
    if (rc != FAULT_NONE || !wanted) {
        return rc;
    }
    const model_training_status_session_info info = status_message_row_info(row);
    const model_trial trial = {.contrast = row->stimulus,
                               .reward = row->reward,
                               .rt_s = row->rt_s,
                               .choice = row->choice,
                               .side = row->side};
    return push(s, row->session, &info, &trial, row->p_left, fault);
}

/* ---- journals -------------------------------------------------------------------------------- */

struct listening {
    struct source *source;
    int64_t session; /* that info is about */
    model_training_status_session_info info;
};

static int take_message(void *context, const struct journal_scan *h, struct fault *fault)
{
    struct listening *l = context;
    bool wanted = false;
    const int rc = is_wanted(l->source, h->subject, &wanted, fault);
    if (rc != FAULT_NONE || !wanted) {
        return rc;
    }
    if (h->session_number != l->session) {
        l->session = h->session_number;
        l->info = status_message_unknown();
    }
    if (h->heard.kind == PROTO_KIND_SESSION_START) {
        l->info = status_message_info(&h->heard.as.session_start);
        return FAULT_NONE;
    }
    if (h->heard.kind != PROTO_KIND_TRIAL || isnan(h->heard.as.trial.stimulus)) {
        return journal_scan_fault(h, fault);
    }
    const model_trial trial = session_trial(&h->heard.as.trial);
    return push(l->source, h->session, &l->info, &trial, h->heard.as.trial.p_left, fault);
}

static int read_journal(struct source *s, struct fault *fault)
{
    struct listening l = {.source = s, .session = -1, .info = status_message_unknown()};
    const int rc = journal_scan_read(s->path, "reading", s->only, JOURNAL_SCAN_BY_TRIAL,
                                     take_message, &l, fault);
    if (rc == FAULT_NONE && s->past->n == 0) {
        return journal_scan_none(s->path, s->only, fault);
    }
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int trial_history_read(struct trial_history *past, const char *path, const char *only,
                       enum trial_table_care care, struct fault *fault)
{
    *past = (struct trial_history){0};
    struct source s = {.past = past, .path = path, .only = only};
    bool is_journal = false;
    int rc = rows_tell_journal(path, care, &is_journal, fault);
    if (rc == FAULT_NONE) {
        rc = is_journal ? read_journal(&s, fault)
                        : rows_read(path, "reading", only, care, take_row, &s, fault);
    }
    if (rc != FAULT_NONE) {
        trial_history_close(past);
    }
    return rc;
}

int trial_history_known(const struct trial_history *past, int64_t at, size_t *known,
                        struct fault *fault)
{
    if (at > (int64_t)past->n) {
        return fault_set(fault, FAULT_INPUT, "--at %" PRId64 ": %s has only %zu trials", at,
                         past->subject, past->n);
    }
    *known = at >= 0 ? (size_t)at : past->n;
    return FAULT_NONE;
}

void trial_history_close(struct trial_history *past)
{
    free(past->trials);
    *past = (struct trial_history){0};
}
