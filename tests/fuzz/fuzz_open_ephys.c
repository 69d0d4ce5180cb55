/* Any messages of Open Ephys. */
#include "stream_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return stream_fuzz_messages("open-ephys",
                                MAPS("marks.trial=0", "stimulus.0.25=1", "marks.right=2",
                                     "marks.left=3", "marks.end=0=0", "open_ephys.rate=1000"),
                                data, size);
}
