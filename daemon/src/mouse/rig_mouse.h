/* rig_mouse.h - a virtual mouse at a rig: messages in, choices out, and when.
 *
 * A rig shows a stimulus; the mouse answers with a choice when its reaction time is over; the rig
 * reports how the trial ended, and the mouse learns from that. A repeated stimulus gets the same
 * choice again. docs/mouse.md has the rules.
 * It uses no socket, file or clock. Threads: one owner. Memory: plain state; parameters are the
 * caller's and outlive it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/engagement_sim.h"
#include "model/virtual_mouse.h"
#include "proto/message.h"

struct rig_mouse_options {
    const model_params *params;
    model_engagement_sim_params engagement;
    uint64_t seed;
    const char *subject; /* its name; "": the first that a rig calls it by */
    double window_s;     /* without a choice it says so after this */
    double speed;        /* of its time over the clock's; 0: it answers at once */
};

struct rig_mouse_tally {
    int64_t sessions;
    int64_t stimuli;  /* told from each other */
    int64_t choices;  /* answered */
    int64_t no_gos;   /* likewise */
    int64_t trials;   /* finished, with or without a choice */
    int64_t rewarded; /* of these */
    int64_t repeated; /* messages that came again */
    int64_t unseen;   /* trials without a choice whose stimulus it was never shown */
    int64_t refused;
};

/* A stimulus that was shown, and what the mouse does about it. */
struct rig_mouse_trial {
    int64_t number; /* PROTO_NIL: none */
    double contrast;
    model_engagement_sim_act act;
    double p_policy;             /* that the policy chooses right */
    double w[MODEL_WEIGHTS_MAX]; /* the weights before it */
    int64_t due_ns;              /* when the act is over */
    bool is_answered;
    bool is_over; /* the rig has told how it ended */
};

/* How far back a rig may tell the end of a trial: a device sends again what was lost on its way,
 * and may have shown the next stimulus meanwhile. */
enum { RIG_MOUSE_TRIALS = 64 };

struct rig_mouse {
    struct rig_mouse_options options;
    model_virtual_mouse mouse;
    model_engagement_sim engagement;
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1]; /* "" before the first */
    bool is_ended;                  /* that session */
    proto_envelope shown;           /* of the stimulus at hand; trial PROTO_NIL before the first */
    bool is_due;                    /* the rig waits for the answer to it */
    struct rig_mouse_trial trial[RIG_MOUSE_TRIALS]; /* of this session, by their numbers */
    struct rig_mouse_tally tally;
};

enum rig_mouse_heard {
    RIG_MOUSE_REPLY,  /* the reply is to be sent now */
    RIG_MOUSE_ACT,    /* a stimulus: the answer comes from rig_mouse_next() */
    RIG_MOUSE_AGAIN,  /* the same stimulus again: likewise */
    RIG_MOUSE_REFUSED /* as RIG_MOUSE_REPLY: the reply is an error */
};

/* A mouse that was never in a rig. */
void rig_mouse_init(struct rig_mouse *actor, const struct rig_mouse_options *options);

/* Takes one message of the rig, heard at now_ns. */
enum rig_mouse_heard rig_mouse_hear(struct rig_mouse *actor, const proto_message *heard,
                                    int64_t now_ns, proto_message *reply);

/* Bytes that are no message: *reply is the error to send. heard as proto_decode() left it. */
void rig_mouse_refuse(struct rig_mouse *actor, const proto_message *heard, const proto_fault *fault,
                      proto_message *reply);

/* The trial of the stimulus at hand; before the first its number is PROTO_NIL. */
const struct rig_mouse_trial *rig_mouse_present(const struct rig_mouse *actor);

/* When rig_mouse_next() will have an answer; INT64_MAX: nothing is asked. */
int64_t rig_mouse_due_ns(const struct rig_mouse *actor);

/* True once the reaction time is over: *reply is the answer to the stimulus. */
bool rig_mouse_next(struct rig_mouse *actor, int64_t now_ns, proto_message *reply);

/* Whoever asked is gone: no answer, until the stimulus is shown again. */
void rig_mouse_drop(struct rig_mouse *actor);
