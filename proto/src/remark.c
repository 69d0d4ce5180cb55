#include "remark.h"

#include <string.h>

#include "proto/distance.h"

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

/* One letter in three may be wrong; a unit may be missing, as in `rt` for `rt_s`. */
static bool is_near(const char *key, size_t n, const proto_field *f)
{
    const size_t m = f->key_size;
    if (n > KEY_MAX || m > KEY_MAX || n < 2 || m < 3) {
        return false;
    }
    const uint32_t most = m < 6 ? (uint32_t)m / 3 : 2;
    return proto_distance(key, n, f->key, m) <= most ||
           (n < m && f->key[n] == '_' && proto_distance(key, n, f->key, n) == 0);
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
