#include "bridge/task_trials.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void init_session(struct bridge_task_trials *t, const char *program, bool is_again)
{
    t->feed.session = (struct bridge_session){
        .ephys_rig = PROTO_NIL, .delay_s = (double)NAN, .is_again = is_again};
    (void)snprintf(t->feed.session.program, sizeof t->feed.session.program, "%s", program);
    t->is_started = t->is_ended = t->is_useless = false;
    bridge_task_trials_clear(t);
}

int bridge_task_trials_open(struct bridge_task_trials *t, struct bridge_source *s,
                            const char *program, const char *const sections[])
{
    *t = (struct bridge_task_trials){.is_started = false};
    const int rc = bridge_mapping_check(s, sections);
    if (rc != 0 || bridge_trial_states_check(s) != 0 ||
        bridge_trial_feed_open(&t->feed, s, s->map, program) != 0) {
        return -1;
    }
    init_session(t, program, false);
    return 0;
}

void bridge_task_trials_close(struct bridge_task_trials *t)
{
    bridge_trial_feed_close(&t->feed);
}

void bridge_task_trials_restart(struct bridge_task_trials *t)
{
    char program[BRIDGE_NAME_MAX];
    memcpy(program, t->feed.session.program, sizeof program);
    bridge_trial_feed_restart(&t->feed);
    init_session(t, program, true);
}

/* 0, or -1 with s->why. */
static int find_mapping(struct bridge_task_trials *t, struct bridge_source *s, const char *format)
{
    const char *task = t->feed.session.task;
    t->map = bridge_mapping_on(s->map, bridge_shipped_of_task(format, task));
    if (bridge_mapping_is_empty(&t->map)) {
        char found[160];
        (void)snprintf(found, sizeof found, "no mapping is known for the task \"%.64s\"", task);
        return bridge_why_set(s, NULL, 0, -1, found,
                              "one that says what its trials are, or a task that has a shipped one",
                              "give a mapping: --map, docs/formats.md");
    }
    return bridge_trial_feed_map(&t->feed, s, &t->map) != 0
               ? -1
               : bridge_trial_states_open(&t->states, s, &t->map, &t->feed.fields);
}

int bridge_task_trials_start(struct bridge_task_trials *t, struct bridge_source *s,
                             const char *format, struct bridge_event *event)
{
    t->is_started = true;
    if (find_mapping(t, s, format) != 0) {
        bridge_task_trials_refuse(t, s);
    }
    s->why.found[0] = '\0';
    return bridge_trial_feed_start(&t->feed, s, event);
}

int bridge_task_trials_tell(struct bridge_task_trials *t, struct bridge_source *s)
{
    if (!t->is_useless || t->why.found[0] == '\0') {
        return 0;
    }
    s->why = t->why;
    t->why.found[0] = '\0';
    return -1;
}

void bridge_task_trials_refuse(struct bridge_task_trials *t, const struct bridge_source *s)
{
    t->is_useless = true;
    t->why = s->why;
}

int bridge_task_trials_end(struct bridge_task_trials *t, struct bridge_source *s,
                           struct bridge_event *event)
{
    if (!t->is_started || t->is_ended) {
        return 0;
    }
    t->is_ended = true;
    memcpy(s->session.ended, t->feed.session.ended, sizeof s->session.ended);
    event->session = &s->session;
    event->kind = BRIDGE_SESSION_END;
    return 1;
}

void bridge_task_trials_clear(struct bridge_task_trials *t)
{
    memset(&t->values, 0, sizeof t->values);
    bridge_state_visits_init(&t->visits);
}

int bridge_task_trials_take(struct bridge_task_trials *t, struct bridge_source *s, int64_t line,
                            int64_t number, double end_s, struct bridge_event *event)
{
    const struct bridge_trial_fields *fields = &t->feed.fields;
    int rc = 0;
    if (!bridge_trial_fields_have(fields, &t->values, BRIDGE_FIELD_TRIAL)) {
        bridge_trial_fields_put(fields, &t->values, BRIDGE_FIELD_TRIAL, (double)number);
    }
    if (bridge_state_visits_put(&t->visits, &t->states, end_s, fields, &t->values)) {
        rc = bridge_trial_feed_take(&t->feed, s, line, &t->values, event);
    }
    bridge_task_trials_clear(t);
    return rc;
}
