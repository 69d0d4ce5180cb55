#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "json_writer.h"
#include "simulation_report.h"
#include "text_escape.h"

enum { ROWS_MAX = 12, TEXT_MAX = 80 };

static const char *const QUANTILE_NAMES[] = {"q05", "q25", "q50", "q75", "q95"};
_Static_assert(sizeof QUANTILE_NAMES / sizeof QUANTILE_NAMES[0] == SIMULATION_QUANTILES,
               "a name for each");

/* Not -0. */
static double tidy(double value, int decimals)
{
    return fabs(value) < 0.5 * pow(10.0, -decimals) ? 0.0 : value;
}

/* Median and the inner band, "0.71 (0.64 to 0.78)"; what is infinite is "never". */
static const char *range_text(char out[TEXT_MAX], const struct simulation_band *band, int decimals)
{
    char part[3][20];
    for (int i = 0; i < 3; i++) {
        const double v = band->q[i + 1];
        if (isfinite(v)) {
            (void)snprintf(part[i], sizeof part[i], "%.*f", decimals, tidy(v, decimals));
        } else {
            (void)snprintf(part[i], sizeof part[i], "%s", isnan(v) ? "-" : "never");
        }
    }
    (void)snprintf(out, TEXT_MAX, "%s (%s to %s)", part[1], part[0], part[2]);
    return out;
}

/* Of so many sessions at most ROWS_MAX are printed, the first and the last among them. */
static int64_t session_of_row(int64_t row, int64_t rows, int64_t sessions)
{
    return rows == sessions ? row : row * (sessions - 1) / (rows - 1);
}

static uint32_t main_stage(const struct simulation_report *r, int64_t session)
{
    const uint32_t stages = r->s->plan.protocol->n_stages;
    const struct simulation_band *band = &r->occupancy[(size_t)session * stages];
    uint32_t most = 0;
    for (uint32_t k = 1; k < stages; k++) {
        most = band[k].mean > band[most].mean ? k : most;
    }
    return most;
}

static void print_sessions(FILE *to, const struct simulation_report *r)
{
    const int64_t sessions = r->s->plan.sessions;
    const int64_t rows = sessions < ROWS_MAX ? sessions : ROWS_MAX;
    fprintf(to, "%7s  %-22s %-22s %-22s %s\n", "session", "accuracy", "bias", "trials",
            "stage of most trials");
    for (int64_t row = 0; row < rows; row++) {
        char text[3][TEXT_MAX];
        const int64_t session = session_of_row(row, rows, sessions);
        const struct simulation_band *m = &r->measure[session * SIMULATION_MEASURES];
        const uint32_t stage = main_stage(r, session);
        fprintf(to, "%7" PRId64 "  %-22s %-22s %-22s %s, %.0f%%\n", session + 1,
                range_text(text[0], &m[SIMULATION_ACCURACY], 3),
                range_text(text[1], &m[SIMULATION_BIAS], 3),
                range_text(text[2], &m[SIMULATION_TRIALS], 0),
                r->s->plan.protocol->stage[stage].name,
                100.0 * r->occupancy[(size_t)session * r->s->plan.protocol->n_stages + stage].mean);
    }
}

static void print_reach(FILE *to, const char *name, const struct simulation_reach *reach,
                        int64_t mice)
{
    char text[2][TEXT_MAX];
    fprintf(to, "%-20s %6.1f%%  %-28s %s\n", name, 100.0 * (double)reach->n / (double)mice,
            range_text(text[0], &reach->trials, 0), range_text(text[1], &reach->sessions, 0));
}

static void print_report(FILE *to, const struct simulation_report *r)
{
    const struct simulation_plan *plan = &r->s->plan;
    char name[TEXT_MAX];
    fprintf(to, "%s: %" PRId64 " mice, %" PRId64 " sessions of each, %lld trials\n", r->name,
            plan->mice, plan->sessions, (long long)atomic_load(&r->s->n_trials));
    fputs("median and interquartile range over mice\n\n", to);
    print_sessions(to, r);
    fprintf(to, "\n%-20s %7s  %-28s %s\n", "stage", "reached", "after trials", "after sessions");
    for (uint32_t k = 0; k < plan->protocol->n_stages; k++) {
        print_reach(to, plan->protocol->stage[k].name, &r->stage[k], plan->mice);
    }
    (void)snprintf(name, sizeof name, "accuracy above %g", r->criterion);
    print_reach(to, name, &r->criterion_reach, plan->mice);
}

static void print_difference(FILE *to, const struct simulation_difference *d)
{
    fprintf(to, "\n%s minus %s, the same mice\n\n%-22s %12s  %-24s %s\n", d->second->name,
            d->first->name, "", "mean", "95% interval of mean", "interquartile range");
    for (int k = 0; k < SIMULATION_OUTCOMES; k++) {
        const struct simulation_gain *g = &d->outcome[k];
        char text[TEXT_MAX];
        const int decimals = k == SIMULATION_FINAL_ACCURACY || k == SIMULATION_FINAL_BIAS ? 3 : 1;
        (void)snprintf(text, sizeof text, "%.*f to %.*f", decimals, tidy(g->lo, decimals), decimals,
                       tidy(g->hi, decimals));
        fprintf(to, "%-22s %12.*f  %-24s %.*f to %.*f\n",
                simulation_outcome_name((enum simulation_outcome)k), decimals,
                tidy(g->band.mean, decimals), text, decimals, tidy(g->band.q[1], decimals),
                decimals, tidy(g->band.q[3], decimals));
    }
}

void simulation_print(FILE *to, const struct simulation_report reports[], size_t n,
                      const struct simulation_difference *difference)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i > 0 ? "\n" : "", to);
        print_report(to, &reports[i]);
    }
    if (difference != NULL) {
        print_difference(to, difference);
    }
}

/* session: 0 for the whole of training. */
static void csv_row(FILE *to, const char *name, int64_t session, const char *measure,
                    const char *stage, const struct simulation_band *band, double lo, double hi)
{
    fprintf(to, "%s,", name);
    if (session > 0) {
        fprintf(to, "%" PRId64, session);
    }
    fprintf(to, ",%s,%s,%" PRId64, measure, stage, band->n);
    text_escape_field(to, 10, band->mean);
    for (int k = 0; k < SIMULATION_QUANTILES; k++) {
        text_escape_field(to, 10, band->q[k]);
    }
    text_escape_field(to, 10, lo);
    text_escape_field(to, 10, hi);
    fputc('\n', to);
}

static void csv_reach(FILE *to, const char *name, const char *stage,
                      const struct simulation_reach *reach)
{
    struct simulation_band trials = reach->trials;
    struct simulation_band sessions = reach->sessions;
    trials.n = reach->n;
    sessions.n = reach->n;
    csv_row(to, name, 0, stage[0] != '\0' ? "trials_to_stage" : "trials_to_criterion", stage,
            &trials, (double)NAN, (double)NAN);
    csv_row(to, name, 0, stage[0] != '\0' ? "sessions_to_stage" : "sessions_to_criterion", stage,
            &sessions, (double)NAN, (double)NAN);
}

static void csv_report(FILE *to, const struct simulation_report *r)
{
    const model_protocol *protocol = r->s->plan.protocol;
    for (int64_t i = 0; i < r->s->plan.sessions; i++) {
        for (int m = 0; m < SIMULATION_MEASURES; m++) {
            csv_row(to, r->name, i + 1, simulation_measure_name((enum simulation_measure)m), "",
                    &r->measure[i * SIMULATION_MEASURES + m], (double)NAN, (double)NAN);
        }
        for (uint32_t k = 0; k < protocol->n_stages; k++) {
            csv_row(to, r->name, i + 1, "occupancy", protocol->stage[k].name,
                    &r->occupancy[(size_t)i * protocol->n_stages + k], (double)NAN, (double)NAN);
        }
    }
    for (uint32_t k = 0; k < protocol->n_stages; k++) {
        csv_reach(to, r->name, protocol->stage[k].name, &r->stage[k]);
    }
    csv_reach(to, r->name, "", &r->criterion_reach);
}

void simulation_write_csv(FILE *to, const struct simulation_report reports[], size_t n,
                          const struct simulation_difference *difference)
{
    fputs("protocol,session,measure,stage,n,mean,q05,q25,q50,q75,q95,mean_lo,mean_hi\n", to);
    for (size_t i = 0; i < n; i++) {
        csv_report(to, &reports[i]);
    }
    if (difference == NULL) {
        return;
    }
    char name[2 * MODEL_PROTOCOL_NAME + 32];
    (void)snprintf(name, sizeof name, "%s minus %s", difference->second->name,
                   difference->first->name);
    for (int64_t i = 0; i < difference->first->s->plan.sessions; i++) {
        const struct simulation_gain *g = &difference->accuracy[i];
        csv_row(to, name, i + 1, "accuracy", "", &g->band, g->lo, g->hi);
    }
    for (int k = 0; k < SIMULATION_OUTCOMES; k++) {
        const struct simulation_gain *g = &difference->outcome[k];
        csv_row(to, name, 0, simulation_outcome_name((enum simulation_outcome)k), "", &g->band,
                g->lo, g->hi);
    }
}

static void json_values(struct json_writer *w, const struct simulation_band *band)
{
    json_int(w, "n", band->n);
    json_real(w, "mean", band->mean);
    for (int k = 0; k < SIMULATION_QUANTILES; k++) {
        json_real(w, QUANTILE_NAMES[k], band->q[k]);
    }
}

static void json_band(struct json_writer *w, const char *key, const struct simulation_band *band)
{
    json_object(w, key);
    json_values(w, band);
    json_end(w);
}

static void json_reach(struct json_writer *w, const struct simulation_reach *reach)
{
    json_int(w, "reached", reach->n);
    json_band(w, "trials", &reach->trials);
    json_band(w, "sessions", &reach->sessions);
}

static void json_session(struct json_writer *w, const struct simulation_report *r, int64_t session)
{
    const model_protocol *protocol = r->s->plan.protocol;
    json_line(w, 2);
    json_object(w, NULL);
    json_int(w, "session", session + 1);
    for (int m = 0; m < SIMULATION_MEASURES; m++) {
        json_band(w, simulation_measure_name((enum simulation_measure)m),
                  &r->measure[session * SIMULATION_MEASURES + m]);
    }
    json_object(w, "occupancy");
    for (uint32_t k = 0; k < protocol->n_stages; k++) {
        json_band(w, protocol->stage[k].name,
                  &r->occupancy[(size_t)session * protocol->n_stages + k]);
    }
    json_end(w);
    json_end(w);
}

static void json_report(struct json_writer *w, const struct simulation_report *r)
{
    const model_protocol *protocol = r->s->plan.protocol;
    json_line(w, 0);
    json_object(w, NULL);
    json_text(w, "name", r->name);
    json_int(w, "trials", atomic_load(&r->s->n_trials));
    json_line(w, 1);
    json_array(w, "sessions");
    for (int64_t i = 0; i < r->s->plan.sessions; i++) {
        json_session(w, r, i);
    }
    json_end(w);
    json_line(w, 1);
    json_array(w, "stages");
    for (uint32_t k = 0; k < protocol->n_stages; k++) {
        json_line(w, 2);
        json_object(w, NULL);
        json_text(w, "name", protocol->stage[k].name);
        json_reach(w, &r->stage[k]);
        json_end(w);
    }
    json_end(w);
    json_line(w, 1);
    json_object(w, "criterion");
    json_real(w, "accuracy", r->criterion);
    json_reach(w, &r->criterion_reach);
    json_end(w);
    json_end(w);
}

static void json_gain(struct json_writer *w, const char *key, const struct simulation_gain *gain)
{
    json_object(w, key);
    json_values(w, &gain->band);
    json_real(w, "mean_lo", gain->lo);
    json_real(w, "mean_hi", gain->hi);
    json_end(w);
}

static void json_difference(struct json_writer *w, const struct simulation_difference *d)
{
    json_line(w, 0);
    json_object(w, "difference");
    json_array(w, "of");
    json_text(w, NULL, d->second->name);
    json_text(w, NULL, d->first->name);
    json_end(w);
    for (int k = 0; k < SIMULATION_OUTCOMES; k++) {
        json_line(w, 2);
        json_gain(w, simulation_outcome_name((enum simulation_outcome)k), &d->outcome[k]);
    }
    json_line(w, 2);
    json_array(w, "sessions");
    for (int64_t i = 0; i < d->first->s->plan.sessions; i++) {
        json_line(w, 3);
        json_object(w, NULL);
        json_int(w, "session", i + 1);
        json_gain(w, "accuracy", &d->accuracy[i]);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

void simulation_write_json(FILE *to, const struct simulation_report reports[], size_t n,
                           const struct simulation_difference *difference)
{
    struct json_writer w = {.to = to};
    const struct simulation_plan *plan = &reports[0].s->plan;
    json_object(&w, NULL);
    JSON_INTS(&w, {"mice", plan->mice}, {"sessions", plan->sessions},
              {"seed", (int64_t)plan->seed});
    json_line(&w, 0);
    json_array(&w, "protocols");
    for (size_t i = 0; i < n; i++) {
        json_report(&w, &reports[i]);
    }
    json_end(&w);
    if (difference != NULL) {
        json_difference(&w, difference);
    }
    json_end(&w);
}
