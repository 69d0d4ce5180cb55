/* status_message.h - the training status between wire and model: the input of the tracker from a
 * message, and the message `training`.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include "model/training_status.h"
#include "proto/message.h"
#include "subjects.h"
#include "trial_table.h"

/* What the tracker knows a session by: the same in every journal, unlike the session's number.
 * RT-safe: yes. */
int64_t status_message_session_id(const char *rig, const char *session);

/* A session that nothing was said about. RT-safe: yes. */
model_training_status_session_info status_message_unknown(void);

/* What a session_start says. RT-safe: yes. */
model_training_status_session_info status_message_info(const proto_session_start *start);

/* What a row of a table says of its session. RT-safe: yes. */
model_training_status_session_info status_message_row_info(const struct trial_row *row);

/* Fills *out with where a subject stood when it was last judged: message of kind training, without
 * clock. False if it never was. RT-safe: yes. */
bool status_message_fill(const struct subjects *subjects, uint32_t subject, proto_message *out);

/* Fills in one criterion of it. RT-safe: yes. */
void status_message_criterion(proto_criterion *out, const model_ibl_criteria_check *check);

/* "31.2 of < 19%": what is seen, "-" unknown, at least `width` wide, and what is needed: out[cap].
 */
void status_message_need(const proto_criterion *criterion, int width, char *out, size_t cap);
