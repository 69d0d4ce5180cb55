/* adapters/pybpod.c: tests/golden/pybpod is a session laid out as pybpod writes it, and its trials,
 * drawn by support/pybpod_session.py. */
#include "maps.h"
#include "rig_source.h"
#include "suite.h"

#define GOLDEN MURID_SOURCE_DIR "/tests/golden/pybpod/"

static struct rig_source rig;
static char session[1 << 16];
static char expected[1 << 14];

#define MAP_AND(...)                                                                               \
    MAPS("columns.side=REWARD_SIDE", "coding.side=1/0", "columns.contrast=COHERENCE",              \
         "coding.contrast=percent", "columns.stage=VAR_STAGE", "states.correct=Reward",            \
         "states.wrong=Punish", "states.reward=Reward", "states.rt_from=ResponseWindow",           \
         "columns.repeat=REPEATED", __VA_ARGS__)
#define MAP MAP_AND("rows.values=after")

static void load(const char *name, char *out, size_t cap)
{
    char path[512];
    (void)snprintf(path, sizeof path, GOLDEN "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t size = fread(out, 1, cap - 1, f);
    out[size] = '\0';
    fclose(f);
}

static int load_all(void **state)
{
    (void)state;
    load("session.csv", session, sizeof session);
    load("session.txt", expected, sizeof expected);
    return 0;
}

static const char *open_text(const char *text)
{
    rig_source_file(&rig, "s.csv", text);
    return rig_source_open(&rig, &BRIDGE_ADAPTER_pybpod, MAP);
}

static void reads_the_trials_that_were_drawn(void **state)
{
    (void)state;
    assert_string_equal(open_text(session), expected);
    rig_source_close(&rig);
}

static void reads_commas_for_semicolons(void **state)
{
    (void)state;
    static char commas[sizeof session];
    strcpy(commas, session);
    for (char *at = strchr(commas, ';'); at != NULL; at = strchr(at, ';')) {
        *at = ',';
    }
    const char *side = strstr(commas, "REWARD_SIDE,");
    const char *end = strchr(side, '\n');
    char line[512];
    static char quoted[sizeof session];
    (void)snprintf(line, sizeof line, "REWARD_SIDE,\"%.*s\"", (int)(end - side - 12), side + 12);
    (void)snprintf(quoted, sizeof quoted, "%.*s%s%s", (int)(side - commas), commas, line, end);
    assert_string_equal(open_text(quoted), expected);
    rig_source_close(&rig);
}

static void gives_the_same_byte_by_byte(void **state)
{
    (void)state;
    static char said[sizeof rig.text];
    said[0] = '\0';
    (void)open_text("");
    const size_t size = strlen(session);
    for (size_t at = 0; at < size; at += 97) {
        rig_source_put(&rig, "ab", session + at, size - at < 97 ? size - at : 97);
        for (char *line = strtok((char *)(uintptr_t)rig_source_read(&rig), "\n"); line != NULL;
             line = strtok(NULL, "\n")) {
            if (strncmp(line, "wait", 4) != 0) {
                strcat(strcat(said, line), "\n");
            }
        }
    }
    assert_string_equal(said, expected);
    rig_source_close(&rig);
}

#define HEAD                                                                                       \
    "__UUID4__;x\nTYPE;PC-TIME;BPOD-INITIAL-TIME;BPOD-FINAL-TIME;MSG;+INFO\n"                      \
    "INFO;t;;;SUBJECT-NAME;m1\nINFO;t;;;SESSION-NAME;one\n"
#define STATES                                                                                     \
    "END-TRIAL;t;;;The trial ended;\nSTATE;t;1.0;1.5;ResponseWindow;0.5\n"                         \
    "STATE;t;1.5;1.6;Reward;0.1\nSTATE;t;nan;nan;Punish;nan\n"
#define TRIAL_ROW "TRIAL;t;;;New trial;\n"
#define VALUES    "VAL;t;;;REWARD_SIDE;1\nVAL;t;;;COHERENCE;50\n"
#define START     "start m1 one   \n"
#define FIRST     "1: stimulus 0.5 choice 1 side 1 reward 1 rt 0.5 line 5\n"

static void says_what_the_last_trial_waits_for(void **state)
{
    (void)state;
    assert_string_equal(open_text(HEAD TRIAL_ROW STATES VALUES),
                        START "wait :5: trial 1 is not known to be over; the next row TRIAL, or "
                              "INFO SESSION-ENDED was expected\n");
    rig_source_append(&rig, TRIAL_ROW);
    assert_non_null(strstr(rig_source_read(&rig), FIRST));
    rig_source_close(&rig);
}

static void reads_states_as_older_versions_write_them(void **state)
{
    (void)state;
    assert_string_equal(
        open_text(HEAD TRIAL_ROW "STATE;t;;ResponseWindow;1.0;1.5\nSTATE;t;;Reward;1.5;1.6\n"
                                 "STATE;t;;Punish;nan;nan\n" VALUES "INFO;t;;;SESSION-ENDED;end\n"),
        START FIRST "end end\n");
    rig_source_close(&rig);
}

static void takes_values_that_precede_their_trial(void **state)
{
    (void)state;
    rig_source_file(&rig, "s.csv",
                    HEAD VALUES TRIAL_ROW STATES
                    "VAL;t;;;REWARD_SIDE;0\nVAL;t;;;COHERENCE;100\n" TRIAL_ROW STATES
                    "INFO;t;;;SESSION-ENDED;end\n");
    assert_string_equal(
        rig_source_open(&rig, &BRIDGE_ADAPTER_pybpod, MAP_AND("rows.values=before")),
        START "1: stimulus 0.5 choice 1 side 1 reward 1 rt 0.5 line 7\n"
              "2: stimulus -1 choice 0 side 0 reward 1 rt 0.5 line 14\n"
              "end end\n");
    rig_source_close(&rig);
}

static void without_a_mapping_it_asks_for_one(void **state)
{
    (void)state;
    rig_source_file(&rig, "s.csv", session);
    const char *text = rig_source_open(&rig, &BRIDGE_ADAPTER_pybpod, NULL);
    assert_non_null(strstr(text, "start N11 N11_Training_20240312-101112 StageTraining"));
    assert_non_null(strstr(text, "wrong : no mapping is known for the task \"StageTraining\"; "
                                 "one that says what its trials are, or"));
    rig_source_close(&rig);
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* What is wrong behind one good trial, and what is said of it. */
static const struct {
    const char *rows;
    const char *says;
} MALFORMED[] = {
    {"STATE;t;soon;1.5;Reward;0\n", ":12: the state's time is no number; seconds, or nan was"},
    {"STATE;t;1.0;soon;Reward;0\n", ":12: the state's time is no number"},
    {"STATE;t;;;Reward;\n", ":12: the state's time is no number"},
    {"STATE;t;1.0;inf;Reward;0\n", ":12: the state's time is no number"},
    {"STATE;t;1.0;1.5;;0.5\n", ":12: the state has no name, or a long one; a name below MSG"},
    {"STATE;t;;;1.0;1.5\n", ":12: the state has no name"},
    {"STATE;t;1;2;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;1\n",
     ":12: the state has no name, or a long one"},
    {"STATE;t\n", ":12: the line has too few fields; six, as in the line of columns"},
    {"STATE\n", ":12: the line has too few fields"},
    {"VAL;t;;;\n", ":12: the line has too few fields"},
    {"INFO;t;;\n", ":12: the line has too few fields"},
    {"STATE,t,1.0,1.5,Reward,0.5\nSTATE;t;1.0\n", ":13: the line has too few fields"},
    {"VAL;t;;;COHERENCE;" X64 X64 "\n", ":12: the value is too long; at most 127 bytes"},
    {TRIAL_ROW TRIAL_ROW, ":12: the trial has no rows STATE: it was not finished"},
    {TRIAL_ROW STATES "VAL;t;;;COHERENCE;5\n" TRIAL_ROW,
     ":12: side: \"\" in REWARD_SIDE; the side of the stimulus was expected"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;0\n" TRIAL_ROW,
     ":12: contrast: \"\" in COHERENCE; a contrast from -1 to 1 was expected"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;2\n" TRIAL_ROW,
     ":12: side: \"2\" in REWARD_SIDE; right or left as it is coded was expected: say how"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;left\n" TRIAL_ROW,
     "side: \"left\" in REWARD_SIDE; right or left as"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;[1]\nVAL;t;;;COHERENCE;1\n" TRIAL_ROW,
     ":12: side: \"\" in REWARD_SIDE; the side of the stimulus"},
    {TRIAL_ROW STATES "VAL;t;;;COHERENCE;5\nVAL;t;;;REWARD_SIDE;[]\n" TRIAL_ROW,
     ":12: side: \"\" in REWARD_SIDE; the side of the stimulus"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;[1,x]\n" TRIAL_ROW,
     "side: \"x\" in REWARD_SIDE; right or left as"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;1\nVAL;t;;;COHERENCE;high\n" TRIAL_ROW,
     ":12: contrast: \"high\" in COHERENCE; a number was expected"},
    {TRIAL_ROW STATES "VAL;t;;;REWARD_SIDE;1\nVAL;t;;;COHERENCE;5000\n" TRIAL_ROW,
     ":12: contrast: \"5000\" in COHERENCE; a contrast from -1 to 1 was expected: say how"},
    {TRIAL_ROW STATES VALUES "VAL;t;;;REPEATED;maybe\n" TRIAL_ROW,
     ":12: repeat: \"maybe\" in REPEATED; yes or no as it is coded was expected"},
    {TRIAL_ROW STATES VALUES "INFO;t;;;SESSION-EN", ":19: the last line, of 19 bytes, has no end"},
};

static void malformed_rows_are_named_and_what_was_read_before_stays(void **state)
{
    (void)state;
    enum { N = sizeof MALFORMED / sizeof MALFORMED[0] };
    _Static_assert(N >= 24, "24 malformed files");
    for (size_t i = 0; i < N; i++) {
        rig_source_file(&rig, "s.csv", HEAD TRIAL_ROW STATES VALUES TRIAL_ROW);
        (void)rig_source_open(&rig, &BRIDGE_ADAPTER_pybpod, MAP);
        assert_non_null(strstr(rig.text, START FIRST));
        bridge_source_close(&rig.source);
        rig_source_remove(&rig);
        char text[4096];
        (void)snprintf(text, sizeof text, "%s%s",
                       HEAD TRIAL_ROW STATES "VAL;t;;;COHERENCE;50\n"
                                             "VAL;t;;;REWARD_SIDE;1\n",
                       MALFORMED[i].rows);
        (void)open_text(text);
        if (strstr(rig.text, MALFORMED[i].says) == NULL || strstr(rig.text, START) == NULL) {
            fail_msg("%s is not in %s", MALFORMED[i].says, rig.text);
        }
        rig_source_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_trials_that_were_drawn),
        cmocka_unit_test(reads_commas_for_semicolons),
        cmocka_unit_test(gives_the_same_byte_by_byte),
        cmocka_unit_test(says_what_the_last_trial_waits_for),
        cmocka_unit_test(reads_states_as_older_versions_write_them),
        cmocka_unit_test(takes_values_that_precede_their_trial),
        cmocka_unit_test(without_a_mapping_it_asks_for_one),
        cmocka_unit_test(malformed_rows_are_named_and_what_was_read_before_stays),
    };
    return cmocka_run_group_tests(tests, load_all, NULL);
}
