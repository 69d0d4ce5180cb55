#include <math.h>
#include <string.h>

#include "figure.h"
#include "rule_ensemble.h"

enum { TEXT_MAX = 256 };

static const double LEFT = 76.0;
static const double RIGHT = 24.0;
static const double WIDTH = 210.0;
static const double HEIGHT = 112.0;
static const double GAP = 26.0;
static const double HEAD_ROOM = 58.0;  /* a block's heading and legend */
static const double ROW_ROOM = 44.0;   /* titles above the frame */
static const double UNDER_ROOM = 52.0; /* numbers and title under it */
static const double TITLE_ROOM = 54.0;
static const double INDEX_WIDTH = 280.0;
static const double NAME_ROW = 14.0;

enum { NAME_ROWS = 3 };

static const char *const OUTCOME_CLASS[] = {"c0", "c1"};
_Static_assert(sizeof OUTCOME_CLASS / sizeof OUTCOME_CLASS[0] == MODEL_RULE_PROBE_OUTCOMES,
               "a class for each");

static const char *symbol(const struct rule_ensemble *e)
{
    return model_rule_of(rule_ensemble_kind(e))->sets_offset ? "offset o" : "Δw";
}

/* What w . g is in, over the feature's own unit; x and choices have none. */
static const char *unit(model_feature feature)
{
    return feature == MODEL_FEATURE_BIAS ? "log odds" : "log odds per unit";
}

static void range_of(const struct rule_ensemble *e, uint32_t weight, struct svg_plot *p)
{
    const bool has_memory = model_rule_of(rule_ensemble_kind(e))->has_memory;
    p->y0 = p->y1 = 0.0;
    for (uint32_t k = 0; k < e->n_states; k++) {
        for (int past = 0; past < (has_memory ? MODEL_RULE_PROBE_PASTS : 1); past++) {
            for (int i = 0; i < MODEL_RULE_PROBE_OUTCOMES * MODEL_RULE_PROBE_STIMULI; i++) {
                const model_student_t_interval v =
                    rule_ensemble_mean_dw(e, k, (model_rule_probe_past)past,
                                          (model_rule_probe_outcome)(i / MODEL_RULE_PROBE_STIMULI),
                                          (size_t)(i % MODEL_RULE_PROBE_STIMULI), weight);
                svg_plot_include(&p->y0, &p->y1, v.mean);
                svg_plot_include(&p->y0, &p->y1, v.lo);
                svg_plot_include(&p->y0, &p->y1, v.hi);
            }
        }
    }
    const double pad = p->y1 > p->y0 ? 0.06 * (p->y1 - p->y0) : 1.0;
    p->y0 -= pad;
    p->y1 += pad;
}

/* One curve: the sides apart, since at 0 the choice that is correct changes. */
static void draw_curve(struct svg_plot *p, const struct rule_ensemble *e, uint32_t state,
                       model_rule_probe_past past, model_rule_probe_outcome outcome,
                       uint32_t weight)
{
    enum { SIDE = MODEL_RULE_PROBE_STIMULI / 2 };
    char band[32];
    char line[32];
    (void)snprintf(band, sizeof band, "band %s", OUTCOME_CLASS[outcome]);
    (void)snprintf(line, sizeof line, "line %s%s", OUTCOME_CLASS[outcome],
                   past == MODEL_RULE_PROBE_UNREWARDED ? " dashed" : "");
    for (size_t first = 0; first < MODEL_RULE_PROBE_STIMULI; first += SIDE) {
        model_student_t_interval v[SIDE];
        for (size_t i = 0; i < SIDE; i++) {
            v[i] = rule_ensemble_mean_dw(e, state, past, outcome, first + i, weight);
        }
        const struct figure_run run = {SIDE, model_rule_probe_stimulus(first), 1.0 / SIDE,
                                       sizeof v[0]};
        if (e->n_members > 1) {
            figure_band(p, band, &run, &v->lo, &v->hi);
        }
        figure_curve(p, line, &run, &v->mean);
    }
}

static void name_state(const struct rule_ensemble *e, uint32_t state, char out[TEXT_MAX])
{
    size_t used = (size_t)snprintf(out, TEXT_MAX, "%s: w = ", e->states[state].name);
    for (uint32_t i = 0; i < rule_ensemble_policy(e)->n && used < TEXT_MAX; i++) {
        used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s%.3g", i > 0 ? ", " : "",
                                 e->states[state].w[i]);
    }
}

static void draw_row(FILE *to, const struct rule_ensemble *e, uint32_t weight, double top,
                     bool is_of_history)
{
    const model_feature feature = rule_ensemble_policy(e)->feature[weight];
    struct svg_plot p = svg_plot_at(to, LEFT, top + ROW_ROOM, WIDTH, HEIGHT);
    p.x0 = -1.1;
    p.x1 = 1.1;
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s of %s (%s)", symbol(e), model_feature_name(feature),
                   unit(feature));
    svg_plot_text(to, "title", LEFT - 6.0, p.top - 26.0, "start", text);
    range_of(e, weight, &p);
    for (uint32_t k = 0; k < e->n_states; k++) {
        svg_plot_y_axis(&p, NULL, k == 0 ? NULL : "");
        svg_plot_line(&p, "chance", p.x0, 0.0, p.x1, 0.0);
        svg_plot_line(&p, "start", 0.0, p.y0, 0.0, p.y1);
        svg_plot_x_axis(&p, "stimulus x", NULL);
        for (int outcome = 0; outcome < MODEL_RULE_PROBE_OUTCOMES; outcome++) {
            const int first = is_of_history ? MODEL_RULE_PROBE_REWARDED : MODEL_RULE_PROBE_SETTLED;
            const int last = is_of_history ? MODEL_RULE_PROBE_UNREWARDED : MODEL_RULE_PROBE_SETTLED;
            for (int past = first; past <= last; past++) {
                draw_curve(&p, e, k, (model_rule_probe_past)past, (model_rule_probe_outcome)outcome,
                           weight);
            }
        }
        name_state(e, k, text);
        svg_plot_text_in(to, "name", p.left + p.width / 2.0, p.top - 8.0, "middle",
                         WIDTH + GAP - 8.0, text);
        p.left += WIDTH + GAP;
    }
}

static const struct {
    const char *css_class;
    double x;
    const char *text;
} KEYS[] = {{"line c0", 70.0, "correct"},
            {"line c1", 162.0, "error"},
            {"line c2", 242.0, "solid: rewarded before"},
            {"line dashed c2", 428.0, "dashed: unrewarded before"}};

static double draw_block(FILE *to, const struct rule_ensemble *e, double top, bool is_of_history)
{
    char text[TEXT_MAX];
    if (is_of_history) {
        (void)snprintf(text, sizeof text,
                       "%s after %u rewarded trials and after %u unrewarded ones", symbol(e),
                       (unsigned)e->history, (unsigned)e->history);
    } else {
        (void)snprintf(text, sizeof text, "%s after a correct trial and after an error", symbol(e));
    }
    svg_plot_text(to, "head", LEFT - 6.0, top + 22.0, "start", text);
    for (size_t i = 0; i < (is_of_history ? 4 : 2); i++) {
        figure_line_key(to, KEYS[i].css_class, KEYS[i].x, top + 44.0, 22.0, 220.0, KEYS[i].text);
    }
    top += HEAD_ROOM;
    for (uint32_t i = 0; i < rule_ensemble_policy(e)->n; i++) {
        draw_row(to, e, i, top, is_of_history);
        top += ROW_ROOM + HEIGHT + UNDER_ROOM;
    }
    return top;
}

/* One index of every weight, and of all. */
static void draw_indices(FILE *to, const struct rule_ensemble *e, enum rule_ensemble_index index,
                         double left, double top, const char *title)
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    struct svg_plot p = svg_plot_at(to, left, top + ROW_ROOM, INDEX_WIDTH, HEIGHT);
    p.x0 = -0.6;
    p.x1 = n + 0.6;
    p.y0 = -1.1;
    p.y1 = 1.1;
    svg_plot_text(to, "title", left - 6.0, p.top - 26.0, "start", title);
    svg_plot_y_axis(&p, NULL, "%.1f");
    svg_plot_line(&p, "chance", p.x0, 0.0, p.x1, 0.0);
    for (uint32_t i = 0; i <= n; i++) {
        const model_student_t_interval v = rule_ensemble_mean_index(e, index, i);
        const char *name = i < n ? model_feature_name(rule_ensemble_policy(e)->feature[i]) : "all";
        char tip[TEXT_MAX];
        for (uint32_t m = 0; m < e->n_members && e->n_members > 1; m++) {
            svg_plot_dot(&p, "dot c0", i - 0.15, rule_ensemble_index(e, m, index, i), 2.0, NULL);
        }
        (void)snprintf(tip, sizeof tip, "%s: %+.3f", name, v.mean);
        svg_plot_line(&p, "whisker", i, v.lo, i, v.hi);
        svg_plot_dot(&p, "seen", i, v.mean, 3.6, tip);
        /* Names of eight features are wider than their places: they stand on three lines. */
        svg_plot_text(to, "tick", svg_plot_px(&p, i),
                      p.top + p.height + 16.0 + (n < 4 ? 0.0 : NAME_ROW * (i % NAME_ROWS)),
                      "middle", name);
    }
}

static void describe(const struct rule_ensemble *e, char out[TEXT_MAX])
{
    const char *about = "x: transformed contrast, right positive, no unit";
    if (e->n_members == 1) {
        (void)snprintf(out, TEXT_MAX, "One model, so no interval. %s", about);
    } else {
        (void)snprintf(out, TEXT_MAX,
                       "%u models: mean, with 90%% intervals (Student's t over them). %s",
                       (unsigned)e->n_members, about);
    }
}

void rule_plot(FILE *to, const struct rule_ensemble *e)
{
    const bool has_memory = model_rule_of(rule_ensemble_kind(e))->has_memory;
    const double row = ROW_ROOM + HEIGHT + UNDER_ROOM;
    const double block = HEAD_ROOM + rule_ensemble_policy(e)->n * row;
    const double columns = fmax(e->n_states, 3.0);
    const double width = LEFT + columns * WIDTH + (columns - 1.0) * GAP + RIGHT;
    const double height = TITLE_ROOM + (has_memory ? 2.0 : 1.0) * block + row + 34.0 + NAME_ROW;
    char title[TEXT_MAX];
    char text[TEXT_MAX];
    (void)snprintf(title, sizeof title, "Learning rule %s: %s",
                   model_rule_name(rule_ensemble_kind(e)),
                   model_rule_of(rule_ensemble_kind(e))->formula);
    svg_plot_file_open(to, width, height, title);
    svg_plot_text_in(to, "head", LEFT - 6.0, 24.0, "start", width - LEFT, title);
    describe(e, text);
    svg_plot_text_in(to, "title", LEFT - 6.0, 42.0, "start", width - LEFT, text);
    double top = draw_block(to, e, TITLE_ROOM, false);
    if (has_memory) {
        top = draw_block(to, e, top, true);
    }
    draw_indices(to, e, RULE_ENSEMBLE_ASYMMETRY, LEFT, top,
                 "asymmetry: correct (+1) against error (-1)");
    if (has_memory) {
        (void)snprintf(text, sizeof text,
                       "history: %u rewarded (+1) against unrewarded (-1) trials",
                       (unsigned)e->history);
        draw_indices(to, e, RULE_ENSEMBLE_MEMORY, LEFT + INDEX_WIDTH + LEFT, top, text);
    } else {
        svg_plot_text(to, "name", 2.0 * LEFT + INDEX_WIDTH, top + ROW_ROOM + HEIGHT / 2.0, "start",
                      "no memory: previous trials have no effect");
    }
    svg_plot_picture_close(to);
}
