/* suggestion_message.h - advice on an animal's training as the message `suggestion`.
 *
 * Functions of their arguments. Threads: any. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "model/curriculum.h"
#include "proto/message.h"

/* Fills a whole message, apart from the times and numbers of its envelope, which are the caller's:
 * the best changes first, the gain in expected proportion correct. names: of the stages; horizon:
 * trials after which the gains are expected; based_on: the last trial that was known. */
void suggestion_message_fill(proto_message *msg, const model_curriculum_advice *advice,
                             const model_protocol *names, int64_t horizon, int64_t based_on);

/* The change that a message advises, in suggestion_message_describe()'s words with the stage's
 * name; "" where it abstains: out[cap]. */
void suggestion_message_words(const proto_suggestion *suggestion, char *out, size_t cap);

/* Why a message abstains, by its sentence; ADVISES where it does not abstain, MODEL_CURRICULUM_WHYS
 * for a reason of another murid. */
model_curriculum_why suggestion_message_reason(const proto_suggestion *suggestion);

/* The reason in a sentence: out[cap]. */
void suggestion_message_why(const model_curriculum_advice *advice, const model_protocol *names,
                            char *out, size_t cap);

/* A change in a few words, "contrast 0.125, part 0.5": out[cap]. */
void suggestion_message_describe(const model_protocol_change *change, const model_protocol *names,
                                 char *out, size_t cap);

/* The parameters of a change, by name: out[8]. Returns how many. */
uint32_t suggestion_message_params(const model_protocol_change *change, proto_named out[]);
