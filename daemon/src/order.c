#include "order.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

/* Never 0. */
static uint64_t hash(uint32_t subject, const char *session)
{
    static const unsigned char KEY[crypto_shorthash_KEYBYTES] = {0};
    unsigned char bytes[sizeof subject + PROTO_ID_MAX];
    unsigned char digest[crypto_shorthash_BYTES];
    uint64_t name;
    const size_t n = strlen(session);
    memcpy(bytes, &subject, sizeof subject);
    memcpy(bytes + sizeof subject, session, n);
    (void)crypto_shorthash(digest, bytes, sizeof subject + n, KEY);
    memcpy(&name, digest, sizeof name);
    return name != 0 ? name : 1;
}

/* The slot of that name, or the free one where it belongs. */
static struct order_session *find(struct order_session *slots, size_t capacity, uint64_t name)
{
    size_t i = (size_t)name & (capacity - 1);
    while (slots[i].name != 0 && slots[i].name != name) {
        i = (i + 1) & (capacity - 1);
    }
    return &slots[i];
}

/* Room for one more, half of it free. */
static int grow(struct order *o, struct fault *fault)
{
    if (2 * (o->n + 1) <= o->capacity) {
        return FAULT_NONE;
    }
    const size_t capacity = o->capacity > 0 ? 2 * o->capacity : FIRST_CAPACITY;
    struct order_session *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %zu sessions", o->n);
    }
    for (size_t i = 0; i < o->capacity; i++) {
        if (o->slots[i].name != 0) {
            *find(slots, capacity, o->slots[i].name) = o->slots[i];
        }
    }
    free(o->slots);
    o->slots = slots;
    o->capacity = capacity;
    return FAULT_NONE;
}

static enum order_break judge(const struct order *o, uint32_t subject,
                              const struct order_session *session, int64_t trial)
{
    if (trial <= session->trial) {
        return trial == session->trial ? ORDER_TWICE : ORDER_BACKWARD;
    }
    return o->latest[subject] == session->name ? ORDER_NONE : ORDER_RETURN;
}

static void count(struct order *o, enum order_break broken, const struct table *table,
                  const struct table_row *row, int64_t before)
{
    if (broken != ORDER_NONE && o->n_broken++ == 0) {
        o->broken = broken;
        o->line = table->line;
        o->before = before;
        o->row = *row;
    }
}

int order_push(struct order *o, uint32_t subject, const struct table *table,
               const struct table_row *row, struct fault *fault)
{
    const int rc = grow(o, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const uint64_t name = hash(subject, row->session);
    struct order_session *session = find(o->slots, o->capacity, name);
    if (session->name == 0) {
        *session = (struct order_session){.name = name, .trial = row->trial};
        o->n++;
    } else {
        count(o, judge(o, subject, session, row->trial), table, row, session->trial);
        session->trial = row->trial > session->trial ? row->trial : session->trial;
    }
    o->latest[subject] = name;
    return FAULT_NONE;
}

const char *order_print(const struct order *o, const struct table *table, int64_t n_rows,
                        char out[ORDER_TEXT_MAX])
{
    char what[96] = "";
    out[0] = '\0';
    switch (o->broken) {
    case ORDER_NONE:
        return out;
    case ORDER_TWICE:
        (void)snprintf(what, sizeof what, "is there twice");
        break;
    case ORDER_BACKWARD:
        (void)snprintf(what, sizeof what, "comes after trial %" PRId64, o->before);
        break;
    case ORDER_RETURN:
        (void)snprintf(what, sizeof what, "comes after another session's");
        break;
    }
    (void)snprintf(out, ORDER_TEXT_MAX,
                   "%s:%" PRId64 ": subject %s, session %s: trial %" PRId64
                   " %s; each trial once and in the order in which it happened was expected (the "
                   "first of %" PRId64 " such rows of %" PRId64
                   "): shuffled trials tell nothing of learning",
                   table->path, o->line, o->row.subject, o->row.session, o->row.trial, what,
                   o->n_broken, n_rows);
    return out;
}

void order_close(struct order *o)
{
    free(o->slots);
    memset(o, 0, sizeof *o);
}
