/* adapters/bpod.c, bridge/mat_file.h: tests/golden/bpod holds what scipy.io.savemat wrote of
 * sessions by support/bpod_session.py, of two trials, of five that begin with them, and of another
 * session. */
#include "bridge/mat_file.h"
#include "maps.h"
#include "rig_source.h"
#include "suite.h"

#define GOLDEN MURID_SOURCE_DIR "/tests/golden/bpod/"
#define NAME   "m_1_Light2AFC_20240312_101112.mat"
#define START  "start m_1 20240312_101112 Light2AFC 1.8.1 2024-03-12T10:11:12"

#define TWO                                                                                        \
    START "\n1: stimulus 1 choice 1 side 1 reward 1 rt 0.5375 line 0\n"                            \
          "2: stimulus 1 choice 1 side 1 reward 1 rt 1.4309 line 0\n"
#define THREE_MORE                                                                                 \
    "3: stimulus 1 choice 0 side 1 reward 0 rt 1.218 line 0\n"                                     \
    "4: stimulus -1 choice 1 side 0 reward 0 rt 0.3893 line 0\n"                                   \
    "5: stimulus 1 choice 1 side 1 reward 1 rt 1.387 line 0\n"
#define ANOTHER                                                                                    \
    START " again\n1: stimulus -1 choice 0 side 0 reward 1 rt 0.274 line 0\n"                      \
          "2: stimulus -1 choice 0 side 0 reward 1 rt 0.5781 line 0\n"                             \
          "3: stimulus -1 choice - side 0 reward 0 rt nan line 0\n"
/* Without those that were wrong, and with the delay of 0.1 s before the reward. */
#define MAPPED                                                                                     \
    START "\n1: stimulus 0 choice 1 side 1 reward nan rt 0.6375 line 0\n"                          \
          "2: stimulus 0 choice 1 side 1 reward nan rt 1.5309 line 0\n"                            \
          "5: stimulus 0 choice 1 side 1 reward nan rt 1.487 line 0\n"

static struct rig_source rig;
static char bytes[1 << 16];

static size_t load(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, GOLDEN "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return size;
}

static const char *write_and_read(const char *name, size_t most)
{
    const size_t size = load(name);
    rig_source_put(&rig, "wb", bytes, size < most ? size : most);
    return rig_source_read(&rig);
}

static void follows_a_file_that_is_written_anew_after_each_trial(void **state)
{
    (void)state;
    rig_source_file(&rig, NAME, "");
    assert_string_equal(rig_source_open(&rig, &BRIDGE_ADAPTER_bpod, NULL),
                        "wait : byte 0: the file ends within a variable; all of it was expected: "
                        "it is being written, or was cut: save it again\n");
    assert_string_equal(write_and_read("two.mat", sizeof bytes), TWO);
    assert_string_equal(rig_source_read(&rig), "");
    assert_non_null(strstr(write_and_read("five.mat", 2000), "wait : byte 2000: the file ends"));
    assert_non_null(strstr(rig_source_read(&rig), "wait : byte 2000: the file ends"));
    assert_string_equal(write_and_read("five.mat", sizeof bytes), THREE_MORE);
    assert_string_equal(write_and_read("another.mat", sizeof bytes), ANOTHER);
    rig_source_close(&rig);
}

static void reads_by_a_mapping_of_the_callers(void **state)
{
    (void)state;
    rig_source_file(&rig, NAME, "");
    const size_t size = load("five.mat");
    rig_source_put(&rig, "wb", bytes, size);
    assert_string_equal(
        rig_source_open(&rig, &BRIDGE_ADAPTER_bpod,
                        MAPS("columns.side=TrialTypes", "coding.side=2/1", "fixed.stimulus=0",
                             "states.right=RightRewardDelay", "states.left=LeftRewardDelay",
                             "states.rt_from=WaitForResponse", "states.rt_to=RightReward",
                             "states.skip=Punish")),
        MAPPED);
    rig_source_close(&rig);
}

static void rows_are_filters_and_events_are_refused_which_it_does_not_have(void **state)
{
    (void)state;
    rig_source_file(&rig, NAME, "");
    assert_non_null(
        strstr(rig_source_open(&rig, &BRIDGE_ADAPTER_bpod, MAPS("events.left=Port1In")),
               "the mapping has events.left; sections columns, fixed, coding, rows, states"));
    const size_t size = load("five.mat");
    rig_source_put(&rig, "wb", bytes, size);
    assert_string_equal(
        rig_source_open(&rig, &BRIDGE_ADAPTER_bpod, MAPS("Light2AFC", "rows.TrialTypes=1")),
        START "\n4: stimulus -1 choice 1 side 0 reward 0 rt 0.3893 line 0\n");
    rig_source_close(&rig);
}

static void tells_a_session_by_its_first_bytes_plain_or_compressed(void **state)
{
    (void)state;
    size_t size = load("two.mat");
    assert_true(bridge_mat_file_begins((const uint8_t *)bytes, size, "SessionData"));
    assert_false(bridge_mat_file_begins((const uint8_t *)bytes, size, "SessionDat"));
    assert_false(bridge_mat_file_begins((const uint8_t *)bytes, 130, "SessionData"));
    size = load("another.mat");
    assert_true(bridge_mat_file_begins((const uint8_t *)bytes, size, "SessionData"));
    assert_true(bridge_mat_file_begins((const uint8_t *)bytes, 260, "SessionData"));
    assert_false(bridge_mat_file_begins((const uint8_t *)bytes, size, "Session"));
}

static void any_bytes_cut_off_or_changed_are_read_without_harm(void **state)
{
    (void)state;
    uint64_t seed = suite_seed();
    rig_source_file(&rig, NAME, "");
    const size_t size = load("five.mat");
    for (int i = 0; i < 500; i++) {
        char changed[1 << 14];
        assert_true(size < sizeof changed);
        memcpy(changed, bytes, size);
        for (int n = 0; n < 4; n++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            changed[(seed >> 33) % size] = (char)(seed >> 25);
        }
        rig_source_put(&rig, "wb", changed, size - (seed >> 40) % 8);
        (void)rig_source_open(&rig, &BRIDGE_ADAPTER_bpod, NULL);
        bridge_source_close(&rig.source);
    }
    rig_source_remove(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_a_file_that_is_written_anew_after_each_trial),
        cmocka_unit_test(reads_by_a_mapping_of_the_callers),
        cmocka_unit_test(rows_are_filters_and_events_are_refused_which_it_does_not_have),
        cmocka_unit_test(tells_a_session_by_its_first_bytes_plain_or_compressed),
        cmocka_unit_test(any_bytes_cut_off_or_changed_are_read_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
