#include <math.h>
#include <string.h>

#include "fault.h"
#include "kind.h"
#include "number.h"
#include "proto/message.h"
#include "proto/reader.h"
#include "remark.h"
#include "schema.h"
#include "text.h"

enum { ABSENT = 0, PRESENT = 1 };

typedef struct {
    proto_reader reader;
    proto_fault *fault;
    proto_remarks *remarks;
    const char *map; /* name of the message, once it is known */
    bool kind_seen;
    bool is_recorded;
} decoder;

/* A struct that is being filled in from a map. */
typedef struct {
    const proto_schema *schema;
    uint8_t *base;
    uint64_t seen;    /* keys met, nil or not */
    uint64_t present; /* keys with a value */
    uint32_t next;    /* the field after the one last met */
} target;

static int read_map(decoder *d, target targets[], size_t n);

static void *member(uint8_t *base, uint32_t offset)
{
    return base + offset;
}

/* ---- single values: PRESENT, ABSENT or a negative status ------------------------------------- */

static int pass_over(decoder *d, const proto_field *f, const proto_token *t)
{
    if (d->remarks != NULL) {
        proto_remark_value(d->remarks, d->map, f, t);
    }
    return ABSENT;
}

static int out_of_range(decoder *d, const proto_field *f, const proto_token *t)
{
    return (f->flags & OUTSIDE_IS_NIL) == 0 || d->remarks == NULL
               ? proto_fault_range(d->fault, f, t)
               : pass_over(d, f, t);
}

static int read_real(decoder *d, const proto_field *f, const proto_token *t, double *x)
{
    switch (t->type) {
    case PROTO_TOKEN_NIL:
        return ABSENT;
    case PROTO_TOKEN_INT:
    case PROTO_TOKEN_REAL:
        *x = t->real;
        break;
    case PROTO_TOKEN_BOOL:
        if (f->min == 0.0 && f->max == 1.0) {
            *x = t->boolean ? 1.0 : 0.0;
            break;
        }
        return proto_fault_type(d->fault, "a number", t);
    case PROTO_TOKEN_END:
        return proto_fault_of_reader(d->fault, &d->reader);
    case PROTO_TOKEN_TEXT:
    case PROTO_TOKEN_BYTES:
    case PROTO_TOKEN_MAP:
    case PROTO_TOKEN_ARRAY:
    case PROTO_TOKEN_CLOSE:
        return proto_fault_type(d->fault, "a number", t);
    }
    if (isnan(*x) && (f->flags & NAN_IS_NIL) != 0) {
        return ABSENT;
    }
    return proto_field_takes_real(f, *x) ? PRESENT : out_of_range(d, f, t);
}

/* MATLAB sends every number as a double, Python may send True for 1. */
static int read_int(decoder *d, const proto_field *f, const proto_token *t, int64_t *x)
{
    const double real = t->real;
    if (t->type == PROTO_TOKEN_INT) {
        *x = t->integer;
    } else if (t->type == PROTO_TOKEN_BOOL && f->int_min == 0 && f->int_max == 1) {
        *x = t->boolean ? 1 : 0;
    } else if (t->type != PROTO_TOKEN_REAL) {
        return proto_fault_type(d->fault, "a whole number", t);
    } else if (real >= -0x1p63 && real < 0x1p63 && real == floor(real)) {
        *x = (int64_t)real;
    } else if (isnan(real) && (f->flags & NAN_IS_NIL) != 0) {
        return (f->flags & SAID) != 0 ? pass_over(d, f, t) : ABSENT;
    } else {
        return isfinite(real) && real != floor(real) && (f->flags & OUTSIDE_IS_NIL) == 0
                   ? proto_fault_type(d->fault, "a whole number", t)
                   : out_of_range(d, f, t);
    }
    return proto_field_takes_int(f, *x) ? PRESENT : out_of_range(d, f, t);
}

/* Reads text of at most max bytes into out[max + 1]. */
static int read_text(decoder *d, const proto_token *t, char *out, size_t max)
{
    const int n = proto_token_text(t, out, max + 1);
    if (n >= 0) {
        return n;
    }
    if (n == PROTO_ERR_SPACE) {
        return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset,
                               "text of at most %zu bytes was expected", max);
    }
    if (n == PROTO_ERR_TYPE) {
        return proto_fault_type(d->fault, "text", t);
    }
    return proto_fault_set(d->fault, n, t->offset, "UTF-8 text without NUL was expected");
}

static int read_clean_text(decoder *d, const proto_token *t, char *out, size_t max)
{
    const int n = read_text(d, t, out, max);
    if (n > 0 && !proto_text_is_clean(out, (size_t)n)) {
        return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset,
                               "text without control characters was expected");
    }
    return n;
}

/* Whole numbers are taken as their decimal text: sessions and rigs are often just counted. */
static int read_id(decoder *d, const proto_token *t, char *out)
{
    if (t->type == PROTO_TOKEN_INT || t->type == PROTO_TOKEN_REAL) {
        if (!(t->real >= 0.0 && t->real <= 0x1p53 && t->real == floor(t->real))) {
            return proto_fault_type(d->fault, "a name or a whole number from 0 up", t);
        }
        (void)proto_number_write_int((int64_t)t->real, out);
        return PRESENT;
    }
    const int n = read_text(d, t, out, PROTO_ID_MAX);
    if (n == PROTO_ERR_TYPE) {
        return n;
    }
    if (n >= 0 && proto_id_is_valid(out)) {
        return PRESENT;
    }
    char shown[FAULT_SHOWN_MAX + 4];
    return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset,
                           "\"%s\" is not a name: 1 to 64 of A-Z a-z 0-9 . _ - were expected",
                           proto_fault_shown(shown, (const char *)t->text, t->text_size));
}

/* ---- arrays and maps ------------------------------------------------------------------------- */

static int too_many(decoder *d, const proto_field *f, const proto_token *t)
{
    return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset, "at most %u values were expected",
                           (unsigned)f->capacity);
}

/* A lone number is an array of one: so MATLAB writes it. */
static int read_reals(decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                      double v[])
{
    if (t->type != PROTO_TOKEN_ARRAY) {
        if (t->type != PROTO_TOKEN_INT && t->type != PROTO_TOKEN_REAL) {
            return proto_fault_type(d->fault, "an array of numbers", t);
        }
        const int rc = read_real(d, f, t, &v[0]);
        *n = rc == PRESENT ? 1 : 0;
        return rc;
    }
    for (;;) {
        const proto_token item = proto_reader_next(&d->reader);
        if (item.type == PROTO_TOKEN_CLOSE) {
            return PRESENT;
        }
        if (*n == f->capacity && item.type != PROTO_TOKEN_END) {
            return too_many(d, f, &item);
        }
        double x = 0.0;
        int rc = read_real(d, f, &item, &x);
        if (rc == ABSENT) {
            rc = proto_fault_type(d->fault, "a number", &item);
        }
        if (rc < 0) {
            proto_fault_under(d->fault, "", 0, *n);
            return rc;
        }
        v[*n] = x;
        ++*n;
    }
}

static bool is_named(const proto_named v[], uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int read_name(decoder *d, const proto_token *key, const proto_named v[], uint32_t n,
                     char name[PROTO_NAME_MAX + 1])
{
    if (key->type == PROTO_TOKEN_END) {
        return proto_fault_of_reader(d->fault, &d->reader);
    }
    const int rc = read_clean_text(d, key, name, PROTO_NAME_MAX);
    if (rc == 0) {
        return proto_fault_set(d->fault, PROTO_ERR_RANGE, key->offset, "a name was expected");
    }
    if (rc > 0 && is_named(v, n, name)) {
        return proto_fault_set(d->fault, PROTO_ERR_SYNTAX, key->offset, "the name is there twice");
    }
    return rc;
}

static int read_named(decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                      proto_named v[])
{
    if (t->type != PROTO_TOKEN_MAP) {
        return proto_fault_type(d->fault, "a map of names to numbers", t);
    }
    for (;;) {
        char name[PROTO_NAME_MAX + 1];
        const proto_token key = proto_reader_next(&d->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            return PRESENT;
        }
        int rc = read_name(d, &key, v, *n, name);
        if (rc < 0) {
            return rc;
        }
        const proto_token item = proto_reader_next(&d->reader);
        double x = 0.0;
        rc = read_real(d, f, &item, &x);
        if (rc == PRESENT && *n == f->capacity) {
            return too_many(d, f, &key);
        }
        if (rc < 0) {
            proto_fault_under(d->fault, name, strlen(name), 0);
            return rc;
        }
        if (rc == PRESENT) {
            memcpy(v[*n].name, name, strlen(name) + 1);
            v[*n].value = x;
            ++*n;
        }
    }
}

static int read_nest(decoder *d, const proto_field *f, const proto_token *t, uint8_t *to)
{
    if (t->type != PROTO_TOKEN_MAP) {
        return proto_fault_type(d->fault, "a map", t);
    }
    memcpy(to, f->sub->absent, f->sub->size);
    target inner = {.schema = f->sub, .base = to};
    const int rc = read_map(d, &inner, 1);
    return rc < 0 ? rc : PRESENT;
}

static int read_list(decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                     uint8_t *v)
{
    if (t->type != PROTO_TOKEN_ARRAY) {
        return proto_fault_type(d->fault, "an array of maps", t);
    }
    for (;;) {
        const proto_token item = proto_reader_next(&d->reader);
        if (item.type == PROTO_TOKEN_CLOSE) {
            return PRESENT;
        }
        if (item.type == PROTO_TOKEN_END) {
            return proto_fault_of_reader(d->fault, &d->reader);
        }
        if (*n == f->capacity) {
            return too_many(d, f, &item);
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

static int read_field(decoder *d, const proto_field *f, const proto_token *t, uint8_t *base)
{
    void *to = member(base, f->offset);
    void *values = member(base, f->values);
    if (t->type == PROTO_TOKEN_END) {
        return proto_fault_of_reader(d->fault, &d->reader);
    }
    if (t->type == PROTO_TOKEN_NIL) {
        return ABSENT;
    }
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT: {
        int64_t x = 0;
        const int rc = read_int(d, f, t, &x);
        if (rc == PRESENT) {
            memcpy(to, &x, sizeof x);
        }
        return rc;
    }
    case PROTO_FIELD_REAL: {
        double x = 0.0;
        const int rc = read_real(d, f, t, &x);
        if (rc == PRESENT) {
            memcpy(to, &x, sizeof x);
        }
        return rc;
    }
    case PROTO_FIELD_ID:
        return read_id(d, t, to);
    case PROTO_FIELD_TEXT: {
        const int n = read_clean_text(d, t, to, f->capacity);
        return n > 0 ? PRESENT : n;
    }
    case PROTO_FIELD_REALS:
        return read_reals(d, f, t, to, values);
    case PROTO_FIELD_NAMED:
        return read_named(d, f, t, to, values);
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

static int read_key(decoder *d, target *t)
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
    t->present |= rc == PRESENT ? bit : 0;
    return PROTO_OK;
}

/* Skips a key without a field; `kind` was read before, but may be there only once. */
static int pass_key(decoder *d, const target targets[], size_t n, const proto_token *key)
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

static int key_missing(decoder *d, const target *t, uint32_t i, const char *remedy)
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

static int check_required(decoder *d, const target *t, uint64_t needs)
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
static int check_said(decoder *d, const target *t)
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
static int read_map(decoder *d, target targets[], size_t n)
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

static int read_end(decoder *d)
{
    (void)proto_reader_next(&d->reader);
    return d->reader.status == PROTO_OK ? PROTO_OK : proto_fault_of_reader(d->fault, &d->reader);
}

static const char *whole_name(const decoder *d)
{
    return d->reader.format == PROTO_FORMAT_JSON ? "a JSON object {...}" : "a map";
}

static int read_message(decoder *d, proto_message *msg)
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
static void salvage(decoder *d, proto_message *msg)
{
    static const uint64_t KEPT =
        (uint64_t)1 << FIELD_envelope_rig | (uint64_t)1 << FIELD_envelope_subject |
        (uint64_t)1 << FIELD_envelope_session | (uint64_t)1 << FIELD_envelope_run |
        (uint64_t)1 << FIELD_envelope_trial | (uint64_t)1 << FIELD_envelope_seq;
    proto_fault ignored;
    decoder again = {.fault = &ignored};
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
            if (read_field(&again, f, &value, (uint8_t *)&scratch) == PRESENT) {
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
    decoder d = {.fault = fault, .remarks = &remarks, .is_recorded = is_recorded};
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
