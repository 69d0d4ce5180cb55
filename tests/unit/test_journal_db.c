/* journal_db.h: why a disk did not take what was to be written. */
#include <errno.h>

#include "journal_db.h"
#include "suite.h"

static void the_cause_of_a_failure_is_told_from_its_codes(void **state)
{
    (void)state;
    static const struct {
        int code, error;
        enum journal_db_cause cause;
    } CASES[] = {
        {SQLITE_FULL, 0, JOURNAL_DB_CAUSE_FULL},
        {SQLITE_IOERR_WRITE, ENOSPC, JOURNAL_DB_CAUSE_FULL},
        {SQLITE_IOERR_WRITE, EDQUOT, JOURNAL_DB_CAUSE_FULL},
        {SQLITE_IOERR_WRITE, EFBIG, JOURNAL_DB_CAUSE_FULL},
        {SQLITE_IOERR_FSYNC, EIO, JOURNAL_DB_CAUSE_IO},
        {SQLITE_IOERR_SHMSIZE, 0, JOURNAL_DB_CAUSE_IO},
        {SQLITE_IOERR_WRITE, EROFS, JOURNAL_DB_CAUSE_READ_ONLY},
        {SQLITE_CANTOPEN_FULLPATH, EACCES, JOURNAL_DB_CAUSE_READ_ONLY},
        {SQLITE_READONLY, 0, JOURNAL_DB_CAUSE_READ_ONLY},
        {SQLITE_READONLY_DBMOVED, 0, JOURNAL_DB_CAUSE_MOVED},
        {SQLITE_CORRUPT, 0, JOURNAL_DB_CAUSE_DAMAGED},
        {SQLITE_CORRUPT_INDEX, ENOSPC, JOURNAL_DB_CAUSE_DAMAGED},
        {SQLITE_NOTADB, 0, JOURNAL_DB_CAUSE_DAMAGED},
        {SQLITE_BUSY, 0, JOURNAL_DB_CAUSE_HELD},
        {SQLITE_BUSY_SNAPSHOT, ENOSPC, JOURNAL_DB_CAUSE_HELD},
        {SQLITE_LOCKED, 0, JOURNAL_DB_CAUSE_HELD},
        {SQLITE_CONSTRAINT, 0, JOURNAL_DB_CAUSE_OTHER},
        {SQLITE_NOMEM, 0, JOURNAL_DB_CAUSE_OTHER},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(journal_db_cause_of(CASES[i].code, CASES[i].error), CASES[i].cause);
    }
}

static void every_cause_says_what_to_do(void **state)
{
    (void)state;
    assert_string_equal(journal_db_cause_text(JOURNAL_DB_CAUSE_NONE), "");
    for (int i = JOURNAL_DB_CAUSE_NONE + 1; i < JOURNAL_DB_CAUSES; i++) {
        assert_true(journal_db_cause_text((enum journal_db_cause)i)[0] != '\0');
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
