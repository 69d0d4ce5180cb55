/* publisher.h - publishes messages on the pub socket: topics, their subscribers, and last values
 * for late ones.
 *
 * A topic is murid/1/RIG/SUBJECT/KIND with a msgpack body, json/1/... with the same as JSON;
 * messages about no subject have "-" in its place. Nothing without a subscriber is encoded. A new
 * subscription is answered with the last value of each topic it matches, a few subjects at a time,
 * so that a large subscription never delays a rig. Threads: one owner (the loop).
 * Memory: fixed.
 */
#pragma once

#include "subjects.h"
#include "zmq_bus.h"

enum {
    PUBLISHER_PREFIX_MAX = 255,
    PUBLISHER_PREFIXES = 128, /* different ones that are told apart; beyond, all is published */
    PUBLISHER_CATCH_UPS = 16, /* late subscribers told apart; beyond, all is sent again */
    PUBLISHER_ALERTS =
        CONFIG_RIGS_MAX + 1, /* last alerts about no subject: of each rig, and none */
    PUBLISHER_TOPIC_MAX = 160
};

struct publisher_prefix {
    char text[PUBLISHER_PREFIX_MAX + 1];
    uint32_t subscribers;
};

struct publisher_catch_up {
    char prefix[PUBLISHER_PREFIX_MAX + 1];
    uint32_t next_subject;
};

struct publisher_alert {
    proto_envelope env;
    proto_alert alert;
};

struct publisher {
    struct zmq_bus *bus;
    const struct subjects *subjects;
    bool has_news; /* a subscription may have come: signalled, or the signal was lost in sending */
    uint32_t n_prefixes;
    struct publisher_prefix prefixes[PUBLISHER_PREFIXES];
    uint32_t untold;                      /* subscriptions beyond the table */
    uint32_t first_catch_up, n_catch_ups; /* a ring */
    struct publisher_catch_up catch_ups[PUBLISHER_CATCH_UPS];
    uint32_t n_alerts;
    struct publisher_alert alerts[PUBLISHER_ALERTS];
    proto_message scratch;
    uint8_t body[PROTO_BYTES_MAX];
};

void publisher_init(struct publisher *p, struct zmq_bus *bus, const struct subjects *subjects);

/* Publishes a message under its rig, subject and kind to those who want it. encoded, of
 * encoded_size: its msgpack body if the caller has it already, or NULL. RT-safe: yes; JSON formats
 * numbers with the C library. */
void publisher_send(struct publisher *p, const proto_message *msg, const uint8_t *encoded,
                    size_t encoded_size);

/* Keeps an alert about no subject as the last value of its topic. RT-safe: yes. */
void publisher_keep_alert(struct publisher *p, const proto_message *msg);

/* Reads some of the subscriptions that came, if has_news; the owner sets it when the socket
 * signals. True if there may be more. RT-safe: yes. */
bool publisher_receive(struct publisher *p);

/* Serves late subscribers for a moment. True if there is more to do. RT-safe: yes. */
bool publisher_catch_up(struct publisher *p);
