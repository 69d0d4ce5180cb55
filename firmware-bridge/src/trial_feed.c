#include "bridge/trial_feed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bridge_trial_feed_map(struct bridge_trial_feed *feed, struct bridge_source *s,
                          const struct bridge_mapping *map)
{
    feed->session.mapping = map != NULL && map->base != NULL ? map->base->name : NULL;
    return bridge_trial_fields_open(&feed->fields, s, map);
}

int bridge_trial_feed_open(struct bridge_trial_feed *feed, struct bridge_source *s,
                           const struct bridge_mapping *map, const char *program)
{
    *feed = (struct bridge_trial_feed){.session = {.ephys_rig = PROTO_NIL, .delay_s = (double)NAN}};
    (void)snprintf(feed->session.program, sizeof feed->session.program, "%s", program);
    return bridge_trial_feed_map(feed, s, map);
}

void bridge_trial_feed_close(struct bridge_trial_feed *feed)
{
    free(feed->seen);
    feed->seen = NULL;
    feed->n_seen = feed->capacity = 0;
}

void bridge_trial_feed_restart(struct bridge_trial_feed *feed)
{
    bridge_trial_feed_close(feed);
    feed->has_trial = false;
    feed->session.is_again = true;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static size_t hash_of(const char *subject, const char *session)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (const char *c = subject; *c != '\0'; c++) {
        h = (h ^ (uint8_t)*c) * 1099511628211u;
    }
    h = (h ^ '/') * 1099511628211u;
    for (const char *c = session; *c != '\0'; c++) {
        h = (h ^ (uint8_t)*c) * 1099511628211u;
    }
    return (size_t)(h ^ h >> 32);
}

/* The place of the names, taken or free; capacity is a power of 2 and never full. */
static struct bridge_feed_session *place_of(struct bridge_feed_session *seen, size_t capacity,
                                            const char *subject, const char *session)
{
    size_t i = hash_of(subject, session) & (capacity - 1);
    while (seen[i].session[0] != '\0' &&
           (strcmp(seen[i].subject, subject) != 0 || strcmp(seen[i].session, session) != 0)) {
        i = (i + 1) & (capacity - 1);
    }
    return &seen[i];
}

/* Room for one more; false: too many, or no memory. */
static bool make_room(struct bridge_trial_feed *feed)
{
    if (2 * feed->n_seen < feed->capacity) {
        return true;
    }
    const size_t capacity = feed->capacity > 0 ? 2 * feed->capacity : 64;
    struct bridge_feed_session *seen =
        feed->n_seen < BRIDGE_FEED_SESSIONS_MAX ? calloc(capacity, sizeof *seen) : NULL;
    if (seen == NULL) {
        return false;
    }
    for (size_t i = 0; i < feed->capacity; i++) {
        const struct bridge_feed_session *old = &feed->seen[i];
        if (old->session[0] != '\0') {
            *place_of(seen, capacity, old->subject, old->session) = *old;
        }
    }
    free(feed->seen);
    feed->seen = seen;
    feed->capacity = capacity;
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* The place of a session, new or not. NULL: s->why. */
static struct bridge_feed_session *enter(struct bridge_trial_feed *feed, struct bridge_source *s,
                                         int64_t line, const struct bridge_session *session,
                                         bool *is_new)
{
    if (session->subject[0] == '\0' || session->session[0] == '\0') {
        (void)bridge_why_set(s, NULL, line, -1,
                             session->subject[0] == '\0' ? "no subject" : "no session",
                             "a name of A-Z a-z 0-9 . _ -", "state it: --map fixed.subject=NAME");
        return NULL;
    }
    if (!make_room(feed)) {
        (void)bridge_why_set(s, NULL, line, -1, "too many sessions", "at most 1048576", "");
        return NULL;
    }
    struct bridge_feed_session *seen =
        place_of(feed->seen, feed->capacity, session->subject, session->session);
    *is_new = seen->session[0] == '\0';
    if (*is_new) {
        memcpy(seen->subject, session->subject, sizeof seen->subject);
        memcpy(seen->session, session->session, sizeof seen->session);
        feed->n_seen++;
    }
    return seen;
}

int bridge_trial_feed_start(struct bridge_trial_feed *feed, struct bridge_source *s,
                            struct bridge_event *event)
{
    static const struct bridge_values NONE;
    const bool *is_stated = feed->fields.is_stated;
    struct bridge_session session = feed->session;
    struct bridge_value_fault fault;
    bool is_new = false;
    if (is_stated[BRIDGE_FIELD_SUBJECT] || is_stated[BRIDGE_FIELD_SESSION] ||
        is_stated[BRIDGE_FIELD_DATE]) {
        return 0;
    }
    if (bridge_trial_fields_session(&feed->fields, &NONE, &session, &fault) != 0) {
        return bridge_why_set(s, NULL, 0, -1, fault.found, fault.expected, fault.fix);
    }
    if (enter(feed, s, 0, &session, &is_new) == NULL) {
        return -1;
    }
    s->session = session;
    event->session = &s->session;
    event->kind = BRIDGE_SESSION_START;
    return is_new ? 1 : 0;
}

/* Numbers the trial and gives it, or the start of its session before it. */
static int give(struct bridge_trial_feed *feed, struct bridge_source *s, int64_t line,
                const struct bridge_session *session, struct bridge_event *event)
{
    bool is_new = false;
    struct bridge_feed_session *seen = enter(feed, s, line, session, &is_new);
    if (seen == NULL) {
        return -1;
    }
    event->line = line;
    event->trial = event->trial >= 0 ? event->trial : seen->n;
    seen->n = event->trial + 1;
    s->session = *session;
    event->session = &s->session;
    if (is_new) {
        feed->trial = *event;
        feed->has_trial = true;
        event->kind = BRIDGE_SESSION_START;
    }
    return 1;
}

int bridge_trial_feed_take(struct bridge_trial_feed *feed, struct bridge_source *s, int64_t line,
                           const struct bridge_values *values, struct bridge_event *event)
{
    struct bridge_session session = feed->session;
    struct bridge_value_fault fault;
    const int rc = bridge_trial_fields_read(&feed->fields, values, &session, event, &fault);
    if (rc < 0) {
        return bridge_why_set(s, NULL, line, -1, fault.found, fault.expected, fault.fix);
    }
    return rc == 0 ? 0 : give(feed, s, line, &session, event);
}

int bridge_trial_feed_waiting(struct bridge_trial_feed *feed, struct bridge_source *s,
                              struct bridge_event *event)
{
    if (!feed->has_trial) {
        return 0;
    }
    feed->has_trial = false;
    *event = feed->trial;
    event->session = &s->session;
    return 1;
}
