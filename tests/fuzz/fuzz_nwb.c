/* Any bytes as an NWB file: libhdf5 may crash on them, in its own process; nothing else may. */
#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return adapter_fuzz_whole(&BRIDGE_ADAPTER_nwb, "x.nwb", data, size);
}
