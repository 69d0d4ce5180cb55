#include "audit_message.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const char *stage_name(const model_audit_params *params, uint32_t stage)
{
    return stage < params->protocol.n_stages ? params->protocol.stage[stage].name : "?";
}

static void say_contrast(const model_audit_alarm *a, const model_audit_params *p, char out[],
                         size_t cap)
{
    const char *stage = stage_name(p, a->stage);
    if (a->bet == MODEL_AUDIT_BET_CONTRAST_OTHER) {
        (void)snprintf(out, cap,
                       "%" PRId64 " of the last %" PRId64
                       " drawn contrasts, like %.4g, do not belong to stage %.32s",
                       a->hits, a->n, a->contrast, stage);
    } else {
        (void)snprintf(
            out, cap,
            "contrast %.4g was shown %.0f times recently, %.0f were expected in stage %.32s",
            a->contrast, a->seen, a->due, stage);
    }
}

static void say_stage(const model_audit_alarm *a, const model_audit_params *p, char out[],
                      size_t cap)
{
    const char *here = stage_name(p, a->stage);
    const char *there = stage_name(p, a->other);
    switch ((int)a->bet) {
    case MODEL_AUDIT_BET_STAGE_LATE:
        (void)snprintf(out, cap, "stage %.32s was due to change to %.32s and is still %.32s", here,
                       there, stage_name(p, a->heard));
        return;
    case MODEL_AUDIT_BET_STAGE_EARLY:
        (void)snprintf(out, cap, "stage %.32s changed to %.32s before its tests held", here,
                       stage_name(p, a->heard));
        return;
    case MODEL_AUDIT_BET_STAGE_CARRIED:
        (void)snprintf(out, cap, "a session began in stage %.32s, %.32s was due after the last one",
                       stage_name(p, a->heard), there);
        return;
    default:
        (void)snprintf(out, cap,
                       "the last %" PRId64
                       " drawn contrasts are those of stage %.32s; by its rules "
                       "the animal is in %.32s",
                       a->n, there, here);
        return;
    }
}

/* "was left in 14 of the last 14 trials with contrast 0", and the like: X(bet, sentence). */
#define AUDIT_SENTENCES(X)                                                                         \
    X(SIDE_SHARE, "the stimulus was on the left in %lld of the last %lld trials")                  \
    X(SIDE_OTHER, "a contrast was on the side that it never has in %lld of the last %lld trials")  \
    X(ZERO_SHARE, "left was correct in %lld of the last %lld trials at zero contrast")             \
    X(ZERO_OTHER, "the wrong side was correct in %lld of the last %lld trials without contrast")   \
    X(DEBIAS_MISSING,                                                                              \
      "%lld of the last %lld errors that require a repeat were not followed by one")               \
    X(DEBIAS_UNDUE, "%lld of the last %lld trials were repeats without an error to ask for one")   \
    X(DEBIAS_ALL, "of repeats %lld of the last %lld were right: they follow other answers than "   \
                  "declared")                                                                      \
    X(DEBIAS_FAIR, "of repeats %lld of the last %lld were right: they follow no answers")          \
    X(DEBIAS_SAME, "of repeats %lld of the last %lld were right: they keep the side of the error") \
    X(DEBIAS_SHARE, "of repeats %lld of the last %lld were right, other sides were due")           \
    X(BLOCK_VALUE, "p_left was none of the declared ones in %lld of the last %lld trials")         \
    X(BLOCK_SHORT, "blocks ended too early in %lld of the last %lld trials")                       \
    X(BLOCK_LONG, "blocks lasted too long in %lld of the last %lld trials that had to end one")    \
    X(BLOCK_RATE, "%lld blocks ended in the last %lld trials that could end one")                  \
    X(REWARD_RIGHT, "%lld of the last %lld right answers were not rewarded")                       \
    X(REWARD_WRONG, "%lld of the last %lld wrong answers were rewarded")

/* Bets of which the same is said. */
static int spoken_as(model_audit_bet_kind bet)
{
    const bool is_side = bet >= MODEL_AUDIT_BET_SIDE_SHARE && bet < MODEL_AUDIT_BET_SIDE_OTHER;
    const bool is_zero = bet >= MODEL_AUDIT_BET_ZERO_LEFT && bet < MODEL_AUDIT_BET_ZERO_OTHER;
    return is_side ? MODEL_AUDIT_BET_SIDE_SHARE : (is_zero ? MODEL_AUDIT_BET_ZERO_SHARE : (int)bet);
}

static void say_counts(const model_audit_alarm *a, char out[], size_t cap)
{
    const long long hits = a->hits;
    const long long n = a->n;
    switch (spoken_as(a->bet)) {
#define AUDIT_SENTENCE(BET, sentence)                                                              \
    case MODEL_AUDIT_BET_##BET:                                                                    \
        (void)snprintf(out, cap, sentence, hits, n);                                               \
        break;
        AUDIT_SENTENCES(AUDIT_SENTENCE)
#undef AUDIT_SENTENCE
    default:
        out[0] = '\0';
        break;
    }
}

void audit_message_seen(const model_audit_alarm *alarm, const model_audit_params *params,
                        char out[], size_t cap)
{
    if (alarm->rule == MODEL_AUDIT_CONTRAST) {
        say_contrast(alarm, params, out, cap);
    } else if (alarm->rule == MODEL_AUDIT_STAGE) {
        say_stage(alarm, params, out, cap);
    } else {
        say_counts(alarm, out, cap);
    }
}

/* Names of the broken rules, with commas. */
static void list_rules(uint32_t rules, char out[], size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < MODEL_AUDIT_RULES && n < cap; i++) {
        if ((rules >> i & 1) != 0) {
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "",
                                  model_audit_rule_name((model_audit_rule)i));
        }
    }
}

/* "; it is as of iblrig 8.27 to 8.29.3: declare its version, such as `iblrig: 8.27`"; with "or"
 * between releases of which nothing has told it apart. Where versions are recorded, sessions state
 * others. */
static void say_known(const struct audit_protocol *protocol, uint32_t fits, char out[], size_t cap)
{
    const char *first = "";
    size_t n = 0;
    for (uint32_t i = 0; i < protocol->n_known && n < cap; i++) {
        if ((fits >> i & 1) != 0) {
            const model_protocol_release *release =
                model_protocol_release_of(protocol->known[i].release);
            n += (size_t)snprintf(out + n, cap - n, "%s%s%s%s",
                                  n == 0 ? "; it is as of iblrig " : " or ", release->first,
                                  release->last[0] != '\0' ? " to " : " and later", release->last);
            first = release->first;
        }
    }
    if (n < cap && protocol->is_recorded) {
        (void)snprintf(out + n, cap - n, ": is the stated version the one that runs?");
    } else if (n < cap) {
        (void)snprintf(out + n, cap - n, ": declare its version, such as `iblrig: %s`", first);
    }
}

static void say_alarm(const model_audit_alarm *alarm, const struct audit_protocol *protocol,
                      char out[], size_t cap)
{
    char seen[192];
    char rules[96];
    char known[200] = "";
    audit_message_seen(alarm, &protocol->declared, seen, sizeof seen);
    if (!alarm->is_foreign) {
        (void)snprintf(out, cap, "%s: %s; look at %s", model_audit_rule_name(alarm->rule), seen,
                       model_audit_rule_look(alarm->rule));
        return;
    }
    list_rules(alarm->rules, rules, sizeof rules);
    if (alarm->fits != 0) {
        say_known(protocol, alarm->fits, known, sizeof known);
    }
    (void)snprintf(out, cap, "this stream is not of protocol %.32s (%s)%s%s%s",
                   protocol->declared.protocol.name, rules, known, known[0] != '\0' ? "" : ": ",
                   known[0] != '\0' ? "" : seen);
}

void audit_message_print(const model_audit_alarm *alarm, const struct audit_protocol *protocol,
                         const char *software, char out[], size_t cap)
{
    size_t n = 0;
    if (protocol->is_recorded) {
        n = (size_t)snprintf(out, cap,
                             "%s: ", software[0] != '\0' ? software : "no version is stated");
    }
    if (n < cap) {
        say_alarm(alarm, protocol, out + n, cap - n);
    }
}

void audit_message_set(const model_audit_set *set, const struct audit_protocol *protocol,
                       char out[], size_t cap)
{
    (void)snprintf(out, cap,
                   "began in stage %.32s, after the last one %.32s was due: set by hand? It is "
                   "followed from there",
                   stage_name(&protocol->declared, set->heard),
                   stage_name(&protocol->declared, set->due));
}
