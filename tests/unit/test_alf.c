/* adapters/alf.c: folders while they are written. Whole ones are read in
 * tests/integration/test_arrays.py. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "npy_file.h"
#include "rig_files.h"

#define FOLDER "lab/Subjects/mouse_1/2026-03-04/002/alf"

static void put(const char *attribute, const double *values, size_t n)
{
    static uint8_t bytes[4096];
    char name[256];
    (void)snprintf(name, sizeof name, FOLDER "/_ibl_trials.%s.npy", attribute);
    rig_files_write(name, "w", bytes, npy_file_doubles(bytes, sizeof bytes, values, n));
}

/* All that the mapping ibl needs: left, right and no choice. */
static void put_all(size_t n)
{
    const double nan = (double)NAN;
    put("contrastLeft", (double[]){0.5, nan, nan, 1.0}, n);
    put("contrastRight", (double[]){nan, 0.25, 0.0, nan}, n);
    put("feedbackType", (double[]){1.0, -1.0, -1.0, 1.0}, n);
    put("choice", (double[]){1.0, 1.0, 0.0, 1.0}, n);
}

static int in_a_new_folder(void **state)
{
    (void)state;
    (void)rig_files_make();
    rig_files_folder(FOLDER);
    return 0;
}

static void trials_are_read_in_the_signs_of_ibl(void **state)
{
    (void)state;
    put_all(3);
    rig_files_open(&BRIDGE_ADAPTER_alf, FOLDER);
    const struct bridge_event start = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(start.session->subject, "mouse_1");
    assert_string_equal(start.session->session, "2026-03-04_002");
    assert_string_equal(start.session->started, "2026-03-04");
    assert_string_equal(start.session->program, "ALF");
    assert_string_equal(start.session->mapping, "ibl");
    struct bridge_event e = rig_files_next(BRIDGE_TRIAL);
    CHECK_NEAR(e.said.stimulus, -0.5, 0.0);
    assert_int_equal(e.said.side, 0);
    assert_int_equal(e.said.choice, 0);
    CHECK_NEAR(e.said.reward, 1.0, 0.0);
    e = rig_files_next(BRIDGE_TRIAL);
    CHECK_NEAR(e.said.stimulus, 0.25, 0.0);
    assert_int_equal(e.said.choice, 0);
    CHECK_NEAR(e.said.reward, 0.0, 0.0);
    e = rig_files_next(BRIDGE_TRIAL);
    assert_int_equal(e.said.side, 1);
    assert_int_equal(e.said.choice, PROTO_NIL);
    CHECK_NEAR(e.said.reward, 0.0, 0.0);
    rig_files_nothing();
}

static void a_folder_that_is_being_written_is_read_once_it_is_whole_and_not_twice(void **state)
{
    (void)state;
    put("choice", (double[]){1.0}, 1);
    rig_files_open(&BRIDGE_ADAPTER_alf, FOLDER);
    rig_files_wrong("no stimulus; one of choice was expected");
    rig_files_nothing();
    put_all(2);
    (void)rig_files_next(BRIDGE_SESSION_START);
    (void)rig_files_next(BRIDGE_TRIAL);
    (void)rig_files_next(BRIDGE_TRIAL);
    rig_files_nothing();
    put_all(4);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 2);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 3);
    rig_files_nothing();
}

static bool takes(const char *name, bool is_folder)
{
    const struct bridge_candidate candidate = {
        .path = rig_files_path(FOLDER), .name = name, .is_folder = is_folder};
    return BRIDGE_ADAPTER_alf.probe(&candidate);
}

static void only_folders_with_choices_of_trials_are_taken(void **state)
{
    (void)state;
    assert_false(takes("alf", true));
    put("contrastLeft", (double[]){1.0}, 1);
    assert_false(takes("alf", true));
    put("choice", (double[]){1.0}, 1);
    assert_true(takes("alf", true));
    assert_true(takes("_ibl_trials.choice.npy", false));
    assert_true(takes("trials.table.pqt", false));
    static const char *const OTHERS[] = {
        "_ibl_wheel.position.npy", "trials.choice.ssv", "mytrials.choice.npy",
        "_trials.choice.npy",      "trials..npy",       "trials.choice"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        assert_false(takes(OTHERS[i], false));
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, in_a_new_folder, rig_files_leave)
    const struct CMUnitTest tests[] = {
        CASE(trials_are_read_in_the_signs_of_ibl),
        CASE(a_folder_that_is_being_written_is_read_once_it_is_whole_and_not_twice),
        CASE(only_folders_with_choices_of_trials_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
