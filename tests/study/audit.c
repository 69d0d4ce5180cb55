/* How often a rig that does what its protocol says is accused, how soon one is that does not, and
 * what is said of a stream of another protocol.
 *
 * Protocols are those of configs/protocols, animals those of support/audit_rigs.h, defects those of
 * model/protocol_defect.h. All that stands here is a function of the seed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_rigs.h"
#include "audit_state.h"
#include "bench.h"
#include "model/protocol_defect.h"
#include "protocol_file.h"

enum { N_EARS = 7, N_HEARD = 5, DELAYS = 4096, SESSIONS_LONG = 60 };

static const struct {
    const char *name;
    struct rig_ears ears;
} EARS[N_EARS] = {
    {"all is said", {.stage = true, .side = true, .repeat = true, .p_left = true}},
    {"no stage", {.side = true, .repeat = true, .p_left = true}},
    {"no stage, repeat", {.side = true, .p_left = true}},
    {"contrast, choice, reward", {.stage = false}},
    {"the same, 2% are lost", {.lost = 0.02}},
    {"all, but 1 session in 5", {true, true, true, true, .away = 0.2}},
    {"few, but 1 session in 5", {.away = 0.2}},
};

#define PROTOCOLS MURID_SOURCE_DIR "/configs/protocols/"
static const char *const FILES[RIG_PROTOCOLS] = {
    PROTOCOLS "ibl_training.yaml", PROTOCOLS "ibl_biased.yaml", PROTOCOLS "staged_2afc.yaml",
    PROTOCOLS "go_nogo.yaml", PROTOCOLS "fixed_set.yaml"};

static const double PER_ALARM = 1000.0;

static model_protocol protocols[RIG_PROTOCOLS];
static model_audit_params declared[RIG_PROTOCOLS];

/* Ends of the 95% interval for a Poisson mean of which n were seen (Wilson and Hilferty). */
static void poisson_interval(long n, double *lo, double *hi)
{
    const double k = (double)n;
    *lo = n == 0 ? 0.0 : k * pow(1.0 - 1.0 / (9.0 * k) - 1.96 / (3.0 * sqrt(k)), 3.0);
    *hi = (k + 1.0) * pow(1.0 - 1.0 / (9.0 * (k + 1.0)) + 1.96 / (3.0 * sqrt(k + 1.0)), 3.0);
}

static void observe(model_audit *audit, const model_audit_params *params,
                    const model_audit_trial *trial)
{
    if (model_audit_observe(audit, params, trial) != MODEL_OK) {
        bench_die("a trial was refused");
    }
}

/* Plays one trial, or ends the session: false then. *called: there is something to tell. */
static bool play(struct rig *rig, model_audit *audit, const model_audit_params *params,
                 model_protocol_trial *shown, model_audit_alarm *alarm, bool *called)
{
    model_audit_trial trial;
    const bool goes_on = rig_next(rig, &trial, shown);
    if (goes_on) {
        observe(audit, params, &trial);
    } else {
        model_audit_end_session(audit);
    }
    *called = model_audit_take(audit, params, alarm);
    return goes_on;
}

/* ---- faithful rigs --------------------------------------------------------------------------- */

struct tally {
    long sessions, alarms, trials;
    long rules[MODEL_AUDIT_RULES];
};

/* first: sessions of the animal before the audit begins to hear it. */
static void watch_faithful(int which, struct rig_ears ears, uint64_t animal, int first,
                           int sessions, struct tally *t)
{
    static model_audit audit;
    static struct rig rig;
    model_audit_trial trial;
    model_audit_alarm alarm;
    rig_init(&rig, &protocols[which], ears, 7, animal);
    model_audit_init(&audit);
    for (int s = 0; s < first + sessions; s++) {
        rig_start_session(&rig);
        if (s < first || model_random_uniform(&rig.noise) < ears.away) {
            while (rig_next(&rig, &trial, NULL)) {
            }
            continue;
        }
        model_audit_start_session(&audit, &declared[which]);
        bool called;
        bool goes_on;
        do {
            goes_on = play(&rig, &audit, &declared[which], NULL, &alarm, &called);
            t->trials += goes_on;
            t->alarms += called;
            t->rules[called ? alarm.rule : 0] += called;
        } while (goes_on);
        t->sessions++;
    }
}

static void print_tally(const char *name, const char *ears, const struct tally *t)
{
    double lo;
    double hi;
    poisson_interval(t->alarms, &lo, &hi);
    const double n = (double)t->sessions / 1000.0;
    printf("%-9s %-26s %8ld %9ld %7ld %8.3f %8.3f %8.3f ", name, ears, t->sessions, t->trials,
           t->alarms, (double)t->alarms / n, lo / n, hi / n);
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        if (t->rules[i] > 0) {
            printf(" %s %ld", model_audit_rule_name((model_audit_rule)i), t->rules[i]);
        }
    }
    printf("\n");
}

static int measure_faithful(int animals, int sessions)
{
    struct tally all = {0};
    printf("faithful rigs: %d animals a row, %d sessions each\n", animals, sessions);
    printf("%-9s %-26s %8s %9s %7s %8s %8s %8s\n", "protocol", "heard", "sessions", "trials",
           "alarms", "/1000", "95% from", "to");
    for (int p = 0; p < RIG_PROTOCOLS; p++) {
        for (int e = 0; e < N_EARS; e++) {
            struct tally t = {0};
            for (int a = 0; a < animals; a++) {
                watch_faithful(p, EARS[e].ears, (uint64_t)(e * 100000 + a), a % 4 == 3 ? 3 : 0,
                               sessions, &t);
            }
            print_tally(RIG_NAMES[p], EARS[e].name, &t);
            all.sessions += t.sessions;
            all.trials += t.trials;
            all.alarms += t.alarms;
        }
    }
    print_tally("all", "", &all);
    double lo;
    double hi;
    poisson_interval(all.alarms, &lo, &hi);
    printf("\n");
    return bench_verdict("false alarms in 1000 sessions",
                         1000.0 * (double)all.alarms / (double)all.sessions, "", true, 1.0);
}

/* ---- rigs with a defect ---------------------------------------------------------------------- */

struct delays {
    size_t n;
    int64_t trials[DELAYS]; /* since the defect could first show */
    int64_t kind[DELAYS];   /* of these, those that it concerns */
    long missed, could, in_time, rules[MODEL_AUDIT_RULES], alarms, foreign;
};

struct case_of {
    const char *name;
    model_protocol_defect defect;
    int protocol;
    int first; /* sessions of training before */
};

/* The stage that the declared rules lead to, for the defect that ends it. */
static bool concerns(const struct case_of *c, const model_protocol_state *state,
                     const model_protocol_trial *t)
{
    const model_protocol *p = &protocols[c->protocol];
    const model_protocol_stage *stage = &p->stage[t->stage];
    switch (c->defect) {
    case MODEL_PROTOCOL_DEFECT_ZERO_LEFT:
        return fabs(t->contrast) < 1e-9;
    case MODEL_PROTOCOL_DEFECT_DEBIAS_ALL:
    case MODEL_PROTOCOL_DEFECT_DEBIAS_BLANK:
        return t->is_repeat && state->session_answers > 10;
    case MODEL_PROTOCOL_DEFECT_DEBIAS_AFTER_NO_GO:
        return t->is_repeat && state->is_error == 2;
    case MODEL_PROTOCOL_DEFECT_DEBIAS_OFF:
        return model_protocol_debiases(state, p, t->stage, NULL);
    case MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES:
    case MODEL_PROTOCOL_DEFECT_COUNTS_EARLY:
        return model_protocol_next_stage(state, p) != t->stage;
    case MODEL_PROTOCOL_DEFECT_KEEPS_HALF:
    case MODEL_PROTOCOL_DEFECT_WRONG_CONTRASTS: {
        bool has = false;
        for (uint32_t i = 0; i < stage->n_contrasts; i++) {
            has = has || fabs(stage->contrast[i] - fabs(t->contrast)) < 1e-9;
        }
        return !has;
    }
    case MODEL_PROTOCOL_DEFECT_ZERO_REDRAWN:
    case MODEL_PROTOCOL_DEFECTS:
        break;
    }
    return stage->contrast[stage->n_contrasts - 1] == 0.0;
}

/* Nats that the trial is likelier by with all answers averaged than with the last ones: what one
 * who bets on just this would win. */
static double nats_for_all(const struct case_of *c, const model_protocol *faulty,
                           const model_protocol_state *state, const model_protocol_trial *t)
{
    double p;
    double q;
    const bool is_due = model_protocol_debiases(state, &protocols[c->protocol], t->stage, &p) &&
                        model_protocol_debiases(state, faulty, t->stage, &q);
    return !is_due ? 0.0 : (t->side == 1 ? log(q / p) : log((1.0 - q) / (1.0 - p)));
}

static void watch_defect(const struct case_of *c, const model_protocol *faulty,
                         struct rig_ears ears, uint64_t animal, struct delays *d)
{
    static model_audit audit;
    static struct rig rig;
    const model_audit_params *params = &declared[c->protocol];
    model_audit_alarm alarm;
    int64_t trials = 0;
    int64_t kind = 0;
    int first = -1;
    double nats;
    int found = -1;
    const bool is_slow = c->defect == MODEL_PROTOCOL_DEFECT_DEBIAS_ALL;
    rig_init(&rig, faulty, ears, 11, animal);
    model_audit_init(&audit);
    for (int s = 0; s < SESSIONS_LONG && (first < 0 || s < first + 6); s++) {
        rig_start_session(&rig);
        model_audit_start_session(&audit, params);
        nats = 0.0;
        bool called;
        bool goes_on;
        do {
            model_protocol_trial shown;
            const model_protocol_state before = rig.state;
            goes_on = play(&rig, &audit, params, &shown, &alarm, &called);
            if (goes_on) {
                const bool is_kind = concerns(c, &before, &shown);
                kind += is_kind;
                trials += kind > 0;
                nats += is_slow ? nats_for_all(c, faulty, &before, &shown) : 0.0;
                first = first < 0 && (is_slow ? nats >= log(PER_ALARM) : is_kind) ? s : first;
            }
            d->alarms += called;
            d->foreign += called && alarm.is_foreign;
            if (called && found < 0) {
                d->rules[alarm.rule]++;
                found = s;
                d->trials[d->n] = trials;
                d->kind[d->n++] = kind;
            }
        } while (goes_on);
    }
    d->missed += found < 0;
    d->could += first >= 0;
    d->in_time += first >= 0 && found >= 0 && found <= first;
}

static double median(int64_t values[], size_t n)
{
    bench_sort(values, n);
    return n > 0 ? (double)bench_quantile(values, n, 0.5) : (double)INFINITY;
}

/* Of the animals with which it could show, the share that was found by then. */
static double in_first(const struct delays *d)
{
    return d->could > 0 ? (double)d->in_time / (double)d->could : (double)NAN;
}

static const struct case_of CASES[] = {
    {"zero contrast always left", MODEL_PROTOCOL_DEFECT_ZERO_LEFT, RIG_TRAINING, 0},
    {"zero contrast always left, fixed set", MODEL_PROTOCOL_DEFECT_ZERO_LEFT, RIG_FIXED, 0},
    {"zero contrast drawn again", MODEL_PROTOCOL_DEFECT_ZERO_REDRAWN, RIG_TRAINING, 0},
    {"phase never advances", MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES, RIG_TRAINING, 0},
    {"stages end a trial early", MODEL_PROTOCOL_DEFECT_COUNTS_EARLY, RIG_TRAINING, 0},
    {"debias averages all trials", MODEL_PROTOCOL_DEFECT_DEBIAS_ALL, RIG_TRAINING, 0},
    {"debias averages blank trials", MODEL_PROTOCOL_DEFECT_DEBIAS_BLANK, RIG_TRAINING, 0},
    {"debias after no-gos", MODEL_PROTOCOL_DEFECT_DEBIAS_AFTER_NO_GO, RIG_TRAINING, 0},
    {"no debias", MODEL_PROTOCOL_DEFECT_DEBIAS_OFF, RIG_TRAINING, 0},
    {"no debias, staged", MODEL_PROTOCOL_DEFECT_DEBIAS_OFF, RIG_STAGED, 0},
    {"half contrast is kept", MODEL_PROTOCOL_DEFECT_KEEPS_HALF, RIG_TRAINING, 0},
    {"wrong contrast set", MODEL_PROTOCOL_DEFECT_WRONG_CONTRASTS, RIG_TRAINING, 0},
    {"wrong contrast set, biased", MODEL_PROTOCOL_DEFECT_WRONG_CONTRASTS, RIG_BIASED, 0},
};

static void print_delays(const char *name, const char *ears, struct delays *d)
{
    printf("%-37s %-26s %5.1f%% %7.0f %7.0f %6.1f%% %6.2f ", name, ears,
           100.0 * (double)d->missed / (double)(d->missed + (long)d->n), median(d->kind, d->n),
           median(d->trials, d->n), 100.0 * in_first(d),
           (double)d->alarms / (double)(d->missed + (long)d->n));
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        if (d->rules[i] > 0) {
            printf(" %s %ld", model_audit_rule_name((model_audit_rule)i), d->rules[i]);
        }
    }
    printf("\n");
}

static int judge_case(const struct case_of *c, int e, struct delays *d)
{
    if (e > 3 || (c->defect == MODEL_PROTOCOL_DEFECT_DEBIAS_ALL && d->could < 10)) {
        return 0; /* what is lost is not promised; few animals tell nothing of a slow defect */
    }
    switch (c->defect) {
    case MODEL_PROTOCOL_DEFECT_ZERO_LEFT:
        return bench_verdict(c->name, median(d->kind, d->n), "zero-contrast trials, median", true,
                             20.0);
    case MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES:
    case MODEL_PROTOCOL_DEFECT_DEBIAS_ALL:
    case MODEL_PROTOCOL_DEFECT_WRONG_CONTRASTS:
        return bench_verdict(c->name, in_first(d),
                             "of animals within the first session that could show it", false, 0.5);
    case MODEL_PROTOCOL_DEFECT_ZERO_REDRAWN:
    case MODEL_PROTOCOL_DEFECT_COUNTS_EARLY:
    case MODEL_PROTOCOL_DEFECT_DEBIAS_BLANK:
    case MODEL_PROTOCOL_DEFECT_DEBIAS_AFTER_NO_GO:
    case MODEL_PROTOCOL_DEFECT_DEBIAS_OFF:
    case MODEL_PROTOCOL_DEFECT_KEEPS_HALF:
    case MODEL_PROTOCOL_DEFECTS:
        break;
    }
    return 0;
}

static int measure_defects(int animals)
{
    static struct delays d;
    int code = 0;
    printf("\ndefects: %d animals a row; trials since the first one that shows it (medians)\n",
           animals);
    printf("%-37s %-26s %6s %7s %7s %7s %6s\n", "defect", "heard", "missed", "of kind", "trials",
           "1st ses", "alarms");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        model_protocol faulty = protocols[CASES[i].protocol];
        if (model_protocol_defect_apply(&faulty, CASES[i].defect) != MODEL_OK) {
            bench_die("%s: nothing that the defect concerns", CASES[i].name);
        }
        for (int e = 0; e < N_HEARD; e++) {
            memset(&d, 0, sizeof d);
            for (int a = 0; a < animals; a++) {
                watch_defect(&CASES[i], &faulty, EARS[e].ears, (uint64_t)a, &d);
            }
            print_delays(CASES[i].name, EARS[e].name, &d);
            code |= judge_case(&CASES[i], e, &d);
        }
    }
    return code;
}

/* ---- streams of another protocol ------------------------------------------------------------- */

struct foreign {
    long animals, found, said, alarms, most, sessions, trials;
};

static void watch_foreign(int is, int said, struct rig_ears ears, uint64_t animal,
                          struct foreign *f)
{
    static model_audit audit;
    static struct rig rig;
    model_audit_alarm alarm;
    long alarms = 0;
    bool is_said = false;
    rig_init(&rig, &protocols[is], ears, 13, animal);
    model_audit_init(&audit);
    for (int s = 0; s < 10; s++) {
        rig_start_session(&rig);
        model_audit_start_session(&audit, &declared[said]);
        bool called;
        bool goes_on;
        do {
            goes_on = play(&rig, &audit, &declared[said], NULL, &alarm, &called);
            alarms += called;
            is_said = is_said || (called && alarm.is_foreign);
        } while (goes_on);
    }
    f->animals++;
    f->found += alarms > 0;
    f->said += is_said;
    f->alarms += alarms;
    f->most = alarms > f->most ? alarms : f->most;
}

static int measure_foreign(int animals)
{
    long most = 0;
    printf("\nstreams of another protocol: %d animals a row, 10 sessions each\n", animals);
    printf("%-9s %-9s %-26s %7s %9s %7s %5s\n", "is", "declared", "heard", "found", "said so",
           "alarms", "most");
    for (int is = 0; is < RIG_PROTOCOLS; is++) {
        for (int said = 0; said < RIG_PROTOCOLS; said++) {
            for (int e = 1; said != is && e < 4; e += 2) {
                struct foreign f = {0};
                for (int a = 0; a < animals; a++) {
                    watch_foreign(is, said, EARS[e].ears, (uint64_t)a, &f);
                }
                const double n = (double)f.animals;
                printf("%-9s %-9s %-26s %6.1f%% %8.1f%% %7.2f %5ld\n", RIG_NAMES[is],
                       RIG_NAMES[said], EARS[e].name, 100.0 * (double)f.found / n,
                       100.0 * (double)f.said / n, (double)f.alarms / n, f.most);
                most = f.most > most ? f.most : most;
            }
        }
    }
    printf("\n");
    return bench_verdict("alarms of one stream", (double)most, "", true, 2.0);
}

/* ---- releases of iblrig ---------------------------------------------------------------------- */

struct release {
    long sessions, alarms; /* with its defects declared */
    long animals, found;   /* without: accused */
    long named, others;    /* its release was named; others were */
    long foreign;          /* told that the stream is of no stage of the protocol */
    size_t n_zero;         /* undeclared zero_left: found after so many trials of it */
    int64_t zero[DELAYS];
    long stuck, stuck_found; /* animals due for a move that never comes; found in that session */
};

/* The rig of a release against the bare protocol, and against that with its defects. */
static void watch_release(uint32_t number, const struct audit_protocol *said, uint64_t animal,
                          struct release *r)
{
    static struct audit_state audit;
    static struct rig rig;
    static model_protocol faulty;
    const uint32_t defects = model_protocol_release_of(number)->defects;
    const bool is_declared =
        said->declared.protocol.stage[4].zero != MODEL_PROTOCOL_ZERO_P_LEFT || defects == 0;
    model_audit_alarm alarm;
    model_audit_trial trial;
    int64_t zeros = 0;
    int due = -1;
    bool is_found = false;
    bool is_zero_found = false;
    bool is_stuck_found = false;
    faulty = protocols[RIG_TRAINING];
    model_protocol_add_defects(&faulty, defects);
    rig_init(&rig, &faulty, EARS[0].ears, 19, animal);
    audit_state_init(&audit, said);
    for (int s = 0; s < 12; s++) {
        rig_start_session(&rig);
        bool is_told = audit_state_start_session(&audit, said, "", &alarm);
        bool goes_on = true;
        for (int64_t i = 0; goes_on; i++) {
            const model_protocol_state before = rig.state;
            model_protocol_trial shown;
            goes_on = rig_next(&rig, &trial, &shown);
            is_told = goes_on ? audit_state_push(&audit, said, i, &trial, &alarm)
                              : audit_state_end_session(&audit, said, &alarm);
            if (goes_on) {
                zeros += fabs(trial.contrast) < 1e-9;
                const uint32_t next = model_protocol_next_stage(&before, &protocols[RIG_TRAINING]);
                due = due < 0 && next != shown.stage && shown.stage == 1 ? s : due;
            }
            if (!is_told) {
                continue;
            }
            r->alarms += is_declared;
            is_found = true;
            if ((alarm.rules >> MODEL_AUDIT_ZERO & 1) != 0 && !is_zero_found && !is_declared) {
                is_zero_found = true;
                r->zero[r->n_zero++] = zeros;
            }
            is_stuck_found =
                is_stuck_found || ((alarm.rules >> MODEL_AUDIT_STAGE & 1) != 0 && due == s);
            if (alarm.is_foreign && !is_declared) {
                r->foreign++;
                for (uint32_t k = 0; k < said->n_known; k++) {
                    const bool fits = (alarm.fits >> k & 1) != 0;
                    r->named += fits && said->known[k].release == number;
                    r->others += fits && said->known[k].release != number;
                }
            }
        }
        r->sessions += is_declared;
    }
    r->animals += !is_declared;
    r->found += !is_declared && is_found;
    r->stuck += !is_declared && due >= 0;
    r->stuck_found += !is_declared && due >= 0 && is_stuck_found;
}

static int judge_release(uint32_t number, struct release *r)
{
    const model_protocol_release *release = model_protocol_release_of(number);
    const uint32_t never = UINT32_C(1) << MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES;
    const uint32_t left = UINT32_C(1) << MODEL_PROTOCOL_DEFECT_ZERO_LEFT;
    int code = bench_verdict("false alarms with its defects declared", (double)r->alarms, "", true,
                             fmax(1.0, 0.001 * (double)r->sessions));
    if ((release->defects & left) != 0 && (release->defects & never) == 0) {
        code |= bench_verdict("undeclared zero_left", median(r->zero, r->n_zero),
                              "zero-contrast trials, median", true, 20.0);
    }
    if ((release->defects & never) != 0 && r->stuck > 0) {
        code |=
            bench_verdict("undeclared never_advances", (double)r->stuck_found / (double)r->stuck,
                          "of animals in the first session that shows it", false, 0.9);
    }
    return code;
}

static int measure_releases(int animals)
{
    static struct protocol_file bare;
    static struct protocol_file with;
    static struct audit_protocol said;
    static struct release r;
    struct fault fault;
    int code = 0;
    if (protocol_file_load(&bare, FILES[RIG_TRAINING], &fault) != FAULT_NONE) {
        bench_die("%s", fault.text);
    }
    printf("\nreleases of iblrig, murid's rig with their defects: %d animals, 12 sessions each\n",
           animals);
    for (uint32_t i = 0; i < MODEL_PROTOCOL_RELEASES; i++) {
        const model_protocol_release *release = model_protocol_release_of(i);
        memset(&r, 0, sizeof r);
        with = bare;
        with.defects = release->defects;
        model_protocol_add_defects(&with.protocol, release->defects);
        for (int k = 0; k < 2; k++) {
            if (audit_protocol_init(&said, k == 0 ? &with : &bare, PER_ALARM) != MODEL_OK) {
                bench_die("it cannot be audited");
            }
            for (int a = 0; a < animals && (k == 0 || release->defects != 0); a++) {
                watch_release(i, &said, (uint64_t)a, &r);
            }
        }
        printf("%s to %s: declared %ld alarms in %ld sessions; undeclared: %ld of %ld animals "
               "accused, %ld told of another protocol, the release named in %ld, %ld others\n",
               release->first, release->last[0] != '\0' ? release->last : "today", r.alarms,
               r.sessions, r.found, r.animals, r.foreign, r.named, r.others);
        code |= judge_release(i, &r);
    }
    return code;
}

/* ---- what a trial costs ---------------------------------------------------------------------- */

static int measure_cost(void)
{
    enum { TRIALS = 20000, ROUNDS = 5 };
    static model_audit_trial trials[TRIALS];
    static bool starts[TRIALS];
    static model_audit audit;
    static struct rig rig;
    double worst = 0.0;
    for (int e = 0; e < N_EARS; e++) {
        int64_t ns[ROUNDS];
        rig_init(&rig, &protocols[RIG_TRAINING], EARS[e].ears, 17, 0);
        for (int i = 0; i < TRIALS; i++) {
            starts[i] = i == 0;
            while (i == 0 || !rig_next(&rig, &trials[i], NULL)) {
                rig_start_session(&rig);
                starts[i] = true;
                if (i == 0 && rig_next(&rig, &trials[i], NULL)) {
                    break;
                }
            }
        }
        for (int r = 0; r < ROUNDS; r++) {
            const int64_t start = bench_now_ns();
            model_audit_init(&audit);
            for (int i = 0; i < TRIALS; i++) {
                if (starts[i]) {
                    model_audit_start_session(&audit, &declared[RIG_TRAINING]);
                }
                observe(&audit, &declared[RIG_TRAINING], &trials[i]);
            }
            ns[r] = (bench_now_ns() - start) / TRIALS;
        }
        printf("a trial, %-26s %.0f ns, %zu bytes of state\n", EARS[e].name, median(ns, ROUNDS),
               model_audit_used(&audit));
        worst = fmax(worst, median(ns, ROUNDS));
    }
    return bench_verdict("a trial", worst, "ns", true, 2000.0);
}

int main(int argc, char **argv)
{
    double animals = 40.0;
    bool is_quick = false;
    const struct bench_option list[] = {
        {"animals", NULL, &animals, NULL,
         "of each kind (default 40, 10 sessions of faithful ones)"},
        {"quick", NULL, NULL, &is_quick, "3 animals of each kind"},
    };
    bench_options(argc, argv, "False alarms and delays of the audit of protocols.", list, 2);
    for (int p = 0; p < RIG_PROTOCOLS; p++) {
        static struct protocol_file file;
        struct fault fault;
        if (protocol_file_load(&file, FILES[p], &fault) != FAULT_NONE) {
            bench_die("%s", fault.text);
        }
        protocols[p] = file.protocol;
        if (model_audit_params_init(&declared[p], &protocols[p], PER_ALARM) != MODEL_OK) {
            bench_die("%s cannot be audited", RIG_NAMES[p]);
        }
    }
    const int n = is_quick ? 3 : (int)fmin(animals, DELAYS);
    int code = measure_faithful(n, is_quick ? 4 : 10);
    code |= measure_defects(n);
    code |= measure_releases(is_quick ? 3 : n);
    code |= measure_foreign(is_quick ? 2 : n / 4 + 1);
    code |= is_quick ? 0 : measure_cost();
    return code;
}
