#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "advice_plot.h"
#include "commands.h"
#include "model_file.h"
#include "options.h"
#include "progress.h"
#include "protocol_file.h"
#include "recorded_models.h"
#include "suggestion_message.h"
#include "text_escape.h"
#include "trial_history.h"
#include "vocabulary.h"

enum { WORDS_MAX = 96, TITLE_MAX = 256 };

struct request {
    const char *path;
    const char *model;
    const char *subject;
    const char *protocol;
    const char *stage;
    struct option_word allowed;
    const struct output_guard *guard;
    const char *picture;
    int64_t at; /* < 0: all trials are known */
    int64_t horizon;
    int64_t rollouts;
    int64_t seed;
    double reward_floor;
    double largest_change;
    bool json;
    bool is_strict;
};

/* What came after. */
struct came {
    size_t n;         /* trials, at most the horizon */
    double rewarded;  /* proportion */
    double nats_more; /* of the contrasts that came: log likelihood under the change, less carrying
                         on */
};

struct adviser {
    const struct request *request;
    struct model_file model;
    struct trial_history past;
    struct protocol_file protocol;
    model_protocol_state rig;
    uint32_t start_stage;
    size_t at; /* trials known */
    model_bank bank;
    model_rate_grid pace;
    model_curriculum_config config;
    void *memory; /* owned */
    model_curriculum *curriculum;
    model_curriculum_advice advice;
    struct came came;
};

/* ---- what is known --------------------------------------------------------------------------- */

/* The correct side; at zero contrast, if it is not stated, that of a rewarded choice. */
static int8_t side_of(const model_trial *t)
{
    const int8_t side = model_trial_side(t->side, t->contrast);
    return side >= 0 ? side : t->choice == 1 && t->reward > 0.5;
}

/* The rig that showed these trials, as far as they tell: the stage follows from the moves. */
static void follow_rig(struct adviser *a, const struct trial_history_trial *t)
{
    const model_protocol *p = &a->protocol.protocol;
    if (t->starts_session || a->rig.session < 0) {
        model_protocol_start_session(&a->rig, p);
        a->start_stage = (uint32_t)a->rig.stage;
    }
    const model_trial *trial = &t->trial;
    const model_protocol_trial shown = {.contrast = trial->contrast,
                                        .p_left = t->p_left,
                                        .side = side_of(trial),
                                        .stage = model_protocol_next_stage(&a->rig, p)};
    (void)model_protocol_push(&a->rig, p, &shown, trial->choice, trial->rt_s);
}

static int follow(struct adviser *a, struct fault *fault)
{
    const model_bank_params *params = &a->model.bank;
    struct progress progress;
    int rc = FAULT_NONE;
    model_bank_init(&a->bank, params);
    model_rate_grid_init(&a->pace, params);
    model_protocol_init(&a->rig, &a->protocol.protocol, (uint64_t)a->request->seed, 0);
    progress_start(&progress, "following", (int64_t)a->at);
    for (size_t i = 0; rc == FAULT_NONE && i < a->at; i++) {
        const struct trial_history_trial *t = &a->past.trials[i];
        if (t->starts_session) {
            model_bank_start_session(&a->bank, params);
            model_rate_grid_start_session(&a->pace, params);
        }
        const int status = model_bank_observe(&a->bank, params, &t->trial, NULL);
        if (status != MODEL_OK ||
            model_rate_grid_observe(&a->pace, params, &t->trial) != MODEL_OK) {
            rc = fault_set(fault, FAULT_WORK, "%s: trial %zu of %s could not be taken up: %s",
                           a->request->path, i, a->past.subject, model_strerror(status));
        }
        follow_rig(a, t);
        if (i % 256 == 0) {
            progress_update(&progress, (int64_t)i);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
        }
    }
    progress_finish(&progress);
    return rc;
}

/* Where the next trial stands; an animal without trials stands before its first session. */
static int place_rig(struct adviser *a, struct fault *fault)
{
    const struct request *r = a->request;
    const model_protocol *p = &a->protocol.protocol;
    if (a->rig.session < 0) {
        model_protocol_start_session(&a->rig, p);
    }
    if (r->stage != NULL) {
        const uint32_t stage = model_protocol_find(p, r->stage);
        if (stage == p->n_stages) {
            return fault_set(fault, FAULT_INPUT, "option stage: %s has no stage \"%.64s\"",
                             r->protocol, r->stage);
        }
        model_protocol_enter(&a->rig, stage);
        a->start_stage = stage;
    } else if (model_protocol_next_stage(&a->rig, p) != (uint32_t)a->rig.stage) {
        model_protocol_enter(&a->rig, model_protocol_next_stage(&a->rig, p));
    }
    return FAULT_NONE;
}

/* ---- the advice ------------------------------------------------------------------------------ */

/* "contrast,side": only these; none chosen: all. */
static void take_allowed(struct adviser *a)
{
    const struct option_word *allowed = &a->request->allowed;
    for (size_t i = 0; i < allowed->n && allowed->chosen != NULL; i++) {
        a->config.allowed[i] = option_word_has(allowed, allowed->word[i]);
    }
}

static int configure(struct adviser *a, struct fault *fault)
{
    const struct request *r = a->request;
    model_curriculum_default(&a->config);
    a->config.horizon = (uint32_t)r->horizon;
    a->config.rollouts = (uint32_t)r->rollouts;
    a->config.first = a->config.first < a->config.rollouts ? a->config.first : a->config.rollouts;
    a->config.reward_floor = r->reward_floor;
    a->config.largest_change = r->largest_change;
    take_allowed(a);
    const size_t size = model_curriculum_size(&a->model.bank, &a->config);
    a->memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (a->memory == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %" PRId64 " roll-outs", r->rollouts);
    }
    (void)model_curriculum_init(a->memory, size, &a->model.bank, &a->config, &a->curriculum);
    return FAULT_NONE;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return progress_interrupted();
}

static int ask(struct adviser *a, struct fault *fault)
{
    const model_protocol *p = &a->protocol.protocol;
    const model_curriculum_training training = {
        .place = {p, p, p, (uint32_t)a->rig.stage, a->start_stage}, .rig = &a->rig};
    if (model_curriculum_advise(a->curriculum, &a->pace, &training, (uint64_t)a->request->seed,
                                is_interrupted, NULL, &a->advice) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: the last stage has no stimulus with contrast; advice needs one to "
                         "train for",
                         a->request->protocol);
    }
    return a->advice.why == MODEL_CURRICULUM_STOPPED ? fault_set(fault, FAULT_WORK, "interrupted")
                                                     : FAULT_NONE;
}

/* ---- what came ------------------------------------------------------------------------------- */

/* A rig that goes on from the snapshot, to say how likely what came is in its protocol. */
struct rig {
    const model_protocol *protocol;
    model_protocol_state state;
    double nats; /* log likelihood of the contrasts; each held off 0: a rig may err */
};

static void rig_hear(struct rig *rig, const struct trial_history_trial *t)
{
    const uint32_t stage = model_protocol_next_stage(&rig->state, rig->protocol);
    const double p_left = rig->protocol->stage[stage].p_left;
    const double contrast = t->trial.contrast;
    const model_protocol_trial shown = {
        .contrast = contrast, .side = side_of(&t->trial), .stage = stage};
    if (!model_protocol_debiases(&rig->state, rig->protocol, stage, NULL)) {
        const double chance = model_protocol_probability(rig->protocol, stage, contrast, p_left);
        rig->nats += log(fmax(chance, 1e-3));
    }
    (void)model_protocol_push(&rig->state, rig->protocol, &shown, t->trial.choice, t->trial.rt_s);
}

static void take_what_came(struct adviser *a)
{
    static model_protocol changed;
    const model_protocol *p = &a->protocol.protocol;
    uint32_t stage = (uint32_t)a->rig.stage;
    const model_protocol_change_place place = {p, p, p, stage, a->start_stage};
    struct rig base = {p, a->rig, 0.0};
    struct rig other = {&changed, a->rig, 0.0};
    double known = 0.0;
    if (a->advice.n > 0 && model_protocol_change_apply(&changed, &stage, &place,
                                                       &a->advice.action[0].change) == MODEL_OK) {
        model_protocol_change_carry(&other.state, p, &changed);
        if (stage != (uint32_t)a->rig.stage) {
            model_protocol_enter(&other.state, stage);
        }
    } else {
        other = base;
    }
    for (size_t i = a->at; i < a->past.n && a->came.n < a->config.horizon; i++) {
        const struct trial_history_trial *t = &a->past.trials[i];
        a->came.n++;
        if (!isnan(t->trial.reward)) {
            a->came.rewarded += t->trial.reward;
            known += 1.0;
        }
        rig_hear(&base, t);
        rig_hear(&other, t);
    }
    a->came.nats_more = other.nats - base.nats;
    a->came.rewarded = known > 0.0 ? a->came.rewarded / known : (double)NAN;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print_known(const struct adviser *a)
{
    const model_bank_params *params = &a->model.bank;
    const model_policy *policy = &params->member[0].policy;
    double w[MODEL_WEIGHTS_MAX];
    double sd[MODEL_WEIGHTS_MAX];
    double share[MODEL_RULES] = {0.0};
    model_bank_weights(&a->bank, params, w, sd);
    for (uint32_t m = 0; m < params->n; m++) {
        share[params->member[m].rule.kind] += model_bank_weight(&a->bank, m);
    }
    printf("  weights");
    for (uint32_t k = 0; k < policy->n; k++) {
        printf("%s %s %.2f (sd %.2f)", k > 0 ? "," : "", model_feature_name(policy->feature[k]),
               w[k], sd[k]);
    }
    printf("\n  bank");
    for (int i = 0; i < MODEL_RULES; i++) {
        if (share[i] > 0.0005) {
            printf(" %s %.3f", model_rule_name((model_rule_kind)i), share[i]);
        }
    }
    printf("; it learns with probability %.2f\n", a->advice.p_learns);
    printf("  proportion correct on the worse side of the last stage: %.3f (90%% %.3f to %.3f)\n",
           a->advice.skill, a->advice.skill_lo, a->advice.skill_hi);
}

static void print_action(const struct adviser *a, const model_curriculum_action *action)
{
    char words[WORDS_MAX];
    char reward[16] = "-"; /* without trials */
    suggestion_message_describe(&action->change, &a->protocol.protocol, words, sizeof words);
    if (!isnan(action->reward)) {
        (void)snprintf(reward, sizeof reward, "%.2f", action->reward);
    }
    printf("  %-44s %7.4f (%.4f to %.4f)  %.2f  %.3f  %s%s\n", words, action->gain, action->gain_lo,
           action->gain_hi, action->p_better, action->skill, reward,
           action->is_final ? "" : "  (few twins)");
}

static void print_came(const struct adviser *a)
{
    const model_curriculum_action *base = &a->advice.carry_on;
    if (a->came.n == 0) {
        return;
    }
    printf("what came, over %zu trials: rewarded %.3f; carrying on was to give %.3f (90%% %.3f to "
           "%.3f)\n",
           a->came.n, a->came.rewarded, base->reward, base->reward_lo, base->reward_hi);
    if (a->advice.n > 0) {
        printf("  the stimuli are %s (%.1f nats)\n",
               a->came.nats_more > 3.0    ? "those of the first change"
               : a->came.nats_more < -3.0 ? "those of carrying on"
                                          : "of either",
               fabs(a->came.nats_more));
    }
}

static void print_text(const struct adviser *a)
{
    char why[256];
    const model_protocol *p = &a->protocol.protocol;
    suggestion_message_why(&a->advice, p, why, sizeof why);
    printf("%s after %zu trials, stage %s of %s, by model %s\n", a->past.subject, a->at,
           p->stage[a->rig.stage].name, p->name, a->model.hash);
    print_known(a);
    printf("%s: %s\n", a->advice.why == MODEL_CURRICULUM_ADVISES ? "advice" : "no advice", why);
    printf("  after %u trials: carrying on %.3f (90%% %.3f to %.3f), rewarded %.2f\n",
           a->config.horizon, a->advice.carry_on.skill, a->advice.carry_on.skill_lo,
           a->advice.carry_on.skill_hi, a->advice.carry_on.reward);
    printf("  %-44s %s\n", "change", "gain (90% of the twins), chance of one, correct, rewarded");
    for (uint32_t i = 0; i < a->advice.n; i++) {
        print_action(a, &a->advice.action[i]);
    }
    print_came(a);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void json_action(const model_curriculum_action *x)
{
    const struct text_escape_real parts[] = {
        {"gain", x->gain},           {"gain_lo", x->gain_lo}, {"gain_hi", x->gain_hi},
        {"p_better", x->p_better},   {"correct", x->skill},   {"correct_lo", x->skill_lo},
        {"correct_hi", x->skill_hi}, {"reward", x->reward},   {"reward_lo", x->reward_lo},
        {"reward_hi", x->reward_hi}, {"align", x->align}};
    proto_named params[8];
    const uint32_t n = suggestion_message_params(&x->change, params);
    printf("{\"action\": \"%s\", \"params\": {", model_protocol_change_name(x->change.kind));
    for (uint32_t i = 0; i < n; i++) {
        printf("%s", i > 0 ? ", " : "");
        text_escape_json_real(stdout, params[i].name, params[i].value);
    }
    printf("}, \"is_final\": %s, ", x->is_final ? "true" : "false");
    text_escape_json_reals(stdout, sizeof parts / sizeof parts[0], parts);
    printf("}");
}

static void json_known(const struct adviser *a)
{
    const model_policy *policy = &a->model.bank.member[0].policy;
    double w[MODEL_WEIGHTS_MAX];
    double sd[MODEL_WEIGHTS_MAX];
    model_bank_weights(&a->bank, &a->model.bank, w, sd);
    printf(" \"w\": {");
    for (uint32_t k = 0; k < policy->n; k++) {
        printf("%s\"%s\": {", k > 0 ? ", " : "", model_feature_name(policy->feature[k]));
        text_escape_json_reals(stdout, 2,
                               (const struct text_escape_real[]){{"mean", w[k]}, {"sd", sd[k]}});
        printf("}");
    }
    printf("}, \"bank\": [");
    for (uint32_t m = 0; m < a->model.bank.n; m++) {
        printf("%s{\"rule\": \"%s\", ", m > 0 ? ", " : "",
               model_rule_name(a->model.bank.member[m].rule.kind));
        text_escape_json_real(stdout, "weight", model_bank_weight(&a->bank, m));
        printf("}");
    }
    printf("],\n ");
    text_escape_json_reals(stdout, 4,
                           (const struct text_escape_real[]){{"p_learns", a->advice.p_learns},
                                                             {"correct", a->advice.skill},
                                                             {"correct_lo", a->advice.skill_lo},
                                                             {"correct_hi", a->advice.skill_hi}});
    printf(",\n");
}

static void print_json(const struct adviser *a)
{
    char why[256];
    const model_protocol *p = &a->protocol.protocol;
    suggestion_message_why(&a->advice, p, why, sizeof why);
    printf("{\"subject\": ");
    text_escape_json(stdout, a->past.subject);
    printf(", \"at\": %zu, \"protocol\": ", a->at);
    text_escape_json(stdout, p->name);
    printf(", \"stage\": ");
    text_escape_json(stdout, p->stage[a->rig.stage].name);
    printf(", \"model\": \"%s\", \"horizon\": %u, \"seed\": %" PRId64 ",\n", a->model.hash,
           a->config.horizon, a->request->seed);
    json_known(a);
    printf(" \"abstain\": %s, \"reason\": \"%s\", \"why\": ",
           a->advice.why == MODEL_CURRICULUM_ADVISES ? "false" : "true",
           model_curriculum_why_name(a->advice.why));
    text_escape_json(stdout, why);
    printf(",\n \"carry_on\": ");
    json_action(&a->advice.carry_on);
    printf(",\n \"actions\": [");
    for (uint32_t i = 0; i < a->advice.n; i++) {
        printf("%s\n  ", i > 0 ? "," : "");
        json_action(&a->advice.action[i]);
    }
    printf("],\n \"came\": {\"trials\": %zu, ", a->came.n);
    text_escape_json_reals(stdout, 2,
                           (const struct text_escape_real[]){
                               {"reward", a->came.n > 0 ? a->came.rewarded : (double)NAN},
                               {"nats_for_change", a->came.nats_more}});
    printf("}}\n");
}

/* ---- the command ----------------------------------------------------------------------------- */

static void put_plot(FILE *to, const void *what)
{
    const struct adviser *a = what;
    char title[TITLE_MAX];
    char why[TITLE_MAX];
    const model_protocol *p = &a->protocol.protocol;
    (void)snprintf(title, sizeof title, "%.64s after %zu trials, stage %s", a->past.subject, a->at,
                   p->stage[a->rig.stage].name);
    suggestion_message_why(&a->advice, p, why, sizeof why);
    advice_plot(to, &(struct advice_plot){title, why, &a->advice, p});
}

static int advise(struct adviser *a, struct fault *fault)
{
    const struct request *r = a->request;
    int rc = recorded_models_protocol(r->path, r->protocol, &a->protocol, fault);
    rc = rc ? rc : recorded_models_model(r->path, r->model, &a->model, fault);
    rc = rc ? rc : configure(a, fault);
    rc = rc ? rc
            : trial_history_read(&a->past, r->path, r->subject, trial_table_care(r->is_strict),
                                 fault);
    rc = rc ? rc : trial_history_known(&a->past, r->at, &a->at, fault);
    rc = rc ? rc : follow(a, fault);
    rc = rc ? rc : place_rig(a, fault);
    rc = rc ? rc : ask(a, fault);
    if (rc == FAULT_NONE) {
        take_what_came(a);
        rc = output_file_write(r->guard, r->picture, put_plot, a, fault);
        if (rc == FAULT_NONE && r->json) {
            print_json(a);
        } else if (rc == FAULT_NONE) {
            print_text(a);
        }
    }
    return rc;
}

int cmd_advise(int argc, char **argv)
{
    model_curriculum_config usual;
    model_curriculum_default(&usual);
    struct request r = {.at = -1,
                        .allowed = vocabulary_changes(),
                        .horizon = usual.horizon,
                        .rollouts = usual.rollouts,
                        .reward_floor = usual.reward_floor,
                        .largest_change = usual.largest_change};
    const struct option list[] = {
        {"protocol", OPTION_IN, &r.protocol, 0, 0, "P.yaml",
         "the protocol it is trained by (the journal's)", NULL},
        {"model", OPTION_IN, &r.model, 0, 0, "M",
         "model file (the journal's; of a table the random walk, which does not learn)", NULL},
        {"subject", OPTION_TEXT, &r.subject, 0, 0, "S", "the animal, if there are several", NULL},
        {"at", OPTION_INT, &r.at, 0, 1e9, "N", "trials of it that are known (all)", NULL},
        {"stage", OPTION_TEXT, &r.stage, 0, 0, "NAME",
         "where it stands (where its trials lead in the protocol)", NULL},
        {"allowed", OPTION_WORDS, &r.allowed, 0, 0, "A,B", "only these changes of all", NULL},
        {"reward-floor", OPTION_REAL, &r.reward_floor, 0.0, 1.0, "X",
         "proportion of rewarded trials, at least", NULL},
        {"largest-change", OPTION_REAL, &r.largest_change, 0.0, 1.0, "X",
         "of a stage's stimuli in one session", NULL},
        {"horizon", OPTION_INT, &r.horizon, 1, 20000, "N", "trials to look ahead", NULL},
        {"rollouts", OPTION_INT, &r.rollouts, 2, MODEL_CURRICULUM_ROLLOUTS_MAX, "N",
         "virtual twins", NULL},
        {"seed", OPTION_INT, &r.seed, 0, 1e15, "N", "of what is drawn", NULL},
        {"o", OPTION_OUT, &r.picture, 0, 0, "FILE", "write the gains as an SVG", NULL},
        TRIAL_TABLE_STRICT_OPTION(&r.is_strict),
        {"json", OPTION_FLAG, &r.json, 0, 0, NULL, "the same for programs", NULL},
    };
    struct options options = {
        .usage = "advise DATA.csv|JOURNAL [--protocol P.yaml] [--model M] [--at N] [options]",
        .about =
            "Which change of its training would help an animal, after N trials: what is known of\n"
            "it, what virtual twins come to under each change that is allowed against carrying\n"
            "on, and what came. The gain is in proportion correct on the worse side of the last\n"
            "stage's stimuli after the horizon. Advice only: nothing here commands a rig.",
        .list = list,
        .n = sizeof list / sizeof list[0],
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
    struct adviser *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return fault_report(&fault, fault_set(&fault, FAULT_WORK, "no memory"));
    }
    a->request = &r;
    const int rc = advise(a, &fault);
    model_file_free(&a->model);
    trial_history_close(&a->past);
    free(a->memory);
    free(a);
    return fault_report(&fault, rc);
}
