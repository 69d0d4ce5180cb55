#include "runs.h"

#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "list.h"

/* Field by field: a struct has holes. */
static uint64_t content_of(const struct trial_row *row)
{
    uint64_t h = FNV_START;
    h = fnv_bytes(h, &row->stimulus, sizeof row->stimulus);
    h = fnv_bytes(h, &row->choice, sizeof row->choice);
    h = fnv_bytes(h, &row->side, sizeof row->side);
    h = fnv_bytes(h, &row->repeat, sizeof row->repeat);
    h = fnv_bytes(h, &row->reward, sizeof row->reward);
    h = fnv_bytes(h, &row->rt_s, sizeof row->rt_s);
    h = fnv_bytes(h, &row->p_left, sizeof row->p_left);
    return fnv_bytes(h, row->stage, strlen(row->stage));
}

static bool has_trial(const struct run *run, int64_t trial)
{
    const int64_t back = run->highest - trial;
    return back >= 0 && back < RUNS_MEMORY && (run->seen >> back & 1U) != 0;
}

bool run_has_row(const struct run *run, const struct trial_row *row)
{
    return has_trial(run, row->trial) && run->contents[row->trial % RUNS_MEMORY] == content_of(row);
}

/* The numbers fell back: to the first, or to one that was there with another content, or further
 * than the daemon puts a late trial in its place. A row that stands there twice is no new run. */
static bool begins_again(const struct run *run, const struct trial_row *row)
{
    if (row->trial > run->highest) {
        return false;
    }
    if (row->trial == run->highest) {
        return !run_has_row(run, row);
    }
    return row->trial == run->first || run->highest - row->trial >= RUNS_MEMORY ||
           (has_trial(run, row->trial) && !run_has_row(run, row));
}

void run_note_row(struct run *run, const struct trial_row *row)
{
    if (run->seen == 0) {
        run->first = run->highest = row->trial;
    }
    if (row->trial > run->highest) {
        const int64_t on = row->trial - run->highest;
        run->seen = on < RUNS_MEMORY ? run->seen << on : 0;
        run->highest = row->trial;
    }
    run->first = row->trial < run->first ? row->trial : run->first;
    run->seen |= (uint64_t)1 << (run->highest - row->trial);
    run->contents[row->trial % RUNS_MEMORY] = content_of(row);
}

/* The newest run of a subject, at *where; NULL without memory. */
static struct run **find_subject(struct runs *runs, const char *subject)
{
    for (size_t i = runs->n_subjects; i-- > 0;) {
        if (strcmp(runs->subjects[i]->subject, subject) == 0) {
            return &runs->subjects[i];
        }
    }
    struct run **grown =
        list_grow(runs->subjects, runs->n_subjects, &runs->room, sizeof *runs->subjects);
    if (grown == NULL) {
        return NULL;
    }
    runs->subjects = grown;
    runs->subjects[runs->n_subjects] = NULL;
    return &runs->subjects[runs->n_subjects];
}

/* Splits NAME+N; without a number it is 0. */
static int64_t split_name(const char *text, char session[PROTO_ID_MAX + 1])
{
    const char *plus = strchr(text, '+');
    const size_t n = plus != NULL ? (size_t)(plus - text) : strlen(text);
    memcpy(session, text, n);
    session[n] = '\0';
    return plus != NULL ? strtoll(plus + 1, NULL, 10) : 0;
}

/* Numbers the run among those of its session: as its name says if that one is free, or the next. */
static void number_run(struct run *run, int64_t wanted)
{
    int64_t highest = 0;
    bool is_taken = wanted == 0;
    for (struct run *other = run->older; other != NULL; other = other->older) {
        if (strcmp(other->session, run->session) == 0) {
            highest = other->number > highest ? other->number : highest;
            is_taken = is_taken || other->number == wanted;
            other->is_stated = run->is_stated = true;
        }
    }
    run->number = is_taken ? highest + 1 : wanted;
    run->is_stated = run->is_stated || wanted != 0;
}

struct run *runs_find(struct runs *runs, const struct trial_row *row, bool *is_new)
{
    struct run **newest = find_subject(runs, row->subject);
    *is_new = false;
    if (newest == NULL) {
        return NULL;
    }
    struct run *found = *newest;
    while (found != NULL && strcmp(found->text, row->session) != 0) {
        found = found->older;
    }
    if (found != NULL && !begins_again(found, row)) {
        return found;
    }
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return NULL;
    }
    strcpy(run->subject, row->subject);
    strcpy(run->text, row->session);
    run->older = *newest;
    const int64_t wanted = split_name(row->session, run->session);
    number_run(run, found == NULL ? wanted : 0);
    runs->n_subjects += *newest == NULL ? 1 : 0;
    runs->n_again += found != NULL ? 1 : 0;
    runs->n++;
    *newest = run;
    *is_new = true;
    return run;
}

void runs_close(struct runs *runs)
{
    for (size_t i = 0; i < runs->n_subjects; i++) {
        for (struct run *run = runs->subjects[i]; run != NULL;) {
            struct run *older = run->older;
            free(run);
            run = older;
        }
    }
    free(runs->subjects);
    *runs = (struct runs){0};
}
