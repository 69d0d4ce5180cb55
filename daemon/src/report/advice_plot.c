#include <math.h>

#include "advice_report.h"
#include "figure.h"

enum { WORDS_MAX = 96, TITLE_MAX = 256 };

static const double LEFT = 330.0;
static const double WIDTH = 460.0;
static const double TOP = 66.0;
static const double ROW = 22.0;

static void draw_action(struct svg_plot *p, const struct advice_report *r, uint32_t i)
{
    char words[WORDS_MAX];
    char tip[WORDS_MAX];
    const model_curriculum_action *a = &r->advice.action[i];
    const double y = (double)r->advice.n - i - 0.5;
    suggestion_message_describe(&a->change, &r->animal.protocol.protocol, words, sizeof words);
    (void)snprintf(tip, sizeof tip, "%.4f (%.4f to %.4f)", a->gain, a->gain_lo, a->gain_hi);
    figure_row_name(p, y, words);
    svg_plot_line(p, a->is_final ? "line c0" : "line c4", a->gain_lo, y, a->gain_hi, y);
    svg_plot_dot(p, a->is_final ? "dot c0" : "dot c4", a->gain, y, 4.0, tip);
}

void advice_plot(FILE *to, const struct advice_report *a)
{
    char title[TITLE_MAX];
    char why[TITLE_MAX];
    const model_protocol *protocol = &a->animal.protocol.protocol;
    const uint32_t n = a->advice.n;
    const double height = ROW * fmax((double)n, 1.0);
    struct svg_plot p = svg_plot_at(to, LEFT, TOP, WIDTH, height);
    p.x0 = -0.001;
    p.x1 = 0.001;
    p.y1 = fmax((double)n, 1.0);
    for (uint32_t i = 0; i < n; i++) {
        svg_plot_include(&p.x0, &p.x1, a->advice.action[i].gain_lo);
        svg_plot_include(&p.x0, &p.x1, a->advice.action[i].gain_hi);
    }
    (void)snprintf(title, sizeof title, "%.64s after %zu trials, stage %s", a->animal.past.subject,
                   a->animal.at, protocol->stage[a->animal.rig.stage].name);
    suggestion_message_why(&a->advice, protocol, why, sizeof why);
    svg_plot_file_open(to, LEFT + WIDTH + 30.0, TOP + height + 60.0,
                       "expected gain of changes of the protocol");
    svg_plot_text_in(to, "head", 16.0, 22.0, "start", LEFT + WIDTH, title);
    svg_plot_text_in(to, "title", 16.0, 44.0, "start", LEFT + WIDTH, why);
    svg_plot_line(&p, "chance", 0.0, p.y0, 0.0, p.y1);
    for (uint32_t i = 0; i < n; i++) {
        draw_action(&p, a, i);
    }
    svg_plot_x_axis(&p, "gain in fraction correct, mean and 90% of the twins", NULL);
    svg_plot_picture_close(to);
}
