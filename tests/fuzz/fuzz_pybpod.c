#include "rig_fuzz.h"

/* No mapping is shipped: one that reads values of all kinds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bridge_mapping_line LINES[] = {{"columns", "side", "REWARD_SIDE"},
                                                       {"side", "right", "1"},
                                                       {"side", "left", "0"},
                                                       {"columns", "stimulus", "COHERENCE"},
                                                       {"stimulus", "unit", "percent"},
                                                       {"stimulus", "sign", "side"},
                                                       {"columns", "stage", "VAR_STAGE"},
                                                       {"states", "correct", "Reward"},
                                                       {"states", "wrong", "Punish"},
                                                       {"states", "reward", "Reward"},
                                                       {"states", "rt_from", "ResponseWindow"}};
    static const struct bridge_mapping MAP = {LINES, sizeof LINES / sizeof LINES[0]};
    return rig_fuzz(&BRIDGE_ADAPTER_pybpod, "session.csv", &MAP, data, size);
}
