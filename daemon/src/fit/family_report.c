#include "family_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "json_writer.h"
#include "text_escape.h"

enum { NAME_WIDTH = 7, WIDTH = 760, ROW = 30, TOP = 44, BOTTOM = 46, LETTER = 8, TEXT_MAX = 256 };

int family_report_take(struct family_report *r, struct comparison *scores, uint32_t n_references,
                       uint64_t seed, struct fault *fault)
{
    r->held_out = *scores;
    *scores = (struct comparison){0};
    struct comparison *c = &r->held_out;
    uint32_t best = 0;
    for (uint32_t m = 0; m + n_references < c->n_models; m++) {
        best = comparison_pooled(c, m) < comparison_pooled(c, best) ? m : best;
    }
    r->gain = calloc((size_t)c->n_models + 1, sizeof r->gain[0]);
    int rc = r->gain != NULL ? comparison_against(c, 0, seed, fault)
                             : fault_set(fault, FAULT_WORK, "no memory to compare rules");
    if (rc == FAULT_NONE) {
        memcpy(r->gain, c->gain, c->n_models * sizeof r->gain[0]);
        rc = comparison_against(c, best, seed, fault);
    }
    return rc;
}

void family_report_close(struct family_report *r)
{
    family_comparison_close(&r->families);
    comparison_close(&r->held_out);
    free(r->gain);
    memset(r, 0, sizeof *r);
}

static const char *name_of(const struct family_report *r, uint32_t subject)
{
    return r->families.training->subjects.name[subject];
}

/* Animals with posteriors: none, where no family could be fitted. */
static uint32_t count_animals(const struct family_report *r)
{
    return r->families.fit.n_families > 0 ? r->families.training->n : 0;
}

static char letter_of(uint32_t family)
{
    return (char)('a' + (int)family);
}

static void print_real(FILE *to, int width, const char *format, double value)
{
    char text[TEXT_ESCAPE_NUMBER_MAX];
    fprintf(to, " %*s", width, text_escape_number(text, format, value));
}

static void print_families(FILE *to, const struct fit_basis_result *fit)
{
    int width = NAME_WIDTH;
    for (uint32_t i = 0; i < fit->n_families; i++) {
        const int n = (int)strlen(fit->family[i].name);
        width = n > width ? n : width;
    }
    fprintf(to, "  %-*s %14s %12s %6s %9s\n", width, "family", "log likelihood", "log evidence",
            "prior", "posterior");
    for (uint32_t i = 0; i < fit->n_families; i++) {
        const struct fit_basis_family *f = &fit->family[i];
        fprintf(to, "%c %-*s", letter_of(i), width, f->name);
        print_real(to, 14, "%.2f", f->log_likelihood);
        print_real(to, 12, "%.2f", f->log_evidence);
        print_real(to, 6, "%.2f", f->prior);
        print_real(to, 9, "%.3f", f->posterior);
        fputs("\n", to);
    }
}

static void print_subjects(FILE *to, const struct family_report *r)
{
    const struct family_comparison *c = &r->families;
    int width = NAME_WIDTH;
    for (uint32_t i = 0; i < count_animals(r); i++) {
        const int n = (int)strlen(name_of(r, i));
        width = n > width ? n : width;
    }
    fprintf(to, "%-*s %8s", width, "subject", "trials");
    for (uint32_t m = 0; m < c->fit.n_families; m++) {
        fprintf(to, "     %c", letter_of(m));
    }
    fputs("\n", to);
    for (uint32_t i = 0; i < count_animals(r); i++) {
        fprintf(to, "%-*s %8zu", width, name_of(r, i), c->animal[i].n);
        for (uint32_t m = 0; m < c->fit.n_families; m++) {
            print_real(to, 5, "%.3f", c->animal[i].posterior[m]);
        }
        fputs("\n", to);
    }
}

static void print_held_out(FILE *to, const struct family_report *r)
{
    const struct comparison *c = &r->held_out;
    fprintf(to, "\nAnimals held out: gain over none, nats/trial\n\n%-16s %8s %8s %17s\n", "rule",
            "nats", "gain", "95% of gain");
    for (uint32_t m = 0; m < c->n_models; m++) {
        fprintf(to, "%-16s", c->model[m]);
        print_real(to, 8, "%.4f", comparison_pooled(c, m));
        if (m > 0) {
            print_real(to, 8, "%.4f", -r->gain[m].pooled);
            print_real(to, 8, "%.4f", -r->gain[m].hi);
            print_real(to, 8, "%.4f", -r->gain[m].lo);
        }
        fputs("\n", to);
    }
    fputs("\nThe best of these rules against the others: ", to);
    comparison_text(to, c);
}

void family_report_text(FILE *to, const struct family_report *r)
{
    char gap[TRAINING_GAPS_TEXT_MAX];
    const struct family_comparison *c = &r->families;
    fprintf(to, "%zu choices of %" PRIu32 " animals, policy %s\n\n", c->training->n_choices,
            c->training->n, r->policy);
    if (c->fit.n_families > 0) {
        print_families(to, &c->fit);
        fputs("\nPosterior of each family by one animal alone, under the fits to all:\n\n", to);
        print_subjects(to, r);
    } else {
        fputs("No family could be fitted.\n", to);
    }
    if (r->held_out.n_models > 0) {
        print_held_out(to, r);
    }
    fputs(r->gaps.n > 0 ? "\nNo verdict:\n" : r->verdict.n > 0 ? "\n" : "", to);
    for (int i = 0; i < TRAINING_GAPS; i++) {
        if (r->gaps.is_there[i]) {
            fprintf(to, "%s\n", training_gaps_print(&r->gaps, (enum training_gap)i, gap));
        }
    }
    for (uint32_t i = 0; i < r->verdict.n; i++) {
        fprintf(to, "%s\n", r->verdict.line[i]);
    }
}

static void put_fields(FILE *to, size_t n, const double values[])
{
    for (size_t i = 0; i < n; i++) {
        text_escape_field(to, 10, values[i]);
    }
    fputs("\n", to);
}

void family_report_csv(FILE *to, const struct family_report *r)
{
    const double nan = (double)NAN;
    const struct family_comparison *c = &r->families;
    fputs("level,subject,name,trials,log_likelihood,log_evidence,prior,posterior,nats,gain,gain_lo,"
          "gain_hi\n",
          to);
    for (uint32_t m = 0; m < c->fit.n_families; m++) {
        const struct fit_basis_family *f = &c->fit.family[m];
        fprintf(to, "family,,%s,%zu", f->name, c->training->n_choices);
        put_fields(to, 8,
                   (const double[]){f->log_likelihood, f->log_evidence, f->prior, f->posterior, nan,
                                    nan, nan, nan});
    }
    for (uint32_t i = 0; i < count_animals(r); i++) {
        const struct family_animal *a = &c->animal[i];
        for (uint32_t m = 0; m < c->fit.n_families; m++) {
            fprintf(to, "subject,%s,%s,%zu", name_of(r, i), c->fit.family[m].name, a->n);
            put_fields(to, 8,
                       (const double[]){a->log_likelihood[m], nan, nan, a->posterior[m], nan, nan,
                                        nan, nan});
        }
    }
    for (uint32_t m = 0; m < r->held_out.n_models; m++) {
        fprintf(to, "held_out,,%s,%" PRId64, r->held_out.model[m], comparison_trials(&r->held_out));
        put_fields(to, 8,
                   (const double[]){nan, nan, nan, nan, comparison_pooled(&r->held_out, m),
                                    -r->gain[m].pooled, -r->gain[m].hi, -r->gain[m].lo});
    }
}

static void put_families(struct json_writer *w, const struct fit_basis_result *fit)
{
    json_array(w, "families");
    for (uint32_t m = 0; m < fit->n_families; m++) {
        const struct fit_basis_family *f = &fit->family[m];
        json_object(w, NULL);
        json_text(w, "name", f->name);
        JSON_REALS(w, {"log_likelihood", f->log_likelihood}, {"log_evidence", f->log_evidence},
                   {"prior", f->prior}, {"posterior", f->posterior});
        json_end(w);
    }
    json_end(w);
}

static void put_subjects(struct json_writer *w, const struct family_report *r)
{
    const struct family_comparison *c = &r->families;
    json_object(w, "subjects");
    for (uint32_t i = 0; i < count_animals(r); i++) {
        json_object(w, name_of(r, i));
        json_int(w, "n", (int64_t)c->animal[i].n);
        json_reals(w, "log_likelihood", 10, c->animal[i].log_likelihood, c->fit.n_families);
        json_reals(w, "posterior", 10, c->animal[i].posterior, c->fit.n_families);
        json_end(w);
    }
    json_end(w);
}

static void put_separation(struct json_writer *w, const struct family_report *r)
{
    static const char *const ways[] = {[FAMILY_SEPARATION_NONE] = NULL,
                                       [FAMILY_SEPARATION_UNKNOWN] = "unknown",
                                       [FAMILY_SEPARATION_GAIN] = "gain",
                                       [FAMILY_SEPARATION_TURN] = "turn",
                                       [FAMILY_SEPARATION_SIMPLICITY] = "simplicity"};
    const struct family_separation *s = &r->separation;
    if (s->way == FAMILY_SEPARATION_NONE || r->gaps.n > 0) {
        return;
    }
    json_object(w, "separation");
    json_text(w, "way", ways[s->way]);
    json_text(w, "first", r->families.fit.family[s->first].name);
    json_text(w, "second", r->families.fit.family[s->second].name);
    JSON_REALS(w, {"nats", s->nats}, {"lo", s->lo}, {"hi", s->hi}, {"trials", s->trials},
               {"contrast", s->contrast}, {"apart", s->apart}, {"apart_mean", s->apart_mean});
    json_end(w);
}

static void put_held_out(struct json_writer *w, const struct family_report *r)
{
    const struct comparison *c = &r->held_out;
    json_array(w, "held_out");
    for (uint32_t m = 0; m < c->n_models; m++) {
        json_object(w, NULL);
        json_text(w, "name", c->model[m]);
        JSON_REALS(w, {"nats", comparison_pooled(c, m)}, {"gain", -r->gain[m].pooled},
                   {"gain_lo", -r->gain[m].hi}, {"gain_hi", -r->gain[m].lo},
                   {"best_gain", c->gain[m].pooled}, {"best_gain_lo", c->gain[m].lo},
                   {"best_gain_hi", c->gain[m].hi});
        json_end(w);
    }
    json_end(w);
}

static void put_sentences(struct json_writer *w, const struct family_report *r)
{
    char gap[TRAINING_GAPS_TEXT_MAX];
    json_array(w, "missing");
    for (int i = 0; i < TRAINING_GAPS; i++) {
        if (r->gaps.is_there[i]) {
            json_text(w, NULL, training_gaps_print(&r->gaps, (enum training_gap)i, gap));
        }
    }
    json_end(w);
    json_array(w, "verdict");
    for (uint32_t i = 0; i < r->verdict.n; i++) {
        json_text(w, NULL, r->verdict.line[i]);
    }
    json_end(w);
}

void family_report_json(FILE *to, const struct family_report *r)
{
    struct json_writer w = {.to = to};
    const struct family_interval *a = &r->families.asymmetry;
    json_object(&w, NULL);
    JSON_INTS(&w, {"n", (int64_t)r->families.training->n_choices},
              {"n_subjects", (int64_t)r->families.training->n});
    json_text(&w, "policy", r->policy);
    json_real(&w, "shared", r->families.fit.shared);
    put_families(&w, &r->families.fit);
    put_subjects(&w, r);
    if (r->gaps.n == 0) {
        json_object(&w, "asymmetry");
        JSON_REALS(&w, {"lo", a->lo}, {"value", a->value}, {"hi", a->hi});
        json_end(&w);
    }
    if (r->gaps.n == 0) {
        json_object(&w, "without_learning");
        JSON_REALS(&w, {"gain", r->null.gain}, {"gain_without", r->null.without});
        json_end(&w);
    }
    put_separation(&w, r);
    if (r->held_out.n_models > 0) {
        put_held_out(&w, r);
    }
    put_sentences(&w, r);
    json_end(&w);
}

/* Dots of a row stand on five lines, so that those with the same posterior can be told apart. */
static double spread_of(uint32_t subject)
{
    return ((double)(subject % 5) - 2.0) * 0.1;
}

static void draw_family(struct svg_plot *p, const struct family_report *r, uint32_t m, double row)
{
    const struct family_comparison *c = &r->families;
    char tip[TEXT_MAX];
    for (uint32_t i = 0; i < count_animals(r); i++) {
        (void)snprintf(tip, sizeof tip, "%s alone: %.3f in %zu trials", name_of(r, i),
                       c->animal[i].posterior[m], c->animal[i].n);
        svg_plot_dot(p, "dot c0", c->animal[i].posterior[m], row + spread_of(i), 3.0, tip);
    }
    (void)snprintf(tip, sizeof tip, "all animals: %.3f", c->fit.family[m].posterior);
    svg_plot_dot(p, "seen", c->fit.family[m].posterior, row, 4.5, tip);
    figure_row_name(p, row, c->fit.family[m].name);
}

void family_report_svg(FILE *to, const struct family_report *r)
{
    const struct fit_basis_result *fit = &r->families.fit;
    const double rows = fmax((double)fit->n_families, 1.0);
    char title[TEXT_MAX];
    int letters = NAME_WIDTH;
    for (uint32_t m = 0; m < fit->n_families; m++) {
        const int n = (int)strlen(fit->family[m].name);
        letters = n > letters ? n : letters;
    }
    struct svg_plot p = svg_plot_at(to, LETTER * letters + 24.0, TOP, 0.0, ROW * rows);
    p.width = WIDTH - p.left - 20.0;
    p.x0 = -0.03;
    p.x1 = 1.03;
    p.y0 = -0.5;
    p.y1 = rows - 0.5;
    (void)snprintf(title, sizeof title,
                   "posterior of each family: small dots are %" PRIu32
                   " animals alone, large ones all of them",
                   r->families.training->n);
    svg_plot_file_open(to, WIDTH, p.top + p.height + BOTTOM, title);
    svg_plot_text_in(to, "title", 12.0, 20.0, "start", WIDTH - 24.0, title);
    svg_plot_x_axis(&p, "posterior", NULL);
    for (uint32_t m = 0; m < fit->n_families; m++) {
        draw_family(&p, r, m, p.y1 - 0.5 - (double)m);
    }
    svg_plot_picture_close(to);
}
