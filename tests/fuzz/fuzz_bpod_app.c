/* Any bytes of a Bpod's APP port. */
#include "stream_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return stream_fuzz_bytes("bpod-app",
                             MAPS("marks.trial=1", "stimulus.1=2,3", "stimulus.-0.5=4",
                                  "marks.right=5", "marks.left=6", "marks.reward=7", "marks.end=8",
                                  "marks.session_end=9", "marks.session_start=10"),
                             data, size);
}
