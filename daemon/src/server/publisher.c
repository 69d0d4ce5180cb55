#include "publisher.h"

#include "prediction_message.h"
#include "status_message.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { CATCH_UP_SUBJECTS = 8, SUBSCRIPTIONS_TURN = 64 };

void publisher_init(struct publisher *p, struct zmq_bus *bus, const struct subjects *subjects)
{
    memset(p, 0, sizeof *p);
    p->bus = bus;
    p->subjects = subjects;
    p->has_news = true;
}

static void make_topic(char topic[PUBLISHER_TOPIC_MAX], const char *root, const proto_message *msg)
{
    const char *parts[] = {root, "1", msg->env.rig, msg->env.subject, proto_kind_name(msg->kind)};
    char *to = topic;
    for (int i = 0; i < 5; i++) {
        const char *part = parts[i][0] != '\0' ? parts[i] : "-";
        const size_t n = strlen(part);
        memcpy(to, part, n);
        to += n;
        *to++ = i < 4 ? '/' : '\0';
    }
}
_Static_assert(PUBLISHER_TOPIC_MAX >= 6 + 2 + 2 * (PROTO_ID_MAX + 1) + 16, "a topic fits");

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_wanted(const struct publisher *p, const char *topic)
{
    for (uint32_t i = 0; i < p->n_prefixes; i++) {
        if (starts_with(topic, p->prefixes[i].text)) {
            return true;
        }
    }
    return p->untold > 0;
}

/* Under the topic of that root, to whom it is of interest and below the prefix. */
static void send_below(struct publisher *p, const char *prefix, const char *root,
                       proto_format format, const proto_message *msg, const uint8_t *encoded,
                       size_t encoded_size)
{
    char topic[PUBLISHER_TOPIC_MAX];
    make_topic(topic, root, msg);
    if (!starts_with(topic, prefix) || !is_wanted(p, topic)) {
        return;
    }
    p->has_news = true;
    if (encoded != NULL) {
        zmq_bus_publish(p->bus, topic, encoded, encoded_size);
        return;
    }
    const int n = proto_encode(msg, format, p->body, sizeof p->body);
    if (n > 0) {
        zmq_bus_publish(p->bus, topic, p->body, (size_t)n);
    }
}

void publisher_send(struct publisher *p, const proto_message *msg, const uint8_t *encoded,
                    size_t encoded_size)
{
    if (p->bus->pub == NULL || (p->n_prefixes == 0 && p->untold == 0)) {
        return;
    }
    send_below(p, "", "murid", PROTO_FORMAT_MSGPACK, msg, encoded, encoded_size);
    send_below(p, "", "json", PROTO_FORMAT_JSON, msg, NULL, 0);
}

/* ---- subscriptions --------------------------------------------------------------------------- */

static struct publisher_catch_up *catch_up_at(struct publisher *p, uint32_t i)
{
    return &p->catch_ups[(p->first_catch_up + i) % PUBLISHER_CATCH_UPS];
}

/* Last in line, unless one that waits will send the same. When the line is full, its last sends
 * everything. */
static void want_last_values(struct publisher *p, const char *prefix)
{
    for (uint32_t i = 0; i < p->n_catch_ups; i++) {
        const struct publisher_catch_up *c = catch_up_at(p, i);
        if (c->next_subject == 0 && starts_with(prefix, c->prefix)) {
            return;
        }
    }
    const bool is_full = p->n_catch_ups == PUBLISHER_CATCH_UPS;
    p->n_catch_ups += is_full ? 0 : 1;
    struct publisher_catch_up *last = catch_up_at(p, p->n_catch_ups - 1);
    strcpy(last->prefix, is_full ? "" : prefix);
    last->next_subject = 0;
}

static void subscribe(struct publisher *p, const char *prefix)
{
    uint32_t i = 0;
    while (i < p->n_prefixes && strcmp(p->prefixes[i].text, prefix) != 0) {
        i++;
    }
    if (i < p->n_prefixes) {
        p->prefixes[i].subscribers++;
    } else if (p->n_prefixes < PUBLISHER_PREFIXES) {
        strcpy(p->prefixes[i].text, prefix);
        p->prefixes[i].subscribers = 1;
        p->n_prefixes++;
    } else {
        p->untold++;
    }
    want_last_values(p, prefix);
}

static void unsubscribe(struct publisher *p, const char *prefix)
{
    for (uint32_t i = 0; i < p->n_prefixes; i++) {
        if (strcmp(p->prefixes[i].text, prefix) == 0) {
            if (--p->prefixes[i].subscribers == 0) {
                p->prefixes[i] = p->prefixes[--p->n_prefixes];
            }
            return;
        }
    }
    p->untold -= p->untold > 0 ? 1 : 0;
}

static void on_news(struct publisher *p, uint8_t *frame, size_t size)
{
    const bool is_whole = size > 0 && size <= PUBLISHER_PREFIX_MAX + 1;
    if (!is_whole || (frame[0] != 0 && frame[0] != 1)) {
        return;
    }
    frame[size] = '\0';
    const char *prefix = (const char *)&frame[1];
    if (frame[0] == 1) {
        subscribe(p, prefix);
    } else {
        unsubscribe(p, prefix);
    }
}

bool publisher_receive(struct publisher *p)
{
    uint8_t frame[PUBLISHER_PREFIX_MAX + 2];
    size_t size;
    for (int i = 0; i < SUBSCRIPTIONS_TURN && p->has_news; i++) {
        p->has_news = zmq_bus_receive_news(p->bus, frame, sizeof frame, &size);
        if (p->has_news) {
            on_news(p, frame, size);
        }
    }
    return p->has_news;
}

/* ---- last values ----------------------------------------------------------------------------- */

static void send_last(struct publisher *p, const char *prefix)
{
    send_below(p, prefix, "murid", PROTO_FORMAT_MSGPACK, &p->scratch, NULL, 0);
    send_below(p, prefix, "json", PROTO_FORMAT_JSON, &p->scratch, NULL, 0);
}

static void send_alert(struct publisher *p, const proto_envelope *env, const proto_alert *alert,
                       const char *prefix)
{
    p->scratch.kind = PROTO_KIND_ALERT;
    p->scratch.env = *env;
    p->scratch.as.alert = *alert;
    send_last(p, prefix);
}

static void send_subject(struct publisher *p, uint32_t number, const char *prefix)
{
    const struct subject *s = &p->subjects->subject[number];
    if (s->rig[0] == '\0') {
        return;
    }
    if (s->trial_env.rig[0] != '\0') {
        p->scratch.kind = PROTO_KIND_TRIAL;
        p->scratch.env = s->trial_env;
        p->scratch.as.trial = s->trial;
        send_last(p, prefix);
    }
    if (s->alert_env.rig[0] != '\0') {
        send_alert(p, &s->alert_env, &s->alert, prefix);
    }
    if (status_message_fill(p->subjects, number, &p->scratch)) {
        send_last(p, prefix);
    }
    prediction_message_fill(p->subjects, number, &p->scratch);
    send_last(p, prefix);
}

void publisher_keep_alert(struct publisher *p, const proto_message *msg)
{
    uint32_t i = 0;
    while (i < p->n_alerts && strcmp(p->alerts[i].env.rig, msg->env.rig) != 0) {
        i++;
    }
    if (i == PUBLISHER_ALERTS) {
        return; /* more rigs than that have one: the journal has them all */
    }
    p->n_alerts += i == p->n_alerts ? 1 : 0;
    p->alerts[i] = (struct publisher_alert){msg->env, msg->as.alert};
}

static void send_alerts(struct publisher *p, const char *prefix)
{
    for (uint32_t i = 0; i < p->n_alerts; i++) {
        send_alert(p, &p->alerts[i].env, &p->alerts[i].alert, prefix);
    }
}

bool publisher_catch_up(struct publisher *p)
{
    if (p->n_catch_ups == 0) {
        return false;
    }
    struct publisher_catch_up *c = catch_up_at(p, 0);
    for (int i = 0; i < CATCH_UP_SUBJECTS && c->next_subject < p->subjects->n_subjects; i++) {
        send_subject(p, c->next_subject++, c->prefix);
    }
    if (c->next_subject >= p->subjects->n_subjects) {
        send_alerts(p, c->prefix);
        p->first_catch_up = (p->first_catch_up + 1) % PUBLISHER_CATCH_UPS;
        p->n_catch_ups--;
    }
    return p->n_catch_ups > 0;
}
