/* session_event.h - one message as it came in, and what came of it: what session.h works on, and
 * the journal keeps.
 *
 * Threads: any. Memory: plain structs of the caller's; bytes are the caller's as well.
 */
#pragma once

#include "subjects.h"

/* How a message came in. */
#define SESSION_SOURCE_LIST(X)                                                                     \
    X(ASK, ask)                                                                                    \
    X(TRIALS, trials)                                                                              \
    X(SERIAL, serial)                                                                              \
    X(FILES, files)

/* What became of a message. */
#define SESSION_OUTCOME_LIST(X)                                                                    \
    X(TAKEN, taken, "a trial, taken up in order")                                                  \
    X(HEALED, healed, "a trial that came late and was put in its place")                           \
    X(LATE, late, "a trial that came too late to be taken up")                                     \
    X(DOUBTED, doubted, "a trial not taken up: far ahead, or its animal is on another rig")        \
    X(DUPLICATE, duplicate, "a message that had come before; journaled only under another seq")    \
    X(CONFLICT, conflict, "it contradicts what was heard before; refused")                         \
    X(NOTED, noted, "a message that is not a trial")                                               \
    X(PLAIN, plain, "a greeting, or a message put off; not journaled")                             \
    X(REFUSED, refused, "not a well-formed message, or beyond a limit")

enum session_source {
#define SESSION_SOURCE_ENUM(NAME, name) SESSION_SOURCE_##NAME,
    SESSION_SOURCE_LIST(SESSION_SOURCE_ENUM)
#undef SESSION_SOURCE_ENUM
};

enum session_outcome {
#define SESSION_OUTCOME_ENUM(NAME, name, help) SESSION_OUTCOME_##NAME,
    SESSION_OUTCOME_LIST(SESSION_OUTCOME_ENUM)
#undef SESSION_OUTCOME_ENUM
};

const char *session_source_name(enum session_source source);

/* The source of that name; ASK if there is none. */
enum session_source session_source_of(const char *name);

const char *session_outcome_name(enum session_outcome status);

/* True and *status if a status has that name. */
bool session_outcome_parse(enum session_outcome *status, const char *name);

/* One message as it came in. */
struct session_event {
    int64_t id; /* its number in the journal */
    int64_t t_wall_ns;
    int64_t t_mono_ns;
    int64_t boot; /* which start of the machine t_mono_ns is of */
    enum session_source source;
    const char *rig;     /* serial only: whose line it is; else NULL */
    const char *subject; /* serial only: who is in the rig; else NULL */
    const uint8_t *bytes;
    size_t size;
    bool is_recorded;              /* read from a journal */
    enum session_outcome recorded; /* what became of it then */
};

enum { SESSION_ALERTS_MAX = 8, SESSION_STAGES = 3 };

struct session_alert {
    proto_alert_code code;
    double evidence;
    char text[256];
};

/* What came of it. */
struct session_result {
    enum session_outcome status;
    proto_message heard; /* as decoded; kind NONE if that failed */
    uint32_t subject;    /* SUBJECTS_NONE if unknown */
    uint32_t session;    /* SUBJECTS_NONE if unknown */
    bool is_new_subject;
    bool is_new_session;
    struct twin_outcome scored; /* of a trial taken up; NaN otherwise */
    bool is_put_off;            /* nothing was done: whoever keeps it has to resend it */
    bool is_counted;            /* a duplicate under a seq of its own: journaled for that */
    bool has_prediction;        /* reply is a prediction, and belongs in the journal */
    proto_message reply;        /* prediction, error, hello or session_end; no durable_seq yet */
    int64_t stage_ns[SESSION_STAGES]; /* decode, assimilate, predict */
    uint32_t n_alerts;
    struct session_alert alerts[SESSION_ALERTS_MAX];
};

/* A trial as the model takes it; one without a stimulus has NaN. RT-safe: yes. */
model_trial session_trial(const proto_trial *t);

/* Reads an event's bytes, which are not trusted: PROTO_OK, or a negative status and *fault.
 * RT-safe: yes. */
int session_decode(const struct session_event *event, proto_message *heard, proto_fault *fault);

/* True if the message changed the subjects or must be kept: the event belongs in the journal. */
bool session_is_journaled(const struct session_result *result);
