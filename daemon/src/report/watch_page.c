#include "watch_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "summary_line.h"
#include "twin.h"

enum { AHEAD_LABEL = 9 };

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
    (void)snprintf(right, sizeof right, "%lld trials received", (long long)v->n_trials);
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
        cell_canvas_put(c, after + 5, y, 5, newest, watch_view_choice_name(t->choice));
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
                    nats / (2.0 * TWIN_CHANCE_NATS), style);
}

static int draw_score(const struct watch_view *v, struct cell_canvas *c, const struct layout *l,
                      int y)
{
    const proto_prediction *p = watch_view_prediction(v);
    const bool scored = p != NULL && p->score.present && p->score.v.n > 0;
    const double twin = scored ? p->score.v.nats : (double)NAN;
    const double walk = scored ? p->score.v.baseline_nats : (double)NAN;
    cell_canvas_put(c, l->right, y, l->right_width, CANVAS_DIM,
                    l->right_width >= 37 ? "score, nats/trial (lower is better)" : "nats/trial");
    if (scored && l->right_width >= 60) {
        char text[64];
        watch_view_calibration(&p->score.v, text, sizeof text);
        cell_canvas_put(c, l->right + 33, y, l->right_width - 33, CANVAS_DIM, text);
    }
    draw_score_row(c, l, y + 1, "twin", twin, CANVAS_TWIN);
    draw_score_row(c, l, y + 2, "random walk", walk, CANVAS_PLAIN);
    draw_score_row(c, l, y + 3, "chance", TWIN_CHANCE_NATS, CANVAS_PLAIN);
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
    const int64_t last = watch_view_last(v);
    for (int i = 0; i < v->n_levels; i++) {
        const struct watch_view_level *level = &v->levels[i];
        const int x = l->right + 2 + i * step;
        for (int k = 0; k < (step > 2 ? step - 1 : 1); k++) {
            cell_canvas_column(c, x + k, foot, rows, (double)level->n_right / level->n,
                               CANVAS_PLAIN);
        }
        double p = watch_view_predicted(v, last + 1, level->stimulus);
        p = isnan(p) ? watch_view_predicted(v, last, level->stimulus) : p;
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

void watch_page_draw(const struct watch_view *v, struct cell_canvas *canvas)
{
    if (canvas->width < WATCH_PAGE_WIDTH_MIN || canvas->height < WATCH_PAGE_HEIGHT_MIN) {
        cell_canvas_print(canvas, 0, 0, canvas->width, CANVAS_PLAIN,
                          "murid watch needs %d x %d cells", WATCH_PAGE_WIDTH_MIN,
                          WATCH_PAGE_HEIGHT_MIN);
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
