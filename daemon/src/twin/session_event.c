#include "session_event.h"

#include <string.h>

#include "bridge/link.h"
#include "key_table.h"

static const char *const SOURCES[] = {
#define SESSION_SOURCE_NAME(NAME, name) #name,
    SESSION_SOURCE_LIST(SESSION_SOURCE_NAME) NULL};

static const char *const OUTCOMES[] = {
#define SESSION_OUTCOME_NAME(NAME, name, help) #name,
    SESSION_OUTCOME_LIST(SESSION_OUTCOME_NAME) NULL};

const char *session_source_name(enum session_source source)
{
    return SOURCES[source];
}

const char *session_outcome_name(enum session_outcome status)
{
    return OUTCOMES[status];
}

enum session_source session_source_of(const char *name)
{
    const size_t i = key_word_find(SOURCES, name, strlen(name));
    return i != SIZE_MAX ? (enum session_source)i : SESSION_SOURCE_ASK;
}

bool session_outcome_parse(enum session_outcome *status, const char *name)
{
    const size_t i = key_word_find(OUTCOMES, name, strlen(name));
    *status = i != SIZE_MAX ? (enum session_outcome)i : *status;
    return i != SIZE_MAX;
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
