#include "model/training_status.h"

#include <math.h>
#include <string.h>

#include "model/error.h"

enum { BLOCK_LEAST = 20 }; /* trials; no block of the biased task is shorter */

static const double US_PER_S = 1e6;
static const double EVEN_TOLERANCE = 1e-6;

_Static_assert(sizeof(model_training_status_session) ==
                   9 * sizeof(int64_t) + sizeof(model_ibl_criteria_session) +
                       MODEL_TRAINING_STATUS_RTS * sizeof(uint32_t),
               "no padding");

void model_training_status_init(model_training_status *t)
{
    memset(t, 0, offsetof(model_training_status, session));
    t->current = -1;
    t->next_protocol = MODEL_IBL_CRITERIA_PROTOCOL_HABITUATION; /* trials before any session */
}

/* ---- what is used of a session --------------------------------------------------------------- */

static size_t counts_used(const model_training_status_session *s)
{
    return offsetof(model_training_status_session, counts) +
           offsetof(model_ibl_criteria_session, contrast) +
           (size_t)s->counts.n_contrasts * sizeof s->counts.contrast[0];
}

static size_t rts_used(const model_training_status_session *s)
{
    return (size_t)s->n_rts * sizeof s->rt_us[0];
}

static void copy_session(model_training_status_session *to,
                         const model_training_status_session *from)
{
    memcpy(to, from, counts_used(from));
    memcpy(to->rt_us, from->rt_us, rts_used(from));
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void tell(model_training_status_session *s, int64_t protocol, int64_t is_ephys_rig,
                 double delay_s)
{
    if (protocol != MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN) {
        s->is_told = 1;
        s->counts.protocol = protocol;
    }
    s->counts.is_ephys_rig |= is_ephys_rig;
    s->counts.delay_s = isnan(delay_s) ? s->counts.delay_s : delay_s;
}

/* The first trial of a new session: the oldest one makes room. */
static void enter_next(model_training_status *t)
{
    if (t->n == MODEL_IBL_CRITERIA_SESSIONS) {
        for (int64_t i = 1; i < t->n; i++) {
            copy_session(&t->session[i - 1], &t->session[i]);
        }
        t->n--;
    }
    t->current = t->n++;
    model_training_status_session *s = &t->session[t->current];
    memset(s, 0,
           offsetof(model_training_status_session, counts) +
               offsetof(model_ibl_criteria_session, contrast));
    s->id = t->next_id;
    s->rt_stride = 1;
    s->counts.delay_s = (double)NAN;
    tell(s, t->next_protocol, t->next_is_ephys_rig, t->next_delay_s);
}

/* The history with this session's end, which was judged so, in it. */
static model_training_status_history history_with(const model_training_status_history *before,
                                                  const model_training_status_session *s,
                                                  const model_ibl_criteria_standing *end)
{
    model_training_status_history h = *before;
    if (model_ibl_criteria_is_shown(end) && (int64_t)end->status > h.reached) {
        h.reached = (int64_t)end->status;
    }
    if (s->is_counted == 0) {
        h.n_in_training += h.reached == MODEL_IBL_CRITERIA_IN_TRAINING &&
                                   end->status == MODEL_IBL_CRITERIA_IN_TRAINING
                               ? 1
                               : 0;
        h.n_biased += s->counts.protocol == MODEL_IBL_CRITERIA_PROTOCOL_BIASED ? 1 : 0;
    }
    return h;
}

static void close_current(model_training_status *t, const model_training_status_standing *latest)
{
    model_training_status_session *s = t->current >= 0 ? &t->session[t->current] : NULL;
    model_training_status_standing found;
    if (s == NULL || s->is_open == 0) {
        return;
    }
    if (latest == NULL || latest->n_pushed != t->n_pushed) {
        latest = model_training_status_judge(t, &found) == MODEL_OK ? &found : NULL;
    }
    if (latest != NULL) {
        t->history = history_with(&t->history, s, &latest->now);
        s->is_counted = 1;
    }
    s->is_open = 0;
}

void model_training_status_start(model_training_status *t, int64_t id,
                                 const model_training_status_session_info *info,
                                 const model_training_status_standing *latest)
{
    int64_t at = t->n - 1;
    while (at >= 0 && t->session[at].id != id) {
        at--;
    }
    if (at < 0 || at != t->current) {
        close_current(t, latest);
    }
    t->current = at;
    if (at >= 0) {
        tell(&t->session[at], (int64_t)info->protocol, info->is_ephys_rig ? 1 : 0, info->delay_s);
        return;
    }
    t->next_id = id;
    t->next_protocol = (int64_t)info->protocol;
    t->next_is_ephys_rig = info->is_ephys_rig ? 1 : 0;
    t->next_delay_s = info->delay_s;
}

/* ---- trials ---------------------------------------------------------------------------------- */

static void count_contrast(model_ibl_criteria_session *s, const model_trial *trial, double p_left)
{
    int64_t i = 0;
    while (i < s->n_contrasts && (s->contrast[i].contrast < trial->contrast ||
                                  s->contrast[i].contrast > trial->contrast)) {
        i++;
    }
    if (i == MODEL_IBL_CRITERIA_CONTRASTS) {
        s->n_uncounted++;
        return;
    }
    if (i == s->n_contrasts) {
        s->contrast[i] = (model_ibl_criteria_contrast){.contrast = trial->contrast};
        s->n_contrasts++;
    }
    const int block = model_ibl_criteria_block_of(p_left);
    s->contrast[i].n[block]++;
    s->contrast[i].n_right[block] += trial->choice == 1 ? 1 : 0;
}

/* What was rewarded; where that is unknown, a choice to the stimulus' side. */
static bool is_correct(const model_trial *trial)
{
    if (trial->choice < 0) {
        return false;
    }
    return isnan(trial->reward) ? (trial->contrast > 0.0) == (trial->choice == 1)
                                : trial->reward > 0.0;
}

/* A session with more than the memory holds keeps every second one, and goes on so. */
static void keep_rt(model_training_status_session *s, double rt_s)
{
    if (isnan(rt_s) || s->n_zero_rts++ % s->rt_stride != 0) {
        return;
    }
    if (s->n_rts == MODEL_TRAINING_STATUS_RTS) {
        for (int64_t i = 0; 2 * i < s->n_rts; i++) {
            s->rt_us[i] = s->rt_us[2 * i];
        }
        s->n_rts /= 2;
        s->rt_stride *= 2;
    }
    const double us = fmax(rt_s, 0.0) * US_PER_S + 0.5;
    s->rt_us[s->n_rts++] = us < (double)UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

/* Blocks tell the protocol where nobody stated it. The training task's debiasing shows many values
 * of p_left, a 0.2 or 0.8 among them now and then. */
static void guess_protocol(model_training_status_session *s, double p_left)
{
    if (isnan(p_left) || s->is_told != 0) {
        return;
    }
    const bool is_in_block = model_ibl_criteria_block_of(p_left) != MODEL_IBL_CRITERIA_ELSE;
    s->n_in_blocks += is_in_block ? 1 : 0;
    s->n_odd += !is_in_block && fabs(p_left - 0.5) > EVEN_TOLERANCE ? 1 : 0;
    s->counts.protocol = s->n_in_blocks >= BLOCK_LEAST && s->n_odd == 0
                             ? MODEL_IBL_CRITERIA_PROTOCOL_BIASED
                             : MODEL_IBL_CRITERIA_PROTOCOL_TRAINING;
}

void model_training_status_push(model_training_status *t, const model_trial *trial, double p_left)
{
    if (t->current < 0 && t->next_protocol == MODEL_IBL_CRITERIA_PROTOCOL_HABITUATION) {
        return;
    }
    if (t->current < 0) {
        enter_next(t);
    }
    model_training_status_session *s = &t->session[t->current];
    model_ibl_criteria_session *counts = &s->counts;
    const bool is_easy = fabs(trial->contrast) >= MODEL_IBL_CRITERIA_EASY;
    t->n_pushed++;
    s->is_open = 1;
    counts->n_trials++;
    counts->n_easy += is_easy ? 1 : 0;
    counts->n_easy_correct += is_easy && is_correct(trial) ? 1 : 0;
    guess_protocol(s, p_left);
    count_contrast(counts, trial, p_left);
    if (trial->contrast == 0.0) {
        keep_rt(s, trial->rt_s);
    }
}

/* ---- standing -------------------------------------------------------------------------------- */

/* Number k of all kept reaction times, from 1, in rising order. All sessions are thinned alike.
 * Halving the range of values needs no memory to sort in. */
static uint32_t ranked_rt(const model_training_status *t, int64_t stride, int64_t k)
{
    uint32_t low = 0;
    uint32_t high = UINT32_MAX;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        int64_t n = 0;
        for (int64_t i = 0; i < t->n; i++) {
            const model_training_status_session *s = &t->session[i];
            for (int64_t j = 0; j < s->n_rts; j += stride / s->rt_stride) {
                n += s->rt_us[j] <= middle ? 1 : 0;
            }
        }
        if (n >= k) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static double median_rt_s(const model_training_status *t)
{
    int64_t stride = 1;
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        stride = t->session[i].rt_stride > stride ? t->session[i].rt_stride : stride;
    }
    for (int64_t i = 0; i < t->n; i++) {
        const int64_t by = stride / t->session[i].rt_stride;
        n += (t->session[i].n_rts + by - 1) / by;
    }
    if (n == 0) {
        return (double)NAN;
    }
    return ((double)ranked_rt(t, stride, (n + 1) / 2) + (double)ranked_rt(t, stride, n / 2 + 1)) /
           (2.0 * US_PER_S);
}

static model_ibl_criteria_window sessions_of(const model_training_status *t)
{
    model_ibl_criteria_window window = {.n = (size_t)t->n, .zero_rt_s = (double)NAN};
    for (size_t i = 0; i < window.n; i++) {
        window.session[i] = &t->session[i].counts;
    }
    return window;
}

model_ibl_criteria_window model_training_status_window(const model_training_status *t)
{
    model_ibl_criteria_window window = sessions_of(t);
    window.zero_rt_s = median_rt_s(t);
    return window;
}

int model_training_status_judge(const model_training_status *t,
                                model_training_status_standing *standing)
{
    return model_training_status_judge_rt(t, median_rt_s(t), standing);
}

int model_training_status_judge_rt(const model_training_status *t, double zero_rt_s,
                                   model_training_status_standing *standing)
{
    model_ibl_criteria_standing now;
    model_ibl_criteria_window window = sessions_of(t);
    window.zero_rt_s = zero_rt_s;
    const int rc = model_ibl_criteria_judge(&window, &now);
    if (rc != MODEL_OK) {
        return rc;
    }
    const model_training_status_session *last = t->current >= 0 ? &t->session[t->current] : NULL;
    const model_training_status_history h =
        last != NULL && last->is_open != 0 ? history_with(&t->history, last, &now) : t->history;
    *standing = (model_training_status_standing){
        .n_pushed = t->n_pushed,
        .now = now,
        .reached = (model_ibl_criteria_status)h.reached,
        .is_untrainable = h.n_in_training >= MODEL_TRAINING_STATUS_PATIENCE &&
                          h.reached == MODEL_IBL_CRITERIA_IN_TRAINING,
        .is_unbiasable = h.n_biased >= MODEL_TRAINING_STATUS_PATIENCE &&
                         h.reached < MODEL_IBL_CRITERIA_READY4EPHYSRIG,
    };
    return MODEL_OK;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static const size_t HEAD = offsetof(model_training_status, session);

size_t model_training_status_size(const model_training_status *t)
{
    size_t size = HEAD;
    for (int64_t i = 0; i < t->n; i++) {
        size += counts_used(&t->session[i]) + rts_used(&t->session[i]);
    }
    return size;
}

void model_training_status_pack(const model_training_status *t, uint8_t out[])
{
    memcpy(out, t, HEAD);
    out += HEAD;
    for (int64_t i = 0; i < t->n; i++) {
        const model_training_status_session *s = &t->session[i];
        memcpy(out, s, counts_used(s));
        memcpy(out + counts_used(s), s->rt_us, rts_used(s));
        out += counts_used(s) + rts_used(s);
    }
}

/* Bytes read, or 0. */
static size_t unpack_session(model_training_status_session *s, const uint8_t bytes[], size_t size)
{
    const size_t head = offsetof(model_training_status_session, counts) +
                        offsetof(model_ibl_criteria_session, contrast);
    if (size < head) {
        return 0;
    }
    memcpy(s, bytes, head);
    const int64_t protocol = s->counts.protocol;
    if (s->counts.n_contrasts < 0 || s->counts.n_contrasts > MODEL_IBL_CRITERIA_CONTRASTS ||
        s->n_rts < 0 || s->n_rts > MODEL_TRAINING_STATUS_RTS || s->rt_stride < 1 ||
        s->rt_stride > UINT32_MAX || protocol < 0 ||
        protocol >= MODEL_IBL_CRITERIA_PROTOCOL_COUNT || size < counts_used(s) + rts_used(s)) {
        return 0;
    }
    memcpy(s, bytes, counts_used(s));
    memcpy(s->rt_us, bytes + counts_used(s), rts_used(s));
    return counts_used(s) + rts_used(s);
}

size_t model_training_status_unpack(model_training_status *t, const uint8_t bytes[], size_t size)
{
    if (size < HEAD) {
        return 0;
    }
    memcpy(t, bytes, HEAD);
    if (t->n < 0 || t->n > MODEL_IBL_CRITERIA_SESSIONS || t->current < -1 || t->current >= t->n ||
        t->history.reached < 0 || t->history.reached >= MODEL_IBL_CRITERIA_STATUS_COUNT) {
        return 0;
    }
    size_t at = HEAD;
    for (int64_t i = 0; i < t->n; i++) {
        const size_t used = unpack_session(&t->session[i], bytes + at, size - at);
        if (used == 0) {
            return 0;
        }
        at += used;
    }
    return at;
}
