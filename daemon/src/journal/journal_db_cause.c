#include "journal_db_cause.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum journal_db_cause journal_db_cause_of(int code, int system_error)
{
    if (code == SQLITE_READONLY_DBMOVED) {
        return JOURNAL_DB_CAUSE_MOVED;
    }
    switch (code & 0xff) {
    case SQLITE_FULL:
        return JOURNAL_DB_CAUSE_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return JOURNAL_DB_CAUSE_DAMAGED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return JOURNAL_DB_CAUSE_HELD;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return JOURNAL_DB_CAUSE_READ_ONLY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        break;
    default:
        return JOURNAL_DB_CAUSE_OTHER;
    }
    switch (system_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return JOURNAL_DB_CAUSE_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return JOURNAL_DB_CAUSE_READ_ONLY;
    default:
        return JOURNAL_DB_CAUSE_IO;
    }
}

const char *journal_db_cause_text(enum journal_db_cause cause)
{
    static const char *const TEXTS[] = {
#define CAUSE_TEXT(NAME, text) text,
        JOURNAL_DB_CAUSE_LIST(CAUSE_TEXT)
#undef CAUSE_TEXT
    };
    return cause < JOURNAL_DB_CAUSES ? TEXTS[cause] : "";
}

/* What the system said last of the file, or of its write-ahead log; 0 nothing. SQLite keeps the
 * errno of a commit's write with the file alone. */
static int system_error(sqlite3 *db)
{
    int error = sqlite3_system_errno(db);
    sqlite3_file *log = NULL;
    if (error == 0) {
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
        if (log != NULL && log->pMethods != NULL) {
            (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
        }
    }
    if (error == 0) {
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

enum journal_db_cause journal_db_cause_read(sqlite3 *db, char *text, size_t cap)
{
    const int code = sqlite3_extended_errcode(db);
    const bool has_error = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    char said[128];
    (void)snprintf(said, sizeof said, "%s",
                   sqlite3_errmsg(db)); /* before another call changes it */
    const int error = has_error ? system_error(db) : 0;
    const enum journal_db_cause cause = journal_db_cause_of(code, error);
    (void)snprintf(text, cap, "%s (%s%s%s)", journal_db_cause_text(cause), said,
                   error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    return cause;
}
