/* prospect.h - what looking ahead needs of one animal beside its twin: whether and how fast it
 * learns by each rule (model/pace.h), and what it was shown of late.
 *
 * Rules are followed by one member each: prospect_bank(). struct prospect is plain memory without
 * pointers, of which the first prospect_used() bytes are used.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#ifndef MURID_PROSPECT_H
#define MURID_PROSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/pace.h"
#include "recent.h"

struct prospect {
    struct recent recent;
    model_pace pace; /* last: what it does not use is never touched */
};

/* The first member of each rule of a bank, with like priors; its nets stay the bank's. */
void prospect_bank(model_bank_params *out, const model_bank_params *bank);

/* Bytes that animals followed by such a bank use. RT-safe: yes. */
size_t prospect_used(const model_bank_params *bank);

/* An animal that was never seen. RT-safe: yes. */
void prospect_reset(struct prospect *p, const model_bank_params *bank);

/* RT-safe: yes. */
void prospect_start_session(struct prospect *p, const model_bank_params *bank);

/* Takes one trial up; p_left: of its block, NaN unknown. RT-safe: yes, see model_pace_observe(). */
void prospect_observe(struct prospect *p, const model_bank_params *bank, const model_trial *trial,
                      double p_left);

/* Reads one back. False and *p in any condition if the bytes are not those of such a bank. */
bool prospect_unpack(struct prospect *p, const model_bank_params *bank, const uint8_t bytes[],
                     size_t size);

#endif
