#include "comparison.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "json_writer.h"
#include "model/bootstrap.h"
#include "text_escape.h"

int comparison_open(struct comparison *c, uint32_t n_subjects, uint32_t n_models,
                    struct fault *fault)
{
    const size_t cells = (size_t)n_subjects * n_models;
    *c = (struct comparison){.n_subjects = n_subjects, .n_models = n_models};
    c->subject = calloc((size_t)n_subjects + 1, sizeof c->subject[0]);
    c->model = calloc((size_t)n_models + 1, sizeof c->model[0]);
    c->n = calloc((size_t)n_subjects + 1, sizeof c->n[0]);
    c->fold = calloc((size_t)n_subjects + 1, sizeof c->fold[0]);
    c->nats = calloc(cells + 1, sizeof c->nats[0]);
    c->gain = calloc((size_t)n_models + 1, sizeof c->gain[0]);
    if (c->subject == NULL || c->model == NULL || c->n == NULL || c->fold == NULL ||
        c->nats == NULL || c->gain == NULL) {
        comparison_close(c);
        return fault_set(fault, FAULT_WORK, "no memory for a table of %u animals and %u models",
                         n_subjects, n_models);
    }
    return FAULT_NONE;
}

void comparison_close(struct comparison *c)
{
    free(c->subject);
    free(c->model);
    free(c->n);
    free(c->fold);
    free(c->nats);
    free(c->gain);
    memset(c, 0, sizeof *c);
}

static double sum_of(const struct comparison *c, uint32_t subject, uint32_t model)
{
    return c->nats[(size_t)subject * c->n_models + model];
}

static double mean(double sum, int64_t n)
{
    return n > 0 ? sum / (double)n : (double)NAN;
}

double comparison_nats(const struct comparison *c, uint32_t subject, uint32_t model)
{
    return mean(sum_of(c, subject, model), c->n[subject]);
}

int64_t comparison_trials(const struct comparison *c)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        n += c->n[i];
    }
    return n;
}

uint32_t comparison_scored(const struct comparison *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        n += c->n[i] > 0 ? 1 : 0;
    }
    return n;
}

double comparison_pooled(const struct comparison *c, uint32_t model)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        sum += sum_of(c, i, model);
    }
    return mean(sum, comparison_trials(c));
}

static double gained(const struct comparison *c, uint32_t subject, uint32_t model)
{
    return sum_of(c, subject, model) - sum_of(c, subject, c->named);
}

/* What the named model gains on another with one animal. */
static double subject_gain(const struct comparison *c, uint32_t subject, uint32_t model)
{
    return mean(gained(c, subject, model), c->n[subject]);
}

static struct comparison_gain gain_on(const struct comparison *c, uint32_t model, double room[])
{
    double *const ratios = room;
    double *const sums = room + COMPARISON_RESAMPLES;
    double *const counts = sums + c->n_subjects;
    struct comparison_gain g = {.least = (double)INFINITY};
    model_random random;
    uint32_t k = 0;
    double sum = 0.0;
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        if (c->n[i] > 0) {
            const double gain = subject_gain(c, i, model);
            sums[k] = gained(c, i, model);
            counts[k] = (double)c->n[i];
            sum += sums[k++];
            g.n_worse += gain < -COMPARISON_WORSE ? 1 : 0;
            g.worst = gain < g.least ? i : g.worst;
            g.least = fmin(g.least, gain);
        }
    }
    g.pooled = mean(sum, comparison_trials(c));
    g.least = k > 0 ? g.least : (double)NAN;
    /* From the same stream for each model: their intervals are of the same draws of animals. */
    model_random_seed(&random, c->seed, 0);
    model_bootstrap_ratio(k, sums, counts, &random, COMPARISON_RESAMPLES, ratios, &g.lo, &g.hi);
    return g;
}

int comparison_against(struct comparison *c, uint32_t named, uint64_t seed, struct fault *fault)
{
    const double nan = (double)NAN;
    double *room = calloc(COMPARISON_RESAMPLES + 2 * (size_t)c->n_subjects, sizeof *room);
    if (room == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory to compare the models");
    }
    c->named = named;
    c->seed = seed;
    for (uint32_t m = 0; m < c->n_models; m++) {
        c->gain[m] =
            m != named ? gain_on(c, m, room) : (struct comparison_gain){nan, nan, nan, nan, 0, 0};
    }
    free(room);
    return FAULT_NONE;
}

static int width_of(const char *name, int least)
{
    const int n = (int)strlen(name);
    return n > least ? n : least;
}

static void print_real(FILE *to, int width, double value)
{
    char text[TEXT_ESCAPE_NUMBER_MAX];
    fprintf(to, " %*s", width, text_escape_number(text, "%.4f", value));
}

static void print_gains(FILE *to, const struct comparison *c)
{
    int width = 5;
    for (uint32_t m = 0; m < c->n_models; m++) {
        width = width_of(c->model[m], width);
    }
    fprintf(to, "%-*s %8s %8s %17s %7s  %s\n", width, "model", "nats", "gain", "95% of gain",
            "worse", "worst animal");
    for (uint32_t m = 0; m < c->n_models; m++) {
        const struct comparison_gain *g = &c->gain[m];
        fprintf(to, "%-*s", width, c->model[m]);
        print_real(to, 8, comparison_pooled(c, m));
        if (m != c->named) {
            print_real(to, 8, g->pooled);
            print_real(to, 8, g->lo);
            print_real(to, 8, g->hi);
            fprintf(to, " %3" PRIu32 "/%-3" PRIu32, g->n_worse, comparison_scored(c));
        }
        if (isfinite(g->least)) {
            fprintf(to, "  %s %.4f", c->subject[g->worst], g->least);
        }
        fputs("\n", to);
    }
}

static void print_row(FILE *to, const struct comparison *c, int width, int64_t subject)
{
    const bool is_pooled = subject < 0;
    fprintf(to, "%-*s %8" PRId64, width, is_pooled ? "pooled" : c->subject[subject],
            is_pooled ? comparison_trials(c) : c->n[subject]);
    for (uint32_t m = 0; m < c->n_models; m++) {
        print_real(to, width_of(c->model[m], 7),
                   is_pooled ? comparison_pooled(c, m) : comparison_nats(c, (uint32_t)subject, m));
    }
    fputs("\n", to);
}

static void print_subjects(FILE *to, const struct comparison *c)
{
    int width = 7;
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        width = width_of(c->subject[i], width);
    }
    fprintf(to, "%-*s %8s", width, "subject", "trials");
    for (uint32_t m = 0; m < c->n_models; m++) {
        fprintf(to, " %*s", width_of(c->model[m], 7), c->model[m]);
    }
    fputs("\n", to);
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        print_row(to, c, width, i);
    }
    print_row(to, c, width, -1);
}

void comparison_text(FILE *to, const struct comparison *c)
{
    fprintf(to,
            "nats/trial over %" PRId64 " choices of %" PRIu32
            " animals. gain: by how much %s is better.\n\n",
            comparison_trials(c), comparison_scored(c), c->model[c->named]);
    print_gains(to, c);
    fprintf(to,
            "\n95%%: bootstrap over %" PRIu32 " animals, %d resamples, seed %" PRIu64
            ". worse: animals with a gain below -%g.\n\n",
            comparison_scored(c), COMPARISON_RESAMPLES, c->seed, COMPARISON_WORSE);
    print_subjects(to, c);
}

void comparison_csv(FILE *to, const struct comparison *c)
{
    fputs("level,subject,fold,model,trials,nats,gain,gain_lo,gain_hi,n_worse,worst_subject\n", to);
    for (uint32_t m = 0; m < c->n_models; m++) {
        for (uint32_t i = 0; i < c->n_subjects; i++) {
            fprintf(to, "subject,%s,", c->subject[i]);
            if (c->fold[i] > 0) {
                fprintf(to, "%" PRIu32, c->fold[i]);
            }
            fprintf(to, ",%s,%" PRId64, c->model[m], c->n[i]);
            text_escape_field(to, 10, comparison_nats(c, i, m));
            text_escape_field(to, 10, m != c->named ? subject_gain(c, i, m) : (double)NAN);
            fputs(",,,,\n", to);
        }
    }
    for (uint32_t m = 0; m < c->n_models; m++) {
        const struct comparison_gain *g = &c->gain[m];
        fprintf(to, "pooled,,,%s,%" PRId64, c->model[m], comparison_trials(c));
        text_escape_field(to, 10, comparison_pooled(c, m));
        text_escape_field(to, 10, g->pooled);
        text_escape_field(to, 10, g->lo);
        text_escape_field(to, 10, g->hi);
        if (isfinite(g->least)) {
            fprintf(to, ",%" PRIu32 ",%s\n", g->n_worse, c->subject[g->worst]);
        } else {
            fputs(",,\n", to);
        }
    }
}

static void put_model(struct json_writer *w, const struct comparison *c, uint32_t model)
{
    const struct comparison_gain *g = &c->gain[model];
    const bool has_worst = isfinite(g->least);
    json_object(w, NULL);
    json_text(w, "name", c->model[model]);
    JSON_REALS(w, {"nats", comparison_pooled(c, model)}, {"gain", g->pooled}, {"gain_lo", g->lo},
               {"gain_hi", g->hi}, {"n_worse", has_worst ? (double)g->n_worse : (double)NAN});
    json_text(w, "worst_subject", has_worst ? c->subject[g->worst] : NULL);
    json_real(w, "worst_gain", g->least);
    json_end(w);
}

static void put_subject(struct json_writer *w, const struct comparison *c, uint32_t subject)
{
    json_object(w, c->subject[subject]);
    json_int(w, "n", c->n[subject]);
    json_real(w, "fold", c->fold[subject] > 0 ? (double)c->fold[subject] : (double)NAN);
    json_array(w, "nats");
    for (uint32_t m = 0; m < c->n_models; m++) {
        json_real(w, NULL, comparison_nats(c, subject, m));
    }
    json_end(w);
    json_end(w);
}

void comparison_json(FILE *to, const struct comparison *c)
{
    struct json_writer w = {.to = to};
    json_object(&w, NULL);
    json_text(&w, "against", c->model[c->named]);
    JSON_INTS(&w, {"n", comparison_trials(c)}, {"n_subjects", comparison_scored(c)},
              {"resamples", COMPARISON_RESAMPLES}, {"seed", (int64_t)c->seed});
    json_array(&w, "models");
    for (uint32_t m = 0; m < c->n_models; m++) {
        put_model(&w, c, m);
    }
    json_end(&w);
    json_object(&w, "subjects");
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        put_subject(&w, c, i);
    }
    json_end(&w);
    json_end(&w);
}

enum {
    PICTURE_WIDTH = 760,
    ROW_HEIGHT = 30,
    TOP = 44,
    BOTTOM = 46,
    LETTER = 8,
    LETTERS_MAX = 36,
    TEXT_MAX = 256
};

/* Dots of a row stand on five lines, so that those with the same gain can be told apart. */
static double spread_of(uint32_t subject)
{
    return ((double)(subject % 5) - 2.0) * 0.1;
}

static void draw_model(struct svg_plot *p, const struct comparison *c, uint32_t model, double row)
{
    const struct comparison_gain *g = &c->gain[model];
    char tip[TEXT_MAX];
    for (uint32_t i = 0; i < c->n_subjects; i++) {
        const double gain = subject_gain(c, i, model);
        (void)snprintf(tip, sizeof tip, "%s: %.4f in %" PRId64 " trials", c->subject[i], gain,
                       c->n[i]);
        svg_plot_dot(p, "dot c0", gain, row + spread_of(i), 3.0, tip);
    }
    svg_plot_line(p, "whisker", g->lo, row, g->hi, row);
    const int n = snprintf(tip, sizeof tip, "pooled: %.4f", g->pooled);
    if (isfinite(g->lo)) {
        (void)snprintf(tip + n, sizeof tip - (size_t)n, ", 95%% %.4f to %.4f", g->lo, g->hi);
    }
    svg_plot_dot(p, "seen", g->pooled, row, 4.5, tip);
    figure_row_name(p, row, c->model[model]);
}

static struct svg_plot frame(FILE *to, const struct comparison *c)
{
    int letters = 8;
    const double rows = fmax((double)c->n_models - 1.0, 1.0);
    struct svg_plot p = svg_plot_at(to, 0.0, TOP, 0.0, ROW_HEIGHT * rows);
    p.x1 = 0.0;
    p.y0 = -0.5;
    p.y1 = rows - 0.5;
    for (uint32_t m = 0; m < c->n_models; m++) {
        letters = width_of(c->model[m], letters);
        for (uint32_t i = 0; i < c->n_subjects && m != c->named; i++) {
            svg_plot_include(&p.x0, &p.x1, subject_gain(c, i, m));
        }
        svg_plot_include(&p.x0, &p.x1, c->gain[m].lo);
        svg_plot_include(&p.x0, &p.x1, c->gain[m].hi);
    }
    const double pad = p.x1 > p.x0 ? 0.04 * (p.x1 - p.x0) : COMPARISON_WORSE;
    p.x0 -= pad;
    p.x1 += pad;
    p.left = LETTER * (letters < LETTERS_MAX ? letters : LETTERS_MAX) + 24.0;
    p.width = PICTURE_WIDTH - p.left - 20.0;
    return p;
}

void comparison_svg(FILE *to, const struct comparison *c)
{
    char title[TEXT_MAX];
    struct svg_plot p = frame(to, c);
    double row = p.y1 - 0.5; /* the first model on top */
    (void)snprintf(title, sizeof title,
                   "gain of %s over each model: dots are %" PRIu32
                   " animals, bars the pooled gain's 95%%",
                   c->model[c->named], comparison_scored(c));
    svg_plot_file_open(to, PICTURE_WIDTH, p.top + p.height + BOTTOM, title);
    svg_plot_text_in(to, "title", 12.0, 20.0, "start", PICTURE_WIDTH - 24.0, title);
    svg_plot_x_axis(&p, "gain, nats/trial", NULL);
    svg_plot_line(&p, "chance", 0.0, p.y0, 0.0, p.y1);
    for (uint32_t m = 0; m < c->n_models; m++) {
        if (m != c->named) {
            draw_model(&p, c, m, row);
            row -= 1.0;
        }
    }
    svg_plot_picture_close(to);
}
