#include "watch_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/trial.h"
#include "summary_line.h"

enum { BLOCK_TRIALS = 10, AHEAD_LABEL = 9 };

static const double CHANCE_NATS = 0.69314718055994530942; /* ln 2 */
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

static void enter_session(struct watch_view *v, const char *session)
{
    v->session_over = false;
    if (strcmp(v->session, session) != 0) {
        memcpy(v->session, session, sizeof v->session);
        v->n_levels = 0;
    }
}

/* p(right) as predicted for that trial and stimulus before the choice; NaN if it was not. */
static double predicted(const struct watch_view *v, int64_t trial, double stimulus)
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
        .p_right = predicted(v, msg->env.trial, t->stimulus),
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

/* Everything about the animal but trials. */
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
    if (msg->env.subject[0] == '\0') {
        if (msg->kind == PROTO_KIND_ALERT) {
            v->alert = msg->as.alert;
            v->n_alerts++;
        }
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

/* ---- what is said of the future -------------------------------------------------------------- */

const char *watch_view_ahead_name(enum watch_view_ahead ahead)
{
    static const char *const NAMES[] = {
#define WATCH_VIEW_AHEAD_NAME(NAME, name) #name,
        WATCH_VIEW_AHEAD_LIST(WATCH_VIEW_AHEAD_NAME)
#undef WATCH_VIEW_AHEAD_NAME
    };
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
    const int64_t last =
        v->n_trials > 0 ? v->trials[(v->n_trials - 1) % WATCH_VIEW_TRIALS_MAX].trial : 0;
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

/* Where things stand on a page of a given size. */
struct layout {
    int list_bar; /* cells of the bar of p(right) */
    int right;    /* first column of the right half */
    int right_width;
    int bottom; /* first row of the foot */
    int gap;    /* blank rows between the parts of the right half */
    int weights;
    int psychometric; /* rows of the plot; 0: no room for it */
    int learning;     /* the same */
};

/* The foot takes its rows first; on a low page the plots give way, then the last weights. */
static struct layout lay_out(const struct watch_view *v, const struct cell_canvas *c)
{
    char line[SUMMARY_LINE_MAX];
    const proto_prediction *p = watch_view_prediction(v);
    struct layout l = {.bottom = c->height - 2, .weights = p != NULL ? (int)p->w.n : 0};
    for (int i = 0; i < WATCH_VIEW_AHEADS; i++) {
        l.bottom -= watch_view_ahead_line(v, (enum watch_view_ahead)i, line, sizeof line) != NULL;
    }
    l.list_bar = c->width / 2 - 24 < 24 ? c->width / 2 - 24 : 24;
    l.right = l.list_bar + 30;
    l.right_width = c->width - l.right;
    /* Title and three rows of score; a title a part; the foot of the psychometric curve. */
    const int under_score = l.bottom - 2 - 4 - 1;
    int spare = under_score - l.weights - 2 - 1;
    l.gap = spare >= 12;
    spare -= 3 * l.gap;
    l.learning = spare >= 4 ? spare / 3 < 4 ? spare / 3 : 4 : 1;
    l.psychometric = spare - l.learning < 8 ? spare - l.learning : 8;
    if (l.psychometric < 1) {
        l.psychometric = 0;
        l.learning = spare + 2 < 4 ? spare + 2 : 4;
        l.learning = l.learning > 0 ? l.learning : 0;
    }
    l.weights = l.weights < under_score ? l.weights : under_score;
    return l;
}

static void draw_head(const struct watch_view *v, struct cell_canvas *c)
{
    int x = cell_canvas_put(c, 1, 0, c->width, CANVAS_BOLD, "murid");
    if (v->rig[0] == '\0') {
        cell_canvas_print(c, x + 2, 0, c->width, CANVAS_PLAIN, "waiting for %s",
                          v->subject[0] != '\0' ? v->subject : "an animal");
        return;
    }
    char right[96];
    (void)snprintf(right, sizeof right, "%lld trials heard", (long long)v->n_trials);
    const int end = c->width - (int)strlen(right) - 1;
    cell_canvas_print(c, x + 2, 0, end - x - 3, CANVAS_PLAIN, "%s on %s, session %s%s", v->subject,
                      v->rig, v->session[0] != '\0' ? v->session : "not begun",
                      v->session_over ? " (over)" : "");
    cell_canvas_put(c, end, 0, c->width, CANVAS_PLAIN, right);
}

static void draw_trials(const struct watch_view *v, struct cell_canvas *c, const struct layout *l)
{
    const int bar = 15;
    const int after = bar + l->list_bar + 1;
    cell_canvas_put(c, 1, 2, bar, CANVAS_DIM, "trial stimulus");
    cell_canvas_put(c, bar + 1, 2, l->list_bar + 5, CANVAS_DIM,
                    l->list_bar > 12 ? "predicted p(right)" : "p(right)");
    cell_canvas_put(c, after + 5, 2, 8, CANVAS_DIM, "choice");
    const int64_t rows = l->bottom - 3;
    const int64_t first = v->n_trials > rows ? v->n_trials - rows : 0;
    for (int64_t i = first; i < v->n_trials; i++) {
        const struct watch_view_trial *t = &v->trials[i % WATCH_VIEW_TRIALS_MAX];
        const int y = 3 + (int)(i - first);
        const enum cell_canvas_style newest = i + 1 == v->n_trials ? CANVAS_BOLD : CANVAS_PLAIN;
        cell_canvas_print(c, 0, y, 6, newest, "%6lld", (long long)t->trial);
        if (!isnan(t->stimulus)) {
            cell_canvas_print(c, 7, y, 7, newest, "%+7.3f", t->stimulus);
        }
        if (isnan(t->p_right)) {
            cell_canvas_put(c, after, y, 4, CANVAS_DIM, "   -");
        } else {
            cell_canvas_bar(c, bar, y, l->list_bar, t->p_right, CANVAS_TWIN);
            cell_canvas_print(c, after, y, 4, newest, "%4.2f", t->p_right);
        }
        cell_canvas_put(c, after + 5, y, 5, newest,
                        t->choice < 0    ? "none"
                        : t->choice == 1 ? "right"
                                         : "left");
        cell_canvas_put(c, after + 11, y, 1, t->correct == 1 ? CANVAS_GOOD : CANVAS_BAD,
                        t->correct < 0    ? " "
                        : t->correct == 1 ? "✓"
                                          : "✗");
    }
}

static void draw_score_row(struct cell_canvas *c, const struct layout *l, int y, const char *name,
                           double nats, enum cell_canvas_style style)
{
    cell_canvas_put(c, l->right, y, 12, style, name);
    if (isnan(nats)) {
        cell_canvas_put(c, l->right + 12, y, 5, CANVAS_DIM, "    -");
        return;
    }
    cell_canvas_print(c, l->right + 12, y, 6, style, "%5.3f", nats);
    /* Worse than twice chance is as bad as the bar can tell. */
    cell_canvas_bar(c, l->right + 19, y, l->right_width - 20 < 30 ? l->right_width - 20 : 30,
                    nats / (2.0 * CHANCE_NATS), style);
}

/* "ECE 0.012, 90% holds 0.91": calibration error, and the share that the intervals cover; "" where
 * the daemon does not say. */
static void print_calibration(const proto_score *s, char *out, size_t cap)
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

static int draw_score(const struct watch_view *v, struct cell_canvas *c, const struct layout *l,
                      int y)
{
    const proto_prediction *p = watch_view_prediction(v);
    const bool scored = p != NULL && p->score.present && p->score.v.n > 0;
    const double twin = scored ? p->score.v.nats : (double)NAN;
    const double walk = scored ? p->score.v.baseline_nats : (double)NAN;
    cell_canvas_put(c, l->right, y, l->right_width, CANVAS_DIM,
                    l->right_width >= 31 ? "score, nats a trial (low: good)" : "nats a trial");
    if (scored && l->right_width >= 60) {
        char text[64];
        print_calibration(&p->score.v, text, sizeof text);
        cell_canvas_put(c, l->right + 33, y, l->right_width - 33, CANVAS_DIM, text);
    }
    draw_score_row(c, l, y + 1, "twin", twin, CANVAS_TWIN);
    draw_score_row(c, l, y + 2, "random walk", walk, CANVAS_PLAIN);
    draw_score_row(c, l, y + 3, "chance", CHANCE_NATS, CANVAS_PLAIN);
    return y + 4 + l->gap;
}

/* Copies the i-th of the comma-separated names, or "w I" if there are not that many. */
static void weight_name(const char *names, uint32_t i, char *out, size_t cap)
{
    for (uint32_t skipped = 0; skipped < i; skipped++) {
        const char *comma = strchr(names, ',');
        names = comma != NULL ? comma + 1 : "";
    }
    const size_t n = strcspn(names, ",");
    if (n == 0) {
        (void)snprintf(out, cap, "w%u", i);
    } else {
        (void)snprintf(out, cap, "%.*s", (int)n, names);
    }
}

static int draw_weights(const struct watch_view *v, struct cell_canvas *c, const struct layout *l,
                        int y)
{
    const proto_prediction *p = watch_view_prediction(v);
    cell_canvas_put(c, l->right, y, l->right_width, CANVAS_DIM, "weights of the twin");
    if (p == NULL) {
        return y + 1 + l->gap;
    }
    const int side = (l->right_width - 28) / 2 < 12 ? (l->right_width - 28) / 2 : 12;
    double widest = 1.0;
    for (uint32_t i = 0; i < p->w.n; i++) {
        widest = fabs(p->w.v[i]) > widest ? fabs(p->w.v[i]) : widest;
    }
    for (uint32_t i = 0; i < (uint32_t)l->weights; i++) {
        char name[64];
        const int row = ++y;
        const int wide = l->right_width < 25 ? l->right_width - 12 : 13;
        weight_name(p->policy, i, name, sizeof name);
        cell_canvas_put(c, l->right, row, wide - 1, CANVAS_PLAIN, name);
        cell_canvas_print(c, l->right + wide, row, 6, CANVAS_TWIN, "%+6.2f", p->w.v[i]);
        if (i < p->w_sd.n) {
            cell_canvas_print(c, l->right + wide + 7, row, 6, CANVAS_DIM, "±%.2f", p->w_sd.v[i]);
        }
        if (side >= 3) {
            const int zero = l->right + 27 + side;
            const double share = p->w.v[i] / widest;
            const int cells = (int)(fabs(share) * side + 0.5);
            cell_canvas_put(c, zero, row, 1, CANVAS_DIM, "│");
            for (int k = 1; k <= cells; k++) {
                cell_canvas_put(c, share > 0.0 ? zero + k : zero - k, row, 1, CANVAS_TWIN, "■");
            }
        }
    }
    return y + 1 + l->gap;
}

static int draw_psychometric(const struct watch_view *v, struct cell_canvas *c,
                             const struct layout *l, int y)
{
    const int rows = l->psychometric;
    const int foot = y + rows;
    cell_canvas_put(c, l->right, y, l->right_width, CANVAS_DIM,
                    l->right_width >= 44 ? "p(right): bars this session, ● twin now"
                                         : "p(right), ● twin");
    cell_canvas_put(c, l->right, y + 1, 1, CANVAS_DIM, "1");
    cell_canvas_put(c, l->right, foot, 1, CANVAS_DIM, "0");
    if (v->n_levels == 0) {
        return foot + 2 + l->gap;
    }
    const int room = (l->right_width - 2) / v->n_levels;
    const int step = room < 1 ? 1 : room < 6 ? room : 6;
    const int64_t last =
        v->n_trials > 0 ? v->trials[(v->n_trials - 1) % WATCH_VIEW_TRIALS_MAX].trial : 0;
    for (int i = 0; i < v->n_levels; i++) {
        const struct watch_view_level *level = &v->levels[i];
        const int x = l->right + 2 + i * step;
        for (int k = 0; k < (step > 2 ? step - 1 : 1); k++) {
            cell_canvas_column(c, x + k, foot, rows, (double)level->n_right / level->n,
                               CANVAS_PLAIN);
        }
        double p = predicted(v, last + 1, level->stimulus);
        p = isnan(p) ? predicted(v, last, level->stimulus) : p;
        if (!isnan(p)) {
            const int up = (int)(p * rows);
            cell_canvas_put(c, x + (step - 1) / 2, foot - (up < rows ? up : rows - 1), 1,
                            CANVAS_TWIN, "●");
        }
        if (step >= 5) {
            cell_canvas_print(c, x, foot + 1, step - 1, CANVAS_DIM, "%+4.0f",
                              100.0 * level->stimulus);
        }
    }
    if (step < 5) {
        char last_label[16];
        const int end = l->right + 2 + v->n_levels * step;
        const int x = cell_canvas_print(c, l->right + 2, foot + 1, end, CANVAS_DIM, "%+.0f",
                                        100.0 * v->levels[0].stimulus);
        const int size = snprintf(last_label, sizeof last_label, "%+.0f",
                                  100.0 * v->levels[v->n_levels - 1].stimulus);
        cell_canvas_put(c, end - size > x ? end - size : x + 1, foot + 1, size, CANVAS_DIM,
                        last_label);
    }
    return foot + 2 + l->gap;
}

/* Of the last trials that can be told right or wrong: their number, up to WATCH_VIEW_RECENT. */
static int count_recent(const struct watch_view *v, int *n_correct)
{
    const int64_t first =
        v->n_trials > WATCH_VIEW_TRIALS_MAX ? v->n_trials - WATCH_VIEW_TRIALS_MAX : 0;
    int n = 0;
    *n_correct = 0;
    for (int64_t i = v->n_trials; i-- > first && n < WATCH_VIEW_RECENT;) {
        const int8_t correct = v->trials[i % WATCH_VIEW_TRIALS_MAX].correct;
        n += correct >= 0;
        *n_correct += correct == 1;
    }
    return n;
}

static void draw_learning(const struct watch_view *v, struct cell_canvas *c, const struct layout *l,
                          int y)
{
    int n_correct = 0;
    int x = l->right;
    const int n = count_recent(v, &n_correct);
    const bool is_wide = l->right_width >= 44;
    if (n > 0) {
        x = cell_canvas_print(c, x, y, l->right_width, CANVAS_PLAIN, "%d%%",
                              (100 * n_correct + n / 2) / n);
        x = cell_canvas_print(c, x, y, l->right + l->right_width - x, CANVAS_DIM,
                              is_wide ? " of the last %d correct; " : " of last %d; ", n);
    }
    cell_canvas_print(c, x, y, l->right + l->right_width - x, CANVAS_DIM,
                      is_wide ? "bars: every %d" : "bars: %d", v->block_size);
    const int room = l->right_width - 6;
    const int first = v->n_blocks > room ? v->n_blocks - room : 0;
    for (int i = first; i < v->n_blocks; i++) {
        const struct watch_view_block *b = &v->blocks[i];
        cell_canvas_column(c, l->right + i - first, y + l->learning, l->learning,
                           (double)b->n_correct / b->n, CANVAS_GOOD);
    }
}

static void draw_foot(const struct watch_view *v, struct cell_canvas *c, const struct layout *l)
{
    char line[SUMMARY_LINE_MAX];
    int y = l->bottom;
    for (int i = 0; i < WATCH_VIEW_AHEADS; i++) {
        const size_t room = (size_t)(c->width - AHEAD_LABEL - 1);
        if (watch_view_ahead_line(v, (enum watch_view_ahead)i, line,
                                  room < sizeof line ? room : sizeof line) != NULL) {
            cell_canvas_put(c, 1, y, AHEAD_LABEL, CANVAS_DIM,
                            watch_view_ahead_name((enum watch_view_ahead)i));
            cell_canvas_put(c, 1 + AHEAD_LABEL, y++, (int)room, CANVAS_PLAIN, line);
        }
    }
    if (v->n_alerts > 0) {
        cell_canvas_print(c, 1, y, c->width - 2, CANVAS_WARN, "alert %lld, %s: %s",
                          (long long)v->n_alerts, v->alert.code, v->alert.text);
    } else {
        cell_canvas_put(c, 1, y, c->width - 2, CANVAS_DIM, "no alerts");
    }
    int x = 1;
    const proto_prediction *p = watch_view_prediction(v);
    if (p != NULL && p->stage_us.n >= 3) {
        x = cell_canvas_print(c, x, y + 1, c->width - 2, CANVAS_DIM,
                              "us: decode %.1f, update %.1f, predict %.1f", p->stage_us.v[0],
                              p->stage_us.v[1], p->stage_us.v[2]);
    }
    if (v->has_status && !isnan(v->status.trial_p99_us)) {
        cell_canvas_print(c, x, y + 1, c->width - x - 1, CANVAS_DIM, "%sreply %.0f, 99%% %.0f",
                          x > 1 ? "; " : "us: ", v->status.trial_p50_us, v->status.trial_p99_us);
    }
}

void watch_view_draw(const struct watch_view *v, struct cell_canvas *canvas)
{
    if (canvas->width < WATCH_VIEW_WIDTH_MIN || canvas->height < WATCH_VIEW_HEIGHT_MIN) {
        cell_canvas_print(canvas, 0, 0, canvas->width, CANVAS_PLAIN,
                          "murid watch needs %d x %d cells", WATCH_VIEW_WIDTH_MIN,
                          WATCH_VIEW_HEIGHT_MIN);
        return;
    }
    const struct layout l = lay_out(v, canvas);
    draw_head(v, canvas);
    draw_trials(v, canvas, &l);
    int y = draw_score(v, canvas, &l, 2);
    y = draw_weights(v, canvas, &l, y);
    if (l.psychometric > 0) {
        y = draw_psychometric(v, canvas, &l, y);
    }
    if (l.learning > 0) {
        draw_learning(v, canvas, &l, y);
    }
    draw_foot(v, canvas, &l);
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
        print_calibration(&p->score.v, calibration, sizeof calibration);
        (void)snprintf(score, sizeof score, "  nats: twin %.4f, random walk %.4f, chance %.4f%s%s",
                       p->score.v.nats, p->score.v.baseline_nats, CHANCE_NATS,
                       calibration[0] != '\0' ? "; " : "", calibration);
    }
    char predicted_right[16] = "-";
    if (!isnan(t->p_right)) {
        (void)snprintf(predicted_right, sizeof predicted_right, "%.3f", t->p_right);
    }
    (void)snprintf(out, cap, "%s session %s trial %lld: %s, p(right) %s, chose %s, %s%s",
                   v->subject, v->session, (long long)t->trial, before, predicted_right,
                   t->choice < 0    ? "none"
                   : t->choice == 1 ? "right"
                                    : "left",
                   outcome_name(t->correct), score);
    return out;
}

char *watch_view_summary(const struct watch_view *v, char *out, size_t cap)
{
    const proto_prediction *p = watch_view_prediction(v);
    if (v->subject[0] == '\0' || v->rig[0] == '\0') {
        (void)snprintf(out, cap, "nothing was heard%s%s", v->subject[0] != '\0' ? " of " : "",
                       v->subject);
    } else if (p == NULL || !p->score.present || p->score.v.n == 0) {
        (void)snprintf(out, cap, "%s: %lld trials heard, none scored yet", v->subject,
                       (long long)v->n_trials);
    } else {
        (void)snprintf(
            out, cap,
            "%s: %lld trials heard; over the %lld scored so far, nats a trial: twin %.4f, "
            "random walk %.4f, chance %.4f",
            v->subject, (long long)v->n_trials, (long long)p->score.v.n, p->score.v.nats,
            p->score.v.baseline_nats, CHANCE_NATS);
    }
    return out;
}
