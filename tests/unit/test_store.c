/* store.h: why a disk did not take what was to be written. */
#include <errno.h>

#include "store.h"
#include "suite.h"

static void the_cause_of_a_failure_is_told_from_its_codes(void **state)
{
    (void)state;
    static const struct {
        int code, error;
        enum store_cause cause;
    } CASES[] = {
        {SQLITE_FULL, 0, STORE_CAUSE_FULL},
        {SQLITE_IOERR_WRITE, ENOSPC, STORE_CAUSE_FULL},
        {SQLITE_IOERR_WRITE, EDQUOT, STORE_CAUSE_FULL},
        {SQLITE_IOERR_WRITE, EFBIG, STORE_CAUSE_FULL},
        {SQLITE_IOERR_FSYNC, EIO, STORE_CAUSE_IO},
        {SQLITE_IOERR_SHMSIZE, 0, STORE_CAUSE_IO},
        {SQLITE_IOERR_WRITE, EROFS, STORE_CAUSE_READ_ONLY},
        {SQLITE_CANTOPEN_FULLPATH, EACCES, STORE_CAUSE_READ_ONLY},
        {SQLITE_READONLY, 0, STORE_CAUSE_READ_ONLY},
        {SQLITE_READONLY_DBMOVED, 0, STORE_CAUSE_MOVED},
        {SQLITE_CORRUPT, 0, STORE_CAUSE_DAMAGED},
        {SQLITE_CORRUPT_INDEX, ENOSPC, STORE_CAUSE_DAMAGED},
        {SQLITE_NOTADB, 0, STORE_CAUSE_DAMAGED},
        {SQLITE_BUSY, 0, STORE_CAUSE_HELD},
        {SQLITE_BUSY_SNAPSHOT, ENOSPC, STORE_CAUSE_HELD},
        {SQLITE_LOCKED, 0, STORE_CAUSE_HELD},
        {SQLITE_CONSTRAINT, 0, STORE_CAUSE_OTHER},
        {SQLITE_NOMEM, 0, STORE_CAUSE_OTHER},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(store_cause_of(CASES[i].code, CASES[i].error), CASES[i].cause);
    }
}

static void every_cause_says_what_to_do(void **state)
{
    (void)state;
    assert_string_equal(store_cause_text(STORE_CAUSE_NONE), "");
    for (int i = STORE_CAUSE_NONE + 1; i < STORE_CAUSES; i++) {
        assert_true(store_cause_text((enum store_cause)i)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cause_of_a_failure_is_told_from_its_codes),
        cmocka_unit_test(every_cause_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
