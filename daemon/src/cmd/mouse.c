#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bridge/serial.h"
#include "command.h"
#include "json_writer.h"
#include "log.h"
#include "model_options.h"
#include "mouse_loop.h"
#include "zmq_bus.h"

/* The draw of a bank's member comes from a stream far from those of the animal. */
static const uint64_t MEMBER_STREAM = UINT64_C(1) << 60;

struct wanted {
    struct model_options spec;
    struct mouse_loop_options rig;
    struct rig_mouse_options mouse;
    const char *model;
    const struct output_guard *guard;
    int64_t seed;
    double tire;
    bool is_steady;
    bool as_json;
};

static int check(const struct wanted *w, struct fault *fault)
{
    const int n_rigs = (w->rig.bind != NULL) + (w->rig.connect != NULL) + (w->rig.serial != NULL);
    if (n_rigs != 1) {
        return fault_set(fault, FAULT_INPUT,
                         "where is the rig? One of --connect ENDPOINT, --bind ENDPOINT and "
                         "--serial PORT was expected");
    }
    const int rc = model_options_check(&w->spec, w->model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (w->mouse.subject[0] != '\0' && !proto_id_is_valid(w->mouse.subject)) {
        return fault_set(fault, FAULT_INPUT,
                         "--subject: \"%.80s\" is not 1 to %d of A-Z a-z 0-9 . _ -",
                         w->mouse.subject, PROTO_ID_MAX);
    }
    return FAULT_NONE;
}

/* Which member of a bank the mouse is: by the bank's prior. */
static uint32_t draw_member(const model_bank_params *bank, uint64_t seed)
{
    model_random random;
    model_random_seed(&random, seed, MEMBER_STREAM);
    double u = model_random_uniform(&random);
    uint32_t i = 0;
    while (i + 1 < bank->n && u >= bank->prior[i]) {
        u -= bank->prior[i++];
    }
    return i;
}

static void say_who(const struct wanted *w, const model_bank_params *bank, uint32_t i)
{
    const char *rule = model_rule_name(bank->member[i].rule.kind);
    if (bank->n > 1) {
        log_info("the mouse is member %u of %u of %s: rule %s, prior %.3g; seed %" PRId64, i + 1,
                 bank->n, w->model, rule, bank->prior[i], w->seed);
    } else {
        log_info("the mouse has the rule %s; seed %" PRId64, rule, w->seed);
    }
}

static int open_truth(struct wanted *w, const model_policy *policy, struct fault *fault)
{
    if (w->rig.truth_path == NULL) {
        return FAULT_NONE;
    }
    const int rc =
        output_file_open_record(w->guard, w->rig.truth_path, false, &w->rig.truth, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (void)setvbuf(w->rig.truth, NULL, _IOLBF, 0);
    fputs("subject,session,trial,stimulus,state,p_policy,p_right,p_no_go,choice,rt_s",
          w->rig.truth);
    for (uint32_t i = 0; i < policy->n; i++) {
        fprintf(w->rig.truth, ",%s_weight", model_feature_name(policy->feature[i]));
    }
    fputc('\n', w->rig.truth);
    return FAULT_NONE;
}

static int close_truth(struct wanted *w, int rc, struct fault *fault)
{
    if (w->rig.truth == NULL) {
        return rc;
    }
    errno = 0;
    const bool failed = ferror(w->rig.truth) != 0;
    return (fclose(w->rig.truth) != 0 || failed) && rc == FAULT_NONE
               ? fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", w->rig.truth_path,
                           errno != 0 ? strerror(errno) : "an earlier write failed")
               : rc;
}

static void report(const struct wanted *w, const struct rig_mouse_tally *t)
{
    if (w->as_json) {
        struct json_writer json = {.to = stdout};
        json_object(&json, NULL);
        JSON_INTS(&json, {"sessions", t->sessions}, {"stimuli", t->stimuli},
                  {"choices", t->choices}, {"no_gos", t->no_gos}, {"trials", t->trials},
                  {"rewarded", t->rewarded}, {"repeated", t->repeated}, {"unseen", t->unseen},
                  {"refused", t->refused});
        json_end(&json);
        return;
    }
    printf("%" PRId64 " stimuli in %" PRId64 " sessions: %" PRId64 " choices, %" PRId64
           " no-gos; %" PRId64 " trials finished, %" PRId64 " rewarded\n",
           t->stimuli, t->sessions, t->choices, t->no_gos, t->trials, t->rewarded);
    printf("%" PRId64 " repeated messages, %" PRId64 " were refused; %" PRId64
           " trials finished without a stimulus received\n",
           t->repeated, t->refused, t->unseen);
}

static int meet(struct wanted *w, const model_params *params, struct fault *fault)
{
    struct rig_mouse actor;
    struct mouse_loop *loop = NULL;
    w->mouse.params = params;
    w->mouse.seed = (uint64_t)w->seed;
    model_engagement_sim_default(&w->mouse.engagement);
    w->mouse.engagement.tired_trials = w->tire;
    if (w->is_steady) {
        model_engagement_sim_steady(&w->mouse.engagement);
    }
    rig_mouse_init(&actor, &w->mouse);
    int rc = open_truth(w, &params->policy, fault);
    rc = rc ? rc : mouse_loop_open(&loop, &actor, &w->rig, fault);
    rc = rc ? rc : mouse_loop_run(loop, fault);
    const bool has_met = loop != NULL;
    mouse_loop_close(loop);
    rc = close_truth(w, rc, fault);
    if (has_met) {
        report(w, &actor.tally);
    }
    return rc;
}

static int work(void *wanted, struct fault *fault)
{
    struct wanted *w = wanted;
    struct model_file model = {0};
    int rc = check(w, fault);
    rc = rc ? rc : model_options_load(&w->spec, w->model, &model, fault);
    if (rc == FAULT_NONE) {
        const uint32_t i = draw_member(&model.bank, (uint64_t)w->seed);
        say_who(w, &model.bank, i);
        rc = meet(w, &model.bank.member[i], fault);
    }
    model_file_free(&model);
    return rc;
}

static size_t list_options(struct wanted *w, struct option list[])
{
    const struct option own[] = {
        {"model", OPTION_IN, &w->model, 0, 0, "M",
         "model file, instead of the words below; of a bank one member is drawn by its prior",
         NULL},
        {"connect", OPTION_ENDPOINT, &w->rig.connect, 0, 0, "ENDPOINT",
         "a rig's ROUTER or REP socket: the mouse says hello first", NULL},
        {"bind", OPTION_ENDPOINT, &w->rig.bind, 0, 0, "ENDPOINT",
         "where a rig's REQ or DEALER connects to, as in tcp://127.0.0.1:5780", NULL},
        {"insecure", OPTION_FLAG, &w->rig.insecure, 0, 0, NULL,
         "bind an address that other machines can reach", NULL},
        {"serial", OPTION_TEXT, &w->rig.serial, 0, 0, "PORT", "the port of a rig's microcontroller",
         NULL},
        {"baud", OPTION_INT, &w->rig.baud, BRIDGE_SERIAL_BAUD_MIN, BRIDGE_SERIAL_BAUD_MAX, "N",
         "its speed", NULL},
        {"subject", OPTION_TEXT, &w->mouse.subject, 0, 0, "NAME",
         "its name; others are refused (default the first name used by the rig)", NULL},
        COMMAND_SEED(&w->seed, "the same seed and trials give the same animal"),
        {"trials", OPTION_INT, &w->rig.trials, 1, 1e15, "N", "stop after N finished trials", NULL},
        {"speed", OPTION_REAL, &w->mouse.speed, 0, 1e6, "X",
         "speed of its time; 0: it answers at once", NULL},
        {"window", OPTION_REAL, &w->mouse.window_s, 0.001, 86400, "S",
         "a no-go is sent after this many seconds", NULL},
        {"tire", OPTION_REAL, &w->tire, 0, 1e9, "N",
         "trials of a session after which it plays half of the time; 0: never tires", NULL},
        {"steady", OPTION_FLAG, &w->is_steady, 0, 0, NULL,
         "always plays: no lapses, no no-gos, never tired", NULL},
        {"truth", OPTION_OUT, &w->rig.truth_path, 0, 0, "FILE.csv",
         "its choice for each stimulus, the probability, and its weights", NULL},
        COMMAND_JSON(&w->as_json),
    };
    memcpy(list, own, sizeof own);
    return sizeof own / sizeof own[0] +
           model_options_options(&w->spec, list + sizeof own / sizeof own[0]);
}

int cmd_mouse(int argc, char **argv)
{
    struct wanted w = {.rig.baud = 115200,
                       .mouse.subject = "",
                       .seed = 1,
                       .mouse.speed = 1.0,
                       .mouse.window_s = 60.0,
                       .tire = 600.0};
    model_options_init(&w.spec, "none", (double)NAN, NULL);
    struct option list[MODEL_OPTIONS_OPTIONS + 20];
    static const struct option_rule rules[] = {{"baud", OPTION_NEEDS, "serial"},
                                               {"insecure", OPTION_NEEDS, "bind"},
                                               {"bind", OPTION_EXCLUDES, "connect|serial"},
                                               {"connect", OPTION_EXCLUDES, "serial"},
                                               {"steady", OPTION_EXCLUDES, "tire"}};
    struct options options = {
        .usage = "mouse [--model M | --rule R --rate A ...] (--connect E | --bind E | --serial P)",
        .about = "A virtual mouse plays a real rig, live: the rig shows it a stimulus, it answers "
                 "with a choice after its reaction time, and learns from the trial that the rig "
                 "reports. It makes no-gos, lapses, and tires. docs/mouse.md shows a rig.",
        .list = list,
        .n = list_options(&w, list),
        COMMAND_RULES(rules)};
    w.guard = &options.guard;
    return command_run(&options, argc, argv, work, &w);
}
