/* Forecasts of recorded animals by models that never saw them, against what came: from a quarter,
 * half and three quarters of each animal's training, with its real stimuli. Coverage of the bands
 * of accuracy in windows of 100 trials, and the error beside that of carrying the present accuracy
 * forward and of a rule run open loop. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "model/cohort.h"
#include "rollout.h"
#include "training_set.h"

enum { WINDOW = 100, HORIZON = 2000, WINDOWS = HORIZON / WINDOW, ROLLOUTS_MAX = 4096, NEAR = 5 };
enum { CUTS = 3, PATH = 4096, KINDS = 3 };

static const double CUT[CUTS] = {0.25, 0.5, 0.75};

struct setting {
    const char *models; /* with a %d for the fold */
    const char *tables;
    const char *open_loop; /* "": none */
    const char *only;      /* a rule's name, "": the tuning's mixture */
    double n_folds;
    double fold; /* NaN: all */
    double n_rollouts;
    double carry;
    bool each;
    bool bank_only;
    model_rollout_tuning tuning;
};

/* Of one method over windows up to a horizon. */
struct tally {
    double n;
    double in50;
    double in90;
    double width90;
    double error;
    double signed_error;
    double
        crps; /* continuous ranked probability score (Gneiting & Raftery 2007), lower is better */
    double carry_error;
    double open_error;
};

static struct tally tallies[2][CUTS];
static float window_right[WINDOWS][ROLLOUTS_MAX];

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a;
    const float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(const float sorted[], size_t n, double p)
{
    const double at = p * (double)(n - 1);
    const size_t i = (size_t)at;
    const double part = at - (double)i;
    return i + 1 < n ? (double)sorted[i] * (1.0 - part) + (double)sorted[i + 1] * part
                     : (double)sorted[i];
}

static int8_t side_of(const model_trial *t)
{
    return (int8_t)(t->contrast > 0.0 ? 1 : (t->contrast < 0.0 ? 0 : -1));
}

/* Accuracy of the last n choices with a correct side before row `to`. */
static double recent(const struct training_set_subject *s, size_t to, size_t n)
{
    double right = 0.0;
    double all = 0.0;
    for (size_t i = to; i > 0 && all < (double)n; i--) {
        const model_trial *t = &s->trials[i - 1];
        if (t->choice >= 0 && side_of(t) >= 0) {
            right += t->choice == side_of(t);
            all++;
        }
    }
    return all > 0.0 ? right / all : 0.5;
}

/* What is rolled out: the bank's virtual twins, or one cohort open loop. */
struct runner {
    rollout *rollout;
    model_cohort *cohort;
    size_t n;
    float contrast[ROLLOUTS_MAX];
    float reward[ROLLOUTS_MAX];
    int8_t side[ROLLOUTS_MAX];
    uint8_t chose[ROLLOUTS_MAX];
};

static void show(struct runner *r, const model_trial *t, bool starts_session)
{
    for (size_t i = 0; i < r->n; i++) {
        r->contrast[i] = (float)t->contrast;
        r->side[i] = side_of(t);
        if (starts_session && r->rollout != NULL) {
            rollout_start_session(r->rollout, i);
        } else if (starts_session) {
            model_cohort_start_session(r->cohort, i);
        }
    }
}

static void teach(struct runner *r)
{
    for (size_t i = 0; i < r->n; i++) {
        r->reward[i] = r->side[i] < 0 ? NAN : (float)(r->chose[i] == r->side[i]);
    }
    const model_cohort_trials trials = {
        .contrast = r->contrast, .chose_right = r->chose, .reward = r->reward, .side = r->side};
    (void)(r->rollout != NULL ? rollout_learn(r->rollout, &trials)
                              : model_cohort_learn(r->cohort, &trials));
}

/* Shares of right choices in window_right; returns how many windows are full, and their truth. */
static size_t roll(struct runner *r, const struct training_set_subject *s, size_t from,
                   double truth[])
{
    size_t row = from;
    size_t w = 0;
    for (; w < WINDOWS; w++) {
        double scored = 0.0;
        double right = 0.0;
        memset(window_right[w], 0, sizeof window_right[w]);
        bool pending_start = false;
        size_t taken = 0;
        for (; taken < WINDOW && row < s->n; row++) {
            const model_trial *t = &s->trials[row];
            pending_start = pending_start || s->starts_session[row] != 0;
            if (t->choice < 0) {
                continue;
            }
            show(r, t, pending_start);
            pending_start = false;
            if (r->rollout != NULL) {
                rollout_choose(r->rollout, r->contrast, NULL, r->chose, NULL);
            } else {
                model_cohort_choose(r->cohort, r->contrast, NULL, r->chose, NULL);
            }
            teach(r);
            taken++;
            if (side_of(t) >= 0) {
                scored++;
                right += t->choice == side_of(t);
                for (size_t i = 0; i < r->n; i++) {
                    window_right[w][i] += r->chose[i] == r->side[i] ? 1.0F : 0.0F;
                }
            }
        }
        if (taken < WINDOW || scored < 1.0) {
            break;
        }
        truth[w] = right / scored;
        for (size_t i = 0; i < r->n; i++) {
            window_right[w][i] /= (float)scored;
        }
    }
    return w;
}

static double mean_of(const float v[], size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)v[i];
    }
    return sum / (double)n;
}

/* E|x - truth| - E|x - x'| / 2 over a sorted sample. */
static double crps(const float sorted[], size_t n, double truth)
{
    double away = 0.0;
    double apart = 0.0;
    for (size_t i = 0; i < n; i++) {
        away += fabs((double)sorted[i] - truth) / (double)n;
        apart += (2.0 * (double)i + 1.0 - (double)n) * (double)sorted[i] / ((double)n * (double)n);
    }
    return away - apart;
}

static void count(struct tally *t, float sorted[], size_t n, double truth, double carry,
                  double open)
{
    const double mean = mean_of(sorted, n);
    qsort(sorted, n, sizeof sorted[0], compare);
    const double lo = quantile(sorted, n, 0.05);
    const double hi = quantile(sorted, n, 0.95);
    t->n++;
    t->in90 += truth >= lo && truth <= hi;
    t->in50 += truth >= quantile(sorted, n, 0.25) && truth <= quantile(sorted, n, 0.75);
    t->width90 += hi - lo;
    t->error += fabs(quantile(sorted, n, 0.5) - truth);
    t->signed_error += mean - truth;
    t->crps += crps(sorted, n, truth);
    t->carry_error += fabs(carry - truth);
    t->open_error += fabs(open - truth);
}

/* Medians of the windows of a rule that sees the real trials up to the cut and then its own. */
static void open_loop(struct runner *r, const struct training_set_subject *s, size_t from,
                      const model_params *params, double median[])
{
    double truth[WINDOWS];
    const double none[MODEL_WEIGHTS_MAX] = {0.0};
    model_member sure; /* of where untrained animals start */
    model_member_init(&sure, params);
    memset(sure.P, 0, sizeof sure.P);
    model_cohort_set_noise(r->cohort, none, none);
    for (size_t i = 0; i < r->n; i++) {
        model_cohort_enter(r->cohort, i, &sure, 1, i);
    }
    for (size_t row = 0; row < from; row++) {
        const model_trial *t = &s->trials[row];
        if (t->choice >= 0) {
            show(r, t, s->starts_session[row] != 0);
            memset(r->chose, t->choice, r->n);
            teach(r);
        }
    }
    const size_t n = roll(r, s, from, truth);
    for (size_t w = 0; w < n; w++) {
        qsort(window_right[w], r->n, sizeof window_right[w][0], compare);
        median[w] = quantile(window_right[w], r->n, 0.5);
    }
}

struct fold {
    struct model_file bank;
    struct model_file open;
    struct training_set training;
    struct runner *run;
    struct runner *run_open;
};

static void forecast_one(const struct setting *set, struct fold *f, uint32_t a, int cut)
{
    static model_bank bank;
    static model_rate_grid pace;
    double truth[WINDOWS];
    double open[WINDOWS] = {0.0};
    const struct training_set_subject *s = &f->training.subject[a];
    const size_t from = (size_t)(CUT[cut] * (double)s->n);
    model_bank_init(&bank, &f->bank.bank);
    model_rate_grid_init(&pace, &f->bank.bank);
    for (size_t i = 0; i < from; i++) {
        if (s->starts_session[i]) {
            model_bank_start_session(&bank, &f->bank.bank);
            model_rate_grid_start_session(&pace, &f->bank.bank);
        }
        (void)model_bank_observe(&bank, &f->bank.bank, &s->trials[i], NULL);
        (void)model_rate_grid_observe(&pace, &f->bank.bank, &s->trials[i]);
    }
    if (f->run_open != NULL) {
        open_loop(f->run_open, s, from, &f->open.bank.member[0], open);
    }
    const int status = set->bank_only
                           ? rollout_start_bank(f->run->rollout, &bank, &set->tuning, f->run->n, 1)
                           : rollout_start(f->run->rollout, &pace, &set->tuning, f->run->n, 1);
    if (status != MODEL_OK) {
        bench_die("the tuning is out of range");
    }
    const size_t n = roll(f->run, s, from, truth);
    const double carry = recent(s, from, (size_t)set->carry);
    double forecast[WINDOWS];
    for (size_t w = 0; w < n; w++) {
        forecast[w] = mean_of(window_right[w], f->run->n);
        if (w < NEAR) {
            static float copy[ROLLOUTS_MAX];
            memcpy(copy, window_right[w], f->run->n * sizeof copy[0]);
            count(&tallies[0][cut], copy, f->run->n, truth[w], carry, open[w]);
        }
        count(&tallies[1][cut], window_right[w], f->run->n, truth[w], carry, open[w]);
    }
    if (set->each) {
        printf("%-8s %.2f now %.3f;", f->training.subjects.name[a], CUT[cut], carry);
        for (size_t w = 0; w < n; w += 4) {
            printf("  %.3f(%.3f %.3f)", truth[w], forecast[w], open[w]);
        }
        printf("\n");
    }
}

static struct runner *make_runner(size_t n, const model_bank_params *bank, bool alone)
{
    struct runner *r = calloc(1, sizeof *r);
    const size_t size = alone ? model_cohort_size(&bank->member[0], n) : rollout_size(bank, n);
    void *mem = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (r == NULL || mem == NULL) {
        bench_die("no memory");
    }
    r->n = n;
    const int status = alone ? model_cohort_init(mem, size, &bank->member[0], n, &r->cohort)
                             : rollout_init(mem, size, bank, n, &r->rollout);
    if (status != MODEL_OK) {
        bench_die("the roll-outs could not be made");
    }
    return r;
}

/* The pattern with its %d replaced. */
static void put_fold(char path[PATH], const char *pattern, int fold)
{
    const char *at = strstr(pattern, "%d");
    const int before = at != NULL ? (int)(at - pattern) : (int)strlen(pattern);
    const int length = at != NULL ? snprintf(path, PATH, "%.*s%d%s", before, pattern, fold, at + 2)
                                  : snprintf(path, PATH, "%s", pattern);
    if (length < 0 || length >= PATH) {
        bench_die("a path is too long");
    }
}

static void load(struct model_file *model, const char *pattern, int fold)
{
    char path[PATH];
    struct fault fault;
    put_fold(path, pattern, fold);
    if (model_file_load(path, model, &fault) != FAULT_NONE) {
        bench_die("%s", fault.text);
    }
}

static void run_fold(const struct setting *set, int fold)
{
    struct fold f = {0};
    char path[PATH];
    struct fault fault;
    load(&f.bank, set->models, fold);
    put_fold(path, set->tables, fold);
    if (training_set_load(&f.training, path, trial_table_plain(TRIAL_TABLE_QUIET), &fault) !=
        FAULT_NONE) {
        bench_die("%s", fault.text);
    }
    f.run = make_runner((size_t)set->n_rollouts, &f.bank.bank, false);
    if (set->open_loop[0] != '\0') {
        load(&f.open, set->open_loop, fold);
        f.run_open = make_runner(128, &f.open.bank, true);
    }
    for (uint32_t a = 0; a < f.training.n; a++) {
        for (int cut = 0; cut < CUTS; cut++) {
            forecast_one(set, &f, a, cut);
        }
    }
    free(f.run->rollout);
    free(f.run);
    if (f.run_open != NULL) {
        free(f.run_open->cohort);
        free(f.run_open);
        model_file_free(&f.open);
    }
    training_set_free(&f.training);
    model_file_free(&f.bank);
}

static void print(const char *name, const struct tally *t)
{
    printf("%-12s %7.0f %8.1f %8.1f %8.3f %8.4f %+8.4f %8.4f %8.4f %8.4f\n", name, t->n,
           100.0 * t->in90 / t->n, 100.0 * t->in50 / t->n, t->width90 / t->n, t->error / t->n,
           t->signed_error / t->n, t->crps / t->n, t->carry_error / t->n, t->open_error / t->n);
}

static void add(struct tally *to, const struct tally *from)
{
    to->n += from->n;
    to->in50 += from->in50;
    to->in90 += from->in90;
    to->width90 += from->width90;
    to->error += from->error;
    to->signed_error += from->signed_error;
    to->crps += from->crps;
    to->carry_error += from->carry_error;
    to->open_error += from->open_error;
}

/* Of both horizons; other than 0 if a figure is missed. */
static int judge(const struct tally sums[2], bool has_open_loop)
{
    int missed = 0;
    for (int h = 0; h < 2; h++) {
        const struct tally *t = &sums[h];
        const double inside = 100.0 * t->in90 / t->n;
        printf("%d trials ahead:\n", h == 0 ? NEAR * WINDOW : HORIZON);
        missed |= bench_verdict("within the 90% band", inside, "%", false, 85.0);
        missed |= bench_verdict("within the 90% band", inside, "%", true, 95.0);
        missed |=
            bench_verdict("error, carried forward 1", t->error / t->carry_error, "", true, 1.0);
        if (has_open_loop) {
            missed |= bench_verdict("error, open loop 1", t->error / t->open_error, "", true, 1.0);
        }
    }
    return missed;
}

static int print_all(bool has_open_loop)
{
    struct tally sums[2] = {{0}};
    printf("%-12s %7s %8s %8s %8s %8s %8s %8s %8s %8s\n", "trials", "windows", "in 90%", "in 50%",
           "width", "error", "bias", "crps", "carried", "open");
    for (int h = 0; h < 2; h++) {
        for (int c = 0; c < CUTS; c++) {
            char name[32];
            (void)snprintf(name, sizeof name, "%d of %.2f", h == 0 ? 500 : HORIZON, CUT[c]);
            print(name, &tallies[h][c]);
            add(&sums[h], &tallies[h][c]);
        }
        print(h == 0 ? "500" : "2000", &sums[h]);
    }
    return judge(sums, has_open_loop);
}

int main(int argc, char **argv)
{
    struct setting set = {.models = "",
                          .tables = "",
                          .open_loop = "",
                          .only = "",
                          .n_folds = 5.0,
                          .fold = (double)NAN,
                          .n_rollouts = 500.0,
                          .carry = 100.0};
    model_rollout_tuning *t = &set.tuning;
    model_rollout_tuning_init(t);
    const struct bench_option list[] = {
        {"models", &set.models, NULL, NULL, "banks fitted without the fold's animals, with %d"},
        {"tables", &set.tables, NULL, NULL, "the fold's animals, with %d"},
        {"open-loop", &set.open_loop, NULL, NULL, "models of a rule alone, with %d"},
        {"only", &set.only, NULL, NULL, "one kind of rule"},
        {"folds", NULL, &set.n_folds, NULL, "how many (5)"},
        {"fold", NULL, &set.fold, NULL, "only this one, from 1"},
        {"rollouts", NULL, &set.n_rollouts, NULL, "roll-outs (500)"},
        {"carry", NULL, &set.carry, NULL, "trials that the present accuracy is of (100)"},
        {"each", NULL, NULL, &set.each, "prints every fourth window: came (forecast, open loop)"},
        {"bank-only", NULL, NULL, &set.bank_only, "by the bank's weights, every rule at pace 1"},
        {"trust", NULL, &t->trust, NULL, "the tuning's, as all that follow"},
        {"pace-sd", NULL, &t->pace_sd, NULL, ""},
        {"drift", NULL, &t->drift[0], NULL, ""},
        {"drift-other", NULL, &t->drift[1], NULL, ""},
        {"session", NULL, &t->session[0], NULL, ""},
        {"session-other", NULL, &t->session[1], NULL, ""},
        {"reversion", NULL, &t->reversion[0], NULL, ""},
        {"reversion-other", NULL, &t->reversion[1], NULL, ""},
        {"none", NULL, &t->prior[MODEL_RULE_NONE], NULL, ""},
        {"reinforce", NULL, &t->prior[MODEL_RULE_REINFORCE], NULL, ""},
        {"reinforce-base", NULL, &t->prior[MODEL_RULE_REINFORCE_BASE], NULL, ""},
        {"dnn", NULL, &t->prior[MODEL_RULE_DNN], NULL, ""},
        {"rnn", NULL, &t->prior[MODEL_RULE_RNN], NULL, ""},
        {"gru-policy", NULL, &t->prior[MODEL_RULE_GRU_POLICY], NULL, ""},
    };
    bench_options(argc, argv, "Forecasts of recorded animals against what came.", list,
                  sizeof list / sizeof list[0]);
    if (set.models[0] == '\0' || set.tables[0] == '\0' || set.n_rollouts > ROLLOUTS_MAX) {
        bench_die("--models and --tables are needed, and at most %d roll-outs", ROLLOUTS_MAX);
    }
    if (set.only[0] != '\0') {
        model_rule_kind kind;
        if (model_rule_parse(&kind, set.only) != MODEL_OK) {
            bench_die("no rule is called \"%s\"", set.only);
        }
        memset(t->prior, 0, sizeof t->prior);
        t->prior[kind] = 1.0;
    }
    for (int fold = 0; fold < (int)set.n_folds; fold++) {
        if (isnan(set.fold) || fold + 1 == (int)set.fold) {
            run_fold(&set, fold);
        }
    }
    return print_all(set.open_loop[0] != '\0');
}
