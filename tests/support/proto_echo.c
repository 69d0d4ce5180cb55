/* proto_echo: for each message on standard input, preceded by its length in 4 bytes (big endian),
 * writes it in the other format to standard output the same way; "!STATUS KEY: TEXT" if it is
 * refused. Tests use it to put another language's encoder opposite ours. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/message.h"

enum { INPUT_MAX = 1 << 20 };

static void put(const void *bytes, size_t n)
{
    const uint8_t head[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    (void)fwrite(head, 1, sizeof head, stdout);
    (void)fwrite(bytes, 1, n, stdout);
    (void)fflush(stdout);
}

static void answer(const uint8_t *bytes, size_t size)
{
    static proto_message msg;
    uint8_t out[PROTO_BYTES_MAX];
    char text[400];
    proto_fault fault;
    if (proto_decode(bytes, size, &msg, &fault) != PROTO_OK) {
        put(text,
            (size_t)snprintf(text, sizeof text, "!%d %s: %s", fault.status, fault.key, fault.text));
        return;
    }
    const proto_format other = proto_format_of(bytes, size) == PROTO_FORMAT_JSON
                                   ? PROTO_FORMAT_MSGPACK
                                   : PROTO_FORMAT_JSON;
    const int n = proto_encode(&msg, other, out, sizeof out);
    if (n < 0) {
        put(text, (size_t)snprintf(text, sizeof text, "!%d : not encoded", n));
        return;
    }
    put(out, (size_t)n);
}

int main(void)
{
    static uint8_t input[INPUT_MAX];
    uint8_t head[4];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        const size_t n =
            (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | (size_t)head[3];
        if (n > sizeof input || fread(input, 1, n, stdin) != n) {
            return 1;
        }
        answer(input, n);
    }
    return 0;
}
