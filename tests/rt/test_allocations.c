/* From bytes received to reply encoded, nothing allocates: 10,000 trials with a recurrent net of 32
 * units, audited against a protocol, and what else a rig may send in between. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "count_allocations.h"
#include "ingest.h"
#include "journal_schema.h"
#include "loop_jobs.h"
#include "model/random.h"
#include "root.h"
#include "some_net.h"
#include "startup.h"
#include "suite.h"

enum { TRIALS = 10000 };

static struct server server;
static struct fault fault;
static char model_path[ROOT_PATH_BYTES];
static uint8_t out[PROTO_BYTES_MAX];

static void make_net_model(struct model_file *model)
{
    test_random r = test_random_seeded(suite_seed());
    const model_net_shape shape = {true, 3 + MODEL_RULE_INPUTS, 32, 1, 3};
    some_net *net = some_net_make(&r, shape);
    model_params params;
    assert_int_equal(model_params_built_in(&params, "stimulus,bias,prev_choice"), MODEL_OK);
    params.rule.kind = MODEL_RULE_RNN;
    assert_int_equal(model_file_build_net(&params, &shape, &net->tensors, model, &fault),
                     FAULT_NONE);
    some_net_free(net);
}

/* A bank of a net, a classic rule and none. */
static void make_model(void)
{
    static struct model_file members[3];
    static const char *const places[3] = {"rnn", "reinforce", "none"};
    struct model_file bank;
    struct model_spec spec;
    model_spec_init(&spec);
    make_net_model(&members[0]);
    assert_int_equal(model_file_build(&spec, &members[2], &fault), FAULT_NONE);
    spec.rule = "reinforce";
    assert_int_equal(model_file_build(&spec, &members[1], &fault), FAULT_NONE);
    assert_int_equal(model_file_join(members, places, 3, 0.01, 0.9, NULL, &bank, &fault),
                     FAULT_NONE);
    assert_int_equal(model_file_save(&bank, NULL, model_path, &fault), FAULT_NONE);
    model_file_free(&bank);
    for (size_t i = 0; i < 3; i++) {
        model_file_free(&members[i]);
    }
}

static int open_loop(void **state)
{
    if (root_make(state) != 0) {
        return -1;
    }
    (void)root_file(model_path, "m.safetensors");
    make_model();
    config_init(&server.config);
    strcpy(server.config.data.directory, root_path);
    strcpy(server.config.model.file, model_path);
    strcpy(server.config.protocol.file, MURID_SOURCE_DIR "/configs/protocols/ibl_training.yaml");
    server.config.sockets.ask[0] = server.config.sockets.pub[0] = server.config.sockets.trials[0] =
        '\0';
    server.config.journal.commit_ms = 1;
    server.config.adaptation.rules = true;
    server.config.adaptation.every_trials = 100;
    server.config.adaptation.window_trials = 400;
    if (startup_open(&server, &fault) != FAULT_NONE) {
        print_error("%s\n", fault.text);
        return -1;
    }
    return 0;
}

static int close_loop(void **state)
{
    static const char *const FILES[] = {JOURNAL_FILE, JOURNAL_FILE "-wal", JOURNAL_FILE "-shm",
                                        "lock", "m.safetensors"};
    const int rc = startup_close(&server, &fault);
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[ROOT_PATH_BYTES];
        (void)unlink(root_file(path, FILES[i]));
    }
    return rc != FAULT_NONE ? -1 : root_remove(state);
}

/* Hears the bytes and encodes the answer; the number of allocations that this took. */
static int64_t hear(const uint8_t *bytes, size_t size)
{
    for (;;) {
        n_calls = 0;
        is_counting = 1;
        const bool is_heard = ingest_hear(&server, SESSION_SOURCE_ASK, NULL, NULL, bytes, size,
                                          clock_mono_ns(), PROTO_NIL);
        const int n =
            is_heard ? proto_encode(&server.result.reply, PROTO_FORMAT_MSGPACK, out, sizeof out)
                     : 1;
        journal_publish(&server.journal);
        loop_jobs_serve(&server);
        is_counting = 0;
        assert_true(n > 0);
        if (is_heard) {
            return n_calls;
        }
        clock_sleep_ns(1000000); /* the disk is slower than this loop */
    }
}

static int64_t hear_message(const proto_message *msg)
{
    uint8_t bytes[PROTO_BYTES_MAX];
    const int n = proto_encode(msg, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    assert_true(n > 0);
    return hear(bytes, (size_t)n);
}

static proto_message make_message(proto_kind kind, int session)
{
    proto_message msg;
    proto_message_init(&msg, kind);
    strcpy(msg.env.rig, "rig");
    strcpy(msg.env.subject, "mouse");
    (void)snprintf(msg.env.session, sizeof msg.env.session, "s%d", session);
    return msg;
}

static proto_message make_trial(model_random *r, int session, int64_t number)
{
    proto_message msg = make_message(PROTO_KIND_TRIAL, session);
    msg.env.trial = number;
    msg.env.seq = number + 1;
    msg.as.trial.stimulus = (double)model_random_below(r, 9) / 4.0 - 1.0;
    msg.as.trial.choice =
        model_random_below(r, 20) == 0 ? PROTO_NIL : (int64_t)model_random_below(r, 2);
    msg.as.trial.reward = (double)model_random_below(r, 2);
    msg.as.trial.rt_s = model_random_uniform(r);
    return msg;
}

static void the_counter_counts(void **state)
{
    (void)state;
    n_calls = 0;
    is_counting = 1;
    void *volatile p = malloc(10);
    free(p);
    is_counting = 0;
    assert_int_equal(n_calls, 2);
}

/* The trials are faster than they ever come: a job gets the time to end before the next of them. */
static void wait_for_worker(void)
{
    for (int i = 0; i < 30000 && atomic_load(&server.worker.state) == WORKER_BUSY; i++) {
        clock_sleep_ns(1000000);
    }
}

static void ten_thousand_trials_allocate_nothing(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, 1, 0);
    int64_t calls = 0;
    for (int64_t t = 0; t < TRIALS; t++) {
        const proto_message msg = make_trial(&r, (int)(t / 1000), t % 1000);
        calls += hear_message(&msg);
        assert_int_equal(server.result.status, SESSION_OUTCOME_TAKEN);
        if (t % 2000 == 1999) {
            wait_for_worker();
        }
    }
    assert_int_equal(server.counters.trials, TRIALS);
    assert_true(server.journal.next_adaptation > 2); /* own parameters were looked for meanwhile */
    assert_string_not_equal(server.result.reply.as.prediction.model, "built-in");
    assert_int_equal(calls, 0);
}

static void disorder_and_nonsense_allocate_nothing_either(void **state)
{
    (void)state;
    static const enum session_outcome EXPECTED[] = {
        SESSION_OUTCOME_TAKEN, SESSION_OUTCOME_TAKEN, SESSION_OUTCOME_HEALED,
        SESSION_OUTCOME_CONFLICT, SESSION_OUTCOME_DUPLICATE};
    static const int64_t NUMBERS[] = {0, 3, 2, 2, 3};
    model_random r;
    model_random_seed(&r, 2, 0);
    int64_t calls = 0;
    for (int session = 100; session < 200; session++) {
        proto_message start = make_message(PROTO_KIND_SESSION_START, session);
        start.as.session_start.stimuli.n = 1;
        calls += hear_message(&start);
        proto_message third;
        for (int i = 0; i < 5; i++) {
            proto_message msg = make_trial(&r, session, NUMBERS[i]);
            third = i == 1 ? msg : third;
            msg.as.trial.rt_s = i == 3 ? 99.0 : msg.as.trial.rt_s;
            calls += hear_message(i == 4 ? &third : &msg);
            assert_int_equal(server.result.status, EXPECTED[i]);
        }
        proto_message stimulus = make_message(PROTO_KIND_STIMULUS, session);
        stimulus.as.stimulus.stimulus = 0.5;
        calls += hear_message(&stimulus);
        const proto_message end = make_message(PROTO_KIND_SESSION_END, session);
        calls += hear_message(&end);
        const proto_message hello = make_message(PROTO_KIND_HELLO, session);
        calls += hear_message(&hello);
        static const uint8_t LIE[] = {0xdd, 0x04, 0x00, 0x00, 0x00};
        calls += hear(LIE, sizeof LIE);
        static const char WRONG[] = "{\"kind\":\"trial\",\"rig\":\"r\",\"subject\":\"mouse\","
                                    "\"trial\":3,\"stimulus\":1.5}";
        calls += hear((const uint8_t *)WRONG, sizeof WRONG - 1);
    }
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(ten_thousand_trials_allocate_nothing),
        cmocka_unit_test(disorder_and_nonsense_allocate_nothing_either),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
