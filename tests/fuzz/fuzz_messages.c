/* Any messages of a ZeroMQ publisher. */
#include "stream_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return stream_fuzz_messages("messages",
                                MAPS("columns.stimulus=s", "columns.choice=d.c", "message.end=/end",
                                     "columns.stage=t", "columns.task=u", "columns.contrast=/c",
                                     "columns.side=/c.2", "lines.columns=s,d.c"),
                                data, size);
}
