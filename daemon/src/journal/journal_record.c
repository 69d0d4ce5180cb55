#include "journal_record.h"

#include <inttypes.h>
#include <string.h>

#include "key_table.h"
#include "log.h"

static const char *const CHANGES[] = {
#define JOURNAL_RECORD_CHANGE_NAME(NAME, name) #name,
    JOURNAL_RECORD_CHANGE_LIST(JOURNAL_RECORD_CHANGE_NAME) NULL};

const char *journal_record_change_name(enum journal_record_change change)
{
    return CHANGES[change];
}

enum journal_record_change journal_record_change_of(const char *name)
{
    const size_t i = key_word_find(CHANGES, name, strlen(name));
    return i != SIZE_MAX ? (enum journal_record_change)i : JOURNAL_RECORD_CHANGES;
}

static void print_adaptation(const struct journal_record_adaptation *r)
{
    if (r->what == JOURNAL_RECORD_CHANGE_UNDONE) {
        log_info("%s: the last change of its parameters was undone", r->name);
    } else {
        log_info("%s: own parameters %s: %.5f nats/choice before, %.5f after, %" PRId64 " choices",
                 r->name, journal_record_change_name((enum journal_record_change)r->what),
                 r->nats_before, r->nats_after, r->n);
    }
}

void journal_record_print(const struct journal_record *record)
{
    if (record->type == JOURNAL_RECORD_ALERT) {
        const struct journal_record_alert *a = (const void *)record;
        log_warn("%s: %s", proto_alert_name((proto_alert_code)a->code), a->text);
    } else if (record->type == JOURNAL_RECORD_EVENT) {
        const struct journal_record_event *e = (const void *)record;
        if (e->is_new_session) {
            log_info("%s: session %s begins on rig %s", e->subject_name, e->session_name, e->rig);
        }
    } else if (record->type == JOURNAL_RECORD_ADAPTATION) {
        print_adaptation((const void *)record);
    }
}

/* Parts of a subject's state, one behind the other. */
struct checkpoint_parts {
    uint64_t own;
    uint64_t lookahead;
    size_t state_size; /* with the two numbers above */
};

static struct checkpoint_parts checkpoint_parts(const struct subjects *subjects, uint32_t subject)
{
    const struct adaptation *own = subjects_adaptation(subjects, subject);
    struct checkpoint_parts p = {.own = own != NULL ? adaptation_packed_size(own) : 0,
                                 .lookahead = subjects_lookahead(subjects, subject) != NULL
                                                  ? lookahead_used(subjects->models.ahead)
                                                  : 0};
    p.state_size = sizeof p.own + sizeof p.lookahead + p.own + p.lookahead +
                   subject_state_size(&subjects->subject[subject].state);
    return p;
}

size_t journal_record_checkpoint_size(const struct subjects *subjects, uint32_t subject)
{
    return sizeof(struct journal_record_checkpoint) +
           checkpoint_parts(subjects, subject).state_size;
}

void journal_record_fill_checkpoint(struct journal_record_checkpoint *r,
                                    const struct subjects *subjects, uint32_t subject,
                                    int64_t t_mono_ns)
{
    const struct subject *s = &subjects->subject[subject];
    const struct adaptation *own = subjects_adaptation(subjects, subject);
    const struct lookahead *lookahead = subjects_lookahead(subjects, subject);
    const struct checkpoint_parts p = checkpoint_parts(subjects, subject);
    r->head.type = JOURNAL_RECORD_CHECKPOINT;
    r->subject = subject;
    r->event = s->last_event;
    r->run = s->run;
    r->head.t_mono_ns = t_mono_ns;
    r->state_size = p.state_size;
    uint8_t *at = r->state;
    memcpy(at, &p.own, sizeof p.own);
    memcpy(at + sizeof p.own, &p.lookahead, sizeof p.lookahead);
    at += sizeof p.own + sizeof p.lookahead;
    if (own != NULL) {
        adaptation_pack(subjects->plan, own, at);
    }
    if (lookahead != NULL) {
        memcpy(at + p.own, lookahead, p.lookahead);
    }
    subject_state_pack(&s->state, at + p.own + p.lookahead);
    r->n_sessions = s->n_dirty_sessions;
    for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
        r->session[i] = s->dirty_sessions[i];
        r->session_state[i] = subjects->session[s->dirty_sessions[i]].state;
    }
}
