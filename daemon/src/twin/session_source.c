#include <string.h>

#include "session.h"

const char *session_source_name(enum session_source source)
{
    static const char *const NAMES[] = {
#define SESSION_SOURCE_NAME(NAME, name) #name,
        SESSION_SOURCE_LIST(SESSION_SOURCE_NAME)
#undef SESSION_SOURCE_NAME
    };
    return NAMES[source];
}

const char *session_outcome_name(enum session_outcome status)
{
    static const char *const NAMES[] = {
#define SESSION_OUTCOME_NAME(NAME, name, help) #name,
        SESSION_OUTCOME_LIST(SESSION_OUTCOME_NAME)
#undef SESSION_OUTCOME_NAME
    };
    return NAMES[status];
}

enum session_source session_source_of(const char *name)
{
    for (int i = 0; i < SESSION_SOURCE_COUNT; i++) {
        if (strcmp(name, session_source_name((enum session_source)i)) == 0) {
            return (enum session_source)i;
        }
    }
    return SESSION_SOURCE_ASK;
}

bool session_outcome_parse(enum session_outcome *status, const char *name)
{
    for (int i = 0; i < SESSION_OUTCOME_COUNT; i++) {
        if (strcmp(name, session_outcome_name((enum session_outcome)i)) == 0) {
            *status = (enum session_outcome)i;
            return true;
        }
    }
    return false;
}
