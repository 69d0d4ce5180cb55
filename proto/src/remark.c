#include "remark.h"

#include <string.h>

enum { KEY_MAX = 24 }; /* longer ones are like none */

void proto_remarks_init(proto_remarks *r)
{
    r->n = r->looks = r->n_near = 0;
    r->first.key[0] = r->first.text[0] = '\0';
}

static void remark_under(proto_remarks *r, proto_fault *fault, const char *map, const char *key)
{
    proto_fault_under(fault, key, strlen(key), 0);
    proto_fault_under(fault, map, strlen(map), 0);
    if (r->n++ == 0) {
        r->first = *fault;
    }
}

void proto_remark_value(proto_remarks *r, const char *map, const proto_field *f,
                        const proto_token *found)
{
    proto_fault fault;
    (void)proto_fault_range(&fault, f, found);
    remark_under(r, &fault, map, f->key);
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, left out, changed, or swapped with their neighbour. */
static uint32_t distance(const char *a, size_t n, const char *b, size_t m)
{
    uint32_t row[3][KEY_MAX + 1];
    for (uint32_t j = 0; j <= m; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        uint32_t *at = row[i % 3];
        const uint32_t *above = row[(i - 1) % 3];
        at[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            const bool is_same = lower(a[i - 1]) == lower(b[j - 1]);
            at[j] = least(least(above[j], at[j - 1]) + 1, above[j - 1] + (is_same ? 0 : 1));
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                at[j] = least(at[j], row[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    return row[n % 3][m];
}

/* One letter in three may be wrong; a unit may be missing, as in `rt` for `rt_s`. */
static bool is_near(const char *key, size_t n, const proto_field *f)
{
    const size_t m = f->key_size;
    if (n > KEY_MAX || m > KEY_MAX || n < 2 || m < 3) {
        return false;
    }
    return distance(key, n, f->key, m) <= least((uint32_t)m / 3, 2) ||
           (n < m && f->key[n] == '_' && distance(key, n, f->key, n) == 0);
}

bool proto_remark_key(proto_remarks *r, const proto_schema *schema, const proto_token *key)
{
    if (r->n_near == REMARK_NEAR_MAX || r->looks >= REMARK_LOOKS) {
        return false;
    }
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        if (is_near((const char *)key->text, key->text_size, &schema->fields[i])) {
            proto_near *near = &r->near[r->n_near++];
            near->schema = schema;
            near->field = i;
            (void)proto_fault_shown(near->key, (const char *)key->text, key->text_size);
            return true;
        }
    }
    return false;
}

const char *proto_remark_near(const proto_remarks *r, const proto_schema *schema, uint32_t field)
{
    for (uint32_t i = 0; i < r->n_near; i++) {
        if (r->near[i].schema == schema && r->near[i].field == field) {
            return r->near[i].key;
        }
    }
    return NULL;
}

void proto_remark_near_misses(proto_remarks *r, const char *map, const proto_schema *schema,
                              uint64_t seen)
{
    for (uint32_t i = 0; i < r->n_near; i++) {
        const proto_near *near = &r->near[i];
        proto_fault fault;
        if (near->schema != schema || (seen >> near->field & 1) != 0) {
            continue;
        }
        (void)proto_fault_set(&fault, PROTO_OK, 0, "no such key: did you mean `%s`?",
                              schema->fields[near->field].key);
        remark_under(r, &fault, map, near->key);
    }
}
