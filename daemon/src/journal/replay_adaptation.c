#include "replay_adaptation.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

/* ---- rows ---- */

/* SQLite keeps NaN as NULL. */
static double real_or_nan(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(s, column);
}

static int read_row(struct replay_adaptation *a, sqlite3_stmt *s, struct fault *fault)
{
    struct replay_change *c = &a->changes[a->n];
    *c = (struct replay_change){.id = sqlite3_column_int64(s, 0),
                                .subject = sqlite3_column_int64(s, 1),
                                .run = sqlite3_column_int64(s, 2),
                                .what = journal_record_change_of(journal_reader_text(s, 3)),
                                .based_on = sqlite3_column_int64(s, 4),
                                .event = sqlite3_column_int64(s, 5),
                                .n = sqlite3_column_int64(s, 6),
                                .nats_before = real_or_nan(s, 7),
                                .nats_after = real_or_nan(s, 8)};
    if (c->what == JOURNAL_RECORD_CHANGES || c->id < 1 || c->subject < 0 ||
        c->based_on > c->event || (a->n > 0 && c->event < a->changes[a->n - 1].event)) {
        return journal_reader_row_fault(a->journal->path, "adaptation", c->id, fault);
    }
    a->n++;
    return FAULT_NONE;
}

int replay_adaptation_open(struct replay_adaptation *a, const struct journal_reader *journal,
                           struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    *a = (struct replay_adaptation){.journal = journal};
    int rc = journal_reader_query_int(journal, "SELECT count(*) FROM adaptation", &n, fault);
    if (rc == FAULT_NONE) {
        a->changes = calloc((size_t)n + 1, sizeof *a->changes);
        rc = a->changes == NULL ? fault_set(fault, FAULT_WORK, "%s: no memory", journal->path) : rc;
    }
    rc = rc ? rc
            : journal_reader_prepare(journal,
                                     "SELECT id, subject, run, what, based_on, event, n,"
                                     " nats_before, nats_after FROM adaptation ORDER BY id",
                                     &s, fault);
    while (rc == FAULT_NONE && a->n < (size_t)n && sqlite3_step(s) == SQLITE_ROW) {
        rc = read_row(a, s, fault);
    }
    sqlite3_finalize(s);
    rc = rc ? rc
            : journal_reader_prepare(journal, "SELECT parameters FROM adaptation WHERE id = ?",
                                     &a->values, fault);
    if (rc != FAULT_NONE) {
        replay_adaptation_close(a);
    }
    return rc;
}

void replay_adaptation_close(struct replay_adaptation *a)
{
    sqlite3_finalize(a->values);
    free(a->changes);
    free(a->scratch);
    free(a->found);
    *a = (struct replay_adaptation){0};
}

/* The parameters of a change, copied to memory that is the caller's to free(); NULL: not there, or
 * not so many. */
static float *read_values(struct replay_adaptation *a, int64_t id, size_t n)
{
    float *values = NULL;
    sqlite3_reset(a->values);
    sqlite3_bind_int64(a->values, 1, id);
    if (sqlite3_step(a->values) == SQLITE_ROW &&
        (size_t)sqlite3_column_bytes(a->values, 0) == n * sizeof *values) {
        values = malloc(n * sizeof *values + 1);
        if (values != NULL) {
            memcpy(values, sqlite3_column_blob(a->values, 0), n * sizeof *values);
        }
    }
    sqlite3_reset(a->values);
    return values;
}

int replay_adaptation_restore(struct replay_adaptation *a, const struct adaptation_plan *plan,
                              struct adaptation *own)
{
    const size_t n = model_adapt_values(&plan->adapt);
    float *present = own->head.id != 0 ? read_values(a, own->head.id, n) : NULL;
    float *before = own->head.id_before != 0 ? read_values(a, own->head.id_before, n) : NULL;
    const int rc = adaptation_restore(plan, own, present, before);
    free(present);
    free(before);
    return rc;
}

/* ---- found anew ---- */

static int differ(const struct replay_adaptation *a, const struct replay_change *c,
                  const char *what, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: adaptation %" PRId64 ", of event %" PRId64 ": %s",
                     a->journal->path, c->id, c->based_on, what);
}

/* Memory for a run with this plan. */
static bool make_room(struct replay_adaptation *a, const struct adaptation_plan *plan)
{
    const size_t scratch = model_adapt_scratch(&plan->adapt, plan->window + ADAPTATION_SPARE);
    const size_t found = model_adapt_values(&plan->adapt);
    const size_t wanted = (scratch + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
    if (wanted > a->scratch_size) {
        free(a->scratch);
        a->scratch = aligned_alloc(MODEL_NET_ALIGN, wanted);
        a->scratch_size = a->scratch != NULL ? wanted : 0;
    }
    if (found > a->found_size) {
        free(a->found);
        a->found = calloc(found, sizeof *a->found);
        a->found_size = a->found != NULL ? found : 0;
    }
    return a->scratch != NULL && a->found != NULL;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return progress_interrupted();
}

static int find(struct replay_adaptation *a, const struct subjects *subjects, struct fault *fault)
{
    const size_t number = a->next_found++;
    const struct replay_change *c = &a->changes[number];
    if (c->what == JOURNAL_RECORD_CHANGE_UNDONE) {
        return FAULT_NONE;
    }
    if (subjects->plan == NULL || c->subject >= (int64_t)subjects->n_subjects) {
        return differ(a, c, "there was no adaptation", fault);
    }
    if (!make_room(a, subjects->plan)) {
        return differ(a, c, "no memory", fault);
    }
    const struct adaptation *own = subjects_adaptation(subjects, (uint32_t)c->subject);
    const model_adapt_window window = adaptation_window(subjects->plan, own);
    const int status = own->head.n == 0
                           ? MODEL_ERR_ARG
                           : model_adapt_run(&subjects->plan->adapt, &window, a->scratch,
                                             is_interrupted, NULL, a->found, &a->result);
    if (progress_interrupted()) {
        return differ(a, c, "stopped; identical so far", fault);
    }
    if (status != MODEL_OK) {
        return differ(a, c, "cannot be recomputed", fault);
    }
    a->found_for = number + 1;
    return FAULT_NONE;
}

static bool is_same_real(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static int compare(struct replay_adaptation *a, const struct replay_change *c, const float values[],
                   size_t n, struct fault *fault)
{
    if (a->found_for != a->next_applied) {
        return differ(a, c, "is out of order", fault);
    }
    const model_adapt_result *r = &a->result;
    if (r->is_taken != (c->what == JOURNAL_RECORD_CHANGE_TAKEN) || (int64_t)r->n_judged != c->n ||
        !is_same_real(r->before, c->nats_before) || !is_same_real(r->after, c->nats_after)) {
        return differ(a, c, "is evaluated differently when recomputed", fault);
    }
    if (values != NULL && memcmp(values, a->found, n * sizeof values[0]) != 0) {
        return differ(a, c, "its parameters differ from the recomputed ones", fault);
    }
    a->n_compared += (int64_t)(values != NULL ? n + 2 : 2);
    return FAULT_NONE;
}

/* ---- in force ---- */

static int apply(struct replay_adaptation *a, struct subjects *subjects, struct fault *fault)
{
    const struct replay_change *c = &a->changes[a->next_applied++];
    if (c->subject >= (int64_t)subjects->n_subjects) {
        return journal_reader_row_fault(a->journal->path, "adaptation", c->id, fault);
    }
    const struct subject *subject = &subjects->subject[c->subject];
    struct adaptation *own = subjects_adaptation(subjects, (uint32_t)c->subject);
    if (own == NULL || c->run < subject->run || c->id <= own->head.last) {
        return FAULT_NONE; /* its state knows it, or came after it */
    }
    const size_t n = model_adapt_values(&subjects->plan->adapt);
    float *values = c->what == JOURNAL_RECORD_CHANGE_TAKEN ? read_values(a, c->id, n) : NULL;
    int rc = FAULT_NONE;
    if (c->what == JOURNAL_RECORD_CHANGE_TAKEN && values == NULL) {
        rc = journal_reader_row_fault(a->journal->path, "adaptation", c->id, fault);
    }
    if (rc == FAULT_NONE && a->is_found_anew && c->what != JOURNAL_RECORD_CHANGE_UNDONE) {
        rc = compare(a, c, values, n, fault);
    }
    if (rc == FAULT_NONE) {
        const bool is_done = c->what == JOURNAL_RECORD_CHANGE_REFUSED ||
                             (c->what == JOURNAL_RECORD_CHANGE_UNDONE
                                  ? adaptation_undo(subjects->plan, own, c->id)
                                  : adaptation_take(subjects->plan, own, values, c->id) == 0);
        rc = is_done ? rc : journal_reader_row_fault(a->journal->path, "adaptation", c->id, fault);
        own->head.last = c->id;
    }
    free(values);
    return rc;
}

/* True if the next change is to be put into force before the next one is looked for. */
static bool applies_first(const struct replay_adaptation *a)
{
    return a->next_found >= a->n ||
           (a->next_applied < a->next_found &&
            a->changes[a->next_applied].event <= a->changes[a->next_found].based_on);
}

int replay_adaptation_advance(struct replay_adaptation *a, struct subjects *subjects, int64_t event,
                              struct fault *fault)
{
    int rc = FAULT_NONE;
    for (;;) {
        const struct replay_change *next =
            a->next_applied < a->n ? &a->changes[a->next_applied] : NULL;
        const struct replay_change *sought =
            a->is_found_anew && a->next_found < a->n ? &a->changes[a->next_found] : NULL;
        const bool can_apply = next != NULL && next->event < event && next->run <= subjects->run;
        const bool can_find =
            sought != NULL && sought->based_on < event && sought->run <= subjects->run;
        if (rc != FAULT_NONE || (!can_apply && !can_find)) {
            return rc;
        }
        rc = can_find && (!can_apply || !applies_first(a)) ? find(a, subjects, fault)
                                                           : apply(a, subjects, fault);
    }
}
