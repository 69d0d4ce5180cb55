/* Any bytes as a session of pybpod. No mapping is shipped: one that reads values of all kinds. */
#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bridge_mapping_line LINES[] = {
        {"columns", "side", "REWARD_SIDE"},     {"coding", "side", "1/0"},
        {"columns", "contrast", "COHERENCE"},   {"coding", "contrast", "percent"},
        {"columns", "stage", "VAR_STAGE"},      {"states", "correct", "Reward"},
        {"states", "wrong", "Punish"},          {"states", "reward", "Reward"},
        {"states", "rt_from", "ResponseWindow"}};
    static const struct bridge_mapping MAP = {LINES, sizeof LINES / sizeof LINES[0]};
    return adapter_fuzz(&BRIDGE_ADAPTER_pybpod, "session.csv", &MAP, data, size);
}
