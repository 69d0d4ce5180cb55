/* example.h - the trials that the example task plays: a fixed pseudo-random table; or, of that, the
 * stimuli and correct sides alone, and a virtual mouse (`murid mouse`) is asked for the choices.
 *
 * Trial n is made from h = mix(n), mix being  x = n + 0x9E3779B9;  x ^= x >> 16;  x *= 0x7FEB352D;
 * x ^= x >> 15;  x *= 0x846CA68B;  x ^= x >> 16  (32 bits), so that a test can make it again:
 *   contrast   (h mod 9 - 4) * 2500 / 10000, so -1.0 to 1.0
 *   side       right (1) above zero, left (0) below; at zero bit 4 of h
 *   choice     none (255) if bits 5..9 of h are all 0, else side if bits 10..11 are not all 0, else
 *              the other one
 *   reward     1 if choice = side, else 0
 *   rt_ms      200 + bits 12..21 of h; 65535 without a choice
 *   flags      repeat if bits 22..24 of h are all 0
 *   reward_nl  3000 with a reward, else 0
 */
#pragma once

#include "device.h"

/* Fills in all but boot, trial and t_us. */
void example_trial(uint32_t n, proto_serial_trial *out);

/* The task: for each trial a stimulus, then period_us later (where a mouse is asked, after its
 * choice has come) its outcome; then the end. */
typedef struct {
    uint32_t total; /* trials to play */
    uint32_t period_us;
    bool asks;       /* a virtual mouse for each choice */
    bool is_shown;   /* the stimulus of the trial under way */
    bool has_choice; /* the mouse's */
    bool is_over;    /* the end is pushed */
    uint32_t due_us;
    uint32_t again_us; /* when the stimulus is pushed again */
    proto_serial_choice choice;
} example_task;

/* Does what is due; call it beside device_poll(). */
void example_task_poll(example_task *task, device *d);
