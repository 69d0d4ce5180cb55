#include "watch_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/trial.h"
#include "summary_line.h"
#include "text_escape.h"
#include "twin.h"

enum { BLOCK_TRIALS = 10 };

static const double SAME_STIMULUS = 1e-9;

void watch_view_init(struct watch_view *v, const char *subject)
{
    memset(v, 0, sizeof *v);
    v->block_size = BLOCK_TRIALS;
    if (subject != NULL) {
        (void)snprintf(v->subject, sizeof v->subject, "%s", subject);
    }
}

const proto_prediction *watch_view_prediction(const struct watch_view *v)
{
    return v->n_predictions > 0 ? &v->predictions[(v->n_predictions - 1) % 2] : NULL;
}

int64_t watch_view_last(const struct watch_view *v)
{
    return v->n_trials > 0 ? v->trials[(v->n_trials - 1) % WATCH_VIEW_TRIALS_MAX].trial : 0;
}

static void enter_session(struct watch_view *v, const char *session)
{
    v->session_over = false;
    if (strcmp(v->session, session) != 0) {
        memcpy(v->session, session, sizeof v->session);
        v->n_levels = 0;
    }
}

double watch_view_predicted(const struct watch_view *v, int64_t trial, double stimulus)
{
    for (int64_t age = 1; age <= 2 && age <= v->n_predictions; age++) {
        const proto_prediction *p = &v->predictions[(v->n_predictions - age) % 2];
        for (uint32_t i = 0; p->for_trial == trial && i < p->stimuli.n && i < p->p_right.n; i++) {
            if (fabs(p->stimuli.v[i] - stimulus) < SAME_STIMULUS) {
                return p->p_right.v[i];
            }
        }
    }
    return (double)NAN;
}

static int8_t correctness(const proto_trial *t)
{
    if (t->choice == PROTO_NIL) {
        return -1;
    }
    if (!isnan(t->reward)) {
        return t->reward > 0.5;
    }
    const int8_t side =
        model_trial_side((int8_t)(t->side == PROTO_NIL ? -1 : t->side), t->stimulus);
    return side < 0 ? -1 : side == t->choice;
}

static void count_level(struct watch_view *v, double stimulus, bool chose_right)
{
    int at = 0;
    while (at < v->n_levels && v->levels[at].stimulus < stimulus - SAME_STIMULUS) {
        at++;
    }
    if (at == v->n_levels || v->levels[at].stimulus > stimulus + SAME_STIMULUS) {
        if (v->n_levels == WATCH_VIEW_LEVELS_MAX) {
            return;
        }
        memmove(&v->levels[at + 1], &v->levels[at],
                (size_t)(v->n_levels - at) * sizeof v->levels[0]);
        v->levels[at] = (struct watch_view_level){.stimulus = stimulus};
        v->n_levels++;
    }
    v->levels[at].n++;
    v->levels[at].n_right += chose_right;
}

/* Full blocks are merged in pairs, so that the whole life always fits. */
static void count_block(struct watch_view *v, bool correct)
{
    if (v->n_blocks == 0 || v->blocks[v->n_blocks - 1].n == v->block_size) {
        if (v->n_blocks == WATCH_VIEW_BLOCKS_MAX) {
            for (int i = 0; i < WATCH_VIEW_BLOCKS_MAX / 2; i++) {
                const struct watch_view_block *pair = &v->blocks[2 * (size_t)i];
                v->blocks[i] = (struct watch_view_block){pair[0].n + pair[1].n,
                                                         pair[0].n_correct + pair[1].n_correct};
            }
            v->n_blocks = WATCH_VIEW_BLOCKS_MAX / 2;
            v->block_size *= 2;
        }
        v->blocks[v->n_blocks++] = (struct watch_view_block){0, 0};
    }
    v->blocks[v->n_blocks - 1].n++;
    v->blocks[v->n_blocks - 1].n_correct += correct;
}

static void take_trial(struct watch_view *v, const proto_message *msg)
{
    const proto_trial *t = &msg->as.trial;
    struct watch_view_trial *shown = &v->trials[v->n_trials % WATCH_VIEW_TRIALS_MAX];
    *shown = (struct watch_view_trial){
        .trial = msg->env.trial,
        .stimulus = t->stimulus,
        .p_right = watch_view_predicted(v, msg->env.trial, t->stimulus),
        .choice = (int8_t)(t->choice == PROTO_NIL ? -1 : t->choice),
        .correct = correctness(t),
    };
    v->n_trials++;
    if (shown->choice >= 0 && !isnan(t->stimulus)) {
        count_level(v, t->stimulus, shown->choice == 1);
    }
    if (shown->correct >= 0) {
        count_block(v, shown->correct == 1);
    }
}

static void take_saying(struct watch_view *v, const proto_message *msg)
{
    if (msg->kind == PROTO_KIND_PREDICTION) {
        v->predictions[v->n_predictions % 2] = msg->as.prediction;
        v->n_predictions++;
    } else if (msg->kind == PROTO_KIND_SESSION_END) {
        v->session_over = true;
    } else if (msg->kind == PROTO_KIND_ALERT) {
        v->alert = msg->as.alert;
        v->n_alerts++;
    } else if (msg->kind == PROTO_KIND_TRAINING) {
        v->training = msg->as.training;
        v->has_training = true;
    } else if (msg->kind == PROTO_KIND_FORECAST) {
        v->forecast = msg->as.forecast;
        v->has_forecast = true;
        memcpy(v->forecast_session, msg->env.session, sizeof v->forecast_session);
    } else if (msg->kind == PROTO_KIND_SUGGESTION) {
        v->suggestion = msg->as.suggestion;
        v->has_suggestion = true;
        memcpy(v->suggestion_session, msg->env.session, sizeof v->suggestion_session);
    }
}

bool watch_view_take(struct watch_view *v, const proto_message *msg)
{
    if (msg->kind == PROTO_KIND_STATUS) {
        v->status = msg->as.status;
        v->has_status = true;
        return false;
    }
    if (msg->env.subject[0] == '\0' && msg->kind == PROTO_KIND_ALERT) {
        take_saying(v, msg);
    }
    if (msg->env.subject[0] == '\0') {
        return false;
    }
    if (v->subject[0] == '\0') {
        memcpy(v->subject, msg->env.subject, sizeof v->subject);
    }
    if (strcmp(v->subject, msg->env.subject) != 0) {
        return false;
    }
    memcpy(v->rig, msg->env.rig, sizeof v->rig);
    if (msg->kind == PROTO_KIND_SESSION_START || msg->kind == PROTO_KIND_TRIAL) {
        enter_session(v, msg->env.session);
    }
    if (msg->kind != PROTO_KIND_TRIAL) {
        take_saying(v, msg);
        return false;
    }
    take_trial(v, msg);
    return true;
}

const char *watch_view_ahead_name(enum watch_view_ahead ahead)
{
    static const char *const NAMES[] = {"status", "forecast", "advice"};
    return ahead < WATCH_VIEW_AHEADS ? NAMES[ahead] : NULL;
}

enum watch_view_ahead watch_view_ahead_of(proto_kind kind)
{
    return kind == PROTO_KIND_TRAINING     ? WATCH_VIEW_AHEAD_STATUS
           : kind == PROTO_KIND_FORECAST   ? WATCH_VIEW_AHEAD_FORECAST
           : kind == PROTO_KIND_SUGGESTION ? WATCH_VIEW_AHEAD_ADVICE
                                           : WATCH_VIEW_AHEADS;
}

/* "; trial 264, 36 ago"; of a session that is not the one at hand, with its name. */
static void print_age(const struct watch_view *v, int64_t based_on, const char *session, char *out,
                      size_t cap)
{
    const int64_t last = watch_view_last(v);
    if (strcmp(session, v->session) != 0) {
        (void)snprintf(out, cap, "; trial %lld of session %s", (long long)based_on, session);
    } else if (last > based_on) {
        (void)snprintf(out, cap, "; trial %lld, %lld ago", (long long)based_on,
                       (long long)(last - based_on));
    } else {
        (void)snprintf(out, cap, "; trial %lld", (long long)based_on);
    }
}

char *watch_view_ahead_line(const struct watch_view *v, enum watch_view_ahead ahead, char *out,
                            size_t cap)
{
    const bool is_forecast = ahead == WATCH_VIEW_AHEAD_FORECAST;
    char age[PROTO_ID_MAX + 64];
    out[0] = '\0';
    if (ahead == WATCH_VIEW_AHEAD_STATUS) {
        summary_line_status(v->has_training ? &v->training : NULL,
                            v->has_forecast ? &v->forecast : NULL, out, cap);
        return out[0] != '\0' ? out : NULL;
    }
    if (is_forecast ? !v->has_forecast : !v->has_suggestion) {
        return NULL;
    }
    print_age(v, is_forecast ? v->forecast.based_on : v->suggestion.based_on,
              is_forecast ? v->forecast_session : v->suggestion_session, age, sizeof age);
    if (2 * strlen(age) > cap) {
        (void)snprintf(age, sizeof age, "; another session");
    }
    const size_t room = cap > strlen(age) ? cap - strlen(age) : 1;
    if (is_forecast) {
        summary_line_forecast(&v->forecast, out, room);
    } else {
        summary_line_advice(&v->suggestion, out, room);
    }
    (void)snprintf(out + strlen(out), cap - strlen(out), "%s", age);
    return out;
}

void watch_view_calibration(const proto_score *s, char *out, size_t cap)
{
    char covered[32] = "";
    if (isnan(s->ece)) {
        out[0] = '\0';
        return;
    }
    if (!isnan(s->coverage)) {
        (void)snprintf(covered, sizeof covered, ", 90%% holds %.2f", s->coverage);
    }
    (void)snprintf(out, cap, "ECE %.3f%s", s->ece, covered);
}

const char *watch_view_choice_name(int8_t choice)
{
    return choice < 0 ? "none" : choice == 1 ? "right" : "left";
}

static const char *outcome_name(int8_t correct)
{
    return correct < 0 ? "unknown" : correct == 1 ? "correct" : "wrong";
}

char *watch_view_line(const struct watch_view *v, char *out, size_t cap)
{
    const struct watch_view_trial *t = &v->trials[(v->n_trials - 1) % WATCH_VIEW_TRIALS_MAX];
    const proto_prediction *p = watch_view_prediction(v);
    char before[64] = "stimulus ?";
    char score[160] = "";
    if (!isnan(t->stimulus)) {
        (void)snprintf(before, sizeof before, "stimulus %+.4g", t->stimulus);
    }
    if (p != NULL && p->score.present && p->score.v.n > 0) {
        char calibration[64];
        watch_view_calibration(&p->score.v, calibration, sizeof calibration);
        (void)snprintf(score, sizeof score, "  nats: twin %.4f, random walk %.4f, chance %.4f%s%s",
                       p->score.v.nats, p->score.v.baseline_nats, TWIN_CHANCE_NATS,
                       calibration[0] != '\0' ? "; " : "", calibration);
    }
    char predicted_right[TEXT_ESCAPE_NUMBER_MAX];
    (void)snprintf(out, cap, "%s session %s trial %lld: %s, p(right) %s, chose %s, %s%s",
                   v->subject, v->session, (long long)t->trial, before,
                   text_escape_number(predicted_right, "%.3f", t->p_right),
                   watch_view_choice_name(t->choice), outcome_name(t->correct), score);
    return out;
}

char *watch_view_summary(const struct watch_view *v, char *out, size_t cap)
{
    const proto_prediction *p = watch_view_prediction(v);
    if (v->subject[0] == '\0' || v->rig[0] == '\0') {
        (void)snprintf(out, cap, "nothing was received%s%s", v->subject[0] != '\0' ? " of " : "",
                       v->subject);
    } else if (p == NULL || !p->score.present || p->score.v.n == 0) {
        (void)snprintf(out, cap, "%s: %lld trials received, none scored yet", v->subject,
                       (long long)v->n_trials);
    } else {
        (void)snprintf(out, cap,
                       "%s: %lld trials received; over the %lld scored so far, nats/trial: twin "
                       "%.4f, random walk %.4f, chance %.4f",
                       v->subject, (long long)v->n_trials, (long long)p->score.v.n, p->score.v.nats,
                       p->score.v.baseline_nats, TWIN_CHANCE_NATS);
    }
    return out;
}
