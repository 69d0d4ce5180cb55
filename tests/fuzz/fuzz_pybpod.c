/* Any bytes as a session of pybpod. No mapping is shipped: one that reads values of all kinds. */
#include "adapter_fuzz.h"
#include "maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bridge_mapping *map =
        MAPS("columns.side=REWARD_SIDE", "coding.side=1/0", "columns.contrast=COHERENCE",
             "coding.contrast=percent", "columns.stage=VAR_STAGE", "states.correct=Reward",
             "states.wrong=Punish", "states.reward=Reward", "states.rt_from=ResponseWindow");
    return adapter_fuzz(&BRIDGE_ADAPTER_pybpod, "session.csv", map, data, size);
}
