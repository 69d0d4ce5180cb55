/* How often an animal that plays is called disengaged, how soon one is that does not, and what
 * recorded mice say; beside the rule by which iblrig ends a session: the median reaction time of
 * the last 20 trials is above 5 times that of the session.
 *
 * Simulated animals have a policy and choices from model/virtual_mouse.h. log(reaction time) is the
 * sum of an animal's and a session's mean, a slow drift, noise, and in some trials a slow tail:
 * more than the filter assumes. All that stands here is a function of the seed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "fault.h"
#include "ibl_trials.h"
#include "model/engagement.h"
#include "model/virtual_mouse.h"
#include "trial_table.h"

#define MICE MURID_SOURCE_DIR "/../shared/data/mice_train.csv"

enum {
    N_RATES = 6,
    N_RULES = 2, /* iblrig's as it is, and without its 400 trials */
    N_WATCHES = N_RATES + N_RULES,
    DEFAULT = 3,
    SESSION = 800,
    SESSION_MAX = 4096,
    ONSET_FIRST = 450,
    ONSET_LAST = 700,
    TENTHS = 10,
    TAIL = 20 /* trials before a session's end */
};

static const double TRIALS_PER_ALARM[N_RATES] = {200, 500, 1000, 5000, 20000, 100000};
static const int LEAST_TRIALS[N_RULES] = {400, 40};
static const double NO_GO_S = 60.0; /* what iblrig writes down for a no-go */

/* One trial as the animal met it, and whether it was playing. */
struct seen {
    model_trial trial;
    bool is_out;
};

/* What a way of watching came to, over many sessions. */
struct tally {
    long trials; /* while the animal played, or all of a recorded one */
    long calls;  /* in these */
    long sessions, called, missed;
    long tenth[TENTHS], tail; /* where in the session calls were */
    size_t n_delays;
    int64_t delays[65536]; /* trials from the onset to the call; recorded: from it to the end */
};

static model_params walk; /* the twin's */

/* ---- iblrig's rule --------------------------------------------------------------------------- */

struct stop_rule {
    int n;
    double sorted[SESSION_MAX];
    double last[TAIL];
};

static double median(const double sorted[], int n)
{
    return 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
}

static void insert(double sorted[], int n, double value)
{
    int at = n;
    while (at > 0 && sorted[at - 1] > value) {
        sorted[at] = sorted[at - 1];
        at--;
    }
    sorted[at] = value;
}

static bool stop_rule_fires(struct stop_rule *rule, const model_trial *trial, int least)
{
    const double rt_s = trial->choice < 0 ? NO_GO_S : trial->rt_s;
    if (isnan(rt_s)) {
        return false;
    }
    insert(rule->sorted, rule->n, rt_s);
    rule->last[rule->n % TAIL] = rt_s;
    rule->n++;
    if (rule->n <= least) {
        return false;
    }
    double late[TAIL];
    for (int i = 0; i < TAIL; i++) {
        insert(late, i, rule->last[i]);
    }
    return median(late, TAIL) > 5.0 * median(rule->sorted, rule->n);
}

/* ---- one session through all watches --------------------------------------------------------- */

static void tally_delay(struct tally *t, int trials)
{
    if (t->n_delays < sizeof t->delays / sizeof t->delays[0]) {
        t->delays[t->n_delays++] = trials;
    }
}

static void tally_call(struct tally *t, int at, int n)
{
    t->calls++;
    t->tenth[at * TENTHS / n]++;
    t->tail += n - at <= TAIL;
}

/* Counts calls while the animal plays, and the delay of the first one after it has stopped. A call
 * that stands when it stops is a false one, and of no use for a delay. */
static void tally_session(struct tally *t, const struct seen seen[], const bool out[], int n)
{
    int stopped = 0;
    while (stopped < n && !seen[stopped].is_out) {
        stopped++;
    }
    bool is_called = false;
    t->sessions++;
    t->trials += stopped;
    for (int i = 0; i < stopped; i++) {
        if (out[i] && (i == 0 || !out[i - 1])) {
            is_called = true;
            tally_call(t, i, n);
            if (stopped == n) {
                tally_delay(t, n - i - 1);
            }
        }
    }
    t->called += is_called;
    if (stopped == n || (stopped > 0 && out[stopped - 1])) {
        return;
    }
    int at = stopped;
    while (at < n && !out[at]) {
        at++;
    }
    if (at == n) {
        t->missed++;
    } else {
        tally_delay(t, at - stopped + 1);
    }
}

struct animal {
    model_member twin;
    model_engagement engagement[N_RATES];
};

static void animal_init(struct animal *a, const model_engagement_params params[])
{
    model_member_init(&a->twin, &walk);
    for (int k = 0; k < N_RATES; k++) {
        model_engagement_init(&a->engagement[k], &params[k]);
    }
}

static double p_sum[2]; /* of P(disengaged) while playing and while not, at the default */
static long p_n[2];

static void watch_session(struct animal *a, const model_engagement_params params[],
                          const struct seen seen[], int n, struct tally tallies[])
{
    static bool out[N_WATCHES][SESSION_MAX];
    static struct stop_rule rules[N_RULES];
    memset(rules, 0, sizeof rules);
    model_member_start_session(&a->twin, &walk);
    for (int k = 0; k < N_RATES; k++) {
        model_engagement_start_session(&a->engagement[k], &params[k]);
    }
    for (int i = 0; i < n; i++) {
        const model_trial *t = &seen[i].trial;
        model_engagement_trial e = {.rt_s = t->rt_s, .choice = t->choice};
        model_member_predict(&a->twin, &walk, 1, &t->contrast, &e.p_right, NULL, NULL);
        if (model_member_observe(&a->twin, &walk, t) != MODEL_OK) {
            bench_die("a trial was refused");
        }
        for (int k = 0; k < N_RATES; k++) {
            (void)model_engagement_observe(&a->engagement[k], &params[k], &e);
            out[k][i] = model_engagement_is_out(&a->engagement[k]);
        }
        for (int k = 0; k < N_RULES; k++) {
            out[N_RATES + k][i] =
                (i > 0 && out[N_RATES + k][i - 1]) | stop_rule_fires(&rules[k], t, LEAST_TRIALS[k]);
        }
        p_sum[seen[i].is_out] += model_engagement_p(&a->engagement[DEFAULT]);
        p_n[seen[i].is_out]++;
    }
    for (int k = 0; k < N_WATCHES; k++) {
        tally_session(&tallies[k], seen, out[k], n);
    }
}

/* ---- simulated animals ----------------------------------------------------------------------- */

struct cohort {
    const char *name;
    double sees;                 /* weight of the stimulus */
    bool has_rt;                 /* the rig measures reaction times */
    double lapses;               /* share of its trials, one here and one there */
    model_engagement_state ends; /* in which state its sessions end */
};

static const struct cohort HERDS[] = {
    {"expert", 5.0, true, 0.0, MODEL_ENGAGEMENT_ENGAGED},
    {"half-trained", 2.0, true, 0.0, MODEL_ENGAGEMENT_ENGAGED},
    {"novice", 0.0, true, 0.0, MODEL_ENGAGEMENT_ENGAGED},
    {"expert, a tenth of trials lapse", 5.0, true, 0.1, MODEL_ENGAGEMENT_ENGAGED},
    {"expert, no reaction times", 5.0, false, 0.0, MODEL_ENGAGEMENT_ENGAGED},
    {"novice, no reaction times", 0.0, false, 0.0, MODEL_ENGAGEMENT_ENGAGED},
    {"expert, then lapsing", 5.0, true, 0.0, MODEL_ENGAGEMENT_LAPSING},
    {"expert, then away", 5.0, true, 0.0, MODEL_ENGAGEMENT_AWAY},
    {"novice, then lapsing", 0.0, true, 0.0, MODEL_ENGAGEMENT_LAPSING},
    {"novice, then away", 0.0, true, 0.0, MODEL_ENGAGEMENT_AWAY},
    {"expert, no reaction times, then lapsing", 5.0, false, 0.0, MODEL_ENGAGEMENT_LAPSING},
    {"expert, no reaction times, then away", 5.0, false, 0.0, MODEL_ENGAGEMENT_AWAY},
};

enum { N_HERDS = sizeof HERDS / sizeof HERDS[0], EXPERT = 0, LAPSING = 6, AWAY = 7 };

static struct tally tallies[N_HERDS][N_WATCHES];

struct speed {
    double mean, session, drift;
};

static double draw_rt_s(struct speed *speed, model_random *r, bool is_out)
{
    speed->drift = 0.98 * speed->drift + 0.15 * sqrt(1.0 - 0.98 * 0.98) * model_random_normal(r);
    double z = 0.45 * model_random_normal(r);
    if (model_random_uniform(r) < 0.15) {
        z -= 0.9 * log(1.0 - model_random_uniform(r));
    }
    if (is_out && model_random_uniform(r) < 0.6) {
        z = 1.1 + 0.9 * model_random_normal(r);
    }
    return 0.15 + exp(speed->mean + speed->session + speed->drift + z);
}

static void simulate_animal(const struct cohort *cohort, uint64_t number, int sessions,
                            const model_engagement_params params[], struct tally into[])
{
    static const double CONTRASTS[] = {-1.0, -0.25, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.25, 1.0};
    static struct seen seen[SESSION];
    model_params truth = walk;
    truth.noise.prior_mean[0] = cohort->sees;
    truth.noise.prior_var[0] = cohort->sees > 0.0 ? 0.25 : 1e-6;
    truth.noise.prior_var[1] = truth.noise.session_var[1] = 0.25;
    truth.noise.drift_var[1] = 1e-3;
    model_virtual_mouse mouse;
    model_random r;
    struct animal animal;
    model_virtual_mouse_init(&mouse, &truth, 1, number);
    model_random_seed(&r, 2, number);
    animal_init(&animal, params);
    struct speed speed = {log(0.4) + 0.4 * model_random_normal(&r), 0.0, 0.0};
    const double no_go = 0.03 * model_random_uniform(&r);
    for (int s = 0; s < sessions; s++) {
        model_virtual_mouse_start_session(&mouse, &truth);
        speed.session = 0.25 * model_random_normal(&r);
        const double side = 0.2 + 0.6 * model_random_uniform(&r);
        const int onset = ONSET_FIRST + (int)model_random_below(&r, ONSET_LAST - ONSET_FIRST);
        for (int i = 0; i < SESSION; i++) {
            const bool is_out = cohort->ends != MODEL_ENGAGEMENT_ENGAGED && i >= onset;
            const bool is_blind = is_out || model_random_uniform(&r) < cohort->lapses;
            const double contrast = CONTRASTS[model_random_below(&r, 9)];
            const double rt_s = draw_rt_s(&speed, &r, is_blind);
            const bool sees = model_virtual_mouse_choose(&mouse, &truth, contrast);
            const bool right = is_blind ? model_random_uniform(&r) < side : sees;
            const double p_no_go = is_out && cohort->ends == MODEL_ENGAGEMENT_AWAY ? 0.6 : no_go;
            const bool is_no_go = model_random_uniform(&r) < p_no_go;
            const bool was_right_side =
                contrast == 0.0 ? model_random_uniform(&r) < 0.5 : (contrast > 0.0) == right;
            model_trial t = {.contrast = contrast,
                             .reward = was_right_side && !is_no_go ? 1.0 : 0.0,
                             .rt_s = cohort->has_rt && !is_no_go ? rt_s : (double)NAN,
                             .choice = (int8_t)(is_no_go ? -1 : right),
                             .side = -1};
            seen[i] = (struct seen){t, is_out};
            if (!is_no_go && !is_blind) {
                (void)model_virtual_mouse_learn(&mouse, &truth, &t);
            }
        }
        watch_session(&animal, params, seen, SESSION, into);
    }
}

/* ---- figures --------------------------------------------------------------------------------- */

/* Ends of the 95% interval for a Poisson mean of which n were seen (chi-square quantiles by Wilson
 * and Hilferty's cube, good to a percent). */
static void poisson_interval(long n, double *lo, double *hi)
{
    const double k = (double)n;
    *lo = n == 0 ? 0.0 : k * pow(1.0 - 1.0 / (9.0 * k) - 1.96 / (3.0 * sqrt(k)), 3.0);
    *hi = (k + 1.0) * pow(1.0 - 1.0 / (9.0 * (k + 1.0)) + 1.96 / (3.0 * sqrt(k + 1.0)), 3.0);
}

static double per_thousand(double n, const struct tally *t)
{
    return t->trials > 0 ? 1000.0 * n / (double)t->trials : (double)NAN;
}

static double delay_quantile(struct tally *t, double q)
{
    bench_sort(t->delays, t->n_delays);
    return t->n_delays > 0 ? (double)bench_quantile(t->delays, t->n_delays, q) : (double)INFINITY;
}

static const char *watch_name(int k, char *out, size_t cap)
{
    if (k < N_RATES) {
        (void)snprintf(out, cap, "1 in %.0f%s", TRIALS_PER_ALARM[k],
                       k == DEFAULT ? " (default)" : "");
    } else {
        (void)snprintf(out, cap, "iblrig, after %d trials", LEAST_TRIALS[k - N_RATES]);
    }
    return out;
}

static void print_interval(const struct tally *t)
{
    double lo;
    double hi;
    poisson_interval(t->calls, &lo, &hi);
    printf(" %8.3f %8.3f %8.3f", per_thousand((double)t->calls, t), per_thousand(lo, t),
           per_thousand(hi, t));
}

static void print_herd(int h, struct tally *t)
{
    char name[64];
    printf("\n%s: P(disengaged) %.3f while playing", HERDS[h].name, p_sum[0] / (double)p_n[0]);
    if (p_n[1] > 0) {
        printf(", %.3f after", p_sum[1] / (double)p_n[1]);
    }
    printf("\n%-26s %8s %8s %8s %8s %8s %8s\n", "", "/1000", "95% from", "to", "delay", "90%",
           "missed");
    for (int k = 0; k < N_WATCHES; k++) {
        printf("%-26s", watch_name(k, name, sizeof name));
        print_interval(&t[k]);
        if (p_n[1] > 0) {
            printf(" %8.0f %8.0f %7.1f%%", delay_quantile(&t[k], 0.5), delay_quantile(&t[k], 0.9),
                   100.0 * (double)t[k].missed / (double)(t[k].missed + (long)t[k].n_delays));
        }
        printf("\n");
    }
}

/* Few trials tell only what is above the bound beyond chance: the interval's lower end. */
static int judge_rate(const char *name, const struct tally *t, bool is_quick)
{
    double lo;
    double hi;
    poisson_interval(t->calls, &lo, &hi);
    return bench_verdict(name, per_thousand(is_quick ? lo : (double)t->calls, t),
                         is_quick ? "false alarms in 1000 trials or more"
                                  : "false alarms in 1000 trials",
                         true, 1000.0 / TRIALS_PER_ALARM[DEFAULT]);
}

/* ---- recorded animals ------------------------------------------------------------------------ */

static void print_recorded(const char *name, struct tally *t)
{
    char what[64];
    printf("\n%s: %ld trials, %ld sessions, mean P(disengaged) %.3f\n%-26s %8s %8s %8s %8s  %s\n",
           name, t[0].trials, t[0].sessions, p_sum[0] / (double)p_n[0], "", "calls", "/1000",
           "sessions", "to end", "by tenth of the session; in its last 20 trials");
    for (int k = 0; k < N_WATCHES; k++) {
        printf("%-26s %8ld %8.3f %7.1f%% %8.0f ", watch_name(k, what, sizeof what), t[k].calls,
               per_thousand((double)t[k].calls, &t[k]),
               100.0 * (double)t[k].called / (double)t[k].sessions, delay_quantile(&t[k], 0.5));
        for (int i = 0; i < TENTHS; i++) {
            printf(" %ld", t[k].tenth[i]);
        }
        printf("; %ld\n", t[k].tail);
    }
}

/* Collects a session's trials and hands them on when it is over. */
struct recorded {
    const model_engagement_params *params;
    struct tally *tallies;
    struct animal animal;
    char subject[80], session[80];
    int n;
    struct seen seen[SESSION_MAX];
};

static void end_session(struct recorded *r)
{
    if (r->n > 0) {
        watch_session(&r->animal, r->params, r->seen, r->n, r->tallies);
    }
    r->n = 0;
}

static void add_trial(struct recorded *r, const char *subject, const char *session,
                      const model_trial *trial)
{
    const bool is_other = strcmp(r->subject, subject) != 0;
    if (is_other || strcmp(r->session, session) != 0) {
        end_session(r);
        (void)snprintf(r->session, sizeof r->session, "%s", session);
    }
    if (is_other) {
        animal_init(&r->animal, r->params);
        (void)snprintf(r->subject, sizeof r->subject, "%s", subject);
    }
    if (r->n < SESSION_MAX) {
        r->seen[r->n++] = (struct seen){*trial, false};
    }
}

static struct recorded *begin_recorded(const model_engagement_params params[])
{
    static struct recorded r;
    memset(tallies[0], 0, sizeof tallies[0]);
    memset(p_sum, 0, sizeof p_sum);
    memset(p_n, 0, sizeof p_n);
    memset(&r, 0, sizeof r);
    r.params = params;
    r.tallies = tallies[0];
    return &r;
}

static void watch_table(const model_engagement_params params[], const char *path)
{
    static struct trial_table table;
    struct trial_row row;
    struct fault fault;
    struct recorded *r = begin_recorded(params);
    int more =
        trial_table_open(&table, path, trial_table_plain(TRIAL_TABLE_QUIET), &fault) == FAULT_NONE
            ? 1
            : -1;
    while (more > 0 && (more = trial_table_next(&table, &row, &fault)) > 0) {
        const model_trial t = {.contrast = row.stimulus,
                               .reward = row.reward,
                               .rt_s = row.rt_s,
                               .choice = row.choice,
                               .side = row.side};
        add_trial(r, row.subject, row.session, &t);
    }
    trial_table_close(&table);
    if (more < 0) {
        bench_die("%s", fault.text);
    }
    end_session(r);
    print_recorded("mice_train.csv (no-gos were taken out)", r->tallies);
}

static void watch_ibl(const model_engagement_params params[])
{
    struct recorded *r = begin_recorded(params);
    const size_t n = ibl_trials_read();
    for (size_t i = 0; i < n; i++) {
        model_trial t = ibl_trials[i].trial;
        t.rt_s = t.rt_s >= 0.0 ? t.rt_s : (double)NAN;
        add_trial(r, "SWC_054", ibl_trials[i].date, &t);
    }
    end_session(r);
    print_recorded("ibl_mouse_trials.csv", r->tallies);
}

int main(int argc, char **argv)
{
    double animals = 100.0;
    bool is_quick = false;
    const struct bench_option list[] = {
        {"animals", NULL, &animals, NULL, "of each kind, 10 sessions each (default 100)"},
        {"quick", NULL, NULL, &is_quick, "6 animals of each kind, 3 sessions each, none recorded"},
    };
    bench_options(argc, argv, "Calls of animals that play and of animals that do not.", list, 2);
    model_engagement_params params[N_RATES];
    for (int k = 0; k < N_RATES; k++) {
        model_engagement_default(&params[k]);
        params[k].false_alarms = 1.0 / TRIALS_PER_ALARM[k];
    }
    if (model_params_built_in(&walk, NULL) != MODEL_OK) {
        bench_die("no built-in model");
    }
    for (int h = 0; h < N_HERDS; h++) {
        memset(p_sum, 0, sizeof p_sum);
        memset(p_n, 0, sizeof p_n);
        for (int a = 0; a < (is_quick ? 6 : (int)animals); a++) {
            simulate_animal(&HERDS[h], (uint64_t)a, is_quick ? 3 : 10, params, tallies[h]);
        }
        print_herd(h, tallies[h]);
    }
    int code = 0;
    printf("\n");
    for (int h = 0; h < N_HERDS; h++) {
        code |= judge_rate(HERDS[h].name, &tallies[h][DEFAULT], is_quick);
    }
    code |= bench_verdict(HERDS[LAPSING].name, delay_quantile(&tallies[LAPSING][DEFAULT], 0.5),
                          "trials until it is called", true, 25.0);
    code |= bench_verdict(HERDS[AWAY].name, delay_quantile(&tallies[AWAY][DEFAULT], 0.5),
                          "trials until it is called", true, 12.0);
    FILE *data = is_quick ? NULL : fopen(MICE, "r");
    if (data != NULL) {
        fclose(data);
        watch_table(params, MICE);
        watch_ibl(params);
    } else if (!is_quick) {
        printf("skipped: ../shared/data absent\n");
    }
    return code;
}
