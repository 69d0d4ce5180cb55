/* mouse_loop.h - the event loop of a virtual mouse at a rig, over ZeroMQ or a serial line: waits,
 * receives and answers in time until it is stopped.
 *
 * A rig may disappear and return; its messages are not trusted. Threads: one owner.
 * Memory: allocated by mouse_loop_open().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "rig_mouse.h"

struct mouse_loop;

/* Where the rig is: one of the first three is set, the others NULL. */
struct mouse_loop_options {
    const char *bind;    /* rigs connect to this endpoint */
    const char *connect; /* the endpoint of a rig */
    const char *serial;  /* a port */
    int64_t baud;
    bool insecure;          /* bind beyond this machine */
    int64_t trials;         /* stop after so many finished ones; 0: never */
    FILE *truth;            /* a table of what the mouse did and why; NULL: none */
    const char *truth_path; /* as errors name it */
};

/* Opens the socket or port, and lets signals come as events: Ctrl-C ends mouse_loop_run(). actor
 * and options outlive it. FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *out NULL. */
int mouse_loop_open(struct mouse_loop **out, struct rig_mouse *actor,
                    const struct mouse_loop_options *options, struct fault *fault);
void mouse_loop_close(struct mouse_loop *e);

/* Runs until Ctrl-C, SIGTERM, or the last trial. FAULT_NONE, or FAULT_WORK: the truth could not be
 * written, or nothing answered at an endpoint that was connected to; or FAULT_INPUT: no rig did. */
int mouse_loop_run(struct mouse_loop *e, struct fault *fault);
