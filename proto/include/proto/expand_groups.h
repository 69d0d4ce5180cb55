/* Expands messages.def with GROUP() as the includer defined it and all else empty. No include
 * guard: read once per expansion. */
#define MESSAGE(code, NAME, name, needs, help)
#define INT(owner, key, flags, min, max, unit, help)
#define REAL(owner, key, flags, min, max, unit, help)
#define ID(owner, key, flags, help)
#define TEXT(owner, key, flags, bytes, help)
#define REALS(owner, key, flags, count, min, max, unit, help)
#define NAMED(owner, key, flags, count, min, max, unit, help)
#define NEST(owner, key, flags, group, help)
#define LIST(owner, key, flags, group, count, help)
#define END(name)
#include "proto/messages.def"
#include "proto/undef.h"
