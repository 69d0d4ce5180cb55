#include <string.h>

#include "fault.h"
#include "kind.h"
#include "proto/message.h"
#include "schema.h"
#include "proto/text.h"
#include "value.h"

/* A struct that is being filled in from a map. */
typedef struct {
    const proto_schema *schema;
    uint8_t *base;
    uint64_t seen;    /* keys met, nil or not */
    uint64_t present; /* keys with a value */
    uint32_t next;    /* the field after the one last met */
} target;

static int read_map(proto_decoder *d, target targets[], size_t n);

static void *member(uint8_t *base, uint32_t offset)
{
    return base + offset;
}

static int read_nest(proto_decoder *d, const proto_field *f, const proto_token *t, uint8_t *to)
{
    if (t->type != PROTO_TOKEN_MAP) {
        return proto_fault_type(d->fault, "a map", t);
    }
    memcpy(to, f->sub->absent, f->sub->size);
    target inner = {.schema = f->sub, .base = to};
    const int rc = read_map(d, &inner, 1);
    return rc < 0 ? rc : PROTO_VALUE_PRESENT;
}

static int read_list(proto_decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                     uint8_t *v)
{
    if (t->type != PROTO_TOKEN_ARRAY) {
        return proto_fault_type(d->fault, "an array of maps", t);
    }
    for (;;) {
        const proto_token item = proto_reader_next(&d->reader);
        if (item.type == PROTO_TOKEN_CLOSE) {
            return PROTO_VALUE_PRESENT;
        }
        if (item.type == PROTO_TOKEN_END) {
            return proto_fault_of_reader(d->fault, &d->reader);
        }
        if (*n == f->capacity) {
            return proto_fault_many(d->fault, f, &item);
        }
        const int rc = read_nest(d, f, &item, v + (size_t)*n * f->sub->size);
        if (rc < 0) {
            proto_fault_under(d->fault, "", 0, *n);
            return rc;
        }
        ++*n;
    }
}

/* ---- maps with a schema ---------------------------------------------------------------------- */

static int read_field(proto_decoder *d, const proto_field *f, const proto_token *t, uint8_t *base)
{
    void *to = member(base, f->offset);
    void *values = member(base, f->values);
    if (t->type == PROTO_TOKEN_END) {
        return proto_fault_of_reader(d->fault, &d->reader);
    }
    if (t->type == PROTO_TOKEN_NIL) {
        return PROTO_VALUE_ABSENT;
    }
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT: {
        int64_t x = 0;
        const int rc = proto_value_int(d, f, t, &x);
        if (rc == PROTO_VALUE_PRESENT) {
            memcpy(to, &x, sizeof x);
        }
        return rc;
    }
    case PROTO_FIELD_REAL: {
        double x = 0.0;
        const int rc = proto_value_real(d, f, t, &x);
        if (rc == PROTO_VALUE_PRESENT) {
            memcpy(to, &x, sizeof x);
        }
        return rc;
    }
    case PROTO_FIELD_ID:
        return proto_value_id(d, t, to);
    case PROTO_FIELD_TEXT: {
        const int n = proto_value_text(d, t, to, f->capacity);
        return n > 0 ? PROTO_VALUE_PRESENT : n;
    }
    case PROTO_FIELD_REALS:
        return proto_value_reals(d, f, t, to, values);
    case PROTO_FIELD_NAMED:
        return proto_value_named(d, f, t, to, values);
    case PROTO_FIELD_NEST:
        *(bool *)to = true;
        return read_nest(d, f, t, values);
    case PROTO_FIELD_LIST:
        return read_list(d, f, t, to, values);
    }
    return proto_fault_type(d->fault, "another type", t);
}

static bool field_is(const target *t, uint32_t i, const char *key, size_t size)
{
    return i < t->schema->n_fields && t->schema->fields[i].key_size == size &&
           memcmp(t->schema->fields[i].key, key, size) == 0;
}

/* The target that knows the key, with .next standing behind the field; NULL if none does. Senders
 * keep an order, so the field after the last one is tried first. */
static target *find_field(target targets[], size_t n, const char *key, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        if (field_is(&targets[i], targets[i].next, key, size)) {
            targets[i].next++;
            return &targets[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (uint32_t at = 0; at < targets[i].schema->n_fields; at++) {
            if (field_is(&targets[i], at, key, size)) {
                targets[i].next = at + 1;
                return &targets[i];
            }
        }
    }
    return NULL;
}

/* The target of a key token, escapes resolved. */
static target *find_token(target targets[], size_t n, const proto_token *key)
{
    char resolved[PROTO_NAME_MAX + 1];
    if (!key->escaped) {
        return find_field(targets, n, (const char *)key->text, key->text_size);
    }
    const int size = proto_token_text(key, resolved, sizeof resolved);
    return size > 0 ? find_field(targets, n, resolved, (size_t)size) : NULL;
}

static int read_key(proto_decoder *d, target *t)
{
    const uint32_t i = t->next - 1;
    const proto_field *f = &t->schema->fields[i];
    const uint64_t bit = (uint64_t)1 << i;
    const proto_token value = proto_reader_next(&d->reader);
    int rc = 0;
    if ((t->seen & bit) != 0) {
        rc = proto_fault_set(d->fault, PROTO_ERR_SYNTAX, value.offset, "the key is there twice");
    } else {
        rc = read_field(d, f, &value, t->base);
    }
    if (rc < 0) {
        proto_fault_under(d->fault, f->key, f->key_size, 0);
        return rc;
    }
    t->seen |= bit;
    t->present |= rc == PROTO_VALUE_PRESENT ? bit : 0;
    return PROTO_OK;
}

/* Skips a key without a field; `kind` was read before, but may be there only once. */
static int pass_key(proto_decoder *d, const target targets[], size_t n, const proto_token *key)
{
    const proto_token value = proto_reader_next(&d->reader);
    const bool is_top = n > 1;
    if (is_top && proto_token_is(key, "kind")) {
        if (d->kind_seen) {
            return proto_fault_set(d->fault, PROTO_ERR_SYNTAX, key->offset,
                                   "`kind` is there twice");
        }
        d->kind_seen = true;
    } else if (is_top) {
        for (size_t i = n; i-- > 0 && !proto_remark_key(d->remarks, targets[i].schema, key);) {
        }
        d->remarks->looks++;
    }
    proto_reader_skip(&d->reader, &value);
    return PROTO_OK;
}

static int key_missing(proto_decoder *d, const target *t, uint32_t i, const char *remedy)
{
    const proto_field *f = &t->schema->fields[i];
    const char *near = proto_remark_near(d->remarks, t->schema, i);
    const int rc = proto_fault_set(d->fault, PROTO_ERR_MISSING, d->reader.at,
                                   "the key is required (%s)%s%s%s%s", f->help, remedy,
                                   near != NULL ? "; `" : "", near != NULL ? near : "",
                                   near != NULL ? "` is no key: was this one meant?" : "");
    proto_fault_under(d->fault, f->key, f->key_size, 0);
    return rc;
}

static int check_required(proto_decoder *d, const target *t, uint64_t needs)
{
    for (uint32_t i = 0; i < t->schema->n_fields; i++) {
        const uint64_t bit = (uint64_t)1 << i;
        const bool is_needed = (t->schema->fields[i].flags & REQUIRED) != 0 || (needs & bit) != 0;
        if (is_needed && (t->present & bit) == 0) {
            return key_missing(d, t, i, "");
        }
    }
    return PROTO_OK;
}

/* A journal may be older than this rule. */
static int check_said(proto_decoder *d, const target *t)
{
    for (uint32_t i = 0; i < t->schema->n_fields && !d->is_recorded; i++) {
        if ((t->schema->fields[i].flags & SAID) != 0 && (t->seen >> i & 1) == 0) {
            return key_missing(d, t, i, ": write null for nil");
        }
    }
    return PROTO_OK;
}

/* Reads up to the CLOSE of an open map. The last target's keys are the map's own: those of an
 * envelope before it are checked by the caller. */
static int read_map(proto_decoder *d, target targets[], size_t n)
{
    for (;;) {
        const proto_token key = proto_reader_next(&d->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            return check_required(d, &targets[n - 1], 0);
        }
        if (key.type != PROTO_TOKEN_TEXT) {
            return proto_kind_key_fault(&d->reader, d->fault, &key);
        }
        target *t = find_token(targets, n, &key);
        const int rc = t != NULL ? read_key(d, t) : pass_key(d, targets, n, &key);
        if (rc < 0) {
            return rc;
        }
    }
}

/* ---- whole messages -------------------------------------------------------------------------- */

static int read_end(proto_decoder *d)
{
    (void)proto_reader_next(&d->reader);
    return d->reader.status == PROTO_OK ? PROTO_OK : proto_fault_of_reader(d->fault, &d->reader);
}

static const char *whole_name(const proto_decoder *d)
{
    return d->reader.format == PROTO_FORMAT_JSON ? "a JSON object {...}" : "a map";
}

static int read_message(proto_decoder *d, proto_message *msg)
{
    const proto_schema *schema = NULL;
    const char *key = "";
    const char *text = "";
    const proto_token open = proto_reader_next(&d->reader);
    if (open.type != PROTO_TOKEN_MAP) {
        return open.type == PROTO_TOKEN_END ? proto_fault_of_reader(d->fault, &d->reader)
                                            : proto_fault_type(d->fault, whole_name(d), &open);
    }
    int rc = proto_kind_scan(&d->reader, d->fault, &schema);
    if (rc < 0) {
        return rc;
    }
    proto_message_init(msg, (proto_kind)schema->kind);
    d->map = schema->name;
    target targets[] = {
        {.schema = &proto_schemas[SCHEMA_envelope], .base = (uint8_t *)&msg->env},
        {.schema = schema, .base = (uint8_t *)&msg->as},
    };
    rc = read_map(d, targets, 2);
    if (rc == PROTO_OK) {
        rc = check_required(d, &targets[0], schema->needs);
    }
    if (rc == PROTO_OK) {
        rc = proto_message_check(msg, &key, &text);
        if (rc < 0) {
            (void)proto_fault_set(d->fault, rc, d->reader.at, "%s", text);
            proto_fault_under(d->fault, key, strlen(key), 0);
        }
    }
    rc = rc == PROTO_OK ? check_said(d, &targets[1]) : rc;
    if (rc < 0 && d->fault->key[0] != '\0') {
        proto_fault_under(d->fault, schema->name, strlen(schema->name), 0);
    }
    for (size_t i = 0; rc == PROTO_OK && i < 2; i++) {
        proto_remark_near_misses(d->remarks, d->map, targets[i].schema, targets[i].seen);
    }
    return rc < 0 ? rc : read_end(d);
}

/* After a refusal: whatever tells where the message came from and is well formed. A `v` that is
 * not ours explains any other fault and takes its place. */
static void salvage(proto_decoder *d, proto_message *msg)
{
    static const uint64_t KEPT =
        (uint64_t)1 << FIELD_envelope_rig | (uint64_t)1 << FIELD_envelope_subject |
        (uint64_t)1 << FIELD_envelope_session | (uint64_t)1 << FIELD_envelope_run |
        (uint64_t)1 << FIELD_envelope_trial | (uint64_t)1 << FIELD_envelope_seq;
    proto_fault ignored;
    proto_decoder again = {.fault = &ignored};
    target t = {.schema = &proto_schemas[SCHEMA_envelope]};
    proto_message_init(msg, PROTO_KIND_NONE);
    proto_reader_init(&again.reader, d->reader.format, d->reader.bytes, d->reader.size);
    if (proto_reader_next(&again.reader).type != PROTO_TOKEN_MAP) {
        return;
    }
    for (;;) {
        proto_envelope scratch;
        const proto_token key = proto_reader_next(&again.reader);
        if (key.type != PROTO_TOKEN_TEXT) {
            return;
        }
        const bool is_known = find_token(&t, 1, &key) != NULL;
        const proto_token value = proto_reader_next(&again.reader);
        if (is_known && (KEPT >> (t.next - 1) & 1) != 0) {
            const proto_field *f = &t.schema->fields[t.next - 1];
            proto_envelope_init(&scratch);
            if (read_field(&again, f, &value, (uint8_t *)&scratch) == PROTO_VALUE_PRESENT) {
                const size_t size = f->type == PROTO_FIELD_INT ? sizeof(int64_t) : PROTO_ID_MAX + 1;
                memcpy((uint8_t *)&msg->env + f->offset, (uint8_t *)&scratch + f->offset, size);
            }
        } else if (is_known && t.next - 1 == FIELD_envelope_v &&
                   (value.type == PROTO_TOKEN_INT || value.type == PROTO_TOKEN_REAL) &&
                   value.real != 1.0) {
            (void)proto_fault_range(d->fault, &t.schema->fields[FIELD_envelope_v], &value);
            proto_fault_under(d->fault, "v", 1, 0);
            d->fault->status = PROTO_ERR_VERSION;
        }
        proto_reader_skip(&again.reader, &value);
    }
}

static int decode(const uint8_t *bytes, size_t size, bool is_recorded, proto_message *msg,
                  proto_fault *fault)
{
    proto_remarks remarks;
    proto_decoder d = {.fault = fault, .remarks = &remarks, .is_recorded = is_recorded};
    proto_remarks_init(&remarks);
    fault->n_passed = 0;
    if (size > PROTO_BYTES_MAX) {
        proto_message_init(msg, PROTO_KIND_NONE);
        return proto_fault_set(fault, PROTO_ERR_SIZE, 0, "%zu bytes, at most %d were expected",
                               size, (int)PROTO_BYTES_MAX);
    }
    if (proto_text_is_utf16(bytes, size)) {
        proto_message_init(msg, PROTO_KIND_NONE);
        return proto_fault_set(fault, PROTO_ERR_SYNTAX, 0,
                               "this is text in UTF-16; JSON in UTF-8 was expected");
    }
    const size_t mark = proto_text_mark_size(bytes, size);
    proto_reader_init(&d.reader, proto_format_of(bytes, size), bytes + mark, size - mark);
    const int rc = read_message(&d, msg);
    if (rc == PROTO_OK) {
        fault->status = PROTO_OK;
        fault->n_passed = remarks.n;
        memcpy(fault->key, remarks.first.key, sizeof fault->key);
        memcpy(fault->text, remarks.first.text, sizeof fault->text);
        return PROTO_OK;
    }
    salvage(&d, msg);
    return fault->status;
}

int proto_decode(const uint8_t *bytes, size_t size, proto_message *msg, proto_fault *fault)
{
    return decode(bytes, size, false, msg, fault);
}

int proto_decode_recorded(const uint8_t *bytes, size_t size, proto_message *msg, proto_fault *fault)
{
    return decode(bytes, size, true, msg, fault);
}
