/* Expands serial.def with FRAME() as the includer defined it and all else empty. No include guard:
 * read once per expansion. */
#define U8(owner, key, min, max, nil, unit, help)
#define U16(owner, key, min, max, nil, unit, help)
#define U32(owner, key, min, max, nil, unit, help)
#define I16(owner, key, min, max, nil, unit, help)
#define CHARS(owner, key, bytes, help)
#define END(name)
#include "proto/serial.def"
#include "proto/serial_undef.h"
