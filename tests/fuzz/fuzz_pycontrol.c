/* Any bytes as a session file of pyControl. */
#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return adapter_fuzz(&BRIDGE_ADAPTER_pycontrol, "m1-2026-01-02-030405.tsv", NULL, data, size);
}
