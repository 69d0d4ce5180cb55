#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "command.h"
#include "forecast_message.h"
#include "forecast_plot.h"
#include "json_writer.h"
#include "progress.h"
#include "text_escape.h"

enum { RANGES_MAX = 160 };

static void print_band(const model_forecast_band *b)
{
    if (isnan(b->median)) {
        printf("%6s  %-11s %-11s", "-", "-", "-");
        return;
    }
    printf("%6.3f  %5.3f-%-5.3f %5.3f-%-5.3f", b->median, b->lo50, b->hi50, b->lo90, b->hi90);
}

static void print_when(const char *unit, const model_forecast_band *b, double p_reached)
{
    proto_outlook when;
    char median[FORECAST_MESSAGE_TIME_MAX];
    char ranges[RANGES_MAX];
    forecast_message_when(&when, unit, b, p_reached);
    forecast_message_ranges(&when, true, ranges, sizeof ranges);
    printf("  %-8s median %s, %s\n", unit, forecast_message_time(when.median, median), ranges);
}

static void print_status(const model_forecast_result *r)
{
    printf("%s:", model_ibl_criteria_status_name(r->next));
    for (size_t i = 0; i < MODEL_FORECAST_WITHIN; i++) {
        if (isnan(r->p_within[i])) {
            printf(" within %d session%s - (the stimuli end before);", model_forecast_within(i),
                   model_forecast_within(i) == 1 ? "" : "s");
        } else {
            printf(" within %d session%s %.2f;", model_forecast_within(i),
                   model_forecast_within(i) == 1 ? "" : "s", r->p_within[i]);
        }
    }
    printf(" the session that runs is the first\n");
}

/* What the windows leave open, and why. */
static void print_why(const struct forecast_report *f, const model_forecast_result *r)
{
    bool is_unscored = false;
    for (size_t i = 0; i < r->n_windows; i++) {
        is_unscored = is_unscored || isnan(r->correct[i].median);
    }
    if (is_unscored) {
        printf("-: no trial of the window has a correct side that is known\n");
    }
    if (r->n_windows < f->config.n_windows) {
        printf("%u of %u windows: only %zu observed choices follow\n", r->n_windows,
               f->config.n_windows, f->n_future);
    }
}

static void print_criterion(const struct forecast_report *f, const model_forecast_result *r)
{
    const struct forecast_report_request *q = f->request;
    printf("%g correct over %" PRId64 " trials of contrast %g and above: ", q->accuracy, q->over,
           q->easy);
    if (f->met_at > 0) {
        printf("met at trial %zu\n", f->met_at);
        return;
    }
    printf("chance %.2f\n", r->p_reached);
    print_when("trials", &r->trials, r->p_reached);
    print_when("sessions", &r->sessions, r->p_reached);
    if (r->p_reached > 0.0 && isinf(r->trials.hi90)) {
        printf("  later: not within the %u trials that were looked ahead\n",
               r->n_windows * r->window);
    }
}

static void print_text(const struct forecast_report *f, const model_forecast_result *r)
{
    char pace[TEXT_ESCAPE_NUMBER_MAX];
    printf("%s after %zu trials, by model %s, stimuli %s, %u roll-outs\n", f->animal.past.subject,
           f->animal.at, f->animal.model.hash, forecast_report_stimuli_name(f->shown),
           r->n_rollouts);
    printf("%-12s %-32s %8s   %-32s\n", "trials", "correct: median, 50%, 90%", "observed",
           "bias: p(right) at 0");
    for (size_t i = 0; i < r->n_windows; i++) {
        char range[32];
        (void)snprintf(range, sizeof range, "%zu-%zu", i * r->window, (i + 1) * r->window - 1);
        printf("%-12s ", range);
        print_band(&r->correct[i]);
        if (i < f->n_observed) {
            printf("  %8.3f  ", f->observed[i]);
        } else {
            printf("  %8s  ", "-");
        }
        print_band(&r->bias[i]);
        printf("\n");
    }
    print_why(f, r);
    print_criterion(f, r);
    print_status(r);
    printf("roll-outs by rule:");
    for (int i = 0; i < MODEL_RULES; i++) {
        if (r->share[i] > 0.0) {
            printf(" %s %.2f", model_rule_name((model_rule_kind)i), r->share[i]);
        }
    }
    printf("; mean pace %s\n", text_escape_number(pace, "%.2f", r->pace));
}

static void json_band(struct json_writer *w, const char *key, const model_forecast_band *b)
{
    json_object(w, key);
    JSON_REALS(w, {"mean", b->mean}, {"median", b->median}, {"lo50", b->lo50}, {"hi50", b->hi50},
               {"lo90", b->lo90}, {"hi90", b->hi90});
    json_end(w);
}

static void json_windows(struct json_writer *w, const struct forecast_report *f,
                         const model_forecast_result *r)
{
    json_line(w, 1);
    json_array(w, "windows");
    for (size_t i = 0; i < r->n_windows; i++) {
        json_line(w, 2);
        json_object(w, NULL);
        json_int(w, "from", (int64_t)(i * r->window));
        json_int(w, "to", (int64_t)((i + 1) * r->window));
        json_band(w, "correct", &r->correct[i]);
        json_band(w, "p_correct", &r->p_correct[i]);
        json_band(w, "bias", &r->bias[i]);
        json_real(w, "came", i < f->n_observed ? f->observed[i] : (double)NAN);
        json_end(w);
    }
    json_end(w);
}

static void json_criterion(struct json_writer *w, const struct forecast_report *f,
                           const model_forecast_result *r)
{
    json_line(w, 1);
    json_object(w, "criterion");
    json_real(w, "accuracy", f->request->accuracy);
    json_real(w, "contrast_min", f->request->easy);
    json_int(w, "window", f->request->over);
    json_real(w, "met_at", f->met_at > 0 ? (double)f->met_at : (double)NAN);
    json_real(w, "p_reached", r->p_reached);
    json_band(w, "trials", &r->trials);
    json_band(w, "sessions", &r->sessions);
    json_end(w);
}

static void json_rest(struct json_writer *w, const model_forecast_result *r)
{
    json_line(w, 1);
    json_object(w, "status");
    json_text(w, "next", model_ibl_criteria_status_name(r->next));
    json_object(w, "p_within");
    for (size_t i = 0; i < MODEL_FORECAST_WITHIN; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%d", model_forecast_within(i));
        json_real(w, key, r->p_within[i]);
    }
    json_end(w);
    json_end(w);
    json_line(w, 1);
    json_object(w, "rules");
    for (int i = 0; i < MODEL_RULES; i++) {
        if (r->share[i] > 0.0) {
            json_real(w, model_rule_name((model_rule_kind)i), r->share[i]);
        }
    }
    json_end(w);
    json_real(w, "pace", r->pace);
}

static void print_json(const struct forecast_report *f, const model_forecast_result *r)
{
    struct json_writer w = {.to = stdout};
    json_object(&w, NULL);
    json_text(&w, "subject", f->animal.past.subject);
    json_int(&w, "at", (int64_t)f->animal.at);
    json_text(&w, "model", f->animal.model.hash);
    json_text(&w, "stimuli", forecast_report_stimuli_name(f->shown));
    json_int(&w, "rollouts", r->n_rollouts);
    json_int(&w, "seed", f->request->animal.seed);
    json_windows(&w, f, r);
    json_criterion(&w, f, r);
    json_rest(&w, r);
    json_end(&w);
}

static void put_plot(FILE *to, const void *report)
{
    forecast_plot(to, report);
}

struct request {
    struct forecast_report_request what;
    const struct output_guard *guard;
    const char *plot;
    bool is_json;
};

static int work(void *request, struct fault *fault)
{
    const struct request *r = request;
    struct forecast_report *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    progress_catch_interrupts();
    int rc = forecast_report_make(f, &r->what, fault);
    rc = rc ? rc : output_file_write(r->guard, r->plot, put_plot, f, fault);
    if (rc == FAULT_NONE) {
        (r->is_json ? print_json : print_text)(f, f->result);
    }
    forecast_report_close(f);
    free(f);
    return rc;
}

int cmd_forecast(int argc, char **argv)
{
    struct request r = {.what = {.animal.at = -1,
                                 .horizon = 2000,
                                 .window = 100,
                                 .rollouts = 500,
                                 .over = 100,
                                 .accuracy = 0.8,
                                 .easy = 0.5}};
    const struct option list[] = {
        COMMAND_KNOWN_ANIMAL(r.what.animal),
        {"horizon", OPTION_INT, &r.what.horizon, 1, 20000, "N", "trials to look ahead", NULL},
        {"window", OPTION_INT, &r.what.window, 1, 20000, "N", "trials of a window", NULL},
        {"recent", OPTION_FLAG, &r.what.recent, 0, 0, NULL,
         "draw from the last 512 stimuli even if the observed ones are known", NULL},
        {"protocol", OPTION_IN, &r.what.animal.protocol, 0, 0, "P.yaml", "train by this protocol",
         NULL},
        {"stage", OPTION_TEXT, &r.what.animal.stage, 0, 0, "NAME", "its stage (default the first)",
         NULL},
        {"accuracy", OPTION_REAL, &r.what.accuracy, 0.0, 1.0, "X",
         "criterion: fraction correct ...", NULL},
        {"over", OPTION_INT, &r.what.over, 1, MODEL_FORECAST_CRITERION, "N",
         "... over N trials ...", NULL},
        {"easy", OPTION_REAL, &r.what.easy, 0.0, 1.0, "C", "... of contrast C or more", NULL},
        {"rollouts", OPTION_INT, &r.what.rollouts, 1, MODEL_FORECAST_ROLLOUTS, "N", "virtual twins",
         NULL},
        COMMAND_PLOT(&r.plot),
        COMMAND_JSON(&r.is_json),
    };
    static const struct option_rule rules[] = {{"stage", OPTION_NEEDS, "protocol"},
                                               {"recent", OPTION_EXCLUDES, "protocol"}};
    struct options options = {
        .usage = "forecast DATA|JOURNAL [--model M] [--at N] [options]",
        .about =
            "Forecasts an animal's learning: virtual twins continue from the first N trials, under "
            "the stimuli that were shown later, or drawn from the last ones where none were, or "
            "under a protocol. Fraction correct and bias by window with 50% and 90% bands, beside "
            "what was observed; when a criterion is met; the probability of the next training "
            "status of the International Brain Laboratory. Trials ahead are counted in choices. A "
            "daemon may be writing the journal. DATA \"-\" is standard input.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules),
        COMMAND_FILE(&r.what.animal.path)};
    r.guard = &options.guard;
    return command_run(&options, argc, argv, work, &r);
}
