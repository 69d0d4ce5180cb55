#include "heartbeat.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ingest.h"
#include "log.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    REFUSED_PER_S = 10, /* refused messages journaled, in the long run */
    JUDGE_S = 60        /* a running session's standing is said so often */
};

void loop_fill_status(struct loop *loop, proto_message *out)
{
    const int64_t now_ns = clock_mono_ns();
    const struct journal_health health = journal_health(&loop->journal, now_ns);
    proto_message_init(out, PROTO_KIND_STATUS);
    out->env.t_mono_ns = now_ns;
    out->env.t_wall_ns = now_ns + loop->wall_offset_ns;
    proto_status *s = &out->as.status;
    strcpy(s->state, loop->stop ? "stopping" : loop->was_behind ? "behind" : "ready");
    strncpy(s->version, MURID_VERSION, sizeof s->version - 1);
    strcpy(s->model, loop->subjects.model_hash);
    s->uptime_s = (double)(now_ns - loop->start_ns) / 1e9;
    s->subjects = loop->subjects.n_subjects;
    s->sessions = loop->subjects.n_sessions;
    s->trials = loop->counters.trials;
    s->duplicates = loop->counters.duplicates;
    s->gaps = loop->counters.gaps;
    s->late = loop->counters.late;
    s->bad_messages = loop->counters.bad_messages;
    s->frame_errors = serial_lines_frame_errors(&loop->lines);
    s->rejected_keys = loop->bus.rejected_keys;
    s->ended_connections = doors_ended(loop->bus.doors);
    s->events = health.events;
    s->durable_events = health.durable_events;
    s->journal_lag_ms = health.lag_ms;
    s->journal_worst_ms = health.worst_lag_ms;
    s->ring_fill = health.ring_fill;
    s->trial_p50_us = histogram_quantile(&loop->latency, 0.5) / 1000.0;
    s->trial_p99_us = histogram_quantile(&loop->latency, 0.99) / 1000.0;
    s->score.present = s->reliability.present = true;
    subjects_fill_score(&s->score.v, &loop->score);
    subjects_fill_reliability(&s->reliability.v, &loop->score);
}

static void check_clock(struct loop *loop, int64_t now_ns)
{
    const int64_t offset_ns = clock_wall_ns() - now_ns;
    const int64_t jump_ns = offset_ns - loop->wall_offset_ns;
    loop->wall_offset_ns = offset_ns;
    if (jump_ns > NS_PER_S || jump_ns < -NS_PER_S) {
        loop_raise(loop, PROTO_ALERT_CLOCK_JUMP, "", fabs((double)jump_ns) / 1e9,
                   "this machine's clock jumped by %.1f s; order and intervals are kept by the "
                   "monotonic clock",
                   (double)jump_ns / 1e9);
    }
}

static void check_journal(struct loop *loop, int64_t now_ns)
{
    enum { BEHIND_MS = 1000 };
    const struct journal_health health = journal_health(&loop->journal, now_ns);
    const bool is_failing = health.failing != JOURNAL_DB_CAUSE_NONE;
    const bool is_behind = is_failing || health.lag_ms > BEHIND_MS || health.ring_fill > 0.5;
    const char *path = loop->journal.store.path;
    const double fill = 100.0 * health.ring_fill;
    if (is_failing && loop->failing != health.failing) {
        loop_raise(loop,
                   health.failing == JOURNAL_DB_CAUSE_FULL ? PROTO_ALERT_DISK_FULL
                                                           : PROTO_ALERT_JOURNAL_FAILING,
                   "", health.lag_ms,
                   "%.80s cannot be written: %s; %.0f%% of the memory for trials is used", path,
                   journal_db_cause_text(health.failing), fill);
    } else if (is_behind && !loop->was_behind) {
        loop_raise(loop, PROTO_ALERT_JOURNAL_BEHIND, "", health.lag_ms,
                   "%s: the disk is slower than the trials; %.0f%% of the memory for trials is "
                   "used",
                   path, fill);
    }
    loop->failing = health.failing;
    loop->was_behind = is_behind;
}

/* Connections that were ended have their line of the log from doors.h, and an alert from here. */
static void check_doors(struct loop *loop)
{
    const int64_t ended = doors_ended(loop->bus.doors) - loop->told_ended;
    if (ended > 0) {
        loop_raise(loop, PROTO_ALERT_LIMIT, "", (double)ended,
                   "%" PRId64 " connections were ended: too many, or too much sent that came to "
                   "no message; the log says which",
                   ended);
        loop->told_ended += ended;
    }
}

void heartbeat_open_lines(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->lines.n; i++) {
        const struct config_rigs *rig = loop->lines.line[i].rig;
        const bool was_open = loop->lines.line[i].was_open;
        char text[SERIAL_LINES_TEXT_MAX];
        switch (serial_lines_open_missing(&loop->lines, i, text)) {
        case SERIAL_LINES_SAME:
            break;
        case SERIAL_LINES_FAILED:
            loop_raise(loop, PROTO_ALERT_DEVICE_GONE, rig->name, 1.0, "rig %s: %s", rig->name,
                       text);
            break;
        case SERIAL_LINES_BACK:
            log_info("rig %s: %s open at %" PRId64 " baud, subject %s", rig->name, rig->port,
                     rig->baud, rig->subject);
            if (was_open) {
                loop_raise(loop, PROTO_ALERT_DEVICE_BACK, rig->name, 1.0, "rig %s: %s is back",
                           rig->name, rig->port);
            }
            break;
        }
    }
}

/* Says where an animal stands that has gone on; one a second, so that no trial waits for more. */
static void judge_next(struct loop *loop, int64_t now_ns)
{
    const uint32_t n = loop->subjects.n_subjects;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t number = (loop->next_judged + i) % n;
        struct subject *s = &loop->subjects.subject[number];
        if (!subjects_is_to_judge(s, now_ns, JUDGE_S * NS_PER_S)) {
            continue;
        }
        subjects_judge(s, now_ns);
        loop->next_judged = number + 1;
        if (subjects_standing(&loop->subjects, number, &loop->scratch)) {
            loop->scratch.env.t_mono_ns = now_ns;
            loop->scratch.env.t_wall_ns = now_ns + loop->wall_offset_ns;
            publisher_send(&loop->publisher, &loop->scratch, NULL, 0);
        }
        return;
    }
}

void heartbeat_tick(struct loop *loop)
{
    const int64_t now_ns = clock_mono_ns();
    check_clock(loop, now_ns);
    check_journal(loop, now_ns);
    check_doors(loop);
    heartbeat_open_lines(loop);
    alerts_tick(&loop->alerts, now_ns);
    for (uint32_t i = 0; i < loop->subjects.n_subjects && journal_has_room(&loop->journal); i++) {
        ingest_checkpoint_if_due(loop, i, now_ns);
    }
    loop->refused_budget = fmin(loop->refused_budget + REFUSED_PER_S, HEARTBEAT_REFUSED_MOST);
    loop_fill_status(loop, &loop->scratch);
    publisher_send(&loop->publisher, &loop->scratch, NULL, 0);
    judge_next(loop, now_ns);
    journal_publish(&loop->journal);
}

/* Many checkpoints may not fit in the ring at once; the thread makes room. A disk that fails ends
 * the waiting. */
bool heartbeat_wait_for_room(struct loop *loop)
{
    for (int tries = 0; tries < 100 && !journal_has_room(&loop->journal); tries++) {
        journal_publish(&loop->journal);
        clock_sleep_ns(10000000);
    }
    return journal_has_room(&loop->journal);
}

void loop_checkpoint_all(struct loop *loop)
{
    const int64_t now_ns = clock_mono_ns();
    for (uint32_t i = 0; i < loop->subjects.n_subjects; i++) {
        struct subject *s = &loop->subjects.subject[i];
        if (s->dirty_since_ns == 0) {
            continue;
        }
        if (!heartbeat_wait_for_room(loop) ||
            !journal_checkpoint(&loop->journal, &loop->subjects, i, now_ns)) {
            return; /* the events themselves are enough to resume from */
        }
        subjects_clean(s);
    }
    journal_publish(&loop->journal);
}
