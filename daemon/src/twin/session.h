/* session.h - handles one message: the path of one trial through the daemon.
 *
 * Start reading at session_on_trial(). Everything here is a function of the message, its time of
 * receipt and the subjects: no sockets, files or clocks. The daemon calls it live; `murid replay`
 * and the resume after a crash call it again with journaled messages, and get the same bits.
 * Threads: the owner of the subjects. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "session_event.h"
#include "subjects.h"

/* Hears one message: decodes it, finds subject and session, takes it up, predicts what comes next.
 * Bad input is an answer, not a failure. RT-safe: yes; the first message of a session waits about
 * 1 ms for the training status at the end of the one before, if nobody judged it since. */
void session_on_message(struct subjects *subjects, const struct session_event *event,
                        struct session_result *result);

/* The rest of the animal's state, which no answer waits for: what looking ahead needs. To be called
 * after each session_on_message(), before anything else is heard or checkpointed. RT-safe: yes. */
void session_look_ahead(struct subjects *subjects, const struct session_result *result);
