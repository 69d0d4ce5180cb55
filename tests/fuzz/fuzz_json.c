#include "message_fuzz.h"
#include "proto/reader.h"

/* The reader sees all input as JSON, also what a message could not begin with. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    proto_reader r;
    char text[64];
    proto_reader_init(&r, PROTO_FORMAT_JSON, data, size);
    for (;;) {
        const proto_token t = proto_reader_next(&r);
        if (t.type == PROTO_TOKEN_END) {
            break;
        }
        if (t.type == PROTO_TOKEN_TEXT && proto_token_text(&t, text, sizeof text) >= 0) {
            fuzz_require(proto_token_is(&t, text));
        }
    }
    return proto_format_of(data, size) == PROTO_FORMAT_JSON ? fuzz_message(data, size) : 0;
}
