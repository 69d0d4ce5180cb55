/* protocol_file.h, protocol_key.h */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "key_table.h"
#include "protocol_defects.h"
#include "protocol_file.h"

static struct protocol_file file;
static struct fault fault;

static int parse(const char *text)
{
    return protocol_file_parse(&file, "p.yaml", (const uint8_t *)text, strlen(text), &fault);
}

static void expect_fault(const char *text, const char *expected)
{
    if (parse(text) != FAULT_INPUT) {
        fail_msg("accepted: %s", text);
    }
    if (strstr(fault.text, expected) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", expected, fault.text);
    }
    if (strncmp(fault.text, "p.yaml:", 7) != 0 || strchr(fault.text, '\n') != NULL) {
        fail_msg("not one line that names the file: %s", fault.text);
    }
}

static void accept(const char *text)
{
    if (parse(text) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
}

static const char EVERY_KEY[] =
    "name: every\n"
    "task: go_nogo\n"
    "first: two\n"
    "counters: session\n"
    "counted: drawn\n"
    "carry: true\n"
    "carry_trials: 43\n"
    "session: {trials: [200, 400], minutes: 60, trial_s: 2.5, no_gos: 20}\n"
    "iblrig: 8.29.4\n"
    "defects: [zero_left]\n"
    "stages:\n"
    "  - name: one\n"
    "    contrasts: {0.25: 0.25, 1: 1/4, -0.5: 0.25, 0: 0.25}\n"
    "    left: {0.25: 0.6, 1: 3/4}\n"
    "    p_left: 0.4\n"
    "    zero: right\n"
    "    blocks: {values: [0.2, 0.8], first: 90, mean: 50, min: 10, max: 99}\n"
    "    debias: {kind: resample, contrast: 0.5, window: 12, rows: 2000, sd: 0.25, after_no_go: "
    "true}\n"
    "    reward: {left: 0.9, right: 0.8, wrong_left: 0.1, wrong_right: 0.2, ul: 2}\n"
    "    moves: []\n"
    "  - name: two\n"
    "    debias: {kind: repeat}\n"
    "    moves:\n"
    "      - to: one\n"
    "        at: session\n"
    "        when:\n"
    "          - {test: performance, contrast: 0.25, window: 50, above: 0.8}\n"
    "          - {test: accuracy, window: 100, below: 0.5}\n"
    "          - {test: bias, window: 100, below: 0.1}\n"
    "          - {test: trials, at_least: 100}\n"
    "          - {test: sessions, at_least: 3}\n";

static void every_key_has_its_place(void **unused)
{
    (void)unused;
    accept(EVERY_KEY);
    const model_protocol *p = &file.protocol;
    const model_protocol_stage *one = &p->stage[0];
    const model_protocol_stage *two = &p->stage[1];
    assert_string_equal(p->name, "every");
    assert_int_equal(p->task, MODEL_PROTOCOL_GO_NOGO);
    assert_int_equal(p->first_stage, 1);
    assert_true(p->counters_per_session && p->carries_stage && p->counts_drawn);
    assert_int_equal(p->carry_trials, 43);
    assert_int_equal(p->trials_min, 200);
    assert_int_equal(p->trials_max, 400);
    CHECK_NEAR(p->minutes_max, 60.0, 0.0);
    CHECK_NEAR(p->trial_s, 2.5, 0.0);
    assert_int_equal(p->no_gos_max, 20);
    assert_int_equal(p->n_stages, 2);
    assert_int_equal(one->n_contrasts, 4);
    CHECK_NEAR(one->contrast[0], 1.0, 0.0);
    CHECK_NEAR(one->contrast[1], 0.5, 0.0);
    CHECK_NEAR(one->contrast[2], 0.25, 0.0);
    assert_int_equal(one->only[0], 0);
    assert_int_equal(one->only[1], -1);
    CHECK_NEAR(one->left[0], 0.75, 0.0);
    CHECK_NEAR(one->left[1], 0.0, 0.0);
    CHECK_NEAR(one->left[2], 0.6, 0.0);
    assert_int_equal(one->debias.rows, 2000);
    CHECK_NEAR(one->p_left, 0.4, 0.0);
    assert_int_equal(one->zero, MODEL_PROTOCOL_ZERO_LEFT); /* by the defect */
    assert_int_equal(one->blocks.n, 2);
    assert_int_equal(one->blocks.first, 90);
    CHECK_NEAR(one->blocks.mean, 50.0, 0.0);
    assert_int_equal(one->blocks.max, 99);
    assert_int_equal(one->debias.window, 12);
    CHECK_NEAR(one->debias.sd, 0.25, 0.0);
    assert_true(one->debias.after_no_go);
    CHECK_NEAR(one->p_reward[0][0], 0.9, 0.0);
    CHECK_NEAR(one->p_reward[1][1], 0.8, 0.0);
    CHECK_NEAR(one->p_reward[1][0], 0.1, 0.0);
    CHECK_NEAR(one->p_reward[0][1], 0.2, 0.0);
    CHECK_NEAR(one->reward_ul, 2.0, 0.0);
    assert_int_equal(one->n_moves, 0);
    assert_int_equal(two->debias.kind, MODEL_PROTOCOL_DEBIAS_REPEAT);
    assert_int_equal(two->debias.window, 12);
    assert_int_equal(two->n_contrasts, 4);
    assert_int_equal(two->n_moves, 1);
    assert_int_equal(two->move[0].to, 0);
    assert_true(two->move[0].at_session_start);
    assert_int_equal(two->move[0].n_tests, 5);
    assert_int_equal(two->move[0].test[1].kind, MODEL_PROTOCOL_TEST_ACCURACY);
    assert_false(two->move[0].test[1].is_above);
    CHECK_NEAR(two->move[0].test[3].limit, 100.0, 0.0);
}

static char *printed(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    protocol_file_print(&file.protocol, f);
    fclose(f);
    return text;
}

static void what_is_printed_reads_back_the_same(void **unused)
{
    (void)unused;
    accept(EVERY_KEY);
    const model_protocol before = file.protocol;
    char *once = printed();
    accept(once);
    assert_memory_equal(&before, &file.protocol, sizeof before);
    free(once);
}

static void probabilities_within_the_tolerance_are_made_to_sum_to_1(void **unused)
{
    (void)unused;
    accept("name: x\nstages:\n  - name: a\n    contrasts: {1: 0.333, 0.5: 0.333, 0: 0.3335}\n");
    const double *p = file.protocol.stage[0].probability;
    CHECK_NEAR(p[0] + p[1] + p[2], 1.0, 1e-15);
    CHECK_NEAR(p[2] / p[0], 0.3335 / 0.333, 1e-12);
    expect_fault("name: x\nstages:\n  - name: a\n    contrasts: {1: 0.5, 0.5: 0.4985}\n",
                 "p.yaml:4: stage a: contrasts: the probabilities sum to 0.9985, 1 expected");
}

#define STAGE "name: x\nstages:\n  - name: a\n    contrasts: {1: 1}\n"
#define MOVE  STAGE "    moves:\n      - to: b\n        when:\n"
#define END   "  - name: b\n"

static void mistakes_are_named_with_their_line(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        const char *expected;
    } WRONG[] = {
        {"", "p.yaml:1: protocol: expected keys and values"},
        {"- a\n", "p.yaml:1: protocol: expected keys and values"},
        {"name: x\n", "p.yaml:1: stages: 1 to 16 stages expected"},
        {"nmae: x\n", "p.yaml:1: nmae: unknown key; known here are name, task"},
        {"name: x\nname: y\n", "p.yaml:2: name: appears twice"},
        {"name: a b\n", "p.yaml:1: name: expected a name: 1 to 47"},
        {"name: x\ntask: dance\n", "p.yaml:2: task: expected one of choice, go_nogo, found"},
        {"name: x\ncarry: yes\n", "p.yaml:2: carry: expected true or false, found \"yes\""},
        {"name: x\nsession: {trials: 0}\n", "p.yaml:2: session.trials: expected a whole number"},
        {"name: x\nsession: {trials: [300, 200]}\n", "an ascending pair"},
        {"name: x\nsession: {trials: [1, 2, 3]}\n", "p.yaml:2: session.trials"},
        {"name: x\nsession:\n  minutes: -1\n", "p.yaml:3: session.minutes: expected a number"},
        {"name: x\nsession: {trials: 1.5}\n", "p.yaml:2: session.trials"},
        {"name: x\nsession: 5\n", "p.yaml:2: session: expected keys"},
        {"name: x\ndefects: [rust]\n", "p.yaml:2: defects: expected"},
        {"name: x\niblrig: 7.2.1\n",
         "p.yaml:2: iblrig: expected recorded, or a version from 8.0 on"},
        {"name: x\niblrig: [8.23]\n",
         "p.yaml:2: iblrig: expected recorded, or a version from 8.0 on"},
        {"name: x\ncounted: drawn\nstages:\n  - {name: a, contrasts: {1: 1}}\n",
         "p.yaml:2: counted: counters that are reset with each session expected"},
        {STAGE "    left: {0.5: 0.5}\n", "p.yaml:5: stages.left: expected a contrast of the stage"},
        {STAGE "    left: {1: 0}\n", "p.yaml:5: stages.left: expected a probability above 0"},
        {STAGE "    left: 1\n", "p.yaml:5: stages.left: expected"},
        {STAGE "    debias: {rows: -1}\n", "p.yaml:5: stages.debias.rows: expected"},
        {STAGE "defects: [debias_off]\n",
         "p.yaml:5: defect debias_off: affects nothing in the protocol"},
        {STAGE "first: c\n", "p.yaml:5: first: the name of a stage expected"},
        {STAGE "  - name: a\n", "p.yaml:5: stage a: name: stage a stands here twice"},
        {STAGE "  - name: b\n", "p.yaml:5: stage b: name: no moves lead from stage a to b"},
        {STAGE "  - p_left: 0.5\n", "p.yaml:5: stage : name: a name of 1 to 47 bytes expected"},
        {STAGE "    p_left: 1.5\n", "p.yaml:5: stages.p_left: expected a number from 0 to 1"},
        {STAGE "    p_left: nan\n", "p.yaml:5: stages.p_left: expected a number from 0 to 1"},
        {STAGE "    blocks: {values: [0.2, 2]}\n", "p.yaml:5: stages.blocks.values: expected"},
        {STAGE "    blocks: {values: [0.2], min: 50, max: 20}\n", "stage a: blocks: min from 1"},
        {STAGE "    debias: {kind: resample, sd: 0}\n", "p.yaml:5: stages.debias.sd: expected"},
        {STAGE "    debias: {window: 65}\n", "p.yaml:5: stages.debias.window: expected"},
        {STAGE "    reward: {left: 2}\n", "p.yaml:5: stages.reward.left: expected"},
        {"name: x\nstages:\n  - name: a\n    contrasts: {1: 0.5, 2: 0.5}\n", "p.yaml:4: "},
        {"name: x\nstages:\n  - name: a\n    contrasts: {1: 0.5, -1: 0.5}\n", "each once"},
        {"name: x\nstages:\n  - name: a\n", "p.yaml:3: stage a: contrasts: 1 to 12 contrasts"},
        {MOVE "          - {test: trials, at_least: 5}\n", "p.yaml:6: stages.moves.to: expected"},
        {MOVE "          - {test: trials}\n" END, "p.yaml:8: stages.moves.when: a test of trials: "
                                                  "expected at_least"},
        {MOVE "          - {test: trials, at_least: 0}\n" END, "p.yaml:8: stage a: when: trials"},
        {MOVE "          - {test: trials, at_least: 5, window: 3}\n" END, "at_least alone"},
        {MOVE "          - {test: accuracy, above: 0.5}\n" END,
         "p.yaml:8: stage a: when: accuracy"},
        {MOVE "          - {test: accuracy, window: 9, above: 1.5}\n" END, "expected 0 to 1"},
        {MOVE "          - {test: accuracy, window: 9, above: 0.5, below: 0.6}\n" END, "below"},
        {MOVE "          - {test: bias, contrast: 1, window: 9, below: 0.6}\n" END, "no contrast"},
        {MOVE "          - {test: performance, window: 50, above: 0.8}\n" END, "a contrast from 0"},
        {MOVE "          - {test: performance, contrast: 0.5, window: 50, above: 0.8}\n" END,
         "p.yaml:8: stage a: when: performance: contrast 0.5 is never shown in this stage"},
        {MOVE "          - {test: performance, contrast: 1, window: 50, below: 0.8}\n" END,
         "above"},
        {MOVE "          - {test: performance, contrast: 1, window: 65, above: 0.8}\n" END, "64"},
        {MOVE "          - {test: trials, at_least: 5}\n" END
              "    moves:\n      - {to: a, when: [{test: trials, at_least: 5}]}\n",
         "p.yaml:5: stage a: moves: stages that follow a only lead in a circle"},
        {STAGE "    moves:\n      - {to: a, when: [{test: trials, at_least: 5}]}\n",
         "p.yaml:6: stage a: to: another stage expected"},
        {STAGE "    moves:\n      - {to: b}\n" END, "p.yaml:6: stage a: when: 1 to 8 tests"},
        {"carry: false\n" MOVE "          - {test: trials, at_least: 5}\n" END, NULL},
        {"name: x\nstages: [*a]\n", "aliases"},
        {"name: x\n---\nname: y\n", "one document only"},
        {"name: \"x\n", "p.yaml:"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        if (WRONG[i].expected == NULL) {
            accept(WRONG[i].text);
        } else {
            expect_fault(WRONG[i].text, WRONG[i].expected);
        }
    }
    expect_fault(
        "carry: false\n" STAGE
        "    moves:\n      - {to: b, at: session, when: [{test: trials, at_least: 5}]}\n" END,
        "p.yaml:7: stage a: at: a protocol that carries its stages expected");
}

static void more_than_there_is_room_for_is_refused(void **unused)
{
    (void)unused;
    static char text[200000];
    size_t n = (size_t)snprintf(text, sizeof text, "name: x\nstages:\n");
    for (int i = 0; i < 17; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "  - {name: s%d, contrasts: {1: 1}}\n", i);
    }
    expect_fault(text, "p.yaml:19: stages: expected at most 16 of them");
    n = (size_t)snprintf(text, sizeof text, STAGE "    moves:\n");
    for (int i = 0; i < 5; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "      - {to: b}\n");
    }
    expect_fault(text, "p.yaml:10: stages.moves: expected at most 4 of them");
    n = (size_t)snprintf(text, sizeof text, MOVE);
    for (int i = 0; i < 9; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "          - {test: trials, at_least: 1}\n");
    }
    expect_fault(text, "p.yaml:16: stages.moves.when: expected at most 8 of them");
    n = (size_t)snprintf(text, sizeof text, "name: x\nstages:\n  - name: a\n    contrasts:\n");
    for (int i = 0; i < 13; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "      %g: 0.05\n", 0.05 * (i + 1));
    }
    expect_fault(text, "p.yaml:17: stages.contrasts: expected");
}

static void numbers_may_be_fractions_and_nothing_odd(void **unused)
{
    (void)unused;
    double v = 0.0;
    assert_true(key_number(KEY_FRACTION_DIGITS, "2/11", &v));
    CHECK_NEAR(v, 2.0 / 11.0, 1e-16);
    assert_true(key_number(KEY_FRACTION_DIGITS, "1e-3", &v));
    CHECK_NEAR(v, 1e-3, 0.0);
    assert_true(key_number(KEY_FRACTION_DIGITS, "-0.5", &v));
    static const char *const ODD[] = {"",   "/",   "1/",  "/2",    "1/0", "0x10",  " 1",
                                      "1 ", "inf", "nan", "1/2/3", "--1", "1e999", "e"};
    for (size_t i = 0; i < sizeof ODD / sizeof ODD[0]; i++) {
        if (key_number(KEY_FRACTION_DIGITS, ODD[i], &v)) {
            fail_msg("accepted \"%s\"", ODD[i]);
        }
    }
}

static void defects_are_added_by_name(void **unused)
{
    (void)unused;
    accept(EVERY_KEY);
    assert_int_equal(protocol_defects_add(&file, "p.yaml", "debias_all,debias_off", &fault),
                     FAULT_NONE);
    assert_int_equal(file.protocol.stage[0].debias.window, 0);
    assert_int_equal(file.protocol.stage[1].debias.kind, MODEL_PROTOCOL_DEBIAS_NONE);
    static const char *const WRONG[] = {"", "rust", "keeps_half,", "debias_off"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        assert_int_equal(protocol_defects_add(&file, "p.yaml", WRONG[i], &fault), FAULT_INPUT);
    }
    assert_non_null(strstr(fault.text, "p.yaml: defect debias_off: affects nothing"));
}

static void a_version_of_iblrig_declares_the_defects_that_concern_the_protocol(void **unused)
{
    (void)unused;
    static const char ZERO[] = "name: x\nstages:\n  - name: a\n    contrasts: {1: 0.5, 0: 0.5}\n";
    char text[200];
    char words[100];
    (void)snprintf(text, sizeof text, "%siblrig: 8.23.1\n", ZERO);
    accept(text);
    assert_int_equal(file.defects, 1 << MODEL_PROTOCOL_DEFECT_ZERO_LEFT);
    assert_int_equal(file.protocol.stage[0].zero, MODEL_PROTOCOL_ZERO_LEFT);
    assert_int_equal(file.bare.stage[0].zero, MODEL_PROTOCOL_ZERO_P_LEFT);
    protocol_defects_print(file.defects, words, sizeof words);
    assert_string_equal(words, "zero_left");
    (void)snprintf(text, sizeof text, "%siblrig: 8.29.4\n", ZERO);
    accept(text);
    assert_int_equal(file.defects, 0);
    protocol_defects_print(file.defects, words, sizeof words);
    assert_string_equal(words, "none");
    assert_false(file.is_recorded);
    (void)snprintf(text, sizeof text, "%siblrig: recorded\n", ZERO);
    accept(text);
    assert_true(file.is_recorded);
    assert_int_equal(file.defects, 0);
    assert_memory_equal(&file.protocol, &file.bare, sizeof file.bare);
    (void)snprintf(text, sizeof text, "%siblrig: 8.23.1\ndefects: [zero_left]\n", ZERO);
    expect_fault(text, "p.yaml:6: defect zero_left: affects nothing in the protocol");
    protocol_defects_versions(MODEL_PROTOCOL_DEFECT_DEBIAS_ALL, words, sizeof words);
    assert_string_equal(words, "8.0 to 8.23, 8.24.7 to 8.26");
    protocol_defects_versions(MODEL_PROTOCOL_DEFECT_DEBIAS_OFF, words, sizeof words);
    assert_string_equal(words, "a report of 2023");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_its_place),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(probabilities_within_the_tolerance_are_made_to_sum_to_1),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(more_than_there_is_room_for_is_refused),
        cmocka_unit_test(numbers_may_be_fractions_and_nothing_odd),
        cmocka_unit_test(defects_are_added_by_name),
        cmocka_unit_test(a_version_of_iblrig_declares_the_defects_that_concern_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
