#include "message_fuzz.h"

/* JSON text is left to its own target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return proto_format_of(data, size) == PROTO_FORMAT_MSGPACK ? fuzz_message(data, size) : 0;
}
