/* loop_jobs.h - the loop's side of the worker: which animals need jobs, and what is done with the
 * results. Each kind of job has a function that applies its result, named in loop_jobs_serve().
 *
 * Threads: the loop's. Memory: the worker's, allocated at loop_jobs_open().
 */
#pragma once

#include "server.h"

/* Starts the worker for the subjects as it is; its results are reported as tag. 0, or -1 without
 * memory. */
int loop_jobs_open(struct server *server, uint32_t tag);

/* Stops it, and the job at hand; nothing open is fine. */
void loop_jobs_close(struct server *server);

/* After a trial was answered: the jobs that its animal is due for. RT-safe: yes. */
void loop_jobs_want(struct server *server, uint32_t subject);

/* Between trials: takes up what the worker has done, and gives it the next job if one waits. */
void loop_jobs_serve(struct server *server);

/* Undoes the last change of an animal's own parameters, and journals that. False: there is none, or
 * the journal has no room. */
bool loop_jobs_undo_adaptation(struct server *server, uint32_t subject);
