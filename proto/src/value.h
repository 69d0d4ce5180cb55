/* value.h - values of a message's keys: numbers, names, texts, and lists of numbers, off a reader.
 *
 * What a rig's software writes for a value is taken where it can mean nothing else. Each function
 * reads the value that begins with token t, and returns PROTO_VALUE_PRESENT, PROTO_VALUE_ABSENT or
 * a negative proto_result, with *d->fault said. Threads and memory: the decoder's owner.
 */
#pragma once

#include "proto/reader.h"
#include "remark.h"

enum { PROTO_VALUE_ABSENT = 0, PROTO_VALUE_PRESENT = 1 };

typedef struct {
    proto_reader reader;
    proto_fault *fault;
    proto_remarks *remarks; /* NULL: nothing is passed over */
    const char *map;        /* name of the message, once it is known */
    bool kind_seen;
    bool is_recorded;
} proto_decoder;

int proto_value_int(proto_decoder *d, const proto_field *f, const proto_token *t, int64_t *x);
int proto_value_real(proto_decoder *d, const proto_field *f, const proto_token *t, double *x);
int proto_value_id(proto_decoder *d, const proto_token *t, char *out);

/* Text without control characters of at most max bytes into out[max + 1]; its size. */
int proto_value_text(proto_decoder *d, const proto_token *t, char *out, size_t max);

/* *n: how many are in v, 0 before. */
int proto_value_reals(proto_decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                      double v[]);
int proto_value_named(proto_decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                      proto_named v[]);
