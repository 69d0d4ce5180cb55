#include "review_curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct review_curves *review_curves_new(void)
{
    struct review_curves *c = calloc(1, sizeof *c);
    if (c != NULL) {
        c->bin_trials = REVIEW_BIN_TRIALS;
        c->point_trials = 1;
    }
    return c;
}

void review_curves_alert(struct review_curves *c, int64_t event, proto_alert_code code)
{
    c->marks[c->n_marks++ % REVIEW_MARKS] =
        (struct review_mark){.event = event, .trial = -1, .code = code};
    c->n_placed = c->n_marks > REVIEW_MARKS ? c->n_marks - REVIEW_MARKS : 0;
}

static void place_marks(struct review_curves *c, int64_t event, int64_t trial)
{
    while (c->n_placed < c->n_marks && c->marks[c->n_placed % REVIEW_MARKS].event <= event) {
        c->marks[c->n_placed++ % REVIEW_MARKS].trial = trial;
    }
}

static void push_bin(struct review_curves *c, const struct review_curves_trial *t)
{
    size_t bin = (size_t)((t->number - 1) / c->bin_trials);
    if (bin == REVIEW_BINS_MAX) {
        for (size_t i = 0; i < REVIEW_BINS_MAX / 2; i++) {
            c->bins[i].n = c->bins[2 * i].n + c->bins[2 * i + 1].n;
            c->bins[i].correct = c->bins[2 * i].correct + c->bins[2 * i + 1].correct;
        }
        memset(&c->bins[REVIEW_BINS_MAX / 2], 0, REVIEW_BINS_MAX / 2 * sizeof c->bins[0]);
        c->bin_trials *= 2;
        bin = REVIEW_BINS_MAX / 2;
    }
    c->n_bins = bin + 1;
    if (!isnan(t->correct)) {
        c->bins[bin].n++;
        c->bins[bin].correct += t->correct;
    }
}

static struct review_choice *binned_choice(struct review_psychometric *p, double stimulus)
{
    int bin = (int)((stimulus + 1.0) / 2.0 * REVIEW_STIMULI_MAX);
    bin = bin < 0 ? 0 : bin < REVIEW_STIMULI_MAX ? bin : REVIEW_STIMULI_MAX - 1;
    return &p->stimuli[bin];
}

static void bin_choices(struct review_psychometric *p)
{
    struct review_choice was[REVIEW_STIMULI_MAX];
    memcpy(was, p->stimuli, sizeof was);
    for (uint32_t i = 0; i < REVIEW_STIMULI_MAX; i++) {
        p->stimuli[i] =
            (struct review_choice){.stimulus = -1.0 + (2.0 * i + 1.0) / REVIEW_STIMULI_MAX};
    }
    for (uint32_t i = 0; i < p->n; i++) {
        struct review_choice *to = binned_choice(p, was[i].stimulus);
        to->n += was[i].n;
        to->n_right += was[i].n_right;
        to->p_right += was[i].p_right;
    }
    p->n = REVIEW_STIMULI_MAX;
    p->is_binned = true;
}

/* Kept sorted by stimulus. */
static struct review_choice *find_choice(struct review_psychometric *p, double stimulus)
{
    uint32_t at = 0;
    while (!p->is_binned && at < p->n && p->stimuli[at].stimulus < stimulus) {
        at++;
    }
    if (!p->is_binned && at < p->n && p->stimuli[at].stimulus == stimulus) {
        return &p->stimuli[at];
    }
    if (!p->is_binned && p->n == REVIEW_STIMULI_MAX) {
        bin_choices(p);
    }
    if (p->is_binned) {
        return binned_choice(p, stimulus);
    }
    memmove(&p->stimuli[at + 1], &p->stimuli[at], (p->n - at) * sizeof p->stimuli[0]);
    p->stimuli[at] = (struct review_choice){.stimulus = stimulus};
    p->n++;
    return &p->stimuli[at];
}

static struct review_psychometric *find_psychometric(struct review_curves *c, uint32_t session)
{
    const int64_t kept =
        c->n_psychometric < REVIEW_LAST_SESSIONS ? c->n_psychometric : REVIEW_LAST_SESSIONS;
    for (int64_t i = 0; i < kept; i++) {
        if (c->psychometric[i].session == session) {
            return &c->psychometric[i];
        }
    }
    struct review_psychometric *p = &c->psychometric[c->n_psychometric++ % REVIEW_LAST_SESSIONS];
    *p = (struct review_psychometric){.session = session};
    return p;
}

void review_curves_push(struct review_curves *c, const struct review_curves_trial *t)
{
    push_bin(c, t);
    place_marks(c, t->event, t->number - 1);
    if (!isnan(t->p_right) && fabs(t->stimulus) <= 1.0) {
        struct review_choice *choice = find_choice(find_psychometric(c, t->session), t->stimulus);
        choice->n++;
        choice->n_right += t->choice;
        choice->p_right += t->p_right;
    }
}

bool review_curves_wants_point(const struct review_curves *c, int64_t number)
{
    return number % c->point_trials == 0;
}

static void copy_weights(struct review_point *to, const struct review_weights *from)
{
    const uint32_t n = from->run != NULL ? from->run->policy.n : 0;
    double w[MODEL_WEIGHTS_MAX];
    double w_sd[MODEL_WEIGHTS_MAX];
    for (int i = 0; i < MODEL_FEATURES; i++) {
        to->w[i] = to->w_sd[i] = NAN;
    }
    if (n == 0 || from->w_size != n * sizeof w[0] || from->w_sd_size != n * sizeof w[0]) {
        return;
    }
    memcpy(w, from->w, from->w_size);
    memcpy(w_sd, from->w_sd, from->w_sd_size);
    for (uint32_t i = 0; i < n; i++) {
        if (fabs(w[i]) < 1e6 && w_sd[i] >= 0.0 && w_sd[i] < 1e6) {
            to->w[from->run->policy.feature[i]] = (float)w[i];
            to->w_sd[from->run->policy.feature[i]] = (float)w_sd[i];
        }
    }
}

void review_curves_point(struct review_curves *c, const struct review_curves_trial *t,
                         const struct review_weights *weights)
{
    if (c->n_points == REVIEW_POINTS_MAX) {
        for (size_t i = 0; i < REVIEW_POINTS_MAX / 2; i++) {
            c->points[i] = c->points[2 * i + 1];
        }
        c->n_points /= 2;
        c->point_trials *= 2;
        if (!review_curves_wants_point(c, t->number)) {
            return;
        }
    }
    struct review_point *p = &c->points[c->n_points++];
    p->gain = (float)t->gain;
    copy_weights(p, weights);
}

void review_curves_finish(struct review_curves *c, int64_t trials)
{
    place_marks(c, INT64_MAX, trials);
}
