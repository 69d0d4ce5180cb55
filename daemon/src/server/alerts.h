/* alerts.h - which alerts are published at once, and which are counted and reported together.
 *
 * Bad input can raise alerts without end. The first of a bout is published: a bout is alerts of one
 * code, rig and subject within a second of each other. The others are counted, and reported in one
 * alert when the bout is over, or every minute that it lasts. At most ALERTS_PER_S alerts a second
 * are published in all; the rest are counted and reported by code. Nothing is dropped: published
 * and counted alerts together are all that were raised. Threads: one owner (the loop). Memory:
 * fixed, struct alerts, about 120 KiB. RT-safe: all of it, if tell() is.
 */
#pragma once

#include "session_event.h"

enum {
    ALERTS_BOUTS = 256,  /* at a time; beyond, the oldest one's rest is told and it is forgotten */
    ALERTS_PER_S = 100,  /* told, in the long run and at once */
    ALERTS_QUIET_S = 1,  /* without another, and a bout is over */
    ALERTS_REPORT_S = 60 /* a bout that lasts is told of so often */
};

/* One alert as it is told. */
struct alerts_item {
    int64_t event; /* 0: about none */
    char rig[PROTO_ID_MAX + 1];
    char subject[PROTO_ID_MAX + 1];
    struct session_alert alert;
};

/* Tells an alert. False: it could not be kept, and is to be counted. */
typedef bool alerts_tell(void *context, const struct alerts_item *item, int64_t now_ns);

struct alerts_bout {
    int64_t begun_ns; /* or last told of */
    int64_t last_ns;
    int64_t withheld;
    struct alerts_item last; /* of those withheld; key and all if there are none */
};

/* What went beyond the rate, of one code. */
struct alerts_rest {
    int64_t withheld;
    struct alerts_item last;
};

struct alerts {
    alerts_tell *tell;
    void *context;
    double budget; /* alerts that may be told now */
    int64_t budget_ns;
    uint32_t n_bouts;
    uint64_t hashes[ALERTS_BOUTS];
    struct alerts_bout bouts[ALERTS_BOUTS];
    struct alerts_rest rests[PROTO_ALERT_COUNT];
};

void alerts_init(struct alerts *a, alerts_tell *tell, void *context);

/* Tells or counts one alert. Those that say one thing once a bout by themselves (an animal is
 * disengaged, outside of the model, not trained as declared) are always told. */
void alerts_raise(struct alerts *a, const struct alerts_item *item, int64_t now_ns);

/* Tells what bouts that are over, or last, have withheld. Once a second. */
void alerts_tick(struct alerts *a, int64_t now_ns);

/* Tells all that is withheld: nothing comes after. */
void alerts_end(struct alerts *a, int64_t now_ns);
