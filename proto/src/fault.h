/* fault.h - fills in a proto_fault. Only ASCII leaves it, whatever the input held: it is sent back
 * in an error message.
 *
 * Threads: any, on different objects. Memory: the caller's.
 */
#pragma once

#include "proto/reader.h"
#include "schema.h"

enum { FAULT_SHOWN_MAX = 32 };

/* Each returns the status it was given or made, so that a failing function can end with it. */

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
int proto_fault_set(proto_fault *fault, int status, size_t offset, const char *format, ...);

/* The input itself is broken: the reader's sticky error. */
int proto_fault_of_reader(proto_fault *fault, const proto_reader *r);

/* A value of another type than the field's. */
int proto_fault_type(proto_fault *fault, const char *expected, const proto_token *found);

/* A number outside the field's range. */
int proto_fault_range(proto_fault *fault, const proto_field *f, const proto_token *found);

/* Puts the key of n bytes, or with n = 0 the position i, in front of the fault's path. */
void proto_fault_under(proto_fault *fault, const char *key, size_t n, uint32_t i);

/* Copies at most FAULT_SHOWN_MAX bytes of s[0..n) with '?' for whatever is not printable. */
const char *proto_fault_shown(char out[FAULT_SHOWN_MAX + 4], const char *s, size_t n);

/* More values than the field holds; t is the first. */
int proto_fault_many(proto_fault *fault, const proto_field *f, const proto_token *t);
