/* remark.h - what of a message is passed over, though the message is taken: a number that its key
 * does not take, and a key that nobody knows but that is nearly one of those that are missing.
 *
 * Threads: any, on different objects. Memory: the caller's. RT-safe: yes; a remark formats its text
 * with the C library.
 */
#pragma once

#include "fault.h"

enum { REMARK_NEAR_MAX = 4, REMARK_LOOKS = 16 };

/* A key that is nearly one of the table's. */
typedef struct {
    const proto_schema *schema;
    uint32_t field;
    char key[FAULT_SHOWN_MAX + 4]; /* as it came */
} proto_near;

typedef struct {
    proto_fault first; /* of what was passed over */
    uint32_t n;
    uint32_t looks; /* unknown keys that were looked at: a flood of them costs no time */
    uint32_t n_near;
    proto_near near[REMARK_NEAR_MAX];
} proto_remarks;

/* Before use; does not touch more than it must. */
void proto_remarks_init(proto_remarks *r);

/* The key of a map with that table holds a number which it does not take. */
void proto_remark_value(proto_remarks *r, const char *map, const proto_field *f,
                        const proto_token *found);

/* Keeps an unknown key if it is nearly one of the table's. True if so. */
bool proto_remark_key(proto_remarks *r, const proto_schema *schema, const proto_token *key);

/* How a key came that is not there: NULL if nothing like it did. */
const char *proto_remark_near(const proto_remarks *r, const proto_schema *schema, uint32_t field);

/* Once all keys were read, of which `seen` (bits) were there: the near misses of those that were
 * not are remarks. map: name of the message. */
void proto_remark_near_misses(proto_remarks *r, const char *map, const proto_schema *schema,
                              uint64_t seen);
