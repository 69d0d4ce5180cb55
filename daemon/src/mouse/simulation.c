#include "simulation.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "model/cohort.h"
#include "model/net.h"
#include "progress.h"
#include "thread_pool.h"
#include "trial_table.h"

enum {
    PEN_MICE = 128,       /* animals of a job at most, trained together */
    KEPT_BYTES = 1 << 26, /* of trials that a job keeps for a table, but for a single animal's */
    ROUNDS_A_LOOK = 256   /* between looks at the interrupt */
};

/* The rig's draws, and what makes animals differ, come from streams far above those of the animals
 * (model/cohort.h). */
static const uint64_t RIG_STREAMS = UINT64_C(1) << 63;
static const uint64_t TALENT_STREAMS = UINT64_C(1) << 62;

/* What a row of a table is made of. */
struct trial_kept {
    double contrast;
    double p_left;
    uint32_t session;
    uint8_t stage;
    uint8_t choice;
    uint8_t side;
    uint8_t repeat;
    uint8_t reward;
};

struct trials_kept {
    struct trial_kept *v;
    size_t n;
    size_t room;
};

struct job {
    uint32_t member;
    size_t first; /* in the order of animals */
    size_t n;
};

/* All jobs, and those of the wave at hand. */
struct work {
    struct simulation *s;
    struct progress progress;
    pthread_t owner;
    uint32_t *order; /* (mice): by member, then by number */
    struct job *jobs;
    size_t n_jobs;
    size_t first_job;         /* of the wave */
    size_t pen_mice;          /* animals of a job at most */
    struct trials_kept *kept; /* (wave's jobs, pen_mice); NULL: no table is wanted */
};

struct pen {
    struct work *work;
    struct simulation *s;
    const uint32_t *mice;
    size_t n;
    struct trials_kept *kept; /* (n) or NULL */
    void *memory;
    model_cohort *cohort;
    model_protocol_state state[PEN_MICE];
    model_protocol_trial trial[PEN_MICE];
    float contrast[PEN_MICE];
    float reward[PEN_MICE];
    uint8_t chose_right[PEN_MICE];
    uint8_t active[PEN_MICE];
    int8_t side[PEN_MICE];
};

static size_t stages_of(const struct simulation *s)
{
    return s->plan.protocol->n_stages;
}

const struct simulation_session *simulation_session(const struct simulation *s, int64_t mouse,
                                                    int64_t session)
{
    return &s->sessions[mouse * s->plan.sessions + session];
}

const struct simulation_entry *simulation_entry(const struct simulation *s, int64_t mouse,
                                                uint32_t stage)
{
    return &s->entries[(size_t)mouse * stages_of(s) + stage];
}

double simulation_occupancy(const struct simulation *s, int64_t mouse, int64_t session,
                            uint32_t stage)
{
    const struct simulation_session *sum = simulation_session(s, mouse, session);
    const size_t at = (size_t)(mouse * s->plan.sessions + session) * stages_of(s) + stage;
    return (double)s->stage_trials[at] / ((double)sum->n[0] + sum->n[1]);
}

/* The pace first, so that it does not depend on the bank. */
static void draw_mouse(struct simulation *s, int64_t number)
{
    const model_bank_params *bank = s->plan.bank;
    model_random random;
    model_random_seed(&random, s->plan.seed, TALENT_STREAMS + (uint64_t)number);
    s->pace[number] = exp(s->plan.rate_spread * model_random_normal(&random));
    const double u = model_random_uniform(&random);
    double sum = bank->prior[0];
    while (u >= sum && s->member[number] + 1 < bank->n) {
        sum += bank->prior[++s->member[number]];
    }
}

int simulation_open(struct simulation *s, const struct simulation_plan *plan, struct fault *fault)
{
    memset(s, 0, sizeof *s);
    s->plan = *plan;
    const size_t mice = (size_t)plan->mice;
    const size_t stages = plan->protocol->n_stages;
    const double bytes =
        (double)mice *
        ((double)plan->sessions * (double)(sizeof *s->sessions + stages * sizeof *s->stage_trials) +
         (double)(stages * sizeof *s->entries));
    if (bytes > SIMULATION_BYTES_MAX) {
        return fault_set(
            fault, FAULT_INPUT,
            "simulate: the results of %lld mice in %lld sessions take %.1f GB; at most 1 expected",
            (long long)plan->mice, (long long)plan->sessions, bytes / 1e9);
    }
    s->member = calloc(mice, sizeof *s->member);
    s->pace = calloc(mice, sizeof *s->pace);
    s->sessions = calloc(mice * (size_t)plan->sessions, sizeof *s->sessions);
    s->stage_trials = calloc(mice * (size_t)plan->sessions * stages, sizeof *s->stage_trials);
    s->entries = calloc(mice * stages, sizeof *s->entries);
    if (s->member == NULL || s->pace == NULL || s->sessions == NULL || s->stage_trials == NULL ||
        s->entries == NULL) {
        simulation_close(s);
        return fault_set(fault, FAULT_WORK, "simulate: out of memory");
    }
    for (int64_t i = 0; i < plan->mice; i++) {
        draw_mouse(s, i);
    }
    for (size_t i = 0; i < mice * stages; i++) {
        s->entries[i] = (struct simulation_entry){-1, -1};
    }
    return FAULT_NONE;
}

void simulation_close(struct simulation *s)
{
    free(s->member);
    free(s->pace);
    free(s->sessions);
    free(s->stage_trials);
    free(s->entries);
    memset(s, 0, sizeof *s);
}

static bool keep_trial(struct trials_kept *kept, const struct trial_kept *trial)
{
    void *list = list_grow(kept->v, kept->n, &kept->room, sizeof *kept->v);
    if (list == NULL) {
        return false;
    }
    kept->v = list;
    kept->v[kept->n++] = *trial;
    return true;
}

static void tally(struct pen *pen, size_t i, bool right, bool rewarded)
{
    struct simulation *s = pen->s;
    const model_protocol_trial *t = &pen->trial[i];
    const model_protocol_state *state = &pen->state[i];
    const size_t mouse = pen->mice[i];
    const size_t session = mouse * (size_t)s->plan.sessions + (size_t)state->session;
    struct simulation_session *sum = &s->sessions[session];
    struct simulation_entry *entry = &s->entries[mouse * stages_of(s) + t->stage];
    const int side = t->side == 1;
    const bool is_correct = right == (t->side == 1);
    const bool is_shown = t->contrast > 0.0 || t->contrast < 0.0;
    sum->n[side]++;
    sum->correct[side] += is_correct;
    sum->shown[side] += is_shown;
    sum->shown_correct[side] += is_shown && is_correct;
    sum->right += right;
    sum->repeats += t->is_repeat;
    sum->rewards += rewarded;
    sum->reward_ul += rewarded ? (float)s->plan.protocol->stage[t->stage].reward_ul : 0.0F;
    s->stage_trials[session * stages_of(s) + t->stage]++;
    if (entry->trials < 0) {
        *entry = (struct simulation_entry){state->n_trials - 1, state->session};
    }
    if (pen->kept != NULL) {
        const struct trial_kept kept = {.contrast = t->contrast,
                                        .p_left = t->p_left,
                                        .session = (uint32_t)state->session,
                                        .stage = (uint8_t)t->stage,
                                        .choice = right,
                                        .side = (uint8_t)side,
                                        .repeat = t->is_repeat,
                                        .reward = rewarded};
        if (!keep_trial(&pen->kept[i], &kept)) {
            atomic_store(&s->is_failed, true);
        }
    }
}

/* A trial of each animal whose session is not over; how many had one. */
static size_t run_round(struct pen *pen)
{
    const model_protocol *protocol = pen->s->plan.protocol;
    size_t n = 0;
    for (size_t i = 0; i < pen->n; i++) {
        if (pen->active[i]) {
            pen->active[i] = model_protocol_next(&pen->state[i], protocol, &pen->trial[i]);
            pen->contrast[i] = (float)pen->trial[i].contrast;
            pen->side[i] = pen->trial[i].side;
            n += pen->active[i];
        }
    }
    if (n == 0) {
        return 0;
    }
    model_cohort_choose(pen->cohort, pen->contrast, pen->active, pen->chose_right, NULL);
    for (size_t i = 0; i < pen->n; i++) {
        if (pen->active[i]) {
            const double reward = model_protocol_push(&pen->state[i], protocol, &pen->trial[i],
                                                      pen->chose_right[i], (double)NAN);
            pen->reward[i] = (float)reward;
            tally(pen, i, pen->chose_right[i] != 0, reward > 0.0);
        }
    }
    const model_cohort_trials trials = {.contrast = pen->contrast,
                                        .chose_right = pen->chose_right,
                                        .reward = pen->reward,
                                        .side = pen->side,
                                        .active = pen->active};
    const size_t stuck = model_cohort_learn(pen->cohort, &trials);
    if (stuck > 0) {
        atomic_fetch_add(&pen->s->n_stuck, (long long)stuck);
    }
    return n;
}

/* True: go on. */
static bool look_up(struct pen *pen, size_t n)
{
    const long long done = atomic_fetch_add(&pen->s->n_trials, (long long)n) + (long long)n;
    if (pthread_equal(pen->work->owner, pthread_self())) {
        progress_update(&pen->work->progress, done);
    }
    return !progress_interrupted() && !atomic_load(&pen->s->is_failed);
}

static bool run_session(struct pen *pen)
{
    for (size_t i = 0; i < pen->n; i++) {
        model_protocol_start_session(&pen->state[i], pen->s->plan.protocol);
        model_cohort_start_session(pen->cohort, i);
        pen->active[i] = 1;
    }
    size_t sum = 0;
    size_t n = 0;
    for (int round = 1; (n = run_round(pen)) > 0; round++) {
        sum += n;
        if (round % ROUNDS_A_LOOK == 0) {
            if (!look_up(pen, sum)) {
                return false;
            }
            sum = 0;
        }
    }
    return look_up(pen, sum);
}

static bool open_pen(struct pen *pen, const model_params *params)
{
    const struct simulation_plan *plan = &pen->s->plan;
    const size_t size = model_cohort_size(params, pen->n);
    pen->memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (pen->memory == NULL ||
        model_cohort_init(pen->memory, size, params, pen->n, &pen->cohort) != MODEL_OK) {
        return false;
    }
    for (size_t i = 0; i < pen->n; i++) {
        model_cohort_found(pen->cohort, i, plan->seed, pen->mice[i]);
        model_cohort_set_pace(pen->cohort, i, pen->s->pace[pen->mice[i]]);
        model_protocol_init(&pen->state[i], plan->protocol, plan->seed, RIG_STREAMS + pen->mice[i]);
    }
    return true;
}

static void run_job(void *context, size_t number)
{
    struct work *work = context;
    struct simulation *s = work->s;
    const struct job *job = &work->jobs[work->first_job + number];
    struct pen *pen = calloc(1, sizeof *pen);
    if (pen == NULL) {
        atomic_store(&s->is_failed, true);
        return;
    }
    pen->work = work;
    pen->s = s;
    pen->mice = work->order + job->first;
    pen->n = job->n;
    pen->kept = work->kept != NULL ? work->kept + number * work->pen_mice : NULL;
    bool goes_on = open_pen(pen, &s->plan.bank->member[job->member]);
    if (!goes_on) {
        atomic_store(&s->is_failed, true);
    }
    for (int64_t session = 0; session < s->plan.sessions && goes_on; session++) {
        goes_on = run_session(pen);
    }
    free(pen->memory);
    free(pen);
}

static void write_mouse(FILE *to, const struct simulation *s, uint32_t mouse,
                        const struct trials_kept *kept)
{
    struct trial_row row = {.rt_s = (double)NAN};
    uint32_t session = UINT32_MAX;
    (void)snprintf(row.subject, sizeof row.subject, "vm%02lld", (long long)mouse + 1);
    for (size_t i = 0; i < kept->n; i++) {
        const struct trial_kept *t = &kept->v[i];
        row.trial = t->session == session ? row.trial + 1 : 0;
        session = t->session;
        (void)snprintf(row.session, sizeof row.session, "%u", session + 1);
        (void)snprintf(row.stage, sizeof row.stage, "%s", s->plan.protocol->stage[t->stage].name);
        row.stimulus = t->contrast;
        row.p_left = t->p_left;
        row.choice = (int8_t)t->choice;
        row.side = (int8_t)t->side;
        row.repeat = (int8_t)t->repeat;
        row.reward = t->reward;
        trial_table_write(to, &row, TRIAL_TABLE_WITH_STAGES);
    }
}

static int list_jobs(struct work *work)
{
    struct simulation *s = work->s;
    const size_t mice = (size_t)s->plan.mice;
    size_t at = 0;
    work->order = calloc(mice, sizeof *work->order);
    work->jobs = calloc(mice / work->pen_mice + s->plan.bank->n, sizeof *work->jobs);
    if (work->order == NULL || work->jobs == NULL) {
        return FAULT_WORK;
    }
    for (uint32_t member = 0; member < s->plan.bank->n; member++) {
        const size_t first = at;
        for (size_t i = 0; i < mice; i++) {
            if (s->member[i] == member) {
                work->order[at++] = (uint32_t)i;
            }
        }
        for (size_t i = first; i < at; i += work->pen_mice) {
            const size_t n = at - i < work->pen_mice ? at - i : work->pen_mice;
            work->jobs[work->n_jobs++] = (struct job){member, i, n};
        }
    }
    return FAULT_NONE;
}

/* Writes what the jobs of a wave have kept, and forgets it. */
static void write_wave(struct work *work, FILE *table, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const struct job *job = &work->jobs[work->first_job + k];
        for (size_t i = 0; i < job->n; i++) {
            struct trials_kept *kept = &work->kept[k * work->pen_mice + i];
            write_mouse(table, work->s, work->order[job->first + i], kept);
            free(kept->v);
            *kept = (struct trials_kept){0};
        }
    }
}

static void run_waves(struct work *work, struct thread_pool *team, FILE *table, size_t wave)
{
    struct simulation *s = work->s;
    while (work->first_job < work->n_jobs && !progress_interrupted() &&
           !atomic_load(&s->is_failed)) {
        const size_t left = work->n_jobs - work->first_job;
        const size_t n = left < wave ? left : wave;
        thread_pool_run(team, run_job, work, n);
        if (table != NULL) {
            write_wave(work, table, n);
        }
        work->first_job += n;
    }
}

/* Trials that there will be, for the estimate of the time left. */
static int64_t trials_expected(const struct simulation_plan *plan)
{
    return plan->mice * plan->sessions *
           (((int64_t)plan->protocol->trials_min + plan->protocol->trials_max) / 2);
}

/* So few that what they keep for a table fits into memory. */
static size_t mice_of_a_job(const struct simulation *s, const FILE *table)
{
    const double trials = (double)s->plan.sessions * (double)s->plan.protocol->trials_max;
    const double fit = floor(KEPT_BYTES / (trials * (double)sizeof(struct trial_kept)));
    return table == NULL || fit >= PEN_MICE ? PEN_MICE : (fit > 1.0 ? (size_t)fit : 1);
}

int simulation_run(struct simulation *s, FILE *table, const char *what, struct fault *fault)
{
    struct work work = {.s = s, .owner = pthread_self(), .pen_mice = mice_of_a_job(s, table)};
    struct thread_pool team;
    const size_t wave = table != NULL ? s->plan.n_threads : SIZE_MAX;
    int rc = list_jobs(&work);
    if (rc == FAULT_NONE && table != NULL) {
        work.kept = calloc(wave * work.pen_mice, sizeof *work.kept);
        rc = work.kept == NULL ? FAULT_WORK : FAULT_NONE;
    }
    if (rc != FAULT_NONE) {
        (void)fault_set(fault, rc, "simulate: out of memory");
    } else if ((rc = thread_pool_open(&team, s->plan.n_threads, fault)) == FAULT_NONE) {
        progress_start(&work.progress, what, trials_expected(&s->plan));
        run_waves(&work, &team, table, wave);
        progress_finish(&work.progress);
        thread_pool_close(&team);
        if (atomic_load(&s->is_failed)) {
            rc = fault_set(fault, FAULT_WORK, "simulate: out of memory");
        } else if (progress_interrupted()) {
            rc = fault_set(fault, FAULT_WORK, "interrupted after %lld trials",
                           (long long)atomic_load(&s->n_trials));
        }
    }
    for (size_t i = 0; work.kept != NULL && i < wave * work.pen_mice; i++) {
        free(work.kept[i].v);
    }
    free(work.kept);
    free(work.jobs);
    free(work.order);
    return rc;
}
