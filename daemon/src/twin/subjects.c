#include "subjects.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os_memory.h"
#include "proto/content.h"

static uint32_t hash_text(uint32_t hash, const char *text)
{ /* the NUL counts, so that "a","bc" and "ab","c" differ */
    return (uint32_t)(proto_content_bytes(hash, text, strlen(text) + 1) >> 16);
}

static uint32_t hash_subject(const char *name)
{
    return hash_text(2166136261U, name);
}

static uint32_t hash_session(const char *rig, uint32_t subject, const char *name)
{
    return hash_text(hash_text(2166136261U ^ (subject * 2654435761U), rig), name);
}

/* Room for so many numbers twice; empty slots hold SUBJECTS_NONE. False without memory. */
static bool open_slots(struct subjects_slots *slots, uint32_t entries)
{
    uint32_t n = 16;
    while (n < 2 * entries) {
        n *= 2;
    }
    slots->at = malloc(n * sizeof *slots->at);
    slots->mask = n - 1;
    for (uint32_t i = 0; slots->at != NULL && i < n; i++) {
        slots->at[i] = SUBJECTS_NONE;
    }
    return slots->at != NULL;
}

static uint32_t slot_at(const struct subjects_slots *slots, uint32_t hash)
{
    return slots->at[hash & slots->mask];
}

static void put(struct subjects_slots *slots, uint32_t hash, uint32_t number)
{
    while (slot_at(slots, hash) != SUBJECTS_NONE) {
        hash++;
    }
    slots->at[hash & slots->mask] = number;
}

static void forget(void *subjects, uint32_t session)
{
    ((struct subjects *)subjects)->session[session].is_whole = false;
}

int subjects_open(struct subjects *subjects, const struct config *config, struct twin_models models,
                  const char *model_hash, int64_t (*now_ns)(void))
{
    *subjects = (struct subjects){.config = config,
                                  .models = models,
                                  .now_ns = now_ns,
                                  .max_subjects = (uint32_t)config->limits.subjects,
                                  .max_sessions = (uint32_t)config->limits.sessions};
    strncpy(subjects->model_hash, model_hash, sizeof subjects->model_hash - 1);
    /* calloc: pages stay unused until an animal or session needs them. The hash tables are hit at
     * random and have all theirs from the start. */
    subjects->subject = calloc(subjects->max_subjects, sizeof *subjects->subject);
    subjects->session = calloc(subjects->max_sessions, sizeof *subjects->session);
    subjects->rigs = calloc(SUBJECTS_RIGS_MAX, sizeof *subjects->rigs);
    subjects->lookaheads =
        os_memory_reserve((size_t)subjects->max_subjects * sizeof(struct lookahead));
    if (contents_open(&subjects->contents) != 0 || subjects->lookaheads == NULL ||
        subjects->subject == NULL || subjects->session == NULL || subjects->rigs == NULL ||
        !open_slots(&subjects->subject_slots, subjects->max_subjects) ||
        !open_slots(&subjects->session_slots, subjects->max_sessions) ||
        !open_slots(&subjects->rig_slots, SUBJECTS_RIGS_MAX)) {
        subjects_close(subjects);
        return -1;
    }
    subjects->contents.forget = forget;
    subjects->contents.owner = subjects;
    return 0;
}

void subjects_close(struct subjects *subjects)
{
    os_memory_release(subjects->adaptations,
                      (size_t)subjects->max_subjects * subjects->adaptation_stride);
    os_memory_release(subjects->lookaheads,
                      (size_t)subjects->max_subjects * sizeof(struct lookahead));
    free(subjects->subject);
    free(subjects->session);
    free(subjects->subject_slots.at);
    free(subjects->session_slots.at);
    free(subjects->rigs);
    free(subjects->rig_slots.at);
    contents_close(&subjects->contents);
    *subjects = (struct subjects){0};
}

int subjects_adapt(struct subjects *subjects, const struct adaptation_plan *plan, size_t stride)
{
    const size_t wanted = plan != NULL ? adaptation_size(plan) : 0;
    stride = wanted > stride ? wanted : stride;
    if (stride > 0 && (subjects->adaptations == NULL || stride > subjects->adaptation_stride)) {
        void *blocks = os_memory_reserve((size_t)subjects->max_subjects * stride);
        if (blocks == NULL) {
            return -1;
        }
        os_memory_release(subjects->adaptations,
                          (size_t)subjects->max_subjects * subjects->adaptation_stride);
        subjects->adaptations = blocks;
        subjects->adaptation_stride = stride;
    }
    subjects->plan = plan;
    for (uint32_t i = 0; plan != NULL && i < subjects->n_subjects; i++) {
        adaptation_reset(subjects_adaptation(subjects, i));
    }
    return 0;
}

struct lookahead *subjects_lookahead(const struct subjects *subjects, uint32_t subject)
{
    return subjects->models.ahead != NULL ? &subjects->lookaheads[subject] : NULL;
}

struct adaptation *subjects_block(const struct subjects *subjects, uint32_t subject)
{
    return (struct adaptation *)(void *)(subjects->adaptations +
                                         (size_t)subject * subjects->adaptation_stride);
}

struct adaptation *subjects_adaptation(const struct subjects *subjects, uint32_t subject)
{
    return subjects->plan != NULL ? subjects_block(subjects, subject) : NULL;
}

struct twin_models subjects_models(const struct subjects *subjects, uint32_t subject)
{
    struct twin_models models = subjects->models;
    const struct adaptation *own = subjects_adaptation(subjects, subject);
    if (own != NULL) {
        models.bank = adaptation_bank(subjects->plan, own);
    }
    return models;
}

uint32_t subjects_find_subject(const struct subjects *subjects, const char *name)
{
    for (uint32_t i = hash_subject(name);; i++) {
        const uint32_t slot = slot_at(&subjects->subject_slots, i);
        if (slot == SUBJECTS_NONE || strcmp(subjects->subject[slot].name, name) == 0) {
            return slot;
        }
    }
}

uint32_t subjects_add_subject(struct subjects *subjects, const char *name)
{
    if (subjects->n_subjects == subjects->max_subjects) {
        return SUBJECTS_NONE;
    }
    const uint32_t number = subjects->n_subjects++;
    struct subject *s = &subjects->subject[number]; /* all 0: numbers are not used again */
    strcpy(s->name, name);
    subject_state_reset(&s->state, &subjects->models);
    if (subjects->models.ahead != NULL) {
        lookahead_reset(&subjects->lookaheads[number], subjects->models.ahead);
    }
    s->run = subjects->run;
    s->standing.n_pushed = -1;
    put(&subjects->subject_slots, hash_subject(name), number);
    return number;
}

uint32_t subjects_find_session(const struct subjects *subjects, const char *rig, uint32_t subject,
                               const char *name)
{
    for (uint32_t i = hash_session(rig, subject, name);; i++) {
        const uint32_t slot = slot_at(&subjects->session_slots, i);
        if (slot == SUBJECTS_NONE) {
            return SUBJECTS_NONE;
        }
        const struct session *s = &subjects->session[slot];
        if (!s->is_dormant && s->subject == subject && strcmp(s->name, name) == 0 &&
            strcmp(s->rig, rig) == 0) {
            return slot;
        }
    }
}

static uint32_t find_dormant(const struct subjects *subjects, const char *rig, uint32_t subject,
                             const char *name)
{
    for (uint32_t i = 0; subjects->n_dormant > 0 && i < subjects->n_sessions; i++) {
        const struct session *s = &subjects->session[i];
        if (s->is_dormant && s->subject == subject && strcmp(s->name, name) == 0 &&
            strcmp(s->rig, rig) == 0) {
            return i;
        }
    }
    return SUBJECTS_NONE;
}

bool subjects_run_name(char name[PROTO_ID_MAX + 1], const char *given, int64_t run)
{
    char digits[24] = "";
    if (run > 1) { /* no stdio here: this is on a trial's way */
        char *at = digits + sizeof digits - 1;
        for (*at = '\0'; run > 0; run /= 10) {
            *--at = (char)('0' + run % 10);
        }
        *--at = '+';
        memmove(digits, at, strlen(at) + 1);
    }
    const size_t n = strlen(given);
    if (n + strlen(digits) > PROTO_ID_MAX) {
        return false;
    }
    memcpy(name, given, n);
    strcpy(name + n, digits);
    return true;
}

static struct subjects_rig *find_rig(const struct subjects *subjects, const char *name)
{
    for (uint32_t i = hash_subject(name);; i++) {
        const uint32_t slot = slot_at(&subjects->rig_slots, i);
        if (slot == SUBJECTS_NONE || strcmp(subjects->rigs[slot].name, name) == 0) {
            return slot != SUBJECTS_NONE ? &subjects->rigs[slot] : NULL;
        }
    }
}

const struct subjects_rig *subjects_find_rig(const struct subjects *subjects, const char *name)
{
    return find_rig(subjects, name);
}

/* Counts a session, and a subject with its first, for the rig; rigs beyond the table go uncounted.
 */
static void count_for_rig(struct subjects *subjects, const char *name, uint32_t subject)
{
    struct subjects_rig *rig = find_rig(subjects, name);
    if (rig == NULL && subjects->n_rigs < SUBJECTS_RIGS_MAX) {
        rig = &subjects->rigs[subjects->n_rigs];
        strcpy(rig->name, name);
        put(&subjects->rig_slots, hash_subject(name), subjects->n_rigs++);
    }
    if (rig != NULL) {
        rig->sessions++;
        rig->subjects += subjects->subject[subject].has_session ? 0 : 1;
        subjects->subject[subject].has_session = true;
    }
}

/* Among the runs of its session. */
static void link_run(struct subjects *subjects, uint32_t number)
{
    struct session *s = &subjects->session[number];
    const uint32_t first = subjects_find_session(subjects, s->rig, s->subject, s->given);
    struct session *one = first != SUBJECTS_NONE ? &subjects->session[first] : s;
    s->previous = SUBJECTS_NONE;
    s->latest = number;
    s->last_run_before = one->last_run;
    one->last_run = s->run > one->last_run ? s->run : one->last_run;
    if (one != s && !s->is_stated) {
        s->previous = one->latest;
        one->latest = number;
    }
}

uint32_t subjects_add_session(struct subjects *subjects, const struct subjects_entry *entry)
{
    char name[PROTO_ID_MAX + 1];
    if (!subjects_run_name(name, entry->given, entry->run)) {
        return SUBJECTS_NONE;
    }
    uint32_t number = find_dormant(subjects, entry->rig, entry->subject, name);
    if (number == SUBJECTS_NONE && subjects->n_sessions == subjects->max_sessions) {
        return SUBJECTS_NONE;
    }
    const bool is_new = number == SUBJECTS_NONE;
    if (is_new) {
        number = subjects->n_sessions++;
    } else {
        subjects->n_dormant--;
    }
    struct session *s = &subjects->session[number];
    memset(s, 0, sizeof *s);
    strcpy(s->rig, entry->rig);
    strcpy(s->name, name);
    strcpy(s->given, entry->given);
    s->run = entry->run;
    s->subject = entry->subject;
    s->is_stated = entry->is_stated;
    s->named_here = entry->named_here;
    s->counts = entry->counts != SUBJECTS_NONE ? entry->counts : number;
    s->is_whole = true;
    sequence_init(&s->state.trials, 0);
    sequence_init(&s->state.seqs, 1);
    s->state.last_t_rig_us = s->state.doubted = s->state.first_seq = PROTO_NIL;
    s->durable_seq = PROTO_NIL;
    if (is_new) {
        count_for_rig(subjects, entry->rig, entry->subject);
        put(&subjects->session_slots, hash_session(entry->rig, entry->subject, name), number);
    }
    link_run(subjects, number);
    return number;
}

void subjects_make_dormant(struct subjects *subjects, uint32_t session)
{
    struct session *s = &subjects->session[session];
    const uint32_t first = subjects_find_session(subjects, s->rig, s->subject, s->given);
    if (first != SUBJECTS_NONE && first != session) {
        struct session *one = &subjects->session[first];
        one->last_run = s->last_run_before;
        one->latest = one->latest == session ? s->previous : one->latest;
    }
    s->is_dormant = true;
    subjects->n_dormant++;
}

void subjects_name_session(const struct session *session, proto_envelope *env)
{
    strcpy(env->session, session->given);
    env->run = session->run > 1 || env->run != PROTO_NIL ? session->run : PROTO_NIL;
}

void subjects_address(const struct subjects *subjects, uint32_t subject, proto_envelope *env)
{
    const struct subject *s = &subjects->subject[subject];
    strcpy(env->rig, s->rig);
    strcpy(env->subject, s->name);
    if (s->state.session >= 0) {
        subjects_name_session(&subjects->session[s->state.session], env);
    }
}

struct session *subjects_counting(struct subjects *subjects, uint32_t session)
{
    return &subjects->session[subjects->session[session].counts];
}

enum contents_answer subjects_find_content(struct subjects *subjects, uint32_t session,
                                           enum contents_space space, int64_t number,
                                           int64_t before, uint64_t *content)
{
    const struct session *s = &subjects->session[session];
    const struct sequence *came = space == CONTENTS_TRIAL ? &s->state.trials : &s->state.seqs;
    const bool none_above = space == CONTENTS_SEQ || s->state.n_doubted == 0;
    if (number > came->highest && none_above) {
        return CONTENTS_ABSENT;
    }
    return contents_find(&subjects->contents, session, space, number,
                         space == CONTENTS_SEQ ? s->state.counts_since : 0, s->is_whole, before,
                         content);
}

void subjects_put_content(struct subjects *subjects, uint32_t session, enum contents_space space,
                          int64_t number, uint64_t content, int64_t event)
{
    const struct session *s = &subjects->session[session];
    contents_put(&subjects->contents, session, space, number,
                 space == CONTENTS_SEQ ? s->state.counts_since : 0, s->is_whole, content, event);
}

/* Moves `through` over what came earlier. */
static void pass_seqs(struct subjects *subjects, uint32_t session, int64_t event)
{
    enum { MOST = 4096 }; /* the rest is for the next message */
    struct sequence *seqs = &subjects->session[session].state.seqs;
    uint64_t heard;
    for (int i = 0; i < MOST && seqs->through < seqs->highest; i++) {
        if (subjects_find_content(subjects, session, CONTENTS_SEQ, seqs->through + 1, event,
                                  &heard) != CONTENTS_FOUND) {
            return;
        }
        sequence_pass(seqs);
    }
}

void subjects_count_seq(struct subjects *subjects, uint32_t session, int64_t seq, uint64_t content,
                        int64_t event)
{
    subjects_put_content(subjects, session, CONTENTS_SEQ, seq, content, event);
    sequence_take(&subjects->session[session].state.seqs, seq);
    pass_seqs(subjects, session, event);
}

void subjects_skip_seqs(struct subjects *subjects, uint32_t session, int64_t through, int64_t event)
{
    struct session *s = &subjects->session[session];
    if (sequence_skip(&s->state.seqs, through)) {
        pass_seqs(subjects, session, event);
        subjects_mark(s, event - 1);
    }
}

bool subjects_is_to_judge(const struct subject *subject, int64_t now_ns, int64_t period_ns)
{
    const bool has_news = subject->standing.n_pushed != subject->state.tracker.n_pushed;
    return subject->state.is_over != 0 ? has_news || !subject->is_judged_at_end
                                       : has_news && now_ns - subject->judged_ns >= period_ns;
}

void subjects_judge(struct subject *subject, int64_t now_ns)
{
    subject->judged_ns = now_ns;
    subject->is_judged_at_end = subject->state.is_over != 0;
    (void)model_training_status_judge(&subject->state.tracker, &subject->standing);
}

int subjects_observe(struct subjects *subjects, uint32_t subject, const model_trial *trial,
                     struct twin_outcome *outcome)
{
    struct subject *s = &subjects->subject[subject];
    struct twin *twin = &s->state.twin;
    struct adaptation *own = subjects_adaptation(subjects, subject);
    const struct twin_models models = subjects_models(subjects, subject);
    const bool starts = twin->baseline.n_session == 0;
    if (own != NULL) {
        adaptation_prepare(subjects->plan, own, &twin->bank);
    }
    const int status = twin_observe(twin, &models, trial, outcome);
    if (own != NULL && status == MODEL_OK) {
        adaptation_push(subjects->plan, own, trial, starts);
        s->n_since++;
    }
    return status;
}

void subjects_keep_late(struct subjects *subjects, uint32_t subject, const model_trial *trial,
                        size_t later)
{
    struct adaptation *own = subjects_adaptation(subjects, subject);
    if (own != NULL) {
        adaptation_insert(subjects->plan, own, trial, later);
    }
}

static void note_dirty(struct subject *s, uint32_t session)
{
    for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
        if (s->dirty_sessions[i] == session) {
            return;
        }
    }
    assert(s->n_dirty_sessions < SUBJECTS_DIRTY_MAX);
    s->dirty_sessions[s->n_dirty_sessions++] = session;
}

bool subjects_is_full_of_changes(const struct subject *subject)
{
    return subject->n_dirty_sessions > SUBJECTS_DIRTY_MAX - SUBJECTS_TOUCHED;
}

void subjects_touch(struct subjects *subjects, uint32_t subject, uint32_t session, int64_t event,
                    int64_t t_mono_ns)
{
    struct subject *s = &subjects->subject[subject];
    s->last_event = event;
    if (s->dirty_since_ns == 0) {
        s->dirty_since_ns = t_mono_ns;
    }
    subjects_mark(subjects_counting(subjects, session), event);
    note_dirty(s, session);
    note_dirty(s, subjects->session[session].counts);
}

void subjects_clean(struct subject *subject)
{
    subject->checkpoint_event = subject->last_event;
    subject->dirty_since_ns = 0;
    subject->n_dirty_sessions = 0;
}

void subjects_mark(struct session *session, int64_t event)
{
    if (session->mark_event[0] == 0) {
        session->mark_event[0] = event;
        session->mark_seq[0] = session->state.seqs.through;
    }
    session->mark_event[1] = event;
    session->mark_seq[1] = session->state.seqs.through;
}

void subjects_restart_seq(struct session *session, int64_t first, int64_t event)
{
    sequence_init(&session->state.seqs, first);
    session->state.counts_since = event;
    session->durable_seq = PROTO_NIL;
    session->mark_event[0] = session->mark_event[1] = 0;
}

int64_t subjects_durable_seq(struct session *session, int64_t durable_event)
{
    for (int i = 1; i >= 0; i--) {
        if (session->mark_event[i] != 0 && session->mark_event[i] <= durable_event) {
            session->durable_seq = session->mark_seq[i];
            session->mark_event[0] = i == 1 ? 0 : session->mark_event[1];
            session->mark_seq[0] = session->mark_seq[1];
            session->mark_event[1] = i == 1 ? 0 : session->mark_event[1];
            break;
        }
    }
    return session->durable_seq;
}

static bool is_same_plan(const struct adaptation_plan *a, const struct adaptation_plan *b)
{
    return (a == NULL) == (b == NULL) &&
           (a == NULL ||
            (a->window == b->window && a->adapt.config.sd_net == b->adapt.config.sd_net));
}

/* What a new run changes for animals that are known. */
struct change {
    bool model, stack, plan, ahead, protocol;
};

static void change_subject(struct subjects *subjects, uint32_t number, int64_t run,
                           const struct twin_models *models, const struct change *change)
{
    struct subject *s = &subjects->subject[number];
    struct adaptation *own = subjects_adaptation(subjects, number);
    if (own != NULL && (change->model || change->plan)) {
        adaptation_reset(own);
    }
    if ((change->model || change->ahead) && models->ahead != NULL) {
        lookahead_change_model(&subjects->lookaheads[number], models->ahead);
    }
    if (change->protocol) {
        const struct session_state *in =
            s->state.session >= 0 ? &subjects->session[s->state.session].state : NULL;
        subject_state_audit_anew(&s->state, models, in != NULL ? in->task : "",
                                 in != NULL ? in->software : "");
    }
    if (change->model || change->stack) {
        if (s->last_event == 0) { /* not heard yet: it never knew the old model */
            twin_init(&s->state.twin, models);
        } else if (change->model) {
            twin_change_model(&s->state.twin, &subjects->models, models);
        } else {
            twin_reset_stack(&s->state.twin, models);
        }
        backfill_close(&s->state.backfill);
    }
    s->run = run;
}

int subjects_change_run(struct subjects *subjects, int64_t run, const struct config *config,
                        struct twin_models models, const char *hash,
                        const struct adaptation_plan *plan)
{
    const bool is_same_policy = model_policy_equals(&subjects->models.bank->member[0].policy,
                                                    &models.bank->member[0].policy);
    const struct change change = {
        .model = strcmp(subjects->model_hash, hash) != 0 || !is_same_policy,
        .stack = (subjects->models.stack != NULL) != (models.stack != NULL),
        .plan = !is_same_plan(subjects->plan, plan),
        .ahead = (subjects->models.ahead != NULL) != (models.ahead != NULL),
        .protocol = !protocol_list_equals(&subjects->config->protocol, &config->protocol),
    };
    const bool any = change.model || change.stack || change.plan || change.ahead || change.protocol;
    for (uint32_t i = 0; any && i < subjects->n_subjects; i++) {
        if (subjects->subject[i].run < run) {
            change_subject(subjects, i, run, &models, &change);
        }
    }
    subjects->run = run;
    subjects->config = config;
    subjects->models = models;
    strncpy(subjects->model_hash, hash, sizeof subjects->model_hash - 1);
    if (plan != NULL &&
        (subjects->adaptations == NULL || adaptation_size(plan) > subjects->adaptation_stride)) {
        return subjects_adapt(subjects, plan, 0);
    }
    subjects->plan = plan;
    for (uint32_t i = 0; plan != NULL && i < subjects->n_subjects; i++) {
        if (subjects->subject[i].run <= run) { /* others are of a plan that is still to come */
            adaptation_rebind(plan, subjects_adaptation(subjects, i));
        }
    }
    return 0;
}
