/* config.h */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "suite.h"

static struct config config;
static struct fault fault;

static int parse(const char *text)
{
    return config_parse(&config, "c.yaml", (const uint8_t *)text, strlen(text), &fault);
}

static void expect_fault(const char *text, const char *expected)
{
    if (parse(text) != FAULT_INPUT) {
        fail_msg("accepted: %s", text);
    }
    if (strstr(fault.text, expected) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", expected, fault.text);
    }
    if (strncmp(fault.text, "c.yaml:", 7) != 0 || strchr(fault.text, '\n') != NULL) {
        fail_msg("not one line that names the file: %s", fault.text);
    }
}

static char *printed(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    config_print(&config, f);
    fclose(f);
    return text;
}

/* Printed and parsed again, the same is printed. */
static void expect_round_trip(void)
{
    char *once = printed();
    if (parse(once) != FAULT_NONE) {
        fail_msg("%s in\n%s", fault.text, once);
    }
    char *twice = printed();
    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

static void nothing_written_is_all_defaults(void **state)
{
    (void)state;
    static const char *const EMPTY[] = {"",       "\n\n",        "# nothing\n",       "---\n",
                                        "--- {}", "data:\nlog:", "rigs: []\ndata: {}"};
    config_init(&config);
    char *defaults = printed();
    for (size_t i = 0; i < sizeof EMPTY / sizeof EMPTY[0]; i++) {
        assert_int_equal(parse(EMPTY[i]), FAULT_NONE);
        char *text = printed();
        assert_string_equal(text, defaults);
        free(text);
    }
    free(defaults);
    expect_round_trip();
}

/* A rig is in one place, and its format and mapping must be real ones: other tests state them. */
static bool is_said(const char *section, const char *key)
{
    static const char *const OTHERS[] = {"follow", "subscribe", "format", "map"};
    for (size_t i = 0; strcmp(section, "rigs") == 0 && i < 4; i++) {
        if (strcmp(OTHERS[i], key) == 0) {
            return false;
        }
    }
    return true;
}

/* Every key once, with another value than its default. */
static void say_every_key(char *out, size_t cap)
{
    size_t used = 0;
#define SAY(...) used += (size_t)snprintf(out + used, cap - used, __VA_ARGS__)
#define SECTION(name, help)                                                                        \
    {                                                                                              \
        const bool is_list = strcmp(#name, "rigs") == 0;                                           \
        const char *before = is_list ? "[{" : "{";                                                 \
        SAY("%s: ", #name);
#define INT(section, key, fallback, min, max, unit, help)                                          \
    SAY("%s%s: %lld", before, #key, (long long)(min) + ((fallback) == (min)));                     \
    before = ",\n ";
#define REAL(section, key, fallback, min, max, unit, help)                                         \
    SAY("%s%s: %.17g", before, #key, ((min) + (fallback)) / 2.0);                                  \
    before = ",\n ";
#define BOOL(section, key, fallback, help)                                                         \
    SAY("%s%s: %s", before, #key, (fallback) ? "false" : "true");                                  \
    before = ",\n ";
#define STRING(section, key, fallback, bytes, help)                                                \
    if (is_said(#section, #key)) {                                                                 \
        SAY("%s%s: debug", before, #key);                                                          \
        before = ",\n ";                                                                           \
    }
#define REALS(section, key, fallback, count, min, max, unit, help)                                 \
    SAY("%s%s: [%.17g, 0.1, %.17g]", before, #key, (double)(min), (double)(max));                  \
    before = ",\n ";
#define STRINGS(section, key, count, bytes, help)                                                  \
    if (is_said(#section, #key)) {                                                                 \
        SAY("%s%s: [debug, 'a \"b\" \\ c']", before, #key);                                        \
        before = ",\n ";                                                                           \
    }
#define END_SECTION(name)                                                                          \
    SAY(is_list ? "}]\n" : "}\n");                                                                 \
    }
#include "config_options.def"
    assert_true(used < cap);
}

static void every_key_is_read(void **state)
{
    (void)state;
    char text[8192];
    say_every_key(text, sizeof text);
    assert_int_equal(parse(text), FAULT_NONE);
#define AT(section) ((const struct config_##section *)(const void *)&config.section)
#define INT(section, key, fallback, min, max, unit, help)                                          \
    assert_int_equal(AT(section)->key, (long long)(min) + ((fallback) == (min)));
#define REAL(section, key, fallback, min, max, unit, help)                                         \
    assert_true(AT(section)->key == ((min) + (fallback)) / 2.0);
#define BOOL(section, key, fallback, help) assert_int_equal(AT(section)->key, !(fallback));
#define STRING(section, key, fallback, bytes, help)                                                \
    assert_string_equal(AT(section)->key, is_said(#section, #key) ? "debug" : fallback);
#define REALS(section, key, fallback, count, min, max, unit, help)                                 \
    assert_int_equal(AT(section)->key.n, 3);                                                       \
    assert_true(AT(section)->key.v[0] == (min) && AT(section)->key.v[2] == (max));
#define STRINGS(section, key, count, bytes, help)                                                  \
    assert_int_equal(AT(section)->key.n, is_said(#section, #key) ? 2 : 0);                         \
    assert_true(AT(section)->key.n == 0 || strcmp(AT(section)->key.v[1], "a \"b\" \\ c") == 0);
#include "config_options.def"
    expect_round_trip();
}

static void what_an_earlier_version_recorded_in_percent_is_read_as_fractions(void **state)
{
    (void)state;
    assert_int_equal(config_parse_recorded(&config, "run",
                                           "forecast:\n  percent_correct: 80  # so many\n"
                                           "  percent_contrast: 25\n  rollouts: 30\n"
                                           "advice:\n  percent_rewarded: 60\n"
                                           "  percent_change: 7",
                                           &fault),
                     FAULT_NONE);
    assert_true(config.forecast.accuracy == 0.8 && config.forecast.contrast_min == 0.25);
    assert_int_equal(config.forecast.rollouts, 30);
    assert_true(config.advice.reward_floor == 0.6 && config.advice.largest_change == 0.07);
}

static void two_rigs_and_quoted_texts_are_read(void **state)
{
    (void)state;
    assert_int_equal(parse("data: {directory: \"some \\\"where\\\" \\\\ else\"}\n"
                           "sockets:\n"
                           "  pub: ''\n"
                           "  trials_connect: [tcp://127.0.0.1:2, 'tcp://127.0.0.1:3']\n"
                           "rigs:\n"
                           "  - {name: r1, port: /dev/ttyACM0, baud: 2000000, subject: m1}\n"
                           "  - name: r2\n"
                           "    port: /dev/ttyACM1\n"
                           "    subject: m2\n"),
                     FAULT_NONE);
    assert_string_equal(config.data.directory, "some \"where\" \\ else");
    assert_string_equal(config.sockets.pub, "");
    assert_string_equal(config.sockets.trials_connect.v[1], "tcp://127.0.0.1:3");
    assert_int_equal(config.n_rigs, 2);
    assert_string_equal(config.rigs[0].port, "/dev/ttyACM0");
    assert_int_equal(config.rigs[0].baud, 2000000);
    assert_string_equal(config.rigs[1].subject, "m2");
    assert_int_equal(config.rigs[1].baud, 115200);
    expect_round_trip();
}

static void a_rig_whose_files_are_followed_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse("rigs:\n"
                           "  - {name: r1, follow: /mnt/rig1/iblrig_data, format: iblrig}\n"
                           "  - {name: r2, port: /dev/ttyACM1, subject: m2}\n"
                           "  - name: r3\n"
                           "    follow: /mnt/rig3\n"
                           "    map: [ibl, columns.stimulus=coherence, coding.choice=R/L]\n"),
                     FAULT_NONE);
    assert_string_equal(config.rigs[0].follow, "/mnt/rig1/iblrig_data");
    assert_string_equal(config.rigs[0].format, "iblrig");
    assert_string_equal(config.rigs[2].format, "");
    assert_int_equal(config.rigs[2].map.n, 3);
    assert_string_equal(config.rigs[2].map.v[2], "coding.choice=R/L");
    expect_round_trip();
}

static void check_whole(const char *section, const char *key, double min, double max)
{
    const double given[] = {min, max, min - 1, max + 1, min + 0.5};
    for (int i = 0; i < 5; i++) {
        char text[200];
        char expected[200];
        const bool is_rig = strcmp(section, "rigs") == 0;
        (void)snprintf(text, sizeof text, "%s:\n  %s%s: %.10g\n", section,
                       is_rig ? "- name: r\n    port: p\n    subject: s\n    " : "", key, given[i]);
        (void)snprintf(expected, sizeof expected,
                       "c.yaml:%d: %s.%s: expected a whole number from %.0f to %.0f",
                       is_rig ? 5 : 2, section, key, min, max);
        if (i < 2) {
            assert_int_equal(parse(text), FAULT_NONE);
        } else {
            expect_fault(text, expected);
        }
    }
}

static void every_whole_number_is_held_to_its_range(void **state)
{
    (void)state;
#define INT(section, key, fallback, min, max, unit, help) check_whole(#section, #key, min, max);
#include "config_options.def"
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } CASES[] = {
        {"nonsense: 1\n", "c.yaml:1: nonsense: unknown section"},
        {"log:\n  level: info\nlog:\n  level: info\n", "c.yaml:3: log: appears twice"},
        {"\nlog:\n  colour: red\n", "c.yaml:3: log.colour: unknown key; known are level"},
        {"log:\n  level: info\n  level: warn\n", "c.yaml:3: log.level: appears twice"},
        {"log:\n  level: loud\n", "log.level: \"loud\" is not error, warn, info or debug"},
        {"log:\n  level: [info]\n", "c.yaml:2: log.level: expected a text"},
        {"log:\n  level: muchtoolong\n", "c.yaml:2: log.level: expected a text of at most 8"},
        {"log: info\n", "c.yaml:1: log: expected keys and values"},
        {"log: [level]\n", "c.yaml:1: log: expected keys and values"},
        {"log:\n  ? [a, b]\n  : c\n", "c.yaml:2: log: expected a key"},
        {"security:\n  insecure: yes\n", "c.yaml:2: security.insecure: expected true or false"},
        {"journal:\n  commit_ms: soon\n", "c.yaml:2: journal.commit_ms: expected a whole number"},
        {"journal:\n  commit_ms: nan\n", "found \"nan\""},
        {"journal:\n  commit_ms: 1e300\n", "found \"1e300\""},
        {"journal:\n  commit_ms:\n", "c.yaml:2: journal.commit_ms"},
        {"journal:\n  commit_ms: 20 ms\n", "found \"20 ms\""},
        {"model:\n  stimuli: 1\n", "c.yaml:2: model.stimuli: expected a list of at most 32"},
        {"model:\n  stimuli:\n  - 1\n  - 1.5\n", "c.yaml:4: model.stimuli"},
        {"model:\n  stimuli: [a]\n", "found \"a\""},
        {"model:\n  stimuli: [[1]]\n", "found \"a list or map\""},
        {"model:\n  stimuli: []\n", "model.stimuli: is empty"},
        {"model:\n  stimuli: [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]\n",
         "at most 32 numbers"},
        {"data:\n  directory: ''\n", "data.directory: is empty"},
        {"data:\n  directory: \"a\\0b\"\n", "c.yaml:2: data.directory"},
        {"data:\n  directory: \"a\\nb\"\n", "c.yaml:2: data.directory"},
        {"data:\n  directory: \"a\\u2028b\"\n", "c.yaml:2: data.directory"},
        {"data:\n  directory: \"a\\x85b\"\n", "c.yaml:2: data.directory"},
        {"sockets:\n  trials_connect: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]\n", "at most 16 texts"},
        {"security:\n  client_keys: k\n", "security.client_keys: needs security.server_key"},
        {"rigs:\n", "c.yaml:1: rigs: expected a list"},
        {"rigs: {name: r}\n", "c.yaml:1: rigs: expected a list"},
        {"rigs:\n  - r1\n", "c.yaml:2: rigs: expected keys and values"},
        {"rigs:\n  - name: a/b\n    port: p\n    subject: m\n", "rigs.name: \"a/b\" is not"},
        {"rigs:\n  - name: a\n    port: p\n", "rigs.subject: \"\" is not"},
        {"rigs:\n  - name: a\n    subject: m\n", "rigs.port: missing"},
        {"rigs:\n  - {name: a, port: p, subject: m}\n  - {name: a, port: q, subject: m}\n",
         "c.yaml:3: rigs: a on q appears twice"},
        {"rigs:\n  - {name: a, port: p, subject: m}\n  - {name: b, port: p, subject: m}\n",
         "c.yaml:3: rigs: b on p appears twice"},
        {"rigs:\n  - {name: a, follow: /f, subject: m}\n", "c.yaml:2: rigs.subject: files that"},
        {"rigs:\n  - {name: a, follow: /f, port: p, subject: m}\n", "not several"},
        {"rigs:\n  - {name: a, follow: /f, format: iblrg}\n",
         "rigs.format: \"iblrg\" is unknown; known are iblrig"},
        {"rigs:\n  - {name: a, follow: /f, format: iblrg}\n", "; did you mean iblrig?"},
        {"rigs:\n  - {name: a, follow: /f, map: [stimulus]}\n",
         "c.yaml:2: rigs.map: \"stimulus\"; SECTION.KEY=VALUE or ibl, psytrack or psychopy was"},
        {"rigs:\n  - {name: a, follow: /f, map: [colums.choice=c]}\n", "did you mean columns?"},
        {"rigs:\n  - {name: a, follow: /f, map: [columns.chioce=c]}\n", "did you mean choice?"},
        {"rigs:\n  - {name: a, subscribe: 'tcp://h:1'}\n",
         "rigs.format: \"\" is unknown; known are"},
        {"rigs:\n  - {name: a, subscribe: 'tcp://h:1', format: open-ephis}\n",
         "; did you mean open-ephys?"},
        {"rigs:\n  - {name: a, subscribe: 'tcp:/h:1', format: messages}\n", "rigs.subscribe"},
        {"rigs:\n  - {name: a, subscribe: 'tcp://h:1', format: open-ephys, subject: m}\n",
         "c.yaml:2: rigs.map: a: the mapping names no stimulus or no choice"},
        {"rigs:\n  - {name: a, subscribe: 'tcp://h:1', follow: /f}\n", "not several"},
        {"rigs:\n  - {name: a, port: p, subject: m, map: [ibl]}\n", "rigs.map: needs `format`"},
        {"rigs:\n  - {name: a, port: p, subject: m, format: iblrig}\n",
         "rigs.format: \"iblrig\" is unknown; known are messages"},
        {"rigs:\n  - {name: a, follow: /f}\n  - {name: b, follow: /f}\n",
         "c.yaml:3: rigs: b on /f appears twice"},
        {"log: &here\n  level: info\nrigs: *here\n", "c.yaml:3: aliases"},
        {"log:\n  level: *nowhere\n", "c.yaml:2: "},
        {"- a\n", "c.yaml:1: configuration: expected sections and keys"},
        {"just words\n", "c.yaml:1: configuration: expected sections and keys"},
        {"log:\n\tlevel: info\n", "c.yaml:2: "},
        {"log: {level: info\n", "c.yaml:"},
        {"log: {level: info}\n--- \nnonsense: 1\n", "c.yaml:2: "},
        {"log: {level: info}\n...\nnonsense\n", "c.yaml:"},
        {"\x01", "c.yaml:"},
        {"log: {level: \"\xff\xfe\"}\n", "c.yaml:"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        expect_fault(CASES[i].text, CASES[i].expected);
    }
}

static void more_rigs_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    static const struct {
        int most;
        const char *form;
        const char *expected;
    } KINDS[] = {
        {CONFIG_LINES_MAX, "- {name: r%d, port: p%d, subject: m}\n",
         "c.yaml:34: rigs: more than 32 on serial lines"},
        {CONFIG_RIGS_MAX, "- {name: r%d, follow: /f%d}\n", "c.yaml:66: rigs: more than 64"}};
    for (size_t k = 0; k < 2; k++) {
        char text[4096] = "rigs:\n";
        for (int i = 0; i <= KINDS[k].most; i++) {
            const size_t n = strlen(text);
            (void)snprintf(text + n, sizeof text - n, KINDS[k].form, i, i);
            if (i + 1 == KINDS[k].most) {
                assert_int_equal(parse(text), FAULT_NONE);
                expect_round_trip();
            }
        }
        expect_fault(text, KINDS[k].expected);
    }
}

static void deep_nesting_is_an_error_like_others(void **state)
{
    (void)state;
    char text[20001];
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    expect_fault(text, "c.yaml:1: ");
    memcpy(text, "log: ", 5);
    expect_fault(text, "c.yaml:1: ");
}

static void a_file_is_read_and_one_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(config_load(&config, "/nonexistent.yaml", &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "/nonexistent.yaml: "));
    assert_int_equal(config_load(&config, "/", &fault), FAULT_INPUT);
    assert_int_equal(config_load(&config, "/dev/zero", &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "/dev/zero: is a pipe or device"));
    assert_int_equal(config_load(&config, MURID_SOURCE_DIR "/configs/demo.yaml", &fault),
                     FAULT_NONE);
    expect_round_trip();
}

static void each_key_is_documented_with_default_and_range(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    config_print_markdown(f);
    fclose(f);
    assert_non_null(strstr(text, "| `commit_ms` | `20` | 1 to 1000 ms |"));
    assert_non_null(strstr(text, "### rigs\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_written_is_all_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(what_an_earlier_version_recorded_in_percent_is_read_as_fractions),
        cmocka_unit_test(two_rigs_and_quoted_texts_are_read),
        cmocka_unit_test(a_rig_whose_files_are_followed_is_read),
        cmocka_unit_test(every_whole_number_is_held_to_its_range),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(more_rigs_than_there_is_room_for_are_refused),
        cmocka_unit_test(deep_nesting_is_an_error_like_others),
        cmocka_unit_test(a_file_is_read_and_one_that_is_not_there_is_named),
        cmocka_unit_test(each_key_is_documented_with_default_and_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
