/* message_fuzz.h - what the fuzz targets of both formats check: whatever proto_decode() takes can
 * be written in either format and means the same when read again; whatever it refuses has a reason
 * that can be sent back. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(int is_true)
{
    if (!is_true) {
        abort();
    }
}

static inline void fuzz_fault(const proto_fault *fault)
{
    static proto_message error;
    uint8_t bytes[2048];
    proto_message_init(&error, PROTO_KIND_ERROR);
    fuzz_require(fault->status < 0);
    fuzz_require(strlen(fault->key) < sizeof error.as.error.key);
    memcpy(error.as.error.code, "bad_message", sizeof "bad_message");
    memcpy(error.as.error.key, fault->key, strlen(fault->key) + 1);
    memcpy(error.as.error.text, fault->text, strlen(fault->text) + 1);
    fuzz_require(proto_encode(&error, PROTO_FORMAT_JSON, bytes, sizeof bytes) > 0);
}

static inline int fuzz_message(const uint8_t *data, size_t size)
{
    static const proto_format FORMATS[] = {PROTO_FORMAT_MSGPACK, PROTO_FORMAT_JSON};
    static proto_message one;
    static proto_message two;
    uint8_t bytes[PROTO_BYTES_MAX];
    proto_fault fault;
    memset(&one, 0, sizeof one);
    if (proto_decode(data, size, &one, &fault) != PROTO_OK) {
        fuzz_fault(&fault);
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        const int n = proto_encode(&one, FORMATS[i], bytes, sizeof bytes);
        memset(&two, 0, sizeof two);
        fuzz_require(n > 0);
        fuzz_require(proto_decode(bytes, (size_t)n, &two, &fault) == PROTO_OK);
        fuzz_require(memcmp(&one, &two, sizeof one) == 0);
    }
    return 0;
}
