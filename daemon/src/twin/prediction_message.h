/* prediction_message.h - the message `prediction`: what an animal will do for each stimulus, and
 * how good that was so far.
 *
 * Threads: the owner of the subjects. Memory: the message is the caller's; nothing allocates.
 */
#pragma once

#include "subjects.h"

/* Fills *out with the present prediction for a subject: message of kind prediction, without clock,
 * stages and durable_seq. RT-safe: yes. */
void prediction_message_fill(const struct subjects *subjects, uint32_t subject, proto_message *out);

/* Means of a score, and its bins, as they are published. RT-safe: yes. */
void prediction_message_score(proto_score *out, const model_score *score);
void prediction_message_reliability(proto_reliability *out, const model_score *score);
