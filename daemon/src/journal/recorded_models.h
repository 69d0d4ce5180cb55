/* recorded_models.h - the model and the protocol for a recorded animal: those named by the user,
 * otherwise those in force when the last run of a journal's daemon began.
 *
 * Threads: one owner. Memory: as in model_file_load() and protocol_file_load().
 */
#pragma once

#include "audit_protocol.h"
#include "fault.h"
#include "model_file.h"
#include "protocol_file.h"

/* record: a table, a journal or its directory. path: of a model file; NULL: the journal's, and for
 * a table the built-in walk. FAULT_NONE; FAULT_INPUT or FAULT_WORK with *out zeroed. */
int recorded_models_model(const char *record, const char *path, struct model_file *out,
                          struct fault *fault);

/* All protocols that the journal's daemon was told of, by task. FAULT_NONE; FAULT_INPUT: there are
 * none; or FAULT_WORK. */
int recorded_models_protocols(const char *record, struct audit_protocols *out, struct fault *fault);

/* path: of a protocol; NULL: the one that the journal's daemon was told of. FAULT_NONE;
 * FAULT_INPUT: there is none; or FAULT_WORK. */
int recorded_models_protocol(const char *record, const char *path, struct protocol_file *out,
                             struct fault *fault);
