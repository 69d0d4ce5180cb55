/* Prints the byte tables of the serial line in Markdown, made from serial.def. */
#include <stdio.h>

#include "proto/frame.h"
#include "proto/serial.h"

#define NONE PROTO_SERIAL_NONE

static void print_range(long long min, long long max, long long nil, const char *type)
{
    printf("| %s | %lld..%lld", type, min, max);
    if (nil != NONE) {
        printf(", %lld", nil);
    }
}

static void print_size(int at)
{
    printf("\n%d bytes; %d on the wire.\n", at, at + PROTO_FRAME_WIRE_MAX - PROTO_FRAME_BODY_MAX);
}

int main(void)
{
    int at = 0;
    printf("| type | name | from | acknowledged | |\n|---|---|---|---|---|\n");
#define FRAME(code, NAME, name, from, kept, help)                                                  \
    printf("| 0x%02X | %s | %s | %s | %s |\n", code, #name, #from, (kept) ? "yes" : "no", help);
#include "proto/serial.def"

#define FRAME(code, NAME, name, from, kept, help)                                                  \
    printf(                                                                                        \
        "\n**0x%02X %s**\n\n| at | field | type | range | unit | |\n|---|---|---|---|---|---|\n",  \
        code, #name);                                                                              \
    at = 0;
#define NUMBER(bytes, type, key, min, max, nil, unit, help)                                        \
    printf("| %d | %s ", at, #key);                                                                \
    print_range(min, max, nil, type);                                                              \
    printf(" | %s | %s |\n", unit, help);                                                          \
    at += (bytes);
#define U8(owner, key, min, max, nil, unit, help)  NUMBER(1, "u8", key, min, max, nil, unit, help)
#define U16(owner, key, min, max, nil, unit, help) NUMBER(2, "u16", key, min, max, nil, unit, help)
#define U32(owner, key, min, max, nil, unit, help) NUMBER(4, "u32", key, min, max, nil, unit, help)
#define I16(owner, key, min, max, nil, unit, help) NUMBER(2, "i16", key, min, max, nil, unit, help)
#define CHARS(owner, key, bytes, help)                                                             \
    printf("| %d | %s | char[%d] | | | %s |\n", at, #key, bytes, help);                            \
    at += (bytes);
#define END(name) print_size(at);
#include "proto/serial.def"
    return 0;
}
