#include "trial_history.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "list.h"
#include "recording.h"
#include "status_message.h"

/* What is read, and the session that info is about: -1 in a table, whose rows say it themselves. */
struct reading {
    struct trial_history *past;
    const char *path;
    int64_t session;
    model_training_status_session_info info;
};

static int push(struct reading *r, const struct recording_step *step, struct fault *fault)
{
    struct trial_history *past = r->past;
    const struct trial_row *row = step->row;
    void *list = list_grow(past->trials, past->n, &past->capacity, sizeof *past->trials);
    if (list == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for its trials", step->path);
    }
    past->trials = list;
    const bool starts = past->n == 0 || strcmp(past->session, row->session) != 0;
    strcpy(past->session, row->session);
    past->trials[past->n++] = (struct trial_history_trial){.trial = trial_table_trial(row),
                                                           .p_left = row->p_left,
                                                           .starts_session = starts,
                                                           .info = r->info};
    return FAULT_NONE;
}

static int take(void *context, const struct recording_step *step, struct fault *fault)
{
    struct reading *r = context;
    const char *subject = step->row->subject;
    if (step->subject > 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has trials of %.64s and of %.64s; one animal was expected, or "
                         "--subject",
                         r->path, r->past->subject, subject);
    }
    strcpy(r->past->subject, subject);
    if (step->session != r->session || step->session < 0 ||
        step->kind == PROTO_KIND_SESSION_START) {
        r->session = step->session;
        r->info = status_message_row_info(step->row);
    }
    if (step->kind == PROTO_KIND_SESSION_START) {
        return FAULT_NONE;
    }
    return step->kind == PROTO_KIND_TRIAL && !isnan(step->row->stimulus)
               ? push(r, step, fault)
               : journal_reader_row_fault(step->path, "event", step->event, fault);
}

int trial_history_read(struct trial_history *past, const char *path, const char *only,
                       struct trial_table_how how, struct fault *fault)
{
    *past = (struct trial_history){0};
    struct reading r = {.past = past, .path = path, .session = -1};
    const struct recording recording = {.path = path,
                                        .what = "reading",
                                        .only = only,
                                        .how = how,
                                        .order = RECORDING_BY_TRIAL,
                                        .take = take,
                                        .context = &r};
    int rc = recording_read(&recording, fault);
    if (rc == FAULT_NONE && past->n == 0) {
        rc = recording_none(&recording, fault);
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
