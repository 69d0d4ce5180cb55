#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "forecast_message.h"
#include "forecast_plot.h"
#include "lookahead.h"
#include "model_file.h"
#include "options.h"
#include "progress.h"
#include "protocol_file.h"
#include "recorded_models.h"
#include "text_escape.h"
#include "trial_history.h"

enum { SLICE = 200000, BEFORE_MAX = 40, TITLE_MAX = 256, RANGES_MAX = 160 };

struct request {
    const char *path;
    const char *model;
    const char *subject;
    const char *protocol;
    const char *stage;
    const char *picture;
    const struct output_guard *guard;
    int64_t at; /* < 0: all trials are known */
    int64_t horizon;
    int64_t window;
    int64_t rollouts;
    int64_t over;
    int64_t seed;
    double accuracy;
    double easy;
    bool recent;
    bool json;
    bool is_strict;
};

/* What is shown from now on. */
enum shown { SHOWN_REAL, SHOWN_RECENT, SHOWN_PROTOCOL };

static const char *const SHOWN[] = {"real", "recent", "protocol"};

struct forecaster {
    const struct request *request;
    struct model_file model;
    struct trial_history past;
    struct protocol_file protocol;
    model_protocol_state rig;
    size_t at; /* trials known */
    enum shown shown;
    struct lookahead_recent recent;
    model_forecast_tally tally;
    size_t met_at; /* the animal's trial, from 1, with which the criterion was met; 0: not yet */
    model_rate_grid pace;
    model_training_status tracker;
    model_forecast_stimulus *future; /* owned; choices after `at` */
    size_t n_future;
    model_forecast_config config;
    model_forecast_task task;
    void *memory; /* owned */
    model_forecast *forecast;
    size_t n_before;
    double before[BEFORE_MAX];
    size_t n_came;
    double came[MODEL_FORECAST_WINDOWS];
};

/* ---- what is known --------------------------------------------------------------------------- */

static int follow(struct forecaster *f, struct fault *fault)
{
    const model_bank_params *bank = &f->model.bank;
    struct progress progress;
    int rc = FAULT_NONE;
    model_rate_grid_init(&f->pace, bank);
    model_training_status_init(&f->tracker);
    progress_start(&progress, "following", (int64_t)f->at);
    for (size_t i = 0; rc == FAULT_NONE && i < f->at; i++) {
        const struct trial_history_trial *t = &f->past.trials[i];
        if (t->starts_session) {
            model_rate_grid_start_session(&f->pace, bank);
            model_training_status_start(&f->tracker, (int64_t)i, &t->info, NULL);
            lookahead_recent_start_session(&f->recent);
        }
        const int status = model_rate_grid_observe(&f->pace, bank, &t->trial);
        if (status != MODEL_OK) {
            rc = fault_set(fault, FAULT_WORK, "%s: trial %zu of %s could not be taken up: %s",
                           f->request->path, i, f->past.subject, model_strerror(status));
        }
        lookahead_recent_push(&f->recent, &t->trial, t->p_left);
        if (f->met_at == 0 &&
            model_forecast_tally_push(&f->tally, &f->config.criterion, &t->trial)) {
            f->met_at = i + 1;
        }
        model_training_status_push(&f->tracker,
                                   &(model_training_status_trial){.contrast = t->trial.contrast,
                                                                  .reward = t->trial.reward,
                                                                  .rt_s = t->trial.rt_s,
                                                                  .p_left = t->p_left,
                                                                  .choice = t->trial.choice});
        if (i % 256 == 0) {
            progress_update(&progress, (int64_t)i);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
        }
    }
    progress_finish(&progress);
    return rc;
}

/* ---- what comes ------------------------------------------------------------------------------ */

static int take_future(struct forecaster *f, struct fault *fault)
{
    bool starts = false;
    f->future = calloc(f->past.n - f->at + 1, sizeof *f->future);
    if (f->future == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the trials to come");
    }
    for (size_t i = f->at; i < f->past.n; i++) {
        const struct trial_history_trial *t = &f->past.trials[i];
        starts = starts || t->starts_session;
        if (t->trial.choice >= 0) {
            f->future[f->n_future++] =
                (model_forecast_stimulus){.contrast = (float)t->trial.contrast,
                                          .rt_s = (float)t->trial.rt_s,
                                          .p_left = (float)t->p_left,
                                          .side = t->trial.side,
                                          .starts_session = starts};
            starts = false;
        }
    }
    return FAULT_NONE;
}

static int take_protocol(struct forecaster *f, struct fault *fault)
{
    const struct request *r = f->request;
    const int rc = protocol_file_load(&f->protocol, r->protocol, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const model_protocol *protocol = &f->protocol.protocol;
    model_protocol_init(&f->rig, protocol, (uint64_t)r->seed, 0);
    if (r->stage != NULL) {
        const uint32_t stage = model_protocol_find(protocol, r->stage);
        if (stage == protocol->n_stages) {
            return fault_set(fault, FAULT_INPUT, "option stage: %s has no stage \"%.64s\"",
                             r->protocol, r->stage);
        }
        model_protocol_enter(&f->rig, stage);
        f->rig.carried_stage = stage;
    }
    f->task.protocol = protocol;
    f->task.state = &f->rig;
    f->task.rt_s = lookahead_recent_rt_s(&f->recent);
    return FAULT_NONE;
}

static int choose_task(struct forecaster *f, struct fault *fault)
{
    const struct request *r = f->request;
    int rc = take_future(f, fault);
    f->task = (model_forecast_task){.tracker = &f->tracker, .is_met = f->met_at > 0};
    if (rc == FAULT_NONE && r->protocol != NULL) {
        f->shown = SHOWN_PROTOCOL;
        return take_protocol(f, fault);
    }
    f->shown = r->recent || f->n_future == 0 ? SHOWN_RECENT : SHOWN_REAL;
    if (rc == FAULT_NONE && f->shown == SHOWN_RECENT &&
        !lookahead_recent_task(&f->recent, &f->task)) {
        rc = fault_set(fault, FAULT_INPUT,
                       "%s: no choices before trial %zu to draw stimuli from; --protocol, or a "
                       "later --at, was expected",
                       r->path, f->at);
    } else if (rc == FAULT_NONE && f->shown == SHOWN_REAL) {
        f->task.n_stimuli = f->n_future;
        f->task.stimuli = f->future;
    }
    return rc;
}

/* ---- windows of what was and what came --------------------------------------------------------
 */

/* Share correct of `window` choices from number `first` on, in rows from..to - 1 counted backwards
 * (step -1) or forwards; NaN where there are fewer. */
static double share(const struct trial_history *past, size_t row, size_t end, int64_t skip,
                    int64_t window)
{
    double scored = 0.0;
    double right = 0.0;
    int64_t n = 0;
    for (; row != end && n<skip + window; row += end> row ? 1 : (size_t)-1) {
        const model_trial *t = &past->trials[end > row ? row : row - 1].trial;
        if (t->choice < 0 || n++ < skip) {
            continue;
        }
        scored += model_trial_side(t->side, t->contrast) >= 0;
        right += t->choice == model_trial_side(t->side, t->contrast);
    }
    return n == skip + window && scored > 0.0 ? right / scored : (double)NAN;
}

static void take_windows(struct forecaster *f)
{
    const int64_t window = f->request->window;
    size_t n = 0;
    double newest_first[BEFORE_MAX];
    for (; n < BEFORE_MAX; n++) {
        newest_first[n] = share(&f->past, f->at, 0, (int64_t)n * window, window);
        if (isnan(newest_first[n])) {
            break;
        }
    }
    f->n_before = n;
    for (size_t i = 0; i < n; i++) {
        f->before[i] = newest_first[n - 1 - i];
    }
    const size_t most = f->shown == SHOWN_REAL ? f->config.n_windows : 0;
    for (f->n_came = 0; f->n_came < most; f->n_came++) {
        const double came = share(&f->past, f->at, f->past.n, (int64_t)f->n_came * window, window);
        if (isnan(came)) {
            break;
        }
        f->came[f->n_came] = came;
    }
}

/* ---- for people ------------------------------------------------------------------------------ */

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
static void print_why(const struct forecaster *f, const model_forecast_result *r)
{
    bool is_unscored = false;
    for (size_t i = 0; i < r->n_windows; i++) {
        is_unscored = is_unscored || isnan(r->correct[i].median);
    }
    if (is_unscored) {
        printf("-: no trial of the window has a correct side that is known\n");
    }
    if (r->n_windows < f->config.n_windows) {
        printf("%u of %u windows: what comes is known for %zu choices only\n", r->n_windows,
               f->config.n_windows, f->n_future);
    }
}

static void print_criterion(const struct forecaster *f, const model_forecast_result *r)
{
    const struct request *q = f->request;
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

static void print_text(const struct forecaster *f, const model_forecast_result *r)
{
    char pace[TEXT_ESCAPE_NUMBER_MAX];
    printf("%s after %zu trials, by model %s, stimuli %s, %u roll-outs\n", f->past.subject, f->at,
           f->model.hash, SHOWN[f->shown], r->n_rollouts);
    printf("%-12s %-32s %6s   %-32s\n", "trials", "correct: median, 50%, 90%", "came",
           "bias: p(right) at 0");
    for (size_t i = 0; i < r->n_windows; i++) {
        char range[32];
        (void)snprintf(range, sizeof range, "%zu-%zu", i * r->window, (i + 1) * r->window - 1);
        printf("%-12s ", range);
        print_band(&r->correct[i]);
        if (i < f->n_came) {
            printf("  %6.3f  ", f->came[i]);
        } else {
            printf("  %6s  ", "-");
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

/* ---- for programs ---------------------------------------------------------------------------- */

static void json_band(const char *key, const model_forecast_band *b)
{
    const struct text_escape_real parts[] = {{"mean", b->mean}, {"median", b->median},
                                             {"lo50", b->lo50}, {"hi50", b->hi50},
                                             {"lo90", b->lo90}, {"hi90", b->hi90}};
    printf("\"%s\": {", key);
    text_escape_json_reals(stdout, sizeof parts / sizeof parts[0], parts);
    printf("}");
}

static void json_windows(const struct forecaster *f, const model_forecast_result *r)
{
    printf(" \"windows\": [");
    for (size_t i = 0; i < r->n_windows; i++) {
        printf("%s\n  {\"from\": %zu, \"to\": %zu, ", i > 0 ? "," : "", i * r->window,
               (i + 1) * r->window);
        json_band("correct", &r->correct[i]);
        printf(", ");
        json_band("p_correct", &r->p_correct[i]);
        printf(", ");
        json_band("bias", &r->bias[i]);
        printf(", ");
        text_escape_json_real(stdout, "came", i < f->n_came ? f->came[i] : (double)NAN);
        printf("}");
    }
    printf("],\n");
}

static void json_rest(const struct forecaster *f, const model_forecast_result *r)
{
    const struct request *q = f->request;
    const char *between = "";
    printf(" \"criterion\": {");
    text_escape_json_real(stdout, "accuracy", q->accuracy);
    printf(", ");
    text_escape_json_real(stdout, "contrast_min", q->easy);
    printf(", \"window\": %" PRId64 ", \"met_at\": ", q->over);
    if (f->met_at > 0) {
        printf("%zu, ", f->met_at);
    } else {
        printf("null, ");
    }
    text_escape_json_real(stdout, "p_reached", r->p_reached);
    printf(", ");
    json_band("trials", &r->trials);
    printf(", ");
    json_band("sessions", &r->sessions);
    printf("},\n \"status\": {\"next\": \"%s\", \"p_within\": {",
           model_ibl_criteria_status_name(r->next));
    for (size_t i = 0; i < MODEL_FORECAST_WITHIN; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%d", model_forecast_within(i));
        printf("%s", i > 0 ? ", " : "");
        text_escape_json_real(stdout, key, r->p_within[i]);
    }
    printf("}},\n \"rules\": {");
    for (int i = 0; i < MODEL_RULES; i++) {
        if (r->share[i] > 0.0) {
            printf("%s", between);
            text_escape_json_real(stdout, model_rule_name((model_rule_kind)i), r->share[i]);
            between = ", ";
        }
    }
    printf("}, ");
    text_escape_json_real(stdout, "pace", r->pace);
    printf("}\n");
}

static void print_json(const struct forecaster *f, const model_forecast_result *r)
{
    printf("{\"subject\": ");
    text_escape_json(stdout, f->past.subject);
    printf(", \"at\": %zu, \"model\": \"%s\", \"stimuli\": \"%s\", \"rollouts\": %u, \"seed\": "
           "%" PRId64 ",\n",
           f->at, f->model.hash, SHOWN[f->shown], r->n_rollouts, f->request->seed);
    json_windows(f, r);
    json_rest(f, r);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Choices since the criterion was met. */
static double choices_since(const struct forecaster *f)
{
    double n = 0.0;
    for (size_t i = f->met_at; i < f->at; i++) {
        n += f->past.trials[i].trial.choice >= 0 ? 1.0 : 0.0;
    }
    return n;
}

static void name_criterion(const struct forecaster *f, const model_forecast_result *r, char *out,
                           size_t cap)
{
    const struct request *q = f->request;
    char when[64];
    if (f->met_at > 0) {
        (void)snprintf(when, sizeof when, "met at trial %zu", f->met_at);
    } else if (isfinite(r->trials.median)) {
        (void)snprintf(when, sizeof when, "median in %.0f trials", r->trials.median);
    } else {
        (void)snprintf(when, sizeof when, "chance %.2f", r->p_reached);
    }
    (void)snprintf(out, cap, "%g correct of %" PRId64 " trials of contrast %g and above: %s",
                   q->accuracy, q->over, q->easy, when);
}

static void put_plot(FILE *to, const void *what)
{
    const struct forecaster *f = what;
    const model_forecast_result *r = model_forecast_result_of(f->forecast);
    char title[TITLE_MAX];
    char criterion[TITLE_MAX];
    name_criterion(f, r, criterion, sizeof criterion);
    (void)snprintf(title, sizeof title, "%.64s after %zu trials, in windows of %u", f->past.subject,
                   f->at, r->window);
    const struct forecast_plot plot = {.title = title,
                                       .result = r,
                                       .criterion = criterion,
                                       .met = f->met_at > 0 ? -choices_since(f) : r->trials.median,
                                       .n_before = f->n_before,
                                       .before = f->before,
                                       .n_came = f->n_came,
                                       .came = f->came};
    forecast_plot(to, &plot);
}

static int configure(struct forecaster *f, struct fault *fault)
{
    const struct request *r = f->request;
    const int64_t windows = r->horizon / r->window;
    if (windows < 1 || windows > MODEL_FORECAST_WINDOWS) {
        return fault_set(fault, FAULT_INPUT,
                         "option horizon: %" PRId64 " trials are %" PRId64 " windows of %" PRId64
                         "; 1 to %d were expected",
                         r->horizon, windows, r->window, MODEL_FORECAST_WINDOWS);
    }
    f->config = (model_forecast_config){.n_rollouts = (uint32_t)r->rollouts,
                                        .n_windows = (uint32_t)windows,
                                        .window = (uint32_t)r->window,
                                        .criterion = {.accuracy = r->accuracy,
                                                      .contrast_min = r->easy,
                                                      .window = (uint32_t)r->over}};
    const size_t size = model_forecast_size(&f->model.bank, &f->config);
    f->memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (f->memory == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %" PRId64 " roll-outs", r->rollouts);
    }
    (void)model_forecast_init(f->memory, size, &f->model.bank, &f->config, &f->forecast);
    return FAULT_NONE;
}

static int run(struct forecaster *f, struct fault *fault)
{
    model_rollout_tuning tuning;
    struct progress progress;
    model_rollout_tuning_init(&tuning);
    if (model_forecast_start(f->forecast, &f->task, &f->pace, NULL, &tuning,
                             (uint64_t)f->request->seed) != MODEL_OK) {
        return fault_set(fault, FAULT_WORK, "%s: the roll-outs could not be started",
                         f->request->path);
    }
    progress_start(&progress, "forecast", 100);
    int rc = FAULT_NONE;
    while (rc == FAULT_NONE && model_forecast_run(f->forecast, SLICE) == 1) {
        progress_update(&progress, (int64_t)(100.0 * model_forecast_progress(f->forecast)));
        rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
    }
    progress_finish(&progress);
    return rc;
}

static int forecast(struct forecaster *f, struct fault *fault)
{
    const struct request *r = f->request;
    int rc = recorded_models_model(r->path, r->model, &f->model, fault);
    rc = rc ? rc : configure(f, fault);
    rc = rc ? rc
            : trial_history_read(&f->past, r->path, r->subject, trial_table_care(r->is_strict),
                                 fault);
    rc = rc ? rc : trial_history_known(&f->past, r->at, &f->at, fault);
    rc = rc ? rc : follow(f, fault);
    rc = rc ? rc : choose_task(f, fault);
    rc = rc ? rc : run(f, fault);
    if (rc == FAULT_NONE) {
        const model_forecast_result *result = model_forecast_result_of(f->forecast);
        take_windows(f);
        rc = output_file_write(r->guard, r->picture, put_plot, f, fault);
        if (rc == FAULT_NONE && r->json) {
            print_json(f, result);
        } else if (rc == FAULT_NONE) {
            print_text(f, result);
        }
    }
    return rc;
}

int cmd_forecast(int argc, char **argv)
{
    struct request r = {.at = -1,
                        .horizon = 2000,
                        .window = 100,
                        .rollouts = 500,
                        .over = 100,
                        .accuracy = 0.8,
                        .easy = 0.5};
    const struct option list[] = {
        {"model", OPTION_IN, &r.model, 0, 0, "M",
         "model file (the journal's; of a table the random walk, which does not learn)", NULL},
        {"subject", OPTION_TEXT, &r.subject, 0, 0, "S", "the animal, if there are several", NULL},
        {"at", OPTION_INT, &r.at, 0, 1e9, "N", "trials of it that are known (all)", NULL},
        {"horizon", OPTION_INT, &r.horizon, 1, 20000, "N", "trials to look ahead", NULL},
        {"window", OPTION_INT, &r.window, 1, 20000, "N", "trials of a window", NULL},
        {"recent", OPTION_FLAG, &r.recent, 0, 0, NULL,
         "draw from the last 512 stimuli, also where it is known what came", NULL},
        {"protocol", OPTION_IN, &r.protocol, 0, 0, "P.yaml", "train by this protocol", NULL},
        {"stage", OPTION_TEXT, &r.stage, 0, 0, "NAME", "where it stands in it (the first)", NULL},
        {"accuracy", OPTION_REAL, &r.accuracy, 0.0, 1.0, "X", "to be reached ...", NULL},
        {"over", OPTION_INT, &r.over, 1, MODEL_FORECAST_CRITERION, "N",
         "... over so many trials ...", NULL},
        {"easy", OPTION_REAL, &r.easy, 0.0, 1.0, "C", "... of this contrast or more", NULL},
        {"rollouts", OPTION_INT, &r.rollouts, 1, MODEL_FORECAST_ROLLOUTS, "N", "virtual twins",
         NULL},
        {"seed", OPTION_INT, &r.seed, 0, 1e15, "N", "of what is drawn", NULL},
        {"o", OPTION_OUT, &r.picture, 0, 0, "FILE", "write the curves as an SVG", NULL},
        TRIAL_TABLE_STRICT_OPTION(&r.is_strict),
        {"json", OPTION_FLAG, &r.json, 0, 0, NULL, "the same for programs", NULL},
    };
    static const struct option_rule rules[] = {{"stage", OPTION_NEEDS, "protocol"},
                                               {"recent", OPTION_EXCLUDES, "protocol"}};
    struct options options = {
        .usage = "forecast DATA.csv|JOURNAL [--model M] [--at N] [options]",
        .about =
            "Where an animal's learning is going: virtual twins go on from what is known after N\n"
            "trials, under the stimuli that came, or drawn from the last ones where none did, or\n"
            "under a protocol. Share correct and bias by window with 50% and 90% bands, beside\n"
            "what came; when a criterion is met; the chance of the next training status of the\n"
            "International Brain Laboratory. Trials ahead are counted in choices.\n"
            "A journal may be one that a daemon is writing. DATA.csv \"-\" is standard input.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .rules = rules,
        .n_rules = sizeof rules / sizeof rules[0],
        .arguments = &r.path,
        .arguments_min = 1,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    r.guard = &options.guard;
    progress_catch_interrupts();
    struct forecaster *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return fault_report(&fault, fault_set(&fault, FAULT_WORK, "no memory"));
    }
    f->request = &r;
    const int rc = forecast(f, &fault);
    model_file_free(&f->model);
    trial_history_close(&f->past);
    free(f->future);
    free(f->memory);
    free(f);
    return fault_report(&fault, rc);
}
