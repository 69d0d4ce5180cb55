#include "table_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coding.h"
#include "list.h"
#include "names.h"
#include "trial_order.h"

struct table_check {
    struct names subjects;
    struct names sessions;
    struct trial_order order;
    struct coding *codings; /* by subject */
    uint32_t *latest;       /* by subject: the session of its row before */
    size_t coding_room;
    size_t latest_room;
    uint32_t subject; /* of the row before: rows of one animal mostly come together */
    int64_t n;
    char name[PROTO_ID_MAX + 1];    /* of that subject */
    char session[PROTO_ID_MAX + 1]; /* and of that row's session */
};

struct table_check *table_check_open(void)
{
    struct table_check *check = calloc(1, sizeof *check);
    if (check != NULL) {
        names_open(&check->subjects, TABLE_CHECK_SUBJECTS_MAX);
        names_open(&check->sessions, TRIAL_ORDER_SESSIONS_MAX);
    }
    return check;
}

static bool make_room(struct table_check *c)
{
    const size_t n = c->subjects.n;
    void *codings = list_grow(c->codings, n, &c->coding_room, sizeof *c->codings);
    c->codings = codings != NULL ? codings : c->codings;
    void *latest = list_grow(c->latest, n, &c->latest_room, sizeof *c->latest);
    c->latest = latest != NULL ? latest : c->latest;
    return codings != NULL && latest != NULL;
}

/* Finds or adds the row's subject. False: there is no room. */
static bool take_subject(struct table_check *c, const char *name)
{
    if (c->n > 0 && strcmp(c->name, name) == 0) {
        return true;
    }
    if (!make_room(c)) {
        return false;
    }
    const enum names_found found = names_find(&c->subjects, 0, name, &c->subject);
    if (found == NAMES_NEW) {
        c->codings[c->subject] = (struct coding){.before = 0.0};
        c->latest[c->subject] = UINT32_MAX;
    }
    if (found != NAMES_FULL) {
        strcpy(c->name, name);
        c->session[0] = '\0';
    }
    return found != NAMES_FULL;
}

void table_check_push(struct table_check *c, int64_t line, const struct trial_row *row)
{
    if (c == NULL || !take_subject(c, row->subject)) {
        return;
    }
    uint32_t session = c->latest[c->subject];
    enum names_found found = NAMES_KNOWN;
    if (session == UINT32_MAX || strcmp(c->session, row->session) != 0) {
        found = names_find(&c->sessions, c->subject, row->session, &session);
        strcpy(c->session, found != NAMES_FULL ? row->session : "");
    }
    const bool follows = found == NAMES_KNOWN && session == c->latest[c->subject];
    if (found != NAMES_FULL) {
        trial_order_push(&c->order, session, follows, line, row);
        c->latest[c->subject] = session;
    }
    coding_push(&c->codings[c->subject], !follows, line, row);
    c->n++;
}

void table_check_say(const struct table_check *c, const char *path, struct findings *findings)
{
    if (c != NULL) {
        trial_order_say(&c->order, path, c->n, findings);
        coding_say(c->codings, c->subjects.n, path, findings);
    }
}

bool table_check_is_doubted(const struct table_check *c)
{
    const struct trial_order *o = c != NULL ? &c->order : NULL;
    return c != NULL && (o->same.n + o->other.n + o->backward.n + o->returned.n > 0 ||
                         c->codings[c->subject].kind[CODING_AGAINST_SIDE].n > 0);
}

const char *table_check_subjects(const struct table_check *c, char *out, size_t cap)
{
    static const size_t TAIL = sizeof " and 4294967295 others";
    const uint32_t n = c != NULL ? c->subjects.n : 0;
    size_t used = (size_t)snprintf(out, cap, "%s", n == 0 ? "none" : c->codings[0].subject);
    for (uint32_t i = 1; i < n; i++) {
        if (used + strlen(c->codings[i].subject) + 2 + TAIL > cap) {
            (void)snprintf(out + used, cap - used, " and %" PRIu32 " others", n - i);
            break;
        }
        used += (size_t)snprintf(out + used, cap - used, ", %s", c->codings[i].subject);
    }
    return out;
}

void table_check_close(struct table_check *c)
{
    if (c == NULL) {
        return;
    }
    names_close(&c->subjects);
    names_close(&c->sessions);
    trial_order_close(&c->order);
    free(c->codings);
    free(c->latest);
    free(c);
}
