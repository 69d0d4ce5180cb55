/* writer.h - one way to write maps, arrays and values, as msgpack or as JSON text, into a fixed
 * buffer.
 *
 * What does not fit sets is_full and is dropped; the caller looks once, at the end. Values must be
 * valid: finite numbers, clean UTF-8. Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <msgpack.h>

#include "proto/message.h"

typedef struct proto_writer proto_writer;

typedef struct {
    void (*open_map)(proto_writer *w, size_t n_pairs);
    void (*close_map)(proto_writer *w);
    void (*open_array)(proto_writer *w, size_t n_items);
    void (*close_array)(proto_writer *w);
    void (*key)(proto_writer *w, const char *s, size_t n);
    void (*text)(proto_writer *w, const char *s, size_t n);
    void (*integer)(proto_writer *w, int64_t x);
    void (*real)(proto_writer *w, double x);
    void (*nil)(proto_writer *w);
} proto_writer_ops;

struct proto_writer {
    const proto_writer_ops *ops;
    uint8_t *out;
    size_t cap;
    size_t at;
    bool is_full;
    bool needs_comma; /* JSON */
    msgpack_packer packer;
};

/* Starts at out[0]. The writer must not be moved afterwards. RT-safe: yes; of the ops all but
 * JSON's `real`. */
void proto_writer_init(proto_writer *w, proto_format format, uint8_t *out, size_t cap);
