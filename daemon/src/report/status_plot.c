#include <inttypes.h>
#include <math.h>

#include "figure.h"
#include "status_report.h"

enum { TEXT_MAX = 200, STEPS = 200 };

static const struct figure_panels PANELS = {
    .columns = 3, .width = 330.0, .height = 270.0, .left = 52.0, .top = 52.0, .head = 34.0};

static const struct {
    int block;
    const char *line;
    const char *dot;
    const char *name;
} CURVES[] = {
    {MODEL_IBL_CRITERIA_ELSE, "line c0", "dot c0", "all blocks"},
    {MODEL_IBL_CRITERIA_20, "line c1", "dot c1", "20 blocks"},
    {MODEL_IBL_CRITERIA_80, "line c2", "dot c2", "80 blocks"},
};

static void draw_curve(struct svg_plot *p, const model_psychometric *curve, const char *css_class)
{
    svg_plot_path_open(p, css_class);
    for (int i = 0; i <= STEPS; i++) {
        const double x = p->x0 + (p->x1 - p->x0) * i / STEPS;
        svg_plot_path_to(p, x, model_psychometric_predict(curve, x));
    }
    svg_plot_path_close(p);
}

static void draw_points(struct svg_plot *p, size_t n, const model_psychometric_point points[],
                        const char *css_class)
{
    for (size_t i = 0; i < n; i++) {
        char tip[TEXT_MAX];
        (void)snprintf(tip, sizeof tip, "%g%%: right in %" PRId64 " of %" PRId64 " trials",
                       points[i].contrast, points[i].n_right, points[i].n);
        figure_draw_proportion(p, css_class, points[i].contrast, (double)points[i].n_right,
                               (double)points[i].n, tip);
    }
}

/* The curves that count: of the blocks if all sessions are biased, else of everything. */
static bool is_drawn(const model_ibl_criteria_standing *now, int block)
{
    const bool is_biased =
        now->value[MODEL_IBL_CRITERION_BIASED] >= now->value[MODEL_IBL_CRITERION_SESSIONS];
    return (block == MODEL_IBL_CRITERIA_ELSE) != is_biased && isfinite(now->curve[block].bias);
}

static void draw_panel(FILE *to, const struct status_report_subject *s, uint32_t number)
{
    char text[TEXT_MAX];
    const struct status_report_session *latest = &s->sessions[s->n_sessions - 1];
    const model_training_status_standing *standing = &latest->standing;
    const model_ibl_criteria_window window = model_training_status_window(&s->tracker);
    struct svg_plot p = figure_panel(to, &PANELS, number, s->name);
    p.x0 = -100.0;
    p.x1 = 100.0;
    (void)snprintf(text, sizeof text, "%s; %.64s",
                   model_ibl_criteria_status_name(standing->now.status), latest->name);
    svg_plot_text_in(to, "title", p.left, p.top - 14.0, "start", p.width, text);
    figure_axes(&p, "contrast, %", NULL, 0.5);
    for (size_t i = 0; i < sizeof CURVES / sizeof CURVES[0]; i++) {
        model_psychometric_point points[MODEL_IBL_CRITERIA_CONTRASTS];
        if (is_drawn(&standing->now, CURVES[i].block)) {
            const size_t n = model_ibl_criteria_points(&window, CURVES[i].block, points);
            draw_curve(&p, &standing->now.curve[CURVES[i].block], CURVES[i].line);
            draw_points(&p, n, points, CURVES[i].dot);
        }
    }
}

static void draw_legend(FILE *to)
{
    double x = 12.0;
    svg_plot_text(to, "title", x, 20.0, "start",
                  "fraction of right choices in the last three sessions, 95% intervals:");
    x += 430.0;
    for (size_t i = 0; i < sizeof CURVES / sizeof CURVES[0]; i++) {
        figure_dot_key(to, CURVES[i].dot, x, 20.0, CURVES[i].name);
        x += 90.0;
    }
}

void status_plot(FILE *to, const struct status_report *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        n += s->subjects[i].n_sessions > 0 ? 1 : 0;
    }
    figure_panels_open(to, &PANELS, n, "psychometric curves behind the training status");
    draw_legend(to);
    n = 0;
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        if (s->subjects[i].n_sessions > 0) {
            draw_panel(to, &s->subjects[i], n++);
        }
    }
    svg_plot_picture_close(to);
}
