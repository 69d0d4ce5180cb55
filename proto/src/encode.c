#include <math.h>
#include <string.h>

#include "proto/message.h"
#include "schema.h"
#include "proto/text.h"
#include "writer.h"

static int write_fields(proto_writer *w, const proto_schema *s, const uint8_t *base,
                        uint64_t needs);

static int64_t int_at(const uint8_t *p)
{
    int64_t x = 0;
    memcpy(&x, p, sizeof x);
    return x;
}

static double real_at(const uint8_t *p)
{
    double x = 0.0;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint32_t count_at(const uint8_t *p)
{
    uint32_t n = 0;
    memcpy(&n, p, sizeof n);
    return n;
}

/* A required array is written even if it is empty; an optional one is then absent. */
static bool is_present(const proto_field *f, const uint8_t *base)
{
    const uint8_t *p = base + f->offset;
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT:
        return int_at(p) != PROTO_NIL;
    case PROTO_FIELD_REAL:
        return !isnan(real_at(p));
    case PROTO_FIELD_ID:
    case PROTO_FIELD_TEXT:
        return p[0] != '\0';
    case PROTO_FIELD_NEST:
        return *(const bool *)p;
    case PROTO_FIELD_REALS:
    case PROTO_FIELD_NAMED:
    case PROTO_FIELD_LIST:
        return count_at(p) > 0 || (f->flags & REQUIRED) != 0;
    }
    return false;
}

static bool is_written(const proto_field *f, const uint8_t *base)
{
    return (f->flags & SAID) != 0 || is_present(f, base);
}

static size_t count_written(const proto_schema *s, const uint8_t *base)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_fields; i++) {
        n += is_written(&s->fields[i], base) ? 1 : 0;
    }
    return n;
}

static int write_text(proto_writer *w, const proto_field *f, const char *s)
{
    const char *end = memchr(s, '\0', (size_t)f->capacity + 1);
    if (end == NULL || (f->type == PROTO_FIELD_ID && !proto_id_is_valid(s)) ||
        !proto_text_is_clean(s, (size_t)(end - s))) {
        return PROTO_ERR_RANGE;
    }
    w->ops->text(w, s, (size_t)(end - s));
    return PROTO_OK;
}

static int write_reals(proto_writer *w, const proto_field *f, uint32_t n, const uint8_t *v)
{
    w->ops->open_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        const double x = real_at(v + i * sizeof x);
        if (!proto_field_takes_real(f, x)) {
            return PROTO_ERR_RANGE;
        }
        w->ops->real(w, x);
    }
    w->ops->close_array(w);
    return PROTO_OK;
}

static int write_named(proto_writer *w, const proto_field *f, uint32_t n, const proto_named v[])
{
    w->ops->open_map(w, n);
    for (uint32_t i = 0; i < n; i++) {
        const char *end = memchr(v[i].name, '\0', sizeof v[i].name);
        if (end == NULL || end == v[i].name || !proto_field_takes_real(f, v[i].value) ||
            !proto_text_is_clean(v[i].name, (size_t)(end - v[i].name))) {
            return PROTO_ERR_RANGE;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(v[j].name, v[i].name) == 0) {
                return PROTO_ERR_RANGE;
            }
        }
        w->ops->key(w, v[i].name, (size_t)(end - v[i].name));
        w->ops->real(w, v[i].value);
    }
    w->ops->close_map(w);
    return PROTO_OK;
}

static int write_nest(proto_writer *w, const proto_schema *s, const uint8_t *base)
{
    w->ops->open_map(w, count_written(s, base));
    const int rc = write_fields(w, s, base, 0);
    w->ops->close_map(w);
    return rc;
}

static int write_list(proto_writer *w, const proto_field *f, uint32_t n, const uint8_t *v)
{
    w->ops->open_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        const int rc = write_nest(w, f->sub, v + (size_t)i * f->sub->size);
        if (rc < 0) {
            return rc;
        }
    }
    w->ops->close_array(w);
    return PROTO_OK;
}

static int write_value(proto_writer *w, const proto_field *f, const uint8_t *base)
{
    const uint8_t *p = base + f->offset;
    const void *values = base + f->values;
    const bool is_several =
        f->type == PROTO_FIELD_REALS || f->type == PROTO_FIELD_NAMED || f->type == PROTO_FIELD_LIST;
    const uint32_t n = is_several ? count_at(p) : 0;
    if (n > f->capacity) {
        return PROTO_ERR_RANGE;
    }
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT:
        w->ops->integer(w, int_at(p));
        return proto_field_takes_int(f, int_at(p)) ? PROTO_OK : PROTO_ERR_RANGE;
    case PROTO_FIELD_REAL:
        if (!proto_field_takes_real(f, real_at(p))) {
            return PROTO_ERR_RANGE;
        }
        w->ops->real(w, real_at(p));
        return PROTO_OK;
    case PROTO_FIELD_ID:
    case PROTO_FIELD_TEXT:
        return write_text(w, f, (const char *)p);
    case PROTO_FIELD_REALS:
        return write_reals(w, f, n, values);
    case PROTO_FIELD_NAMED:
        return write_named(w, f, n, values);
    case PROTO_FIELD_NEST:
        return write_nest(w, f->sub, values);
    case PROTO_FIELD_LIST:
        return write_list(w, f, n, values);
    }
    return PROTO_ERR_TYPE;
}

static int write_fields(proto_writer *w, const proto_schema *s, const uint8_t *base, uint64_t needs)
{
    for (uint32_t i = 0; i < s->n_fields; i++) {
        const proto_field *f = &s->fields[i];
        if (is_present(f, base)) {
            w->ops->key(w, f->key, f->key_size);
            const int rc = write_value(w, f, base);
            if (rc < 0) {
                return rc;
            }
        } else if (is_written(f, base)) {
            w->ops->key(w, f->key, f->key_size);
            w->ops->nil(w);
        } else if ((f->flags & REQUIRED) != 0 || (needs >> i & 1) != 0) {
            return PROTO_ERR_MISSING;
        }
    }
    return PROTO_OK;
}

int proto_encode(const proto_message *msg, proto_format format, uint8_t *out, size_t cap)
{
    static const proto_schema *const ENVELOPE = &proto_schemas[SCHEMA_envelope];
    const proto_schema *s = proto_schema_of(msg->kind);
    const uint8_t *env = (const uint8_t *)&msg->env;
    const uint8_t *body = (const uint8_t *)&msg->as;
    const char *key = "";
    const char *text = "";
    proto_writer w;
    if (s == NULL) {
        return PROTO_ERR_KIND;
    }
    int rc = proto_message_check(msg, &key, &text);
    if (rc < 0) {
        return rc;
    }
    proto_writer_init(&w, format, out, cap < PROTO_BYTES_MAX ? cap : PROTO_BYTES_MAX);
    w.ops->open_map(&w, 1 + count_written(ENVELOPE, env) + count_written(s, body));
    w.ops->key(&w, "kind", 4);
    w.ops->text(&w, s->name, strlen(s->name));
    rc = write_fields(&w, ENVELOPE, env, s->needs);
    if (rc == PROTO_OK) {
        rc = write_fields(&w, s, body, 0);
    }
    w.ops->close_map(&w);
    if (rc < 0) {
        return rc;
    }
    return w.is_full ? PROTO_ERR_SPACE : (int)w.at;
}
