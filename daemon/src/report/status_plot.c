#include "status_plot.h"

#include <inttypes.h>
#include <math.h>

#include "review_plots.h"
#include "svg_plot.h"

enum {
    PANEL_WIDTH = 330,
    PANEL_HEIGHT = 270,
    LEFT = 52,
    TOP = 52,
    FRAME_WIDTH = 262,
    FRAME_HEIGHT = 160,
    HEAD = 34,
    A_ROW = 3,
    TEXT_MAX = 200,
    STEPS = 200
};

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
        const double all = (double)points[i].n;
        const double right = (double)points[i].n_right;
        const struct review_interval ends = review_wilson(right, all);
        (void)snprintf(tip, sizeof tip, "%g%%: right in %" PRId64 " of %" PRId64 " trials",
                       points[i].contrast, points[i].n_right, points[i].n);
        svg_plot_line(p, "whisker", points[i].contrast, ends.lo, points[i].contrast, ends.hi);
        svg_plot_dot(p, css_class, points[i].contrast, right / all, 3.2, tip);
    }
}

/* The curves that count: of the blocks if all sessions are biased, else of everything. */
static bool is_drawn(const model_ibl_criteria_standing *now, int block)
{
    const bool is_biased =
        now->value[MODEL_IBL_CRITERION_BIASED] >= now->value[MODEL_IBL_CRITERION_SESSIONS];
    return (block == MODEL_IBL_CRITERIA_ELSE) != is_biased && isfinite(now->curve[block].bias);
}

static void draw_panel(FILE *to, const struct status_report_subject *s, double left, double top)
{
    char text[TEXT_MAX];
    const model_training_status_standing *standing = &s->sessions[s->n_sessions - 1].standing;
    const model_ibl_criteria_window window = model_training_status_window(&s->tracker);
    struct svg_plot p = {.to = to,
                         .left = left + LEFT,
                         .top = top + TOP,
                         .width = FRAME_WIDTH,
                         .height = FRAME_HEIGHT,
                         .x0 = -100.0,
                         .x1 = 100.0,
                         .y0 = 0.0,
                         .y1 = 1.0};
    svg_plot_text_in(to, "head", p.left, top + 20.0, "start", FRAME_WIDTH, s->name);
    (void)snprintf(text, sizeof text, "%s; %.64s",
                   model_ibl_criteria_status_name(standing->now.status),
                   s->sessions[s->n_sessions - 1].name);
    svg_plot_text_in(to, "title", p.left, top + 38.0, "start", FRAME_WIDTH, text);
    svg_plot_y_axis(&p, NULL, NULL);
    svg_plot_line(&p, "chance", p.x0, 0.5, p.x1, 0.5);
    svg_plot_line(&p, "start", 0.0, 0.0, 0.0, 1.0);
    for (size_t i = 0; i < sizeof CURVES / sizeof CURVES[0]; i++) {
        model_psychometric_point points[MODEL_IBL_CRITERIA_CONTRASTS];
        if (is_drawn(&standing->now, CURVES[i].block)) {
            const size_t n = model_ibl_criteria_points(&window, CURVES[i].block, points);
            draw_curve(&p, &standing->now.curve[CURVES[i].block], CURVES[i].line);
            draw_points(&p, n, points, CURVES[i].dot);
        }
    }
    svg_plot_x_axis(&p, "contrast, %", NULL);
}

static void draw_legend(FILE *to)
{
    double x = 12.0;
    svg_plot_text(to, "title", x, 20.0, "start",
                  "share of right choices in the last three sessions, 95% intervals:");
    x += 410.0;
    for (size_t i = 0; i < sizeof CURVES / sizeof CURVES[0]; i++) {
        svg_plot_key(to, CURVES[i].dot, x, 20.0, CURVES[i].name);
        x += 90.0;
    }
}

void standings_plot(FILE *to, const struct status_report *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        n += s->subjects[i].n_sessions > 0 ? 1 : 0;
    }
    const uint32_t rows = n > 0 ? (n - 1) / A_ROW + 1 : 1;
    svg_plot_file_open(to, A_ROW * PANEL_WIDTH, HEAD + PANEL_HEIGHT * (double)rows,
                       "psychometric curves that training status is judged by");
    draw_legend(to);
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        if (s->subjects[i].n_sessions > 0) {
            draw_panel(to, &s->subjects[i], (double)(at % A_ROW) * PANEL_WIDTH,
                       HEAD + (double)(at / A_ROW) * PANEL_HEIGHT);
            at++;
        }
    }
    svg_plot_picture_close(to);
}
