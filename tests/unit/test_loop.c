/* server.h: what becomes of a twin that is broken while the daemon runs. */
#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "clock.h"
#include "ingest.h"
#include "journal_schema.h"
#include "prediction_message.h"
#include "root.h"
#include "startup.h"
#include "suite.h"

static struct server server;
static struct fault fault;

static void open_loop(void)
{
    memset(&server, 0, sizeof server);
    config_init(&server.config);
    (void)snprintf(server.config.data.directory, sizeof server.config.data.directory, "%s",
                   root_path);
    server.config.sockets.ask[0] = server.config.sockets.pub[0] = server.config.sockets.trials[0] =
        '\0';
    server.config.journal.commit_ms = 1;
    if (startup_open(&server, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
}

static void remove_journal(void)
{
    static const char *const FILES[] = {JOURNAL_FILE, JOURNAL_FILE "-wal", JOURNAL_FILE "-shm",
                                        JOURNAL_LOCK};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[ROOT_PATH_BYTES];
        (void)unlink(root_file(path, FILES[i]));
    }
}

static void hear(int64_t number)
{
    proto_message msg;
    uint8_t bytes[PROTO_BYTES_MAX];
    proto_message_init(&msg, PROTO_KIND_TRIAL);
    strcpy(msg.env.rig, "rig");
    strcpy(msg.env.subject, "mouse");
    strcpy(msg.env.session, "s");
    msg.env.trial = number;
    msg.env.seq = number + 1;
    msg.as.trial.stimulus = 0.5;
    msg.as.trial.choice = 1;
    msg.as.trial.reward = 1.0;
    const int n = proto_encode(&msg, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    assert_true(n > 0);
    assert_true(ingest_hear(&server, SESSION_SOURCE_TRIALS, NULL, NULL, bytes, (size_t)n,
                            clock_mono_ns(), PROTO_NIL));
    journal_publish(&server.journal);
}

static int64_t count(const char *sql)
{
    char path[ROOT_PATH_BYTES];
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(root_file(path, JOURNAL_FILE), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

static const char ALERTS[] = "SELECT count(*) FROM alert WHERE code = 'internal'";

static void a_prediction_that_cannot_be_said_is_an_alert_and_the_next_start_mends_it(void **state)
{
    (void)state;
    open_loop();
    for (int64_t i = 0; i < 20; i++) {
        hear(i);
    }
    proto_message whole;
    proto_message mended;
    prediction_message_fill(&server.subjects, 0, &whole);
    server.subjects.subject[0].state.twin.bank.member[0].w[0] = (double)NAN;
    hear(20);
    assert_int_equal(startup_close(&server, &fault), FAULT_NONE);
    assert_int_equal(count(ALERTS), 1);
    assert_int_equal(count("SELECT count(*) FROM event WHERE kind = 'trial'"), 21);

    open_loop();
    prediction_message_fill(&server.subjects, 0, &mended);
    assert_int_equal(mended.as.prediction.for_trial, 21);
    assert_int_equal(mended.as.prediction.score.v.n, 21);
    for (uint32_t i = 0; i < mended.as.prediction.p_right.n; i++) {
        assert_true(fabs(mended.as.prediction.p_right.v[i] - whole.as.prediction.p_right.v[i]) <
                    0.1);
    }
    hear(21);
    assert_int_equal(startup_close(&server, &fault), FAULT_NONE);
    assert_int_equal(count(ALERTS), 1);
    remove_journal();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prediction_that_cannot_be_said_is_an_alert_and_the_next_start_mends_it),
    };
    return cmocka_run_group_tests(tests, root_make, root_remove);
}
