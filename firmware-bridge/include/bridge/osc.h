/* bridge/osc.h - the arguments of Open Sound Control messages, as Bonsai sends them: an address,
 * type tags, arguments, each filled up to 4 bytes, big-endian; alone or in a bundle.
 *
 * An argument's name is the address, and "ADDRESS.2" that of the second. Bytes are not trusted.
 * Threads: any. Memory: none kept. RT-safe: yes, but for the C library's formatting of numbers.
 */
#pragma once

#include "bridge/value_tree.h"

/* As bridge_value_tree_read(). */
int bridge_osc_read(const uint8_t *bytes, size_t size, const struct bridge_trial_fields *fields,
                    struct bridge_values *values, uint64_t *slots,
                    struct bridge_value_tree_fault *fault);
