#include "ingest.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "loop_jobs.h"
#include "session_step.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    CHECKPOINT_EVENTS = 500, /* a subject's state is kept at least this often, in journal events */
    CHECKPOINT_S = 30        /* and this often, in time */
};

/* ---- alerts ---------------------------------------------------------------------------------- */

/* Puts an alert in the journal and tells subscribers. False if the journal had no room for it. */
bool ingest_tell_alert(void *context, const struct alerts_item *item, int64_t now_ns)
{
    struct server *server = context;
    const int64_t t_wall_ns = now_ns + server->wall_offset_ns;
    const bool is_kept = journal_alert(&server->journal, item->event, t_wall_ns, now_ns, item->rig,
                                       item->subject, &item->alert);

    proto_message *msg = &server->scratch;
    proto_message_init(msg, PROTO_KIND_ALERT);
    strcpy(msg->env.rig, item->rig);
    strcpy(msg->env.subject, item->subject);
    msg->env.t_wall_ns = t_wall_ns;
    msg->env.t_mono_ns = now_ns;
    strcpy(msg->as.alert.code, proto_alert_name(item->alert.code));
    msg->as.alert.evidence = item->alert.evidence;
    strcpy(msg->as.alert.text, item->alert.text);
    const uint32_t number = subjects_find_subject(&server->subjects, item->subject);
    if (number != SUBJECTS_NONE) {
        server->subjects.subject[number].alert_env = msg->env;
        server->subjects.subject[number].alert = msg->as.alert;
    } else if (item->subject[0] == '\0') {
        publisher_keep_alert(&server->publisher, msg);
    }
    publisher_send(&server->publisher, msg, NULL, 0);
    return is_kept;
}

static void raise_alert(struct server *server, int64_t event, const char *rig, const char *subject,
                        const struct session_alert *alert, int64_t now_ns)
{
    struct alerts_item item = {.event = event, .alert = *alert};
    strcpy(item.rig, rig);
    strcpy(item.subject, subject);
    alerts_raise(&server->alerts, &item, now_ns);
}

void ingest_raise(struct server *server, proto_alert_code code, const char *rig, double evidence,
                  const char *format, ...)
{
    struct session_alert alert = {.code = code, .evidence = evidence};
    va_list values;
    va_start(values, format);
    (void)vsnprintf(alert.text, sizeof alert.text, format, values);
    va_end(values);
    raise_alert(server, 0, rig, "", &alert, clock_mono_ns());
}

/* A prediction that cannot be said: the twin is not what it should be. */
static void raise_unsaid(struct server *server, const char *why)
{
    const struct session_result *r = &server->result;
    struct session_alert alert = {.code = PROTO_ALERT_INTERNAL, .evidence = 1.0};
    (void)snprintf(
        alert.text, sizeof alert.text,
        "subject %.64s: its prediction cannot be encoded: %s; its trials are kept; restart "
        "the daemon, which replays them if the twin's state is damaged",
        r->heard.env.subject, why);
    raise_alert(server, 0, r->heard.env.rig, r->heard.env.subject, &alert, clock_mono_ns());
}

/* ---- one message ----------------------------------------------------------------------------- */

/* As the predictions were given; a trial that heals a gap changes no score of others. */
static void count_score(struct server *server)
{
    const struct twin_outcome *scored = &server->result.scored;
    if (!isnan(scored->p_right)) {
        model_score_push_nats(&server->score, scored->p_right, scored->nats, scored->baseline_nats,
                              server->result.heard.as.trial.choice == 1);
        model_score_push_bin(&server->score, &scored->bin);
    }
}

static void count(struct server *server)
{
    const struct session_result *r = &server->result;
    struct server_counters *c = &server->counters;
    switch (r->status) {
    case SESSION_OUTCOME_TAKEN:
    case SESSION_OUTCOME_HEALED:
        c->trials++;
        count_score(server);
        break;
    case SESSION_OUTCOME_DUPLICATE:
        c->duplicates++;
        break;
    case SESSION_OUTCOME_LATE:
    case SESSION_OUTCOME_DOUBTED:
        c->late++;
        break;
    case SESSION_OUTCOME_CONFLICT:
    case SESSION_OUTCOME_REFUSED:
        c->bad_messages++;
        break;
    case SESSION_OUTCOME_NOTED:
    case SESSION_OUTCOME_PLAIN:
        break;
    }
    for (uint32_t i = 0; i < r->n_alerts; i++) {
        if (r->alerts[i].code == PROTO_ALERT_GAP) {
            c->gaps += (int64_t)r->alerts[i].evidence;
        }
    }
    if (r->status == SESSION_OUTCOME_HEALED) {
        c->gaps -= c->gaps > 0 ? 1 : 0;
    }
}

/* A flood of garbage must not fill the disk: what is refused is journaled at a bounded rate, unless
 * it is a trial of a rig that hears no answer. */
static bool is_journaled(struct server *server, enum session_source source)
{
    const struct session_result *r = &server->result;
    const bool is_unanswered = source != SESSION_SOURCE_ASK && r->heard.kind == PROTO_KIND_TRIAL;
    if (r->status != SESSION_OUTCOME_REFUSED || is_unanswered) {
        return session_is_journaled(r);
    }
    if (server->refused_budget < 1.0) {
        return false;
    }
    server->refused_budget -= 1.0;
    return true;
}

void ingest_checkpoint_if_due(struct server *server, uint32_t number, int64_t now_ns)
{
    struct subject *s = &server->subjects.subject[number];
    if (s->dirty_since_ns == 0) {
        return;
    }
    if (subjects_is_full_of_changes(s) ||
        server->journal.next_event - s->checkpoint_event > CHECKPOINT_EVENTS ||
        now_ns - s->dirty_since_ns > CHECKPOINT_S * NS_PER_S) {
        if (journal_checkpoint(&server->journal, &server->subjects, number, now_ns)) {
            subjects_clean(s);
        }
    }
}

/* Has the message taken up and the answer to it made. False: the journal has no room, nothing was
 * done. */
static bool take_up(struct server *server, struct session_event *event, const uint8_t *bytes)
{
    event->id = server->journal.next_event;
    event->t_wall_ns = event->t_mono_ns + server->wall_offset_ns;
    event->boot = server->boot;
    server->subjects.contents.durable_event = journal_durable(&server->journal);
    if (!journal_has_room(&server->journal)) {
        return false;
    }
    event->bytes = journal_raw(&server->journal, bytes, event->size);
    session_on_message(&server->subjects, event, &server->result);
    return true;
}

/* Keeps what came of it. Comes after the answer, which need not wait for it: nothing else is read
 * in between. */
static void keep(struct server *server, const struct session_event *event, int64_t t_event_ns,
                 int64_t t_predicted_ns)
{
    struct session_result *result = &server->result;
    session_look_ahead(&server->subjects, result);
    const bool is_kept = is_journaled(server, event->source);
    if (is_kept) {
        journal_event(&server->journal, &server->subjects, event, result, t_event_ns,
                      t_predicted_ns);
    }
    count(server);
    for (uint32_t i = 0; i < result->n_alerts; i++) {
        raise_alert(server, is_kept ? event->id : 0, result->heard.env.rig,
                    result->heard.env.subject, &result->alerts[i], event->t_mono_ns);
    }
    if (result->subject != SUBJECTS_NONE) {
        ingest_checkpoint_if_due(server, result->subject, event->t_mono_ns);
        loop_jobs_want(server, result->subject);
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

bool ingest_hear(struct server *server, enum session_source source, const char *rig,
                 const char *subject, const uint8_t *bytes, size_t size, int64_t t_mono_ns,
                 int64_t t_event_ns)
{
    struct session_event event = {
        .t_mono_ns = t_mono_ns, .source = source, .rig = rig, .subject = subject, .size = size};
    if (!take_up(server, &event, bytes)) {
        return false;
    }
    keep(server, &event, t_event_ns, clock_mono_ns());
    if (server->result.has_prediction && !has_probabilities(&server->result.reply.as.prediction)) {
        raise_unsaid(server,
                     "a number is not finite"); /* nobody waits for a reply that could fail */
    }
    return !server->result.is_put_off;
}

static void complete_reply(struct server *server, int64_t t_mono_ns)
{
    struct session_result *r = &server->result;
    proto_envelope *env = &r->reply.env;
    env->t_mono_ns = t_mono_ns;
    env->t_wall_ns = t_mono_ns + server->wall_offset_ns;
    env->durable_seq = 0;
    if (r->session != SUBJECTS_NONE) {
        struct session *s = subjects_counting(&server->subjects, r->session);
        const int64_t durable = subjects_durable_seq(s, journal_durable(&server->journal));
        env->durable_seq = durable >= 0 ? durable : 0;
    }
}

/* Tells subscribers of what was just heard; encoded: the prediction's msgpack body, if there is
 * one. */
static void publish(struct server *server, const uint8_t *encoded, size_t encoded_size)
{
    struct session_result *r = &server->result;
    const bool is_news = r->status == SESSION_OUTCOME_TAKEN ||
                         r->status == SESSION_OUTCOME_HEALED || r->status == SESSION_OUTCOME_NOTED;
    if (!is_news) {
        return;
    }
    subjects_name_session(&server->subjects.session[r->session], &r->heard.env);
    publisher_send(&server->publisher, &r->heard, NULL, 0);
    if (r->has_prediction) {
        publisher_send(&server->publisher, &r->reply, encoded, encoded_size);
    }
}

/* Encodes the reply; falls back to an error that always can be. */
static size_t encode_reply(struct server *server, proto_format format)
{
    int n = proto_encode(&server->result.reply, format, server->reply, sizeof server->reply);
    if (n <= 0) {
        if (server->result.has_prediction) {
            raise_unsaid(server, proto_strerror(n));
        }
        proto_message *msg = &server->scratch;
        proto_message_init(msg, PROTO_KIND_ERROR);
        msg->env = server->result.heard.env;
        strcpy(msg->as.error.code, proto_error_name(PROTO_ERROR_INTERNAL));
        (void)snprintf(msg->as.error.text, sizeof msg->as.error.text,
                       "the reply could not be encoded: %s", proto_strerror(n));
        n = proto_encode(msg, format, server->reply, sizeof server->reply);
    }
    return n > 0 ? (size_t)n : 0;
}

/* Nothing was journaled, so the trial is not taken up; its sender is told and keeps it. */
static void refuse_without_room(struct server *server, const uint8_t *bytes, size_t size)
{
    const enum journal_db_cause failing = journal_health(&server->journal, clock_mono_ns()).failing;
    const bool is_failing = failing != JOURNAL_DB_CAUSE_NONE;
    proto_fault fault;
    char text[sizeof server->result.reply.as.error.text];
    (void)proto_decode(bytes, size, &server->result.heard, &fault);
    (void)snprintf(text, sizeof text,
                   is_failing ? "keep the trial and resend it: the journal cannot be written: %s"
                              : "the disk is slower than the trials; resend it%s",
                   journal_db_cause_text(failing));
    step_refuse(&server->result, SESSION_OUTCOME_REFUSED,
                is_failing ? PROTO_ERROR_DISK_FULL : PROTO_ERROR_JOURNAL_BEHIND, "", text);
    server->counters.bad_messages++;
}

/* A key may be for one rig alone: what it says in another's name goes no further. Then
 * server->result.reply says so, to whoever asked. */
bool ingest_is_foreign(struct server *server, const struct zmq_bus_request *q, size_t size)
{
    proto_message *heard = &server->result.heard;
    proto_fault ignored;
    char text[sizeof server->result.reply.as.error.text];
    if (q->source.key < 0) {
        return false;
    }
    (void)proto_decode(q->body, size, heard, &ignored);
    if (heard->env.rig[0] == '\0' || zmq_bus_is_for_rig(&server->bus, q, heard->env.rig)) {
        return false;
    }
    (void)snprintf(text, sizeof text,
                   "the key of this connection is not for rig \"%s\" "
                   "(security.client_keys, line with rig=)",
                   heard->env.rig);
    step_refuse(&server->result, SESSION_OUTCOME_REFUSED, PROTO_ERROR_NOT_ALLOWED, "rig", text);
    server->counters.bad_messages++;
    ingest_raise(server, PROTO_ALERT_BAD_MESSAGE, "", 1.0,
                 "a message of rig %s was sent under another rig's key and refused",
                 heard->env.rig);
    journal_publish(&server->journal);
    return true;
}

/* A rig that asks: answer it, then journal and tell the others. */
void ingest_ask(struct server *server, int64_t t_mono_ns)
{
    const struct zmq_bus_request *q = &server->asked;
    struct session_event event = {.t_mono_ns = t_mono_ns,
                                  .source = SESSION_SOURCE_ASK,
                                  .size = q->size < sizeof q->body ? q->size : sizeof q->body};
    const proto_format format = proto_format_of(q->body, event.size);
    const bool is_refused = ingest_is_foreign(server, q, event.size);
    const bool is_heard = !is_refused && take_up(server, &event, q->body);
    if (is_heard) {
        complete_reply(server, t_mono_ns);
    } else if (!is_refused) {
        refuse_without_room(server, q->body, event.size);
    }
    const size_t n = encode_reply(server, format);
    const int64_t t_predicted_ns = clock_mono_ns();
    zmq_bus_reply(server->bus.ask, &q->envelope, server->reply, n);
    if (is_heard) {
        if (server->result.heard.kind == PROTO_KIND_TRIAL) {
            histogram_push(&server->latency, clock_mono_ns() - t_mono_ns);
        }
        keep(server, &event, PROTO_NIL, t_predicted_ns);
        publish(server, format == PROTO_FORMAT_MSGPACK ? server->reply : NULL, n);
    }
    journal_publish(&server->journal);
}

void ingest_publish(struct server *server, int64_t t_mono_ns)
{
    complete_reply(server, t_mono_ns);
    publish(server, NULL, 0);
    journal_publish(&server->journal);
}
