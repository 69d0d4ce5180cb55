#include "session_event.h"

#include <string.h>

#include "bridge/link.h"

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

bool session_is_journaled(const struct session_result *result)
{
    return result->status != SESSION_OUTCOME_PLAIN &&
           (result->status != SESSION_OUTCOME_DUPLICATE || result->is_counted);
}

model_trial session_trial(const proto_trial *t)
{
    return (model_trial){.contrast = t->stimulus,
                         .reward = t->reward,
                         .rt_s = t->rt_s,
                         .choice = (int8_t)(t->choice == PROTO_NIL ? -1 : t->choice),
                         .side = (int8_t)(t->side == PROTO_NIL ? -1 : t->side)};
}

int session_decode(const struct session_event *event, proto_message *heard, proto_fault *fault)
{
    return event->source == SESSION_SOURCE_SERIAL
               ? bridge_decode(event->bytes, event->size, event->rig, event->subject, heard, fault)
           : event->is_recorded ? proto_decode_recorded(event->bytes, event->size, heard, fault)
                                : proto_decode(event->bytes, event->size, heard, fault);
}
