/* rig_data.h - trials in the files that rigs wrote, read through their adapters
 * (bridge/adapter.h) as rows of a trial table.
 *
 * A path is a file or a folder of any depth. Its sessions come by subject, date and number,
 * whatever the order of files; a session that another file holds already is left out, and so is
 * what cannot be read: rig_data_say() tells what was recognised, rig_data_left_out() what was not
 * read and why. Threads: one owner. Memory: the heap, some hundred bytes a file; rig_data_close().
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "bridge/adapter.h"
#include "fault.h"
#include "findings.h"
#include "trial_row.h"

struct rig_data;

/* What is looked for. */
struct rig_data_request {
    const char *const *paths;
    size_t n_paths;
    const struct bridge_adapter *only; /* one format; NULL: any */
    const struct bridge_mapping *map;  /* NULL: none; must outlive what is opened */
};

/* Looks for files of rigs. FAULT_NONE, with *out NULL where there are none; or FAULT_WORK. */
int rig_data_open(struct rig_data **out, const struct rig_data_request *request,
                  struct fault *fault);

/* The next trial: 1; 0 there is none; -1 with *fault: no memory. */
int rig_data_next(struct rig_data *data, struct trial_row *row, struct fault *fault);

/* "iblrig 8.23.1, 3 sessions of t6, 2297 trials", a line each program, version and animal, of what
 * was read so far, each after prefix. */
void rig_data_say(const struct rig_data *data, FILE *to, const char *prefix);

/* What was left out so far, one line each; the last one counts those that do not fit. */
const struct findings *rig_data_left_out(const struct rig_data *data);

/* NULL is fine. */
void rig_data_close(struct rig_data *data);
