/* contents.h: what was said under a number is known exactly, from memory or from the journal. */
#include "contents.h"

#include <string.h>

#include "model/random.h"
#include "suite.h"

enum { SESSIONS = 40, NUMBERS = 20000 };

static struct contents contents;
static uint64_t journal[SESSIONS][NUMBERS]; /* what a disk would hold */
static bool is_whole[SESSIONS];
static int fetches;
static bool is_broken;

static int fetch(void *context, const struct contents_key *key, int64_t before,
                 uint64_t out[CONTENTS_NUMBERS])
{
    (void)context;
    (void)before;
    fetches++;
    for (int64_t i = 0; i < CONTENTS_NUMBERS; i++) {
        const int64_t number = key->first + i;
        out[i] =
            key->space == CONTENTS_TRIAL && number < NUMBERS ? journal[key->session][number] : 0;
    }
    return is_broken ? -1 : 0;
}

static void forget(void *context, uint32_t session)
{
    (void)context;
    is_whole[session] = false;
}

static int set_up(void **state)
{
    (void)state;
    memset(journal, 0, sizeof journal);
    fetches = 0;
    is_broken = false;
    for (int i = 0; i < SESSIONS; i++) {
        is_whole[i] = true;
    }
    assert_int_equal(contents_open(&contents), 0);
    contents.fetch = fetch;
    contents.forget = forget;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    contents_close(&contents);
    return 0;
}

static void put(uint32_t session, int64_t number, uint64_t content)
{
    assert_true(contents_have_room(&contents, 1));
    contents_put(&contents, session, CONTENTS_TRIAL, number, 0, is_whole[session], content, 1);
    journal[session][number] = content;
}

static enum contents_answer ask(uint32_t session, int64_t number, uint64_t *content)
{
    *content = 0;
    return contents_find(&contents, session, CONTENTS_TRIAL, number, 0, is_whole[session], 2,
                         content);
}

static void a_session_that_memory_holds_asks_no_disk(void **state)
{
    (void)state;
    uint64_t content;
    for (int n = 0; n < 1000; n++) {
        put(0, n, (uint64_t)n + 1);
    }
    for (int n = 0; n < 1000; n++) {
        assert_int_equal(ask(0, n, &content), CONTENTS_FOUND);
        assert_int_equal(content, n + 1);
    }
    assert_int_equal(ask(0, 1000, &content), CONTENTS_ABSENT);
    assert_int_equal(ask(0, 5000, &content), CONTENTS_ABSENT);
    assert_int_equal(fetches, 0);
}

static void far_more_than_memory_holds_is_still_known_exactly(void **state)
{
    (void)state;
    model_random r;
    uint64_t content;
    model_random_seed(&r, suite_seed(), 0);
    for (int i = 0; i < 300000; i++) { /* 12,500 blocks of 4,096 */
        const uint32_t session = (uint32_t)model_random_below(&r, SESSIONS);
        const int64_t number = (int64_t)model_random_below(&r, NUMBERS);
        const enum contents_answer answer = ask(session, number, &content);
        assert_int_equal(content, journal[session][number]);
        assert_int_equal(answer, content != 0 ? CONTENTS_FOUND : CONTENTS_ABSENT);
        if (answer == CONTENTS_ABSENT) {
            put(session, number, model_random_below(&r, 1000) + 1);
        }
    }
    assert_true(fetches > 0);
}

static void what_the_journal_cannot_say_is_not_guessed(void **state)
{
    (void)state;
    uint64_t content;
    is_whole[3] = false;
    journal[3][7] = 5;
    is_broken = true;
    assert_int_equal(ask(3, 7, &content), CONTENTS_FAILED);
    is_broken = false;
    assert_int_equal(ask(3, 7, &content), CONTENTS_FOUND);
    assert_int_equal(content, 5);
}

static void what_is_not_on_disk_is_not_given_up(void **state)
{
    (void)state;
    uint64_t content;
    contents.durable_event = 0;
    for (int i = 0; i < CONTENTS_BLOCKS; i++) {
        put((uint32_t)(i / 300), (int64_t)i % 300 * CONTENTS_NUMBERS, 9);
    }
    assert_false(contents_have_room(&contents, 1));
    assert_int_equal(fetches, 0);
    assert_int_equal(ask(1, 0, &content), CONTENTS_FOUND);
    contents.durable_event = 1;
    assert_true(contents_have_room(&contents, 1));
}

static void trials_seqs_and_counts_are_kept_apart(void **state)
{
    (void)state;
    uint64_t content = 0;
    contents_put(&contents, 1, CONTENTS_TRIAL, 5, 0, true, 11, 1);
    contents_put(&contents, 1, CONTENTS_SEQ, 5, 0, true, 12, 1);
    contents_put(&contents, 1, CONTENTS_SEQ, 5, 40, true, 13, 1);
    assert_int_equal(contents_find(&contents, 1, CONTENTS_SEQ, 5, 0, true, 2, &content),
                     CONTENTS_FOUND);
    assert_int_equal(content, 12);
    assert_int_equal(contents_find(&contents, 1, CONTENTS_SEQ, 5, 40, true, 2, &content),
                     CONTENTS_FOUND);
    assert_int_equal(content, 13);
    assert_int_equal(contents_find(&contents, 1, CONTENTS_SEQ, 5, 41, true, 2, &content),
                     CONTENTS_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_that_memory_holds_asks_no_disk, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(far_more_than_memory_holds_is_still_known_exactly, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_journal_cannot_say_is_not_guessed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_on_disk_is_not_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trials_seqs_and_counts_are_kept_apart, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
