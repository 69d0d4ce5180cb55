/* replay.h - runs journaled messages again, in order, through the code that handled them live.
 *
 * `murid run` resumes this way from its last checkpoints, `murid replay` starts from nothing and
 * compares. Threads: one owner. Memory: owned by struct replay; replay_close().
 */
#pragma once

#include "active_models.h"
#include "journal_contents.h"
#include "journal_reader.h"
#include "replay_adaptation.h"
#include "session.h"
#include "subjects.h"

/* What is in force from one event on: a row of the table run. */
struct replay_run {
    int64_t id;
    int64_t first_event;
    int64_t boot; /* of the machine, as clock_boot() */
    struct config config;
    struct active_models models;
};

struct replay {
    struct journal_reader journal;
    struct journal_contents contents;
    struct replay_run *runs;
    size_t n_runs;
    size_t present; /* index of the run in force */
    struct replay_adaptation adaptation;
    int64_t last_event;
};

/* One event that was heard again. */
struct replay_step {
    const struct subjects *subjects;
    const struct session_event *event;
    const struct session_result *result;
    int64_t done; /* events so far */
};

/* Called after each event; other than 0 ends the replay and is returned. */
typedef int replay_callback(void *context, const struct replay_step *step, struct fault *fault);

/* Opens a journal file for reading and loads its runs with their models. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK. */
int replay_open(struct replay *replay, const char *path, struct fault *fault);
void replay_close(struct replay *replay);

/* True if there is nothing to run. */
bool replay_is_empty(const struct replay *replay);

/* Makes an empty subjects under the first run, with room for all that the journal holds. It asks
 * the replay's journal for contents: whoever keeps it beyond the replay has to give it another. */
int replay_open_subjects(struct replay *replay, struct subjects *subjects, int64_t (*now_ns)(void),
                         struct fault *fault);

/* Fills the subjects with the names and the checkpoints of the journal; sessions that no checkpoint
 * has reached are dormant. *from: the last event that every state holds. */
int replay_load_checkpoints(struct replay *replay, struct subjects *subjects, int64_t *from,
                            struct fault *fault);

/* Hears every event above `from` again that its subject's state does not hold yet. */
int replay_events(struct replay *replay, struct subjects *subjects, int64_t from,
                  replay_callback *callback, void *context, struct fault *fault);
