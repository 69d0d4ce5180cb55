/* encounter.h - a virtual mouse meets a rig, over ZeroMQ or a serial line: waits, hears, answers in
 * time, until it is told to stop.
 *
 * A rig may vanish and come back; what it says is not trusted. Threads: one owner.
 * Memory: allocated by encounter_open().
 */
#ifndef MURID_ENCOUNTER_H
#define MURID_ENCOUNTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "actor.h"
#include "fault.h"

struct encounter;

/* Where the rig is: one of the first three is set, the others NULL. */
struct encounter_options {
    const char *bind;    /* rigs connect to this endpoint */
    const char *connect; /* the endpoint of a rig */
    const char *serial;  /* a port */
    int64_t baud;
    bool insecure;          /* bind beyond this machine */
    int64_t trials;         /* stop after so many finished ones; 0: never */
    FILE *truth;            /* a table of what the mouse did and why; NULL: none */
    const char *truth_path; /* as errors name it */
};

/* Opens the socket or port, and lets signals come as events: Ctrl-C ends encounter_run(). actor and
 * options outlive it. FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *out NULL. */
int encounter_open(struct encounter **out, struct actor *actor,
                   const struct encounter_options *options, struct fault *fault);
void encounter_close(struct encounter *e);

/* Runs until Ctrl-C, SIGTERM, or the last trial. FAULT_NONE, or FAULT_WORK: the truth could not be
 * written, or nothing answered at an endpoint that was connected to; or FAULT_INPUT: no rig did. */
int encounter_run(struct encounter *e, struct fault *fault);

#endif
