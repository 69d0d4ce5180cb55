/* Any bytes as a file of iblrig. */
#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return adapter_fuzz(&BRIDGE_ADAPTER_iblrig, "x.jsonable", NULL, data, size);
}
