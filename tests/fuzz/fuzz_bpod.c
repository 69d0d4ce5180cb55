#include "rig_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return rig_fuzz(&BRIDGE_ADAPTER_bpod, "m1_Light2AFC_20240312_101112.mat", NULL, data, size);
}
