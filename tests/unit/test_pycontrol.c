/* adapters/pycontrol.c: the texts are ours, laid out as pyControl writes its files. */
#include "maps.h"
#include "rig_source.h"
#include "suite.h"

static struct rig_source rig;

#define HEAD "time\ttype\tsubtype\tcontent\n"
#define INFO                                                                                       \
    HEAD "0.000\tinfo\ttask_name\texample/reversal_learning\n"                                     \
         "0.000\tinfo\tframework_version\t2.0.2\n0.000\tinfo\tsubject_id\tm 1\n"                   \
         "0.000\tinfo\tstart_time\t2026-01-02T03:04:05.000\n"
#define TRIAL(n, side, chose, outcome)                                                             \
    "1.000\tstate\t\tchoice_state\n1.250\tvariable\tprint\t{\"n_trials\": " #n                     \
    ", \"good_side\": \"" side "\", \"choice\": \"" chose "\", \"outcome\": " outcome              \
    "}\n1.250\tstate\t\tinter_trial_interval\n"
#define START "start m_1 2026-01-02-030405 reversal_learning 2.0.2 2026-01-02T03:04:05.000\n"
#define NAME  "m1-2026-01-02-030405.tsv"

static void says(const char *text)
{
    assert_string_equal(rig.text, text);
}

static void open_text(const char *name, const char *text, const struct bridge_mapping *map)
{
    rig_source_file(&rig, name, text);
    (void)rig_source_open(&rig, &BRIDGE_ADAPTER_pycontrol, map);
}

static void reads_the_trials_of_a_shipped_task(void **state)
{
    (void)state;
    open_text(NAME, INFO TRIAL(1, "left", "right", "false") TRIAL(2, "left", "left", "true"), NULL);
    says(START "1: stimulus 0 choice 1 side 0 reward 0 rt 0.25 line 7\n"
               "2: stimulus 0 choice 0 side 0 reward 1 rt 0.25 line 10\n");
    rig_source_close(&rig);
}

static void follows_a_file_from_empty_to_its_end_and_beyond(void **state)
{
    (void)state;
    open_text(NAME, "", NULL);
    says("");
    rig_source_append(&rig, INFO);
    (void)rig_source_read(&rig);
    says(START);
    rig_source_append(&rig, "1.000\tstate\t\tchoice_state\n1.250\tvariable\tprint\t{\"n_tri");
    (void)rig_source_read(&rig);
    says("wait :7: the last line, of 28 bytes, has no end yet; a newline was expected\n");
    rig_source_append(&rig, "als\": 1, \"good_side\": \"left\", \"choice\": \"left\"}\n");
    (void)rig_source_read(&rig);
    says("1: stimulus 0 choice 0 side 0 reward nan rt 0.25 line 7\n");
    rig_source_append(&rig, "9.000\tinfo\tend_time\t2026-01-02T04:00:00.000\n");
    (void)rig_source_read(&rig);
    says("end 2026-01-02T04:00:00.000\n");
    rig_source_append(&rig, TRIAL(2, "right", "right", "true"));
    (void)rig_source_read(&rig);
    says("2: stimulus 0 choice 1 side 1 reward 1 rt 0.25 line 10\n");
    rig_source_close(&rig);
}

static void a_file_that_is_written_anew_is_another_session(void **state)
{
    (void)state;
    open_text(NAME, INFO TRIAL(1, "left", "right", "false"), NULL);
    rig_source_put(&rig, "wb", HEAD, strlen(HEAD));
    says(START "1: stimulus 0 choice 1 side 0 reward 0 rt 0.25 line 7\n");
    (void)rig_source_read(&rig);
    says("");
    rig_source_append(&rig, INFO + strlen(HEAD));
    rig_source_append(&rig, TRIAL(1, "right", "right", "true"));
    (void)rig_source_read(&rig);
    says("start m_1 2026-01-02-030405 reversal_learning 2.0.2 2026-01-02T03:04:05.000 again\n"
         "1: stimulus 0 choice 1 side 1 reward 1 rt 0.25 line 7\n");
    rig_source_close(&rig);
}

#define TXT                                                                                        \
    "I Experiment name  : e\nI Task name : reversal_learning\nI Subject ID : m1\n"                 \
    "I Start date : 2018/07/17 15:30:12\n\nS {\"init_trial\": 1, \"choice_state\": 2}\n\n"         \
    "E {'left_poke': 3, 'right_poke': 4}\n\n"

static void reads_a_file_of_pycontrol_1(void **state)
{
    (void)state;
    open_text("m1-2018-07-17-153012.txt",
              TXT "D 0 1\nD 1000 2\nD 1250 3\n"
                  "P 1250 T#:1 R#:0 B#:0 C:1 O:0 S:0 A:0.53\nD 1251 1\nV 1300 tau 8\n! a warning\n"
                  "D 2000 2\nP 2500 T#:2 R#:1 B#:0 C:0 O:1 S:0 A:0.47\nP 2600 other text\n",
              NULL);
    says("start m1 2018-07-17-153012 reversal_learning  2018-07-17 15:30:12\n"
         "1: stimulus 0 choice 0 side 1 reward 0 rt 0.25 line 13\n"
         "2: stimulus 0 choice 1 side 1 reward 1 rt 0.5 line 18\n");
    rig_source_close(&rig);
}

static void reads_older_columns_and_carriage_returns(void **state)
{
    (void)state;
    open_text("m1-2023-01-02-030405.tsv",
              "\xef\xbb\xbftime\ttype\tname\tvalue\r\n0.000\tinfo\ttask_name\treversal_learning\r\n"
              "0.100\tstate\tchoice_state\t\r\n"
              "0.200\tvariable\tprint\t{\"n_trials\": 1, \"choice\": \"right\"}\r\n",
              NULL);
    says("start m1 2023-01-02-030405 reversal_learning  2023-01-02\n"
         "1: stimulus 0 choice 1 side - reward nan rt 0.1 line 4\n");
    rig_source_close(&rig);
}

static void takes_trials_from_states_and_events_by_a_mapping(void **state)
{
    (void)state;
    open_text(NAME,
              INFO "0.100\tevent\tinput\tlick_l\n0.200\tstate\t\trespond\n"
                   "0.500\tevent\tinput\tlick_r\n0.500\tstate\t\twater\n0.700\tstate\t\titi\n"
                   "1.000\tstate\t\trespond\n4.000\tstate\t\titi\n"
                   "5.000\tstate\t\trespond\n5.500\tstate\t\taborted\n6.000\tstate\t\titi\n",
              MAPS("rows.type=state", "rows.holds=iti", "events.left=lick_l", "events.right=lick_r",
                   "states.rt_from=respond", "states.reward=water", "states.skip=aborted",
                   "fixed.stimulus=0.5"));
    says("start m_1 2026-01-02-030405 reversal_learning 2.0.2 2026-01-02T03:04:05.000\n"
         "1: stimulus 0.5 choice 1 side - reward 1 rt 0.3 line 10\n"
         "2: stimulus 0.5 choice - side - reward 0 rt nan line 12\n");
    rig_source_close(&rig);
}

static void names_a_mapping_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"choise.right=R", "the mapping has choise.right; sections columns, fixed, coding, rows, "
                           "states, events was expected"},
        {"columns.choise=R", "the mapping has columns.choise; what is known of a trial"},
        {"states.rigth=R", "the mapping has states.rigth; right, left, correct, wrong"},
        {"events.rigth=R", "the mapping has events.rigth; left, right was expected"},
        {"coding.stimulus=dB", "coding.stimulus: \"dB\"; a number to divide by, percent"},
        {"coding.choice=R", "coding.choice: \"R\"; RIGHT/LEFT or RIGHT/LEFT/NONE"},
        {"coding.reward=1", "coding.reward: \"1\"; YES/NO, or signed or truth was expected"},
        {"coding.trial=1", "coding.trial: \"1\"; no coding was expected"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        open_text(NAME, INFO, MAPS(CASES[i].text));
        assert_non_null(strstr(rig.text, "refused"));
        if (strstr(rig.text, CASES[i].says) == NULL) {
            fail_msg("%s is not in %s", CASES[i].says, rig.text);
        }
        rig_source_remove(&rig);
    }
}

static void names_what_a_mapping_lacks_once_the_task_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *texts[4];
        const char *says;
    } CASES[] = {
        {{"columns.choice=c", "rows.type=print"},
         "wrong : no stimulus; a mapping that says it: columns, fixed, states or events"},
        {{"columns.correct=ok", "rows.type=print", "fixed.stimulus=0"}, "wrong : no choice; "},
        {{"states.correct=ok", "rows.type=print", "fixed.stimulus=0"}, "wrong : no choice; "},
        {{"columns.choice=c", "fixed.stimulus=0"},
         "the mapping does not say which rows are trials; rows.type: print, variable"},
        {{"columns.choice=c", "fixed.stimulus=0", "rows.type=prints"}, "which rows are trials"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        open_text(NAME, INFO TRIAL(1, "left", "left", "true"), maps_of(CASES[i].texts));
        if (strstr(rig.text, CASES[i].says) == NULL) {
            fail_msg("%s is not in %s", CASES[i].says, rig.text);
        }
        rig_source_close(&rig);
    }
}

static void a_mapping_that_does_not_say_the_choice_stands_on_that_of_the_task(void **state)
{
    (void)state;
    open_text(NAME, INFO TRIAL(1, "left", "right", "false"),
              MAPS("fixed.subject=other", "fixed.stimulus=0.5", "coding.reward=false/true"));
    says("start other 2026-01-02-030405 reversal_learning 2.0.2 2026-01-02T03:04:05.000\n"
         "1: stimulus 0.5 choice 1 side 0 reward 1 rt 0.25 line 7\n");
    assert_string_equal(rig.source.session.mapping, "reversal_learning");
    rig_source_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_trials_of_a_shipped_task),
        cmocka_unit_test(follows_a_file_from_empty_to_its_end_and_beyond),
        cmocka_unit_test(a_file_that_is_written_anew_is_another_session),
        cmocka_unit_test(reads_a_file_of_pycontrol_1),
        cmocka_unit_test(reads_older_columns_and_carriage_returns),
        cmocka_unit_test(takes_trials_from_states_and_events_by_a_mapping),
        cmocka_unit_test(names_a_mapping_that_is_wrong),
        cmocka_unit_test(names_what_a_mapping_lacks_once_the_task_is_known),
        cmocka_unit_test(a_mapping_that_does_not_say_the_choice_stands_on_that_of_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
