/* known_defects.h: what is told of the software that a session states, and how often. */
#include "suite.h"

#include <string.h>

#include "audit_rigs.h"
#include "check.h"
#include "known_defects.h"
#include "proto/message.h"

static struct audit_protocol protocol;
static struct known_defects_told told;
static char text[KNOWN_DEFECTS_MAX];

static void declare(enum rig_protocol which, bool is_recorded)
{
    static struct protocol_file file;
    rig_make(&file.bare, which);
    file.protocol = file.bare;
    file.is_recorded = is_recorded;
    assert_int_equal(audit_protocol_init(&protocol, &file, 1000.0), MODEL_OK);
    memset(&told, 0, sizeof told);
}

static bool tell(const char *software)
{
    text[0] = '\0';
    return known_defects_tell(&told, software, "", &protocol, text, sizeof text);
}

static void defects_are_told_once_for_each_version(void **unused)
{
    (void)unused;
    for (int is_recorded = 0; is_recorded < 2; is_recorded++) {
        declare(RIG_TRAINING, is_recorded == 1);
        assert_true(tell("iblrig 8.29.0"));
        assert_string_equal(text,
                            "iblrig 8.29.0 has known defects: zero_left (without contrast the "
                            "correct side is always left): see docs/protocols.md");
        assert_false(tell("iblrig 8.29.0"));
        assert_true(tell("iblrig 8.29.1"));
        assert_false(tell("iblrig 8.29.0"));
        assert_false(tell("iblrig 8.29.4"));
        assert_false(tell("iblrig 8.29.1"));
        assert_false(tell(""));
        assert_false(tell("iblrig"));
        assert_false(tell("bonsai 8.23"));
    }
}

static void many_versions_are_told_within_bounds(void **unused)
{
    (void)unused;
    char software[24];
    declare(RIG_TRAINING, false);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3 * KNOWN_DEFECTS_TOLD; i++) {
            (void)snprintf(software, sizeof software, "iblrig 8.12.%d", i);
            assert_true(tell(software)); /* the latest few are remembered */
            assert_false(tell(software));
        }
    }
}

static void a_version_that_is_not_known_is_told_where_it_is_to_be_followed(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING, false);
    assert_false(tell("iblrig 9.0.1"));
    assert_false(tell("iblrig 7.2.1"));
    declare(RIG_TRAINING, true);
    assert_true(tell("iblrig 9.0.1"));
    assert_string_equal(text, "iblrig 9.0.1 is newer than the known versions: audited as 8.29.5");
    assert_false(tell("iblrig 9.0.1"));
    assert_true(tell("iblrig 7.2.1"));
    assert_string_equal(text, "iblrig 7.2.1 is none of the known versions, 8.0 to 8.29.5: audited "
                              "without defects of a release");
}

static void defects_of_another_task_are_not_told(void **unused)
{
    (void)unused;
    declare(RIG_BIASED, true);
    assert_false(tell("iblrig 8.23.1"));
    assert_true(known_defects_tell(&told, "iblrig 8.23.1", "_iblrig_tasks_trainingChoiceWorld",
                                   NULL, text, sizeof text));
    memset(&told, 0, sizeof told);
    assert_false(known_defects_tell(&told, "iblrig 8.23.1", "_iblrig_tasks_biasedChoiceWorld", NULL,
                                    text, sizeof text));
    assert_false(known_defects_tell(&told, "iblrig 8.23.1", "", NULL, text, sizeof text));
}

/* All explained where there is room, the first ones where there is less, and names alone. */
static void what_is_told_fits(void **unused)
{
    (void)unused;
    static const char *const VERSIONS[] = {"iblrig 8.0", "iblrig 8.23.1", "iblrig 8.24.6",
                                           "iblrig 8.26.999", "iblrig 8.29.3"};
    declare(RIG_TRAINING, false);
    for (size_t i = 0; i < sizeof VERSIONS / sizeof VERSIONS[0]; i++) {
        assert_true(tell(VERSIONS[i]));
        assert_non_null(strstr(text, "): see docs/protocols.md"));
        const size_t whole = strlen(text);
        char cut[256];
        memset(&told, 0, sizeof told);
        assert_true(known_defects_tell(&told, VERSIONS[i], "", &protocol, cut,
                                       sizeof cut - PROTO_ID_MAX - 2));
        assert_non_null(strstr(cut, ": see docs/protocols.md"));
        assert_true(strlen(cut) <= whole);
        memset(&told, 0, sizeof told);
        assert_true(known_defects_tell(&told, VERSIONS[i], "", &protocol, cut, 20));
        assert_int_equal(strlen(cut), 19);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defects_are_told_once_for_each_version),
        cmocka_unit_test(many_versions_are_told_within_bounds),
        cmocka_unit_test(a_version_that_is_not_known_is_told_where_it_is_to_be_followed),
        cmocka_unit_test(defects_of_another_task_are_not_told),
        cmocka_unit_test(what_is_told_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
