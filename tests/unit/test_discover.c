/* bridge/discover.h and the names and lists of bridge/adapter.h. */
#include "suite.h"

#include <string.h>

#include "bridge/discover.h"
#include "rig_files.h"

static int in_a_new_folder(void **state)
{
    (void)state;
    (void)rig_files_make();
    return 0;
}

static int leaves_it(void **state)
{
    (void)state;
    rig_files_remove();
    return 0;
}

static void finds_folders_and_files_in_the_order_of_their_names(void **state)
{
    (void)state;
    struct bridge_discovery found;
    rig_files_folder("s/b/2026-01-02/001/raw_task_data_00/inside");
    rig_files_folder("s/b/2026-01-02/001/raw_task_data_01");
    rig_files_folder("s/a/2026-01-02/001/raw_behavior_data");
    rig_files_folder("s/.hidden/raw_task_data_00");
    rig_files_put("s/z.jsonable", "w", "");
    rig_files_put("s/notes.txt", "w", "nothing\n");
    rig_files_put("s/b/2026-01-02/001/raw_task_data_00/inside/x.jsonable", "w", "");
    assert_int_equal(symlink("..", rig_files_path("s/a/circle")), 0);
    const char *const EXPECTED[] = {"s/a/2026-01-02/001/raw_behavior_data",
                                    "s/b/2026-01-02/001/raw_task_data_00",
                                    "s/b/2026-01-02/001/raw_task_data_01", "s/z.jsonable"};
    assert_int_equal(bridge_discover(&found, rig_files_path("s//"), NULL, NULL), 0);
    assert_int_equal(found.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(found.list[i].path, rig_files_path(EXPECTED[i]));
        assert_string_equal(found.list[i].adapter->name, "iblrig");
    }
    assert_true(found.is_folder);
    assert_false(found.is_cut);
    bridge_discovery_free(&found);
    assert_true(bridge_discover_any(rig_files_path("s")));
}

static void a_depth_beyond_the_bound_is_not_walked_and_said(void **state)
{
    (void)state;
    struct bridge_discovery found;
    rig_files_folder("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/raw_task_data_00");
    assert_int_equal(bridge_discover(&found, rig_files_root, NULL, NULL), 0);
    assert_int_equal(found.n, 0);
    assert_true(found.is_cut);
    bridge_discovery_free(&found);
}

static void what_is_not_there_or_of_no_format_is_not_found(void **state)
{
    (void)state;
    struct bridge_discovery found;
    assert_int_equal(bridge_discover(&found, rig_files_path("no"), NULL, NULL), 0);
    assert_int_equal(found.n, 0);
    assert_string_equal(found.why.found, "No such file or directory");
    bridge_discovery_free(&found);
    rig_files_put("t.csv", "w", "subject,session,trial,stimulus,choice\n");
    assert_false(bridge_discover_any(rig_files_path("t.csv")));
}

static void a_path_says_subject_date_and_number(void **state)
{
    (void)state;
    struct bridge_place place;
    assert_true(bridge_place_of(&place, "/x/Subjects/m 1/2026-01-02/003/raw_task_data_04/f.json"));
    assert_string_equal(place.subject, "m_1");
    assert_string_equal(place.date, "2026-01-02");
    assert_string_equal(place.number, "003");
    assert_string_equal(place.folder, "raw_task_data_04");
    assert_true(bridge_place_of(&place, "C:\\d\\m2\\2019-12-31\\001\\raw_behavior_data\\f"));
    assert_string_equal(place.subject, "m2");
    assert_false(bridge_place_of(&place, "/x/m1/2026-1-2/003/f"));
    assert_false(bridge_place_of(&place, "/2026-01-02/003/f"));
    assert_string_equal(place.subject, "");
    rig_files_folder("m3/2026-01-02/007/raw_task_data_00");
    char here[1024];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(rig_files_path("m3/2026-01-02/007/raw_task_data_00")), 0);
    assert_true(bridge_place_of(&place, "./f.jsonable"));
    assert_string_equal(place.subject, "m3");
    assert_string_equal(place.folder, "raw_task_data_00");
    assert_int_equal(chdir(here), 0);
}

static void a_mapping_is_asked_by_section_and_key(void **state)
{
    (void)state;
    static const struct bridge_mapping_line lines[] = {{"columns", "choice", "resp"},
                                                       {"choice", "right", "R"}};
    static const struct bridge_mapping map = {.line = lines, .n = 2};
    assert_string_equal(bridge_mapping_get(&map, "choice", "right"), "R");
    assert_null(bridge_mapping_get(&map, "choice", "left"));
    assert_null(bridge_mapping_get(NULL, "choice", "right"));
}

static void every_format_is_found_by_its_name(void **state)
{
    (void)state;
    size_t n = 0;
    for (; BRIDGE_ADAPTERS[n] != NULL; n++) {
        assert_ptr_equal(bridge_adapter_find(BRIDGE_ADAPTERS[n]->name), BRIDGE_ADAPTERS[n]);
    }
    assert_true(n > 0);
    assert_null(bridge_adapter_find("none"));
}

static void an_event_becomes_the_message_that_a_rig_would_send(void **state)
{
    (void)state;
    struct bridge_session session = {.subject = "m1",
                                     .session = "d1",
                                     .task = "biased",
                                     .program = "iblrig",
                                     .version = "8.23.1\n"};
    session.ephys_rig = 1;
    struct bridge_event event = {.kind = BRIDGE_TRIAL, .session = &session, .trial = 7};
    uint8_t bytes[PROTO_BYTES_MAX];
    static proto_message message;
    event.said.stimulus = 0.5;
    event.said.choice = PROTO_NIL;
    event.said.reward = event.said.rt_s = event.said.reward_ul = 0.0;
    event.said.side = event.said.repeat = 1;
    bridge_event_message(&event, "box-1", &message);
    assert_string_equal(message.env.rig, "box-1");
    assert_int_equal(message.env.trial, 7);
    assert_true(proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes) > 0);
    event.kind = BRIDGE_SESSION_START;
    bridge_event_message(&event, "box-1", &message);
    assert_int_equal(message.kind, PROTO_KIND_SESSION_START);
    assert_string_equal(message.as.session_start.task, "biased");
    assert_int_equal(message.as.session_start.ephys_rig, 1);
    assert_string_equal(message.as.session_start.software, "iblrig 8.23.1?");
    assert_true(proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes) > 0);
    session.version[0] = '\0';
    bridge_event_message(&event, "box-1", &message);
    assert_string_equal(message.as.session_start.software, "iblrig");
    event.kind = BRIDGE_SESSION_END;
    bridge_event_message(&event, "box-1", &message);
    assert_int_equal(message.kind, PROTO_KIND_SESSION_END);
    assert_true(proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes) > 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, in_a_new_folder, leaves_it)
    const struct CMUnitTest tests[] = {
        CASE(finds_folders_and_files_in_the_order_of_their_names),
        CASE(a_depth_beyond_the_bound_is_not_walked_and_said),
        CASE(what_is_not_there_or_of_no_format_is_not_found),
        CASE(a_path_says_subject_date_and_number),
        CASE(a_mapping_is_asked_by_section_and_key),
        CASE(every_format_is_found_by_its_name),
        CASE(an_event_becomes_the_message_that_a_rig_would_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
