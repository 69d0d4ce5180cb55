#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "advice_report.h"
#include "command.h"
#include "json_writer.h"
#include "progress.h"
#include "vocabulary.h"

enum { WORDS_MAX = 96 };

static void print_known(const struct advice_report *a)
{
    const model_bank_params *params = &a->animal.model.bank;
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
    printf("  fraction correct on the worse side of the last stage: %.3f (90%% %.3f to %.3f)\n",
           a->advice.skill, a->advice.skill_lo, a->advice.skill_hi);
}

static void print_action(const struct advice_report *a, const model_curriculum_action *action)
{
    char words[WORDS_MAX];
    char reward[16] = "-"; /* without trials */
    suggestion_message_describe(&action->change, &a->animal.protocol.protocol, words, sizeof words);
    if (!isnan(action->reward)) {
        (void)snprintf(reward, sizeof reward, "%.2f", action->reward);
    }
    printf("  %-44s %7.4f (%.4f to %.4f)  %.2f  %.3f  %s%s\n", words, action->gain, action->gain_lo,
           action->gain_hi, action->p_better, action->skill, reward,
           action->is_final ? "" : "  (few twins)");
}

static void print_later(const struct advice_report *a)
{
    const model_curriculum_action *base = &a->advice.carry_on;
    if (a->later.n == 0) {
        return;
    }
    printf("observed over %zu trials: rewarded %.3f; forecast for carrying on %.3f (90%% %.3f to "
           "%.3f)\n",
           a->later.n, a->later.rewarded, base->reward, base->reward_lo, base->reward_hi);
    if (a->advice.n > 0) {
        printf("  the stimuli are %s (%.1f nats)\n",
               a->later.nats_more > 3.0    ? "those of the first change"
               : a->later.nats_more < -3.0 ? "those of carrying on"
                                           : "of either",
               fabs(a->later.nats_more));
    }
}

static void print_text(const struct advice_report *a)
{
    char why[256];
    const model_protocol *p = &a->animal.protocol.protocol;
    suggestion_message_why(&a->advice, p, why, sizeof why);
    printf("%s after %zu trials, stage %s of %s, by model %s\n", a->animal.past.subject,
           a->animal.at, p->stage[a->animal.rig.stage].name, p->name, a->animal.model.hash);
    print_known(a);
    printf("%s: %s\n", a->advice.why == MODEL_CURRICULUM_ADVISES ? "advice" : "no advice", why);
    printf("  after %u trials: carrying on %.3f (90%% %.3f to %.3f), rewarded %.2f\n",
           a->config.horizon, a->advice.carry_on.skill, a->advice.carry_on.skill_lo,
           a->advice.carry_on.skill_hi, a->advice.carry_on.reward);
    printf("  %-44s %s\n", "change", "gain (90% of the twins), chance of one, correct, rewarded");
    for (uint32_t i = 0; i < a->advice.n; i++) {
        print_action(a, &a->advice.action[i]);
    }
    print_later(a);
}

static void json_action(struct json_writer *w, const char *key, const model_curriculum_action *x)
{
    proto_named params[8];
    const uint32_t n = suggestion_message_params(&x->change, params);
    json_object(w, key);
    json_text(w, "action", model_protocol_change_name(x->change.kind));
    json_object(w, "params");
    for (uint32_t i = 0; i < n; i++) {
        json_real(w, params[i].name, params[i].value);
    }
    json_end(w);
    json_bool(w, "is_final", x->is_final);
    JSON_REALS(w, {"gain", x->gain}, {"gain_lo", x->gain_lo}, {"gain_hi", x->gain_hi},
               {"p_better", x->p_better}, {"correct", x->skill}, {"correct_lo", x->skill_lo},
               {"correct_hi", x->skill_hi}, {"reward", x->reward}, {"reward_lo", x->reward_lo},
               {"reward_hi", x->reward_hi}, {"align", x->align});
    json_end(w);
}

static void json_known(struct json_writer *w, const struct advice_report *a)
{
    const model_bank_params *params = &a->animal.model.bank;
    const model_policy *policy = &params->member[0].policy;
    double mean[MODEL_WEIGHTS_MAX];
    double sd[MODEL_WEIGHTS_MAX];
    model_bank_weights(&a->bank, params, mean, sd);
    json_line(w, 1);
    json_object(w, "w");
    for (uint32_t k = 0; k < policy->n; k++) {
        json_object(w, model_feature_name(policy->feature[k]));
        json_real(w, "mean", mean[k]);
        json_real(w, "sd", sd[k]);
        json_end(w);
    }
    json_end(w);
    json_array(w, "bank");
    for (uint32_t m = 0; m < params->n; m++) {
        json_object(w, NULL);
        json_text(w, "rule", model_rule_name(params->member[m].rule.kind));
        json_real(w, "weight", model_bank_weight(&a->bank, m));
        json_end(w);
    }
    json_end(w);
    json_line(w, 1);
    JSON_REALS(w, {"p_learns", a->advice.p_learns}, {"correct", a->advice.skill},
               {"correct_lo", a->advice.skill_lo}, {"correct_hi", a->advice.skill_hi});
}

static void json_advice(struct json_writer *w, const struct advice_report *a, const char *why)
{
    json_line(w, 1);
    json_bool(w, "abstain", a->advice.why != MODEL_CURRICULUM_ADVISES);
    json_text(w, "reason", model_curriculum_why_name(a->advice.why));
    json_text(w, "why", why);
    json_line(w, 1);
    json_action(w, "carry_on", &a->advice.carry_on);
    json_line(w, 1);
    json_array(w, "actions");
    for (uint32_t i = 0; i < a->advice.n; i++) {
        json_line(w, 2);
        json_action(w, NULL, &a->advice.action[i]);
    }
    json_end(w);
}

static void print_json(const struct advice_report *a)
{
    struct json_writer w = {.to = stdout};
    char why[256];
    const model_protocol *p = &a->animal.protocol.protocol;
    suggestion_message_why(&a->advice, p, why, sizeof why);
    json_object(&w, NULL);
    json_text(&w, "subject", a->animal.past.subject);
    json_int(&w, "at", (int64_t)a->animal.at);
    json_text(&w, "protocol", p->name);
    json_text(&w, "stage", p->stage[a->animal.rig.stage].name);
    json_text(&w, "model", a->animal.model.hash);
    json_int(&w, "horizon", a->config.horizon);
    json_int(&w, "seed", a->request->animal.seed);
    json_known(&w, a);
    json_advice(&w, a, why);
    json_line(&w, 1);
    json_object(&w, "came");
    json_int(&w, "trials", (int64_t)a->later.n);
    json_real(&w, "reward", a->later.n > 0 ? a->later.rewarded : (double)NAN);
    json_real(&w, "nats_for_change", a->later.nats_more);
    json_end(&w);
    json_end(&w);
}

struct request {
    struct advice_report_request what;
    const struct output_guard *guard;
    const char *plot;
    bool is_json;
};

static void put_plot(FILE *to, const void *report)
{
    advice_plot(to, report);
}

static int work(void *request, struct fault *fault)
{
    const struct request *r = request;
    struct advice_report *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    progress_catch_interrupts();
    int rc = advice_report_make(a, &r->what, fault);
    rc = rc ? rc : output_file_write(r->guard, r->plot, put_plot, a, fault);
    if (rc == FAULT_NONE) {
        (r->is_json ? print_json : print_text)(a);
    }
    advice_report_close(a);
    free(a);
    return rc;
}

int cmd_advise(int argc, char **argv)
{
    model_curriculum_config usual;
    model_curriculum_default(&usual);
    struct request r = {.what = {.animal.at = -1,
                                 .allowed = vocabulary_changes(),
                                 .horizon = usual.horizon,
                                 .rollouts = usual.rollouts,
                                 .reward_floor = usual.reward_floor,
                                 .largest_change = usual.largest_change}};
    const struct option list[] = {
        {"protocol", OPTION_IN, &r.what.animal.protocol, 0, 0, "P.yaml",
         "the protocol it is trained by (default the journal's)", NULL},
        COMMAND_KNOWN_ANIMAL(r.what.animal),
        {"stage", OPTION_TEXT, &r.what.animal.stage, 0, 0, "NAME",
         "its stage (default where its trials lead)", NULL},
        {"allowed", OPTION_WORDS, &r.what.allowed, 0, 0, "A,B", "only these changes", NULL},
        {"reward-floor", OPTION_REAL, &r.what.reward_floor, 0.0, 1.0, "X",
         "fraction of trials rewarded, at least", NULL},
        {"largest-change", OPTION_REAL, &r.what.largest_change, 0.0, 1.0, "X",
         "fraction of a stage's stimuli that may change in one session", NULL},
        {"horizon", OPTION_INT, &r.what.horizon, 1, 20000, "N", "trials to look ahead", NULL},
        {"rollouts", OPTION_INT, &r.what.rollouts, 2, MODEL_CURRICULUM_ROLLOUTS_MAX, "N",
         "virtual twins", NULL},
        COMMAND_PLOT(&r.plot),
        COMMAND_JSON(&r.is_json),
    };
    struct options options = {
        .usage = "advise DATA|JOURNAL [--protocol P.yaml] [--model M] [--at N] [options]",
        .about =
            "Which change of its training would help an animal, after N trials: what is known of "
            "it, what virtual twins come to under each allowed change against carrying on, and "
            "what was observed later. The gain is in fraction correct on the worse side of the "
            "last stage's stimuli after the horizon. Advice only: nothing here commands a rig.",
        COMMAND_OPTIONS(list),
        COMMAND_FILE(&r.what.animal.path)};
    r.guard = &options.guard;
    return command_run(&options, argc, argv, work, &r);
}
