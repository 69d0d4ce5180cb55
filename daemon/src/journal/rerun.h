/* rerun.h - journaled messages heard again, in order, by the same code that heard them first.
 *
 * `murid run` resumes so from its last checkpoints, `murid replay` starts from nothing and
 * compares. Threads: one owner. Memory: owned by struct rerun; rerun_close().
 */
#ifndef MURID_RERUN_H
#define MURID_RERUN_H

#include "colony.h"
#include "journal_contents.h"
#include "journal_reader.h"
#include "models.h"
#include "rerun_adaptation.h"
#include "session.h"

/* What is in force from one event on: a row of the table run. */
struct rerun_run {
    int64_t id;
    int64_t first_event;
    int64_t boot; /* of the machine, as clock_boot() */
    struct config config;
    struct models models;
};

struct rerun {
    struct journal_reader journal;
    struct journal_contents contents;
    struct rerun_run *runs;
    size_t n_runs;
    size_t present; /* index of the run in force */
    struct rerun_adaptation adaptation;
    int64_t last_event;
};

/* One event that was heard again. */
struct rerun_step {
    const struct colony *colony;
    const struct session_event *event;
    const struct session_result *result;
    int64_t done; /* events so far */
};

/* Called after each event; other than 0 ends the rerun and is returned. */
typedef int rerun_callback(void *context, const struct rerun_step *step, struct fault *fault);

/* Opens a journal file for reading and loads its runs with their models. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK. */
int rerun_open(struct rerun *rerun, const char *path, struct fault *fault);
void rerun_close(struct rerun *rerun);

/* True if there is nothing to run. */
bool rerun_is_empty(const struct rerun *rerun);

/* Makes an empty colony under the first run, with room for all that the journal holds. It asks the
 * rerun's journal for contents: whoever keeps it beyond the rerun has to give it another. */
int rerun_open_colony(struct rerun *rerun, struct colony *colony, int64_t (*now_ns)(void),
                      struct fault *fault);

/* Fills the colony with the names and the checkpoints of the journal; sessions that no checkpoint
 * has reached are dormant. *from: the last event that every state holds. */
int rerun_load_checkpoints(struct rerun *rerun, struct colony *colony, int64_t *from,
                           struct fault *fault);

/* Hears every event above `from` again that its subject's state does not hold yet. */
int rerun_events(struct rerun *rerun, struct colony *colony, int64_t from, rerun_callback *callback,
                 void *context, struct fault *fault);

#endif
