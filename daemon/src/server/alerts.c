#include "alerts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fnv.h"
#include "text_escape.h"

static const int64_t NS_PER_S = 1000000000;

void alerts_init(struct alerts *a, alerts_tell *tell, void *context)
{
    a->tell = tell;
    a->context = context;
    a->budget = ALERTS_PER_S;
    a->budget_ns = 0;
    a->n_bouts = 0;
    memset(a->rests, 0, sizeof a->rests);
}

static bool can_flood(proto_alert_code code)
{
    return code != PROTO_ALERT_DISENGAGED && code != PROTO_ALERT_MODEL_OUT_OF_RANGE &&
           code != PROTO_ALERT_PROTOCOL_VIOLATION;
}

static bool take_budget(struct alerts *a, int64_t now_ns)
{
    if (now_ns > a->budget_ns) {
        a->budget += (double)(now_ns - a->budget_ns) / (double)NS_PER_S * ALERTS_PER_S;
        a->budget = fmin(a->budget, ALERTS_PER_S);
        a->budget_ns = now_ns;
    }
    if (a->budget < 1.0) {
        return false;
    }
    a->budget -= 1.0;
    return true;
}

static void count_rest(struct alerts *a, const struct alerts_item *last, int64_t n)
{
    struct alerts_rest *rest = &a->rests[last->alert.code];
    rest->withheld += n;
    rest->last = *last;
}

/* The same alert, saying how many more came. */
static struct alerts_item say_more(const struct alerts_item *last, int64_t n, const char *like)
{
    char text[2 * sizeof last->alert.text];
    struct alerts_item item = *last;
    (void)snprintf(text, sizeof text, "%" PRId64 " more %s, the last: %s", n, like,
                   last->alert.text);
    text_escape_clean(item.alert.text, sizeof item.alert.text, text);
    item.alert.evidence = (double)n;
    return item;
}

/* Without budget it stays as it is. */
static bool tell_bout(struct alerts *a, struct alerts_bout *bout, int64_t now_ns)
{
    if (bout->withheld == 0) {
        return true;
    }
    if (!take_budget(a, now_ns)) {
        return false;
    }
    const struct alerts_item item = say_more(&bout->last, bout->withheld, "like it");
    if (!a->tell(a->context, &item, now_ns)) {
        return false;
    }
    bout->withheld = 0;
    bout->begun_ns = now_ns;
    return true;
}

static void tell_rests(struct alerts *a, int64_t now_ns)
{
    for (int code = 0; code < PROTO_ALERT_COUNT; code++) {
        struct alerts_rest *rest = &a->rests[code];
        if (rest->withheld == 0) {
            continue;
        }
        struct alerts_item item =
            say_more(&rest->last, rest->withheld, "of several rigs or animals");
        item.rig[0] = item.subject[0] = '\0';
        if (a->tell(a->context, &item, now_ns)) {
            rest->withheld = 0;
        }
    }
}

static void forget_bout(struct alerts *a, uint32_t i)
{
    const uint32_t last = --a->n_bouts;
    if (i != last) {
        a->hashes[i] = a->hashes[last];
        a->bouts[i] = a->bouts[last];
    }
}

static void end_bout(struct alerts *a, uint32_t i, int64_t now_ns)
{
    if (!tell_bout(a, &a->bouts[i], now_ns)) {
        count_rest(a, &a->bouts[i].last, a->bouts[i].withheld);
    }
    forget_bout(a, i);
}

static uint64_t hash_of(const struct alerts_item *item)
{
    uint64_t h = fnv_word(FNV_START, (uint64_t)item->alert.code);
    h = fnv_bytes(h, item->rig, strlen(item->rig) + 1);
    return fnv_bytes(h, item->subject, strlen(item->subject));
}

static struct alerts_bout *find_bout(struct alerts *a, const struct alerts_item *item,
                                     uint64_t hash)
{
    for (uint32_t i = 0; i < a->n_bouts; i++) {
        const struct alerts_item *of = &a->bouts[i].last;
        if (a->hashes[i] == hash && of->alert.code == item->alert.code &&
            strcmp(of->rig, item->rig) == 0 && strcmp(of->subject, item->subject) == 0) {
            return &a->bouts[i];
        }
    }
    return NULL;
}

static uint32_t oldest_bout(const struct alerts *a)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < a->n_bouts; i++) {
        oldest = a->bouts[i].last_ns < a->bouts[oldest].last_ns ? i : oldest;
    }
    return oldest;
}

static void begin_bout(struct alerts *a, const struct alerts_item *item, uint64_t hash,
                       int64_t now_ns)
{
    if (a->n_bouts == ALERTS_BOUTS) {
        end_bout(a, oldest_bout(a), now_ns);
    }
    a->hashes[a->n_bouts] = hash;
    a->bouts[a->n_bouts++] =
        (struct alerts_bout){.begun_ns = now_ns, .last_ns = now_ns, .last = *item};
}

void alerts_raise(struct alerts *a, const struct alerts_item *item, int64_t now_ns)
{
    if (!can_flood(item->alert.code)) {
        if (!a->tell(a->context, item, now_ns)) {
            count_rest(a, item, 1);
        }
        return;
    }
    const uint64_t hash = hash_of(item);
    struct alerts_bout *bout = find_bout(a, item, hash);
    if (bout != NULL && now_ns - bout->last_ns <= ALERTS_QUIET_S * NS_PER_S) {
        bout->withheld++;
        bout->last_ns = now_ns;
        bout->last = *item;
        return;
    }
    if (bout != NULL) {
        end_bout(a, (uint32_t)(bout - a->bouts), now_ns);
    }
    if (!take_budget(a, now_ns) || !a->tell(a->context, item, now_ns)) {
        count_rest(a, item, 1);
        return;
    }
    begin_bout(a, item, hash, now_ns);
}

void alerts_tick(struct alerts *a, int64_t now_ns)
{
    for (uint32_t i = a->n_bouts; i-- > 0;) {
        struct alerts_bout *bout = &a->bouts[i];
        if (now_ns - bout->last_ns > ALERTS_QUIET_S * NS_PER_S) {
            if (tell_bout(a, bout, now_ns)) {
                forget_bout(a, i);
            }
        } else if (now_ns - bout->begun_ns >= ALERTS_REPORT_S * NS_PER_S) {
            (void)tell_bout(a, bout, now_ns);
        }
    }
    tell_rests(a, now_ns);
}

void alerts_end(struct alerts *a, int64_t now_ns)
{
    while (a->n_bouts > 0) {
        end_bout(a, a->n_bouts - 1, now_ns);
    }
    tell_rests(a, now_ns);
}
