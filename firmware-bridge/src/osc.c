#include "bridge/osc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESS_MAX = 128, BUNDLE_HEAD = 16 };

struct osc {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    const struct bridge_trial_fields *fields;
    struct bridge_values *values;
    uint64_t *slots;
    struct bridge_value_tree_fault *fault;
};

static int fail(struct osc *o, const char *found, const char *expected)
{
    o->fault->byte = o->at;
    o->fault->expected = expected;
    (void)snprintf(o->fault->found, sizeof o->fault->found, "%s", found);
    return -1;
}

/* A text with its NUL, filled up to 4 bytes; NULL: it does not end. */
static const char *take_text(struct osc *o, size_t *size)
{
    const char *text = (const char *)o->bytes + o->at;
    const uint8_t *end = o->at < o->size ? memchr(o->bytes + o->at, '\0', o->size - o->at) : NULL;
    if (end == NULL) {
        return NULL;
    }
    *size = (size_t)(end - o->bytes) - o->at;
    o->at += (*size + 4) & ~(size_t)3;
    o->at = o->at < o->size ? o->at : o->size;
    return text;
}

static bool take_number(struct osc *o, size_t size, uint64_t *out)
{
    if (o->size - o->at < size) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        *out = *out << 8 | o->bytes[o->at++];
    }
    return true;
}

static double real_of(uint64_t bits, bool is_double)
{
    float single = 0.0f;
    double value = 0.0;
    const uint32_t low = (uint32_t)bits;
    memcpy(&single, &low, sizeof single);
    memcpy(&value, &bits, sizeof value);
    return is_double ? value : (double)single;
}

/* Puts a text as argument n, from 1, of the address. */
static bool put(struct osc *o, const char *address, int n, const char *text, size_t size)
{
    char name[ADDRESS_MAX + 16];
    uint64_t slots = 0;
    if (n == 1) {
        slots = bridge_trial_fields_slots(o->fields, address, strlen(address));
    }
    const int used = snprintf(name, sizeof name, "%s.%d", address, n);
    slots |= bridge_trial_fields_slots(o->fields, name, (size_t)used);
    *o->slots |= slots;
    return bridge_values_put(o->values, slots, text, size);
}

/* An argument of that type; 1, 0 unknown type, -1 it ends early or is too long. */
static int take_argument(struct osc *o, const char *address, int n, char type)
{
    char text[40];
    uint64_t bits = 0;
    size_t size = 0;
    switch (type) {
    case 'i':
        if (!take_number(o, 4, &bits)) {
            return -1;
        }
        (void)snprintf(text, sizeof text, "%" PRId32, (int32_t)(uint32_t)bits);
        break;
    case 'h':
        if (!take_number(o, 8, &bits)) {
            return -1;
        }
        (void)snprintf(text, sizeof text, "%" PRId64, (int64_t)bits);
        break;
    case 'f':
    case 'd':
        if (!take_number(o, type == 'd' ? 8 : 4, &bits)) {
            return -1;
        }
        (void)snprintf(text, sizeof text, "%.9g", real_of(bits, type == 'd'));
        break;
    case 't':
        return take_number(o, 8, &bits) ? 1 : -1;
    case 's':
    case 'S': {
        const char *string = take_text(o, &size);
        return string != NULL && put(o, address, n, string, size) ? 1 : -1;
    }
    case 'T':
    case 'F':
        (void)snprintf(text, sizeof text, "%s", type == 'T' ? "true" : "false");
        break;
    case 'N':
        text[0] = '\0';
        break;
    default:
        return 0;
    }
    return put(o, address, n, text, strlen(text)) ? 1 : -1;
}

static int read_message(struct osc *o)
{
    char address[ADDRESS_MAX];
    size_t size = 0;
    const char *text = take_text(o, &size);
    if (text == NULL || size == 0 || size >= sizeof address || text[0] != '/') {
        return fail(o, "an address that does not end or is too long", "OSC, as /trial");
    }
    memcpy(address, text, size + 1);
    const char *types = take_text(o, &size);
    if (types == NULL || types[0] != ',') {
        return fail(o, "no type tags", "OSC, with a comma and a letter an argument");
    }
    for (int n = 1; types[n] != '\0'; n++) {
        const int rc = take_argument(o, address, n, types[n]);
        if (rc <= 0) {
            return fail(o, rc == 0 ? "an unknown type of argument" : "an argument ends early",
                        "i, h, f, d, s, T, F, N or t, of at most 127 bytes");
        }
    }
    if (types[1] == '\0') { /* an address alone says that something happened */
        (void)put(o, address, 1, "1", 1);
    }
    return 0;
}

/* Messages with their sizes before them. */
static int read_bundle(struct osc *o)
{
    const size_t all = o->size;
    for (o->at = BUNDLE_HEAD; o->at < all;) {
        uint64_t size = 0;
        o->size = all;
        if (!take_number(o, 4, &size) || size > all - o->at || size == 0) {
            return fail(o, "a bundle ends early", "the size of a message before it");
        }
        const size_t end = o->at + (size_t)size;
        o->size = end;
        if (read_message(o) != 0) {
            return -1;
        }
        o->at = end;
    }
    return 0;
}

int bridge_osc_read(const uint8_t *bytes, size_t size, const struct bridge_trial_fields *fields,
                    struct bridge_values *values, uint64_t *slots,
                    struct bridge_value_tree_fault *fault)
{
    struct osc o = {.bytes = bytes,
                    .size = size,
                    .fields = fields,
                    .values = values,
                    .slots = slots,
                    .fault = fault};
    *slots = 0;
    return size >= BUNDLE_HEAD && memcmp(bytes, "#bundle", 8) == 0 ? read_bundle(&o)
                                                                   : read_message(&o);
}
