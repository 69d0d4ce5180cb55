/* bridge/bytes_le.h - whole numbers out of little-endian bytes. Threads: any. RT-safe: yes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* size: 1 to 8 bytes. */
static inline uint64_t bridge_bytes_le(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static inline int64_t bridge_bytes_le_signed(const uint8_t *bytes, size_t size)
{
    const uint64_t value = bridge_bytes_le(bytes, size);
    const uint64_t sign = (uint64_t)1 << (8 * size - 1);
    return (int64_t)((value ^ sign) - sign);
}
