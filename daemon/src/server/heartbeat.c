#include "heartbeat.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ingest.h"
#include "log.h"
#include "prediction_message.h"
#include "status_message.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    REFUSED_PER_S = 10, /* refused messages journaled, in the long run */
    JUDGE_S = 60        /* a running session's standing is said so often */
};

void heartbeat_fill_status(struct server *server, proto_message *out)
{
    const int64_t now_ns = clock_mono_ns();
    const struct journal_health health = journal_health(&server->journal, now_ns);
    proto_message_init(out, PROTO_KIND_STATUS);
    out->env.t_mono_ns = now_ns;
    out->env.t_wall_ns = now_ns + server->wall_offset_ns;
    proto_status *s = &out->as.status;
    strcpy(s->state, server->stop ? "stopping" : server->was_behind ? "behind" : "ready");
    strncpy(s->version, MURID_VERSION, sizeof s->version - 1);
    strcpy(s->model, server->subjects.model_hash);
    s->uptime_s = (double)(now_ns - server->start_ns) / 1e9;
    s->subjects = server->subjects.n_subjects;
    s->sessions = server->subjects.n_sessions;
    s->trials = server->counters.trials;
    s->duplicates = server->counters.duplicates;
    s->gaps = server->counters.gaps;
    s->late = server->counters.late;
    s->bad_messages = server->counters.bad_messages;
    s->frame_errors = serial_lines_frame_errors(&server->lines);
    s->rejected_keys = server->bus.rejected_keys;
    s->ended_connections = doors_ended(server->bus.doors);
    s->events = health.events;
    s->durable_events = health.durable_events;
    s->journal_lag_ms = health.lag_ms;
    s->journal_worst_ms = health.worst_lag_ms;
    s->ring_fill = health.ring_fill;
    s->trial_p50_us = histogram_quantile(&server->latency, 0.5) / 1000.0;
    s->trial_p99_us = histogram_quantile(&server->latency, 0.99) / 1000.0;
    s->score.present = s->reliability.present = true;
    prediction_message_score(&s->score.v, &server->score);
    prediction_message_reliability(&s->reliability.v, &server->score);
}

static void check_clock(struct server *server, int64_t now_ns)
{
    const int64_t offset_ns = clock_wall_ns() - now_ns;
    const int64_t jump_ns = offset_ns - server->wall_offset_ns;
    server->wall_offset_ns = offset_ns;
    if (jump_ns > NS_PER_S || jump_ns < -NS_PER_S) {
        ingest_raise(server, PROTO_ALERT_CLOCK_JUMP, "", fabs((double)jump_ns) / 1e9,
                     "this machine's clock jumped by %.1f s; order and intervals use the "
                     "monotonic clock",
                     (double)jump_ns / 1e9);
    }
}

static void check_journal(struct server *server, int64_t now_ns)
{
    enum { BEHIND_MS = 1000 };
    const struct journal_health health = journal_health(&server->journal, now_ns);
    const bool is_failing = health.failing != JOURNAL_DB_CAUSE_NONE;
    const bool is_behind = is_failing || health.lag_ms > BEHIND_MS || health.ring_fill > 0.5;
    const char *path = server->journal.store.path;
    const double fill = 100.0 * health.ring_fill;
    if (is_failing && server->failing != health.failing) {
        ingest_raise(server,
                     health.failing == JOURNAL_DB_CAUSE_FULL ? PROTO_ALERT_DISK_FULL
                                                             : PROTO_ALERT_JOURNAL_FAILING,
                     "", health.lag_ms,
                     "%.80s cannot be written: %s; %.0f%% of the memory for trials is used", path,
                     journal_db_cause_text(health.failing), fill);
    } else if (is_behind && !server->was_behind) {
        ingest_raise(server, PROTO_ALERT_JOURNAL_BEHIND, "", health.lag_ms,
                     "%s: the disk is slower than the trials; %.0f%% of the memory for trials is "
                     "used",
                     path, fill);
    }
    server->failing = health.failing;
    server->was_behind = is_behind;
}

/* Connections that were ended have their line of the log from doors.h, and an alert from here. */
static void check_doors(struct server *server)
{
    const int64_t ended = doors_ended(server->bus.doors) - server->told_ended;
    if (ended > 0) {
        ingest_raise(server, PROTO_ALERT_LIMIT, "", (double)ended,
                     "%" PRId64
                     " connections were ended: too many, or too much data without a complete "
                     "message; the log lists them",
                     ended);
        server->told_ended += ended;
    }
}

void heartbeat_open_lines(struct server *server)
{
    for (uint32_t i = 0; i < server->lines.n; i++) {
        const struct config_rigs *rig = server->lines.line[i].rig;
        const bool was_open = server->lines.line[i].was_open;
        char text[SERIAL_LINES_TEXT_MAX];
        switch (serial_lines_open_missing(&server->lines, i, text)) {
        case SERIAL_LINES_SAME:
            break;
        case SERIAL_LINES_FAILED:
            ingest_raise(server, PROTO_ALERT_DEVICE_GONE, rig->name, 1.0, "rig %s: %s", rig->name,
                         text);
            break;
        case SERIAL_LINES_BACK:
            log_info("rig %s: %s open at %" PRId64 " baud, subject %s", rig->name, rig->port,
                     rig->baud, rig->subject);
            if (was_open) {
                ingest_raise(server, PROTO_ALERT_DEVICE_BACK, rig->name, 1.0, "rig %s: %s is back",
                             rig->name, rig->port);
            }
            break;
        }
    }
}

/* Shares that hang have their thread hang; what else is wrong with them it says itself. */
static void check_followers(struct server *server, int64_t now_ns)
{
    for (uint32_t i = 0; i < server->followers.n; i++) {
        proto_alert_code code;
        char text[FOLLOWED_TEXT_MAX];
        if (followers_has_changed(&server->followers, i, now_ns, &code, text)) {
            ingest_raise(server, code, followers_rig(&server->followers, i), 1.0, "%s", text);
        }
    }
}

/* Says where an animal stands that has gone on; one a second, so that no trial waits for more. */
static void judge_next(struct server *server, int64_t now_ns)
{
    const uint32_t n = server->subjects.n_subjects;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t number = (server->next_judged + i) % n;
        struct subject *s = &server->subjects.subject[number];
        if (!subjects_is_to_judge(s, now_ns, JUDGE_S * NS_PER_S)) {
            continue;
        }
        subjects_judge(s, now_ns);
        server->next_judged = number + 1;
        if (status_message_fill(&server->subjects, number, &server->scratch)) {
            server->scratch.env.t_mono_ns = now_ns;
            server->scratch.env.t_wall_ns = now_ns + server->wall_offset_ns;
            publisher_send(&server->publisher, &server->scratch, NULL, 0);
        }
        return;
    }
}

void heartbeat_tick(struct server *server)
{
    const int64_t now_ns = clock_mono_ns();
    check_clock(server, now_ns);
    check_journal(server, now_ns);
    check_doors(server);
    heartbeat_open_lines(server);
    check_followers(server, now_ns);
    alerts_tick(&server->alerts, now_ns);
    for (uint32_t i = 0; i < server->subjects.n_subjects && journal_has_room(&server->journal);
         i++) {
        ingest_checkpoint_if_due(server, i, now_ns);
    }
    server->refused_budget = fmin(server->refused_budget + REFUSED_PER_S, HEARTBEAT_REFUSED_MOST);
    heartbeat_fill_status(server, &server->scratch);
    publisher_send(&server->publisher, &server->scratch, NULL, 0);
    judge_next(server, now_ns);
    journal_publish(&server->journal);
}

/* Many checkpoints may not fit in the ring at once; the thread makes room. A disk that fails ends
 * the waiting. */
bool heartbeat_wait_for_room(struct server *server)
{
    for (int tries = 0; tries < 100 && !journal_has_room(&server->journal); tries++) {
        journal_publish(&server->journal);
        clock_sleep_ns(10000000);
    }
    return journal_has_room(&server->journal);
}

void heartbeat_checkpoint_all(struct server *server)
{
    const int64_t now_ns = clock_mono_ns();
    for (uint32_t i = 0; i < server->subjects.n_subjects; i++) {
        struct subject *s = &server->subjects.subject[i];
        if (s->dirty_since_ns == 0) {
            continue;
        }
        if (!heartbeat_wait_for_room(server) ||
            !journal_checkpoint(&server->journal, &server->subjects, i, now_ns)) {
            return; /* the events themselves are enough to resume from */
        }
        subjects_clean(s);
    }
    journal_publish(&server->journal);
}
