#include "loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "journal_check.h"
#include "log.h"
#include "loop_jobs.h"
#include "outside_file.h"
#include "rerun.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    TAG_ASK,
    TAG_TRIALS,
    TAG_PUB,
    TAG_CONTROL,
    TAG_ZAP,
    TAG_WORKER,
    TAG_LINES,
    BURST = 64,              /* messages of one socket before the others have their turn */
    COMMANDS_BURST = 4,      /* the same of commands: a page of subjects takes 100 us and more */
    CHECKPOINT_EVENTS = 500, /* a subject's state is kept at least this often, in journal events */
    CHECKPOINT_S = 30,       /* and this often, in time */
    REFUSED_PER_S = 10,      /* refused messages journaled, in the long run */
    REFUSED_MOST = 100,      /* and at once */
    JUDGE_S = 60,            /* a running session's standing is said so often */
    IDLE_MS = 1000
};

static const uint64_t SOCKETS_DUE =
    (1U << TAG_ASK) | (1U << TAG_TRIALS) | (1U << TAG_CONTROL) | (1U << TAG_ZAP);

/* ---- alerts ---------------------------------------------------------------------------------- */

/* Puts an alert in the journal and tells subscribers. False if the journal had no room for it. */
static bool tell_alert(void *context, const struct alerts_item *item, int64_t now_ns)
{
    struct loop *loop = context;
    const int64_t t_wall_ns = now_ns + loop->wall_offset_ns;
    const bool is_kept = journal_alert(&loop->journal, item->event, t_wall_ns, now_ns, item->rig,
                                       item->subject, &item->alert);

    proto_message *msg = &loop->status;
    proto_message_init(msg, PROTO_KIND_ALERT);
    strcpy(msg->env.rig, item->rig);
    strcpy(msg->env.subject, item->subject);
    msg->env.t_wall_ns = t_wall_ns;
    msg->env.t_mono_ns = now_ns;
    strcpy(msg->as.alert.code, proto_alert_name(item->alert.code));
    msg->as.alert.evidence = item->alert.evidence;
    strcpy(msg->as.alert.text, item->alert.text);
    const uint32_t number = colony_find_subject(&loop->colony, item->subject);
    if (number != COLONY_NONE) {
        loop->colony.subjects[number].alert_env = msg->env;
        loop->colony.subjects[number].alert = msg->as.alert;
    } else if (item->subject[0] == '\0') {
        publisher_keep_alert(&loop->publisher, msg);
    }
    publisher_send(&loop->publisher, msg, NULL, 0);
    return is_kept;
}

static void raise_alert(struct loop *loop, int64_t event, const char *rig, const char *subject,
                        const struct session_alert *alert, int64_t now_ns)
{
    struct alerts_item item = {.event = event, .alert = *alert};
    strcpy(item.rig, rig);
    strcpy(item.subject, subject);
    alerts_raise(&loop->alerts, &item, now_ns);
}

static void raise_plain(struct loop *loop, proto_alert_code code, const char *rig, double evidence,
                        const char *format, ...) FAULT_PRINTF(5, 6);

static void raise_plain(struct loop *loop, proto_alert_code code, const char *rig, double evidence,
                        const char *format, ...)
{
    struct session_alert alert = {.code = code, .evidence = evidence};
    va_list values;
    va_start(values, format);
    (void)vsnprintf(alert.text, sizeof alert.text, format, values);
    va_end(values);
    raise_alert(loop, 0, rig, "", &alert, clock_mono_ns());
}

/* A prediction that cannot be said: the twin is not what it should be. */
static void raise_unsaid(struct loop *loop, const char *why)
{
    const struct session_result *r = &loop->result;
    struct session_alert alert = {.code = PROTO_ALERT_INTERNAL, .evidence = 1.0};
    (void)snprintf(alert.text, sizeof alert.text,
                   "subject %.64s: its prediction cannot be said: %s; its trials are kept; start "
                   "the daemon anew, which hears them again if the twin's state is damaged",
                   r->heard.env.subject, why);
    raise_alert(loop, 0, r->heard.env.rig, r->heard.env.subject, &alert, clock_mono_ns());
}

/* ---- one message ----------------------------------------------------------------------------- */

/* As the predictions were given; a trial that heals a gap changes no score of others. */
static void count_score(struct loop *loop)
{
    const struct learner_outcome *scored = &loop->result.scored;
    if (!isnan(scored->p_right)) {
        model_score_push_nats(&loop->score, scored->p_right, scored->nats, scored->baseline_nats,
                              loop->result.heard.as.trial.choice == 1);
        model_score_push_bin(&loop->score, &scored->bin);
    }
}

static void count(struct loop *loop)
{
    const struct session_result *r = &loop->result;
    struct loop_counters *c = &loop->counters;
    switch (r->status) {
    case SESSION_STATUS_TAKEN:
    case SESSION_STATUS_HEALED:
        c->trials++;
        count_score(loop);
        break;
    case SESSION_STATUS_DUPLICATE:
        c->duplicates++;
        break;
    case SESSION_STATUS_LATE:
    case SESSION_STATUS_DOUBTED:
        c->late++;
        break;
    case SESSION_STATUS_CONFLICT:
    case SESSION_STATUS_REFUSED:
        c->bad_messages++;
        break;
    case SESSION_STATUS_NOTED:
    case SESSION_STATUS_PLAIN:
        break;
    }
    for (uint32_t i = 0; i < r->n_alerts; i++) {
        if (r->alerts[i].code == PROTO_ALERT_GAP) {
            c->gaps += (int64_t)r->alerts[i].evidence;
        }
    }
    if (r->status == SESSION_STATUS_HEALED) {
        c->gaps -= c->gaps > 0 ? 1 : 0;
    }
}

/* A flood of garbage must not fill the disk: what is refused is journaled at a bounded rate, unless
 * it is a trial of a rig that hears no answer. */
static bool is_journaled(struct loop *loop, enum session_source source)
{
    const struct session_result *r = &loop->result;
    const bool is_unanswered = source != SESSION_SOURCE_ASK && r->heard.kind == PROTO_KIND_TRIAL;
    if (r->status != SESSION_STATUS_REFUSED || is_unanswered) {
        return session_is_journaled(r);
    }
    if (loop->refused_budget < 1.0) {
        return false;
    }
    loop->refused_budget -= 1.0;
    return true;
}

static void checkpoint_if_due(struct loop *loop, uint32_t number, int64_t now_ns)
{
    struct subject *s = &loop->colony.subjects[number];
    if (s->dirty_since_ns == 0) {
        return;
    }
    if (colony_is_full_of_changes(s) ||
        loop->journal.next_event - s->checkpoint_event > CHECKPOINT_EVENTS ||
        now_ns - s->dirty_since_ns > CHECKPOINT_S * NS_PER_S) {
        if (journal_checkpoint(&loop->journal, &loop->colony, number, now_ns)) {
            colony_clean(s);
        }
    }
}

/* Has the message taken up and the answer to it made. False: the journal has no room, nothing was
 * done. */
static bool take_up(struct loop *loop, struct session_event *event, const uint8_t *bytes)
{
    event->id = loop->journal.next_event;
    event->t_wall_ns = event->t_mono_ns + loop->wall_offset_ns;
    event->boot = loop->boot;
    loop->colony.contents.durable_event = journal_durable(&loop->journal);
    if (!journal_has_room(&loop->journal)) {
        return false;
    }
    event->bytes = journal_raw(&loop->journal, bytes, event->size);
    session_on_message(&loop->colony, event, &loop->result);
    return true;
}

/* Keeps what came of it. Comes after the answer, which need not wait for it: nothing else is read
 * in between. */
static void keep(struct loop *loop, const struct session_event *event, int64_t t_event_ns,
                 int64_t t_predicted_ns)
{
    struct session_result *result = &loop->result;
    session_look_ahead(&loop->colony, result);
    const bool is_kept = is_journaled(loop, event->source);
    if (is_kept) {
        journal_event(&loop->journal, &loop->colony, event, result, t_event_ns, t_predicted_ns);
    }
    count(loop);
    for (uint32_t i = 0; i < result->n_alerts; i++) {
        raise_alert(loop, is_kept ? event->id : 0, result->heard.env.rig, result->heard.env.subject,
                    &result->alerts[i], event->t_mono_ns);
    }
    if (result->subject != COLONY_NONE) {
        checkpoint_if_due(loop, result->subject, event->t_mono_ns);
        loop_jobs_want(loop, result->subject);
    }
}

static bool has_probabilities(const proto_prediction *p)
{
    bool is_ok = true;
    for (uint32_t i = 0; i < p->p_right.n; i++) {
        is_ok = is_ok && p->p_right.v[i] >= 0.0 && p->p_right.v[i] <= 1.0 && p->lo.v[i] >= 0.0 &&
                p->hi.v[i] <= 1.0;
    }
    return is_ok;
}

bool loop_hear(struct loop *loop, enum session_source source, const char *rig, const char *subject,
               const uint8_t *bytes, size_t size, int64_t t_mono_ns, int64_t t_event_ns)
{
    struct session_event event = {
        .t_mono_ns = t_mono_ns, .source = source, .rig = rig, .subject = subject, .size = size};
    if (!take_up(loop, &event, bytes)) {
        return false;
    }
    keep(loop, &event, t_event_ns, clock_mono_ns());
    if (loop->result.has_prediction && !has_probabilities(&loop->result.reply.as.prediction)) {
        raise_unsaid(loop, "its numbers are none"); /* nobody waits for a reply that could fail */
    }
    return !loop->result.is_put_off;
}

static void complete_reply(struct loop *loop, int64_t t_mono_ns)
{
    struct session_result *r = &loop->result;
    proto_envelope *env = &r->reply.env;
    env->t_mono_ns = t_mono_ns;
    env->t_wall_ns = t_mono_ns + loop->wall_offset_ns;
    env->durable_seq = 0;
    if (r->session != COLONY_NONE) {
        struct session *s = colony_counting(&loop->colony, r->session);
        const int64_t durable = colony_durable_seq(s, journal_durable(&loop->journal));
        env->durable_seq = durable >= 0 ? durable : 0;
    }
}

/* Tells subscribers of what was just heard; encoded: the prediction's msgpack body, if there is
 * one. */
static void publish(struct loop *loop, const uint8_t *encoded, size_t encoded_size)
{
    struct session_result *r = &loop->result;
    const bool is_news = r->status == SESSION_STATUS_TAKEN || r->status == SESSION_STATUS_HEALED ||
                         r->status == SESSION_STATUS_NOTED;
    if (!is_news) {
        return;
    }
    colony_name_session(&loop->colony.sessions[r->session], &r->heard.env);
    publisher_send(&loop->publisher, &r->heard, NULL, 0);
    if (r->has_prediction) {
        publisher_send(&loop->publisher, &r->reply, encoded, encoded_size);
    }
}

/* Encodes the reply; falls back to an error that always can be. */
static size_t encode_reply(struct loop *loop, proto_format format)
{
    int n = proto_encode(&loop->result.reply, format, loop->reply, sizeof loop->reply);
    if (n <= 0) {
        if (loop->result.has_prediction) {
            raise_unsaid(loop, proto_strerror(n));
        }
        proto_message *msg = &loop->status;
        proto_message_init(msg, PROTO_KIND_ERROR);
        msg->env = loop->result.heard.env;
        strcpy(msg->as.error.code, proto_error_name(PROTO_ERROR_INTERNAL));
        (void)snprintf(msg->as.error.text, sizeof msg->as.error.text,
                       "the reply could not be encoded: %s", proto_strerror(n));
        n = proto_encode(msg, format, loop->reply, sizeof loop->reply);
    }
    return n > 0 ? (size_t)n : 0;
}

/* Nothing was journaled, so the trial is not taken up; its sender is told and keeps it. */
static void refuse_without_room(struct loop *loop, const uint8_t *bytes, size_t size)
{
    proto_message *heard = &loop->result.heard;
    proto_fault fault;
    const enum store_cause failing = journal_health(&loop->journal, clock_mono_ns()).failing;
    proto_message *reply = &loop->result.reply;
    (void)proto_decode(bytes, size, heard, &fault);
    proto_message_init(reply, PROTO_KIND_ERROR);
    reply->env = heard->env;
    strcpy(reply->as.error.code,
           proto_error_name(failing != STORE_CAUSE_NONE ? PROTO_ERROR_DISK_FULL
                                                        : PROTO_ERROR_JOURNAL_BEHIND));
    (void)snprintf(reply->as.error.text, sizeof reply->as.error.text,
                   failing != STORE_CAUSE_NONE
                       ? "keep the trial, send it again: the journal cannot be written: %s"
                       : "the disk is slower than the trials; send it again%s",
                   store_cause_text(failing));
    loop->counters.bad_messages++;
}

/* A key may be for one rig alone: what it says in another's name goes no further. Then
 * loop->result.reply says so, to whoever asked. */
static bool is_foreign(struct loop *loop, const struct bus_request *q, size_t size)
{
    proto_message *heard = &loop->result.heard;
    proto_message *reply = &loop->result.reply;
    proto_fault ignored;
    if (q->source.key < 0) {
        return false;
    }
    (void)proto_decode(q->body, size, heard, &ignored);
    if (heard->env.rig[0] == '\0' || bus_is_for_rig(&loop->bus, q, heard->env.rig)) {
        return false;
    }
    proto_message_init(reply, PROTO_KIND_ERROR);
    reply->env = heard->env;
    strcpy(reply->as.error.code, proto_error_name(PROTO_ERROR_NOT_ALLOWED));
    strcpy(reply->as.error.key, "rig");
    (void)snprintf(reply->as.error.text, sizeof reply->as.error.text,
                   "the key of this connection is for another rig than \"%s\" "
                   "(security.client_keys, line with rig=)",
                   heard->env.rig);
    loop->counters.bad_messages++;
    raise_plain(loop, PROTO_ALERT_BAD_MESSAGE, "", 1.0,
                "a message in the name of rig %s came with another rig's key and was refused",
                heard->env.rig);
    journal_publish(&loop->journal);
    return true;
}

/* A rig that asks: answer it, then journal and tell the others. */
static void on_ask(struct loop *loop, int64_t t_mono_ns)
{
    const struct bus_request *q = &loop->asked;
    struct session_event event = {.t_mono_ns = t_mono_ns,
                                  .source = SESSION_SOURCE_ASK,
                                  .size = q->size < sizeof q->body ? q->size : sizeof q->body};
    const proto_format format = proto_format_of(q->body, event.size);
    const bool is_refused = is_foreign(loop, q, event.size);
    const bool is_heard = !is_refused && take_up(loop, &event, q->body);
    if (is_heard) {
        complete_reply(loop, t_mono_ns);
    } else if (!is_refused) {
        refuse_without_room(loop, q->body, event.size);
    }
    const size_t n = encode_reply(loop, format);
    const int64_t t_predicted_ns = clock_mono_ns();
    bus_reply(loop->bus.ask, &q->envelope, loop->reply, n);
    if (is_heard) {
        if (loop->result.heard.kind == PROTO_KIND_TRIAL) {
            histogram_push(&loop->latency, clock_mono_ns() - t_mono_ns);
        }
        keep(loop, &event, PROTO_NIL, t_predicted_ns);
        publish(loop, format == PROTO_FORMAT_MSGPACK ? loop->reply : NULL, n);
    }
    journal_publish(&loop->journal);
}

static void publish_without_reply(struct loop *loop, int64_t t_mono_ns)
{
    complete_reply(loop, t_mono_ns);
    publish(loop, NULL, 0);
    journal_publish(&loop->journal);
}

/* ---- sources --------------------------------------------------------------------------------- */

/* Reads what a socket has next; BUS_REQUEST is the caller's to take up. */
static enum bus_heard hear_next(struct loop *loop, void *socket, struct bus_request *request)
{
    const enum bus_heard heard = socket == loop->bus.trials ? bus_receive_last(socket, request)
                                                            : bus_receive(socket, request);
    if (heard != BUS_NONE) {
        bus_took(&loop->bus, request);
    }
    if (heard == BUS_TOO_LONG) {
        loop->counters.bad_messages++;
        raise_plain(loop, PROTO_ALERT_BAD_MESSAGE, "", 1.0,
                    "a message of more than %d frames, or %d before its body, came and was not "
                    "answered",
                    BUS_FRAMES_MAX, BUS_ENVELOPE_FRAMES);
        journal_publish(&loop->journal);
    }
    return heard;
}

/* True if the socket may have more. Without room the requests wait in the socket, unless the disk
 * fails: then clients are told, and keep their trials. */
static bool serve_ask(struct loop *loop)
{
    for (int i = 0; i < BURST; i++) {
        if (!journal_has_room(&loop->journal) &&
            journal_health(&loop->journal, 0).failing == STORE_CAUSE_NONE) {
            return true;
        }
        const enum bus_heard heard = hear_next(loop, loop->bus.ask, &loop->asked);
        if (heard == BUS_NONE) {
            return false;
        }
        if (heard == BUS_REQUEST) {
            on_ask(loop, clock_mono_ns());
        }
    }
    return true;
}

static void on_published(struct loop *loop, int64_t t_mono_ns)
{
    const struct bus_request *q = &loop->published;
    const size_t size = q->size < sizeof q->body ? q->size : sizeof q->body;
    if (is_foreign(loop, q, size)) {
        return;
    }
    if (loop_hear(loop, SESSION_SOURCE_TRIALS, NULL, NULL, q->body, size, t_mono_ns, PROTO_NIL)) {
        publish_without_reply(loop, t_mono_ns);
    }
}

static bool serve_trials(struct loop *loop)
{
    for (int i = 0; i < BURST; i++) {
        if (!journal_has_room(&loop->journal)) {
            return true;
        }
        const enum bus_heard heard = hear_next(loop, loop->bus.trials, &loop->published);
        if (heard == BUS_NONE) {
            return false;
        }
        if (heard == BUS_REQUEST) {
            on_published(loop, clock_mono_ns());
        }
    }
    return true;
}

static bool serve_control(struct loop *loop)
{
    struct bus_request *q = &loop->commanded;
    for (int i = 0; i < COMMANDS_BURST; i++) {
        const enum bus_heard heard = hear_next(loop, loop->bus.control, q);
        if (heard == BUS_NONE) {
            return false;
        }
        if (heard == BUS_REQUEST) {
            const size_t size = q->size < sizeof q->body ? q->size : sizeof q->body;
            const size_t n = control_answer(loop, q->body, size, loop->reply, sizeof loop->reply);
            bus_reply(loop->bus.control, &q->envelope, loop->reply, n);
            journal_publish(&loop->journal);
        }
    }
    return true;
}

static void hear_device(struct loop *loop, struct line *line, const bridge_event *e)
{
    if (!loop_hear(loop, SESSION_SOURCE_SERIAL, line->rig->name, line->rig->subject, e->payload,
                   e->payload_size, e->t_heard_ns,
                   e->t_error_ns == INT64_MAX ? PROTO_NIL : e->t_event_ns)) {
        return; /* not accepted: the device sends it again */
    }
    const struct session_result *r = &loop->result;
    bridge_link_accept(&line->link, e, (uint64_t)(loop->journal.next_event - 1));
    if (r->has_prediction && r->heard.kind == PROTO_KIND_TRIAL) {
        const proto_prediction *p = &r->reply.as.prediction;
        const uint32_t last =
            p->stimuli.n - 1; /* the frame has room for one: usually the rightmost */
        bridge_link_predict(&line->link, p->for_trial, p->stimuli.v[last], p->p_right.v[last]);
    }
    publish_without_reply(loop, e->t_heard_ns);
}

static bool serve_line(struct loop *loop, uint32_t i)
{
    struct line *line = &loop->lines.line[i];
    uint8_t bytes[LOOP_READ_MAX];
    const int got = lines_read(&loop->lines, i, bytes, sizeof bytes);
    if (got < 0) {
        raise_plain(loop, PROTO_ALERT_DEVICE_GONE, line->rig->name, 1.0,
                    "rig %s: %s was unplugged after %" PRIu64
                    " frames; its session goes on when it is back",
                    line->rig->name, line->rig->port, line->link.counters.frames);
        journal_publish(&loop->journal);
        return false;
    }
    const uint8_t *at = bytes;
    size_t left = (size_t)got;
    const uint64_t bad_before = line->link.counters.bad_frames;
    const int64_t now_ns = clock_mono_ns();
    bridge_event event;
    while (bridge_link_next(&line->link, &at, &left, now_ns, &event)) {
        hear_device(loop, line, &event);
    }
    if (line->link.counters.bad_frames != bad_before) {
        raise_plain(loop, PROTO_ALERT_BAD_FRAME, line->rig->name,
                    (double)line->link.counters.bad_frames,
                    "rig %s: %" PRIu64 " of %" PRIu64 " frames came damaged over %s so far: check "
                    "cable, ground and baud rate",
                    line->rig->name, line->link.counters.bad_frames,
                    line->link.counters.bad_frames + line->link.counters.frames, line->rig->port);
        journal_publish(&loop->journal);
    }
    return false;
}

static bool serve(struct loop *loop, uint32_t tag)
{
    switch (tag) {
    case TAG_ASK:
        return serve_ask(loop);
    case TAG_TRIALS:
        return serve_trials(loop);
    case TAG_PUB:
        loop->publisher.has_news = true; /* read at the end of the pass */
        return false;
    case TAG_CONTROL:
        return serve_control(loop);
    case TAG_ZAP:
        return bus_authenticate(&loop->bus);
    case TAG_WORKER:
        return false; /* looked at in every pass */
    default:
        return serve_line(loop, tag - TAG_LINES);
    }
}

/* ---- once a second --------------------------------------------------------------------------- */

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
    strcpy(s->model, loop->colony.model_hash);
    s->uptime_s = (double)(now_ns - loop->start_ns) / 1e9;
    s->subjects = loop->colony.n_subjects;
    s->sessions = loop->colony.n_sessions;
    s->trials = loop->counters.trials;
    s->duplicates = loop->counters.duplicates;
    s->gaps = loop->counters.gaps;
    s->late = loop->counters.late;
    s->bad_messages = loop->counters.bad_messages;
    s->frame_errors = lines_frame_errors(&loop->lines);
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
    colony_fill_score(&s->score.v, &loop->score);
    colony_fill_reliability(&s->reliability.v, &loop->score);
}

static void check_clock(struct loop *loop, int64_t now_ns)
{
    const int64_t offset_ns = clock_wall_ns() - now_ns;
    const int64_t jump_ns = offset_ns - loop->wall_offset_ns;
    loop->wall_offset_ns = offset_ns;
    if (jump_ns > NS_PER_S || jump_ns < -NS_PER_S) {
        raise_plain(loop, PROTO_ALERT_CLOCK_JUMP, "", fabs((double)jump_ns) / 1e9,
                    "this machine's clock jumped by %.1f s; order and intervals are kept by the "
                    "monotonic clock",
                    (double)jump_ns / 1e9);
    }
}

static void check_journal(struct loop *loop, int64_t now_ns)
{
    enum { BEHIND_MS = 1000 };
    const struct journal_health health = journal_health(&loop->journal, now_ns);
    const bool is_failing = health.failing != STORE_CAUSE_NONE;
    const bool is_behind = is_failing || health.lag_ms > BEHIND_MS || health.ring_fill > 0.5;
    const char *path = loop->journal.store.path;
    const double fill = 100.0 * health.ring_fill;
    if (is_failing && loop->failing != health.failing) {
        raise_plain(loop,
                    health.failing == STORE_CAUSE_FULL ? PROTO_ALERT_DISK_FULL
                                                       : PROTO_ALERT_JOURNAL_FAILING,
                    "", health.lag_ms,
                    "%.80s cannot be written: %s; %.0f%% of the memory for trials is used", path,
                    store_cause_text(health.failing), fill);
    } else if (is_behind && !loop->was_behind) {
        raise_plain(loop, PROTO_ALERT_JOURNAL_BEHIND, "", health.lag_ms,
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
        raise_plain(loop, PROTO_ALERT_LIMIT, "", (double)ended,
                    "%" PRId64 " connections were ended: too many, or too much sent that came to "
                    "no message; the log says which",
                    ended);
        loop->told_ended += ended;
    }
}

static void open_lines(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->lines.n; i++) {
        const struct config_rigs *rig = loop->lines.line[i].rig;
        const bool was_open = loop->lines.line[i].was_open;
        char text[LINES_TEXT_MAX];
        switch (lines_open_missing(&loop->lines, i, text)) {
        case LINES_SAME:
            break;
        case LINES_FAILED:
            raise_plain(loop, PROTO_ALERT_DEVICE_GONE, rig->name, 1.0, "rig %s: %s", rig->name,
                        text);
            break;
        case LINES_BACK:
            log_info("rig %s: %s open at %" PRId64 " baud, subject %s", rig->name, rig->port,
                     rig->baud, rig->subject);
            if (was_open) {
                raise_plain(loop, PROTO_ALERT_DEVICE_BACK, rig->name, 1.0, "rig %s: %s is back",
                            rig->name, rig->port);
            }
            break;
        }
    }
}

/* Says where an animal stands that has gone on; one a second, so that no trial waits for more. */
static void judge_next(struct loop *loop, int64_t now_ns)
{
    const uint32_t n = loop->colony.n_subjects;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t number = (loop->next_judged + i) % n;
        struct subject *s = &loop->colony.subjects[number];
        if (!colony_is_to_judge(s, now_ns, JUDGE_S * NS_PER_S)) {
            continue;
        }
        colony_judge(s, now_ns);
        loop->next_judged = number + 1;
        if (colony_standing(&loop->colony, number, &loop->status)) {
            loop->status.env.t_mono_ns = now_ns;
            loop->status.env.t_wall_ns = now_ns + loop->wall_offset_ns;
            publisher_send(&loop->publisher, &loop->status, NULL, 0);
        }
        return;
    }
}

static void tick(struct loop *loop)
{
    const int64_t now_ns = clock_mono_ns();
    check_clock(loop, now_ns);
    check_journal(loop, now_ns);
    check_doors(loop);
    open_lines(loop);
    alerts_tick(&loop->alerts, now_ns);
    for (uint32_t i = 0; i < loop->colony.n_subjects && journal_has_room(&loop->journal); i++) {
        checkpoint_if_due(loop, i, now_ns);
    }
    loop->refused_budget = fmin(loop->refused_budget + REFUSED_PER_S, REFUSED_MOST);
    loop_fill_status(loop, &loop->status);
    publisher_send(&loop->publisher, &loop->status, NULL, 0);
    judge_next(loop, now_ns);
    journal_publish(&loop->journal);
}

/* Many checkpoints may not fit in the ring at once; the thread makes room. A disk that fails ends
 * the waiting. */
static bool wait_for_room(struct loop *loop)
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
    for (uint32_t i = 0; i < loop->colony.n_subjects; i++) {
        struct subject *s = &loop->colony.subjects[i];
        if (s->dirty_since_ns == 0) {
            continue;
        }
        if (!wait_for_room(loop) || !journal_checkpoint(&loop->journal, &loop->colony, i, now_ns)) {
            return; /* the events themselves are enough to resume from */
        }
        colony_clean(s);
    }
    journal_publish(&loop->journal);
}

/* ---- start and stop -------------------------------------------------------------------------- */

/* The worker's snapshots are of the models that were in force. */
static int enter_run(struct loop *loop, int64_t run, struct fault *fault)
{
    const struct models *models = &loop->models[loop->present_models];
    loop_jobs_close(loop);
    if (colony_change_run(&loop->colony, run, &loop->config, models_view(models), models->twin.hash,
                          models_plan(models)) != 0 ||
        loop_jobs_open(loop, TAG_WORKER) != 0) {
        return fault_set(fault, FAULT_WORK, "no memory for the animals' own parameters");
    }
    if (loop->config.adaptation.rules && loop->colony.plan == NULL) {
        log_warn("adaptation: off: own parameters of this model would take more than %d KiB an "
                 "animal",
                 MODELS_ADAPTATION_BYTES_MAX / 1024);
    }
    return FAULT_NONE;
}

/* Files that the configuration names are opened by the daemon only if they are not its own. */
static int check_files(const struct config *config, struct fault *fault)
{
    const char *directory = config->data.directory;
    const char *model = config->model.file;
    const char *protocol = config->protocol.file;
    const int rc =
        model[0] != '\0' ? outside_file_check(model, directory, "model", fault) : FAULT_NONE;
    return rc == FAULT_NONE && protocol[0] != '\0'
               ? outside_file_check(protocol, directory, "protocol", fault)
               : rc;
}

/* Whoever may load a model may not be allowed to read the file: no byte of it is said. */
static int load_outside(struct models *models, const struct config *config, struct fault *fault)
{
    int rc = outside_file_check_command(config->model.file, config->data.directory, "model", fault);
    rc = rc ? rc : check_files(config, fault);
    if (rc == FAULT_NONE) {
        rc = models_load(models, config, fault);
        if (rc == FAULT_INPUT) {
            (void)fault_set(fault, rc,
                            "%.100s: not taken: a model file of docs/model.md expected, and the "
                            "configuration's protocol beside it; `murid model FILE` says what is "
                            "wrong",
                            config->model.file);
        }
    }
    return rc;
}

int loop_load_model(struct loop *loop, const char *path, struct fault *fault)
{
    struct models *next = &loop->models[1 - loop->present_models];
    struct config config = loop->config;
    if (strlen(path) >= sizeof config.model.file) {
        return fault_set(fault, FAULT_INPUT, "command.file: too long");
    }
    strcpy(config.model.file, path);
    config.protocol.hash[0] = '\0'; /* its file is read again, too */
    int rc = load_outside(next, &config, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    strcpy(config.protocol.hash, next->protocol_hash);
    rc = journal_stop(&loop->journal, fault);
    if (rc == FAULT_NONE) {
        const struct journal_run run = {
            .config = &config, .model_hash = next->twin.hash, .model_path = path};
        rc = journal_begin_run(&loop->journal, &run, fault);
    }
    struct fault start_fault;
    if (journal_start(&loop->journal, &loop->config, &start_fault) != FAULT_NONE) {
        log_error("%s", start_fault.text);
        loop->stop = true;
    }
    if (rc != FAULT_NONE) {
        models_free(next);
        return rc;
    }
    loop->config = config;
    loop->present_models = 1 - loop->present_models;
    if (enter_run(loop, loop->journal.store.run, &start_fault) != FAULT_NONE) {
        log_error("%s", start_fault.text);
        loop->stop = true;
    }
    models_free(&loop->models[1 - loop->present_models]);
    raise_plain(loop, PROTO_ALERT_MODEL_CHANGED, "", 1.0, "model %s (%s) from now on",
                loop->colony.model_hash, path);
    return FAULT_NONE;
}

/* Notes which sessions have changed; they are kept when all has been heard. */
static int on_resumed(void *context, const struct rerun_step *step, struct fault *fault)
{
    struct loop *loop = context;
    (void)fault;
    if (step->result->subject != COLONY_NONE) {
        struct subject *s = &loop->colony.subjects[step->result->subject];
        for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
            loop->resumed[s->dirty_sessions[i]] = true;
        }
        s->n_dirty_sessions = 0;
    }
    return FAULT_NONE;
}

/* Brings every animal back to where it was. Writes nothing. */
static int resume(struct loop *loop, struct rerun *rerun, struct fault *fault)
{
    const struct store *store = &loop->journal.store;
    int64_t from = 0;
    int rc = rerun_load_checkpoints(rerun, &loop->colony, &from, fault);
    if (rc == FAULT_NONE && from < store->checked_event) {
        rc = journal_check_events(store->db, store->path, from, fault);
    }
    rc = rc == FAULT_NONE ? rerun_events(rerun, &loop->colony, from, on_resumed, loop, fault) : rc;
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (rerun->last_event > from) {
        log_info("resumed: %" PRId64 " events since the last checkpoints heard again",
                 rerun->last_event - from);
    }
    for (uint32_t i = 0; i < loop->colony.n_sessions; i++) {
        struct session *s = &loop->colony.sessions[i];
        s->durable_seq = s->state.seqs.through;
        s->mark_event[0] = s->mark_event[1] = 0;
    }
    return FAULT_NONE;
}

/* The animals as they were left, under this run's models. */
static int open_colony(struct loop *loop, struct fault *fault)
{
    const struct models *models = &loop->models[loop->present_models];
    struct rerun rerun;
    int rc = rerun_open(&rerun, loop->journal.store.path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (!rerun_is_empty(&rerun)) {
        rerun.runs[0].config.limits = loop->config.limits;
        rc = rerun_open_colony(&rerun, &loop->colony, clock_mono_ns, fault);
    } else if (colony_open(&loop->colony, &loop->config, models_view(models), models->twin.hash,
                           clock_mono_ns) != 0) {
        rc = fault_set(fault, FAULT_WORK, "limits: no memory for so many subjects and sessions");
    }
    rc = rc ? rc : journal_contents_open(&loop->contents, loop->journal.store.path, fault);
    if (rc == FAULT_NONE) {
        loop->resumed = calloc(loop->colony.max_sessions, sizeof *loop->resumed);
        rc = loop->resumed == NULL ? fault_set(fault, FAULT_WORK, "limits: no memory") : rc;
    }
    rc = rc || rerun_is_empty(&rerun) ? rc : resume(loop, &rerun, fault);
    if (rc == FAULT_NONE) { /* from here the colony refers to what is the loop's, not the rerun's */
        loop->colony.contents.fetch = journal_contents_fetch;
        loop->colony.contents.context = &loop->contents;
        loop->colony.is_rerun = false;
        rc = enter_run(loop, loop->journal.store.run + 1, fault);
    }
    rerun_close(&rerun);
    return rc;
}

/* The run's row, with what was resumed; last, so that a start that fails leaves nothing. */
static int begin_run(struct loop *loop, struct fault *fault)
{
    const struct models *models = &loop->models[loop->present_models];
    const char *file = loop->config.model.file;
    const struct journal_run run = {.config = &loop->config,
                                    .model_hash = models->twin.hash,
                                    .model_path = file[0] != '\0' ? file : NULL,
                                    .colony = &loop->colony,
                                    .sessions = loop->resumed};
    const int rc = journal_begin_run(&loop->journal, &run, fault);
    free(loop->resumed);
    loop->resumed = NULL;
    return rc ? rc : journal_start(&loop->journal, &loop->config, fault);
}

static void add_socket(struct loop *loop, void *socket, uint32_t tag)
{
    if (socket != NULL) {
        (void)os_poll_add(&loop->poll, bus_fd(socket), tag);
    }
}

int loop_open(struct loop *loop, struct fault *fault)
{
    loop->start_ns = clock_mono_ns();
    loop->wall_offset_ns = clock_wall_ns() - loop->start_ns;
    loop->boot = clock_boot();
    loop->refused_budget = REFUSED_MOST;
    alerts_init(&loop->alerts, tell_alert, loop);
    loop->journal.store.lock_fd = -1;
    int rc = os_poll_open(&loop->poll) == 0
                 ? FAULT_NONE
                 : fault_set(fault, FAULT_WORK, "epoll cannot be set up");
    rc = rc ? rc : check_files(&loop->config, fault);
    rc = rc ? rc : models_load(&loop->models[0], &loop->config, fault);
    if (rc == FAULT_NONE) {
        strcpy(loop->config.protocol.hash, loop->models[0].protocol_hash);
    }
    rc = rc ? rc : journal_open(&loop->journal, loop->config.data.directory, fault);
    rc = rc ? rc : open_colony(loop, fault);
    rc = rc ? rc : bus_open(&loop->bus, &loop->config, fault);
    rc = rc ? rc : begin_run(loop, fault);
    if (rc != FAULT_NONE) {
        struct fault ignored;
        (void)loop_close(loop, &ignored);
        return rc;
    }
    loop->asked.is_sealed = loop->published.is_sealed = loop->commanded.is_sealed =
        loop->bus.is_curve;
    publisher_init(&loop->publisher, &loop->bus, &loop->colony);
    lines_init(&loop->lines, &loop->config, &loop->poll, TAG_LINES);
    add_socket(loop, loop->bus.ask, TAG_ASK);
    add_socket(loop, loop->bus.trials, TAG_TRIALS);
    add_socket(loop, loop->bus.pub, TAG_PUB);
    add_socket(loop, loop->bus.control, TAG_CONTROL);
    add_socket(loop, loop->bus.zap, TAG_ZAP);
    open_lines(loop);
    return FAULT_NONE;
}

static int timeout_ms(struct loop *loop, bool has_more)
{
    if (has_more) {
        return journal_has_room(&loop->journal) ? 0 : 1;
    }
    if (loop->lines.n == 0) {
        return -1; /* the tick wakes it every second; a timer more would cost each trial */
    }
    return lines_timeout_ms(&loop->lines, journal_durable(&loop->journal),
                            loop->journal.next_event - 1, clock_mono_ns(), IDLE_MS);
}

/* One turn for every socket and line that is due. Returns those that may have more. */
static uint64_t serve_due(struct loop *loop, uint64_t due)
{
    void *const sockets[] = {loop->bus.ask,     loop->bus.trials, loop->bus.pub,
                             loop->bus.control, loop->bus.zap,    NULL};
    uint64_t again = 0;
    for (uint32_t tag = 0; tag < TAG_LINES + loop->lines.n; tag++) {
        const bool is_open = tag >= TAG_LINES || sockets[tag] != NULL;
        if ((due >> tag & 1U) != 0 && is_open && serve(loop, tag)) {
            again |= (uint64_t)1 << tag;
        }
    }
    return again;
}

/* What rigs have sent before the stop is heard: until nothing came for a moment, within limits. */
static void drain(struct loop *loop)
{
    enum { QUIET_PASSES = 3, PASS_MS = 10, MOST_S = 3 };
    const int64_t until_ns = clock_mono_ns() + MOST_S * NS_PER_S;
    for (int quiet = 0; quiet < QUIET_PASSES && clock_mono_ns() < until_ns; quiet++) {
        const int64_t heard_before = loop->journal.next_event + loop->counters.duplicates;
        while (serve_due(loop, SOCKETS_DUE) != 0 && clock_mono_ns() < until_ns) {
        }
        if (loop->journal.next_event + loop->counters.duplicates != heard_before) {
            quiet = -1;
        }
        clock_sleep_ns(PASS_MS * 1000000);
    }
}

void loop_run(struct loop *loop)
{
    /* A ZeroMQ descriptor signals change once: what came before the first wait is served here. */
    uint64_t due = SOCKETS_DUE;
    while (!loop->stop) {
        const uint64_t again = serve_due(loop, due);
        const bool has_news = publisher_receive(&loop->publisher);
        const bool has_more = publisher_catch_up(&loop->publisher) || has_news || again != 0;
        loop_jobs_serve(loop);
        lines_flush(&loop->lines, journal_durable(&loop->journal), clock_mono_ns());

        uint32_t tags[OS_POLL_MAX];
        const int n = os_poll_wait(&loop->poll, timeout_ms(loop, has_more), tags);
        due = again;
        for (int i = 0; i < n; i++) {
            if (tags[i] == OS_POLL_TICK) {
                tick(loop);
            } else if (tags[i] == OS_POLL_SIGNAL) {
                const int signal = os_poll_take_signal(&loop->poll);
                loop->stop = signal != 0;
            } else {
                due |= (uint64_t)1 << tags[i];
            }
        }
    }
    drain(loop);
}

int loop_close(struct loop *loop, struct fault *fault)
{
    int rc = FAULT_NONE;
    loop_jobs_close(loop);
    if (loop->journal.is_started) {
        if (loop->colony.subjects != NULL) {
            (void)wait_for_room(loop);
            alerts_end(&loop->alerts, clock_mono_ns());
            loop_checkpoint_all(loop);
        }
        rc = journal_stop(&loop->journal, fault);
    }
    lines_close(&loop->lines);
    bus_close(&loop->bus);
    journal_contents_close(&loop->contents);
    journal_close(&loop->journal);
    colony_close(&loop->colony);
    free(loop->resumed);
    models_free(&loop->models[0]);
    models_free(&loop->models[1]);
    os_poll_close(&loop->poll);
    return rc;
}
