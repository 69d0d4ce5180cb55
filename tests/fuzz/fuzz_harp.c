/* Any bytes of a Harp device. */
#include "stream_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return stream_fuzz_bytes("harp",
                             MAPS("stimulus.0.5=32=4", "stimulus.-1=32&1", "marks.right=33&1",
                                  "marks.left=33&2", "marks.reward=34", "marks.end=35"),
                             data, size);
}
