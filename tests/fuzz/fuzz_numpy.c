/* Any bytes as an archive of NumPy, and as an array. */
#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)adapter_fuzz_whole(&BRIDGE_ADAPTER_numpy, "x.npy", data, size);
    return adapter_fuzz_whole(&BRIDGE_ADAPTER_numpy, "x.npz", data, size);
}
