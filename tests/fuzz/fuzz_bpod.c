/* Any bytes as a session of Bpod. */
#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return adapter_fuzz_whole(&BRIDGE_ADAPTER_bpod, "m1_Light2AFC_20240312_101112.mat", data, size);
}
