#include "colony.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os_memory.h"
#include "proto/content.h"
#include "standing.h"

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

static uint32_t slots_for(uint32_t entries)
{
    uint32_t n = 16;
    while (n < 2 * entries) {
        n *= 2;
    }
    return n;
}

/* Empty slots hold COLONY_NONE. NULL without memory. */
static uint32_t *make_slots(uint32_t n)
{
    uint32_t *slots = malloc(n * sizeof *slots);
    for (uint32_t i = 0; slots != NULL && i < n; i++) {
        slots[i] = COLONY_NONE;
    }
    return slots;
}

static const size_t HEAD = offsetof(struct subject_state, learner);

size_t subject_state_size(const struct subject_state *state)
{
    return HEAD + learner_used(&state->learner) + heal_size(&state->heal) +
           model_training_status_size(&state->tracker) +
           (state->is_audited != 0 ? auditor_used(&state->auditor) : 0);
}

void subject_state_pack(const struct subject_state *state, uint8_t out[])
{
    const size_t used = learner_used(&state->learner);
    memcpy(out, state, HEAD + used);
    heal_pack(&state->heal, out + HEAD + used);
    size_t at = HEAD + used + heal_size(&state->heal);
    if (state->is_audited != 0) {
        memcpy(out + at, &state->auditor, auditor_used(&state->auditor));
        at += auditor_used(&state->auditor);
    }
    model_training_status_pack(&state->tracker, out + at);
}

bool subject_state_unpack(struct subject_state *state, const uint8_t bytes[], size_t size)
{
    if (size < HEAD) {
        return false;
    }
    memcpy(state, bytes, HEAD);
    const size_t used = learner_unpack(&state->learner, bytes + HEAD, size - HEAD);
    if (used == 0) {
        return false;
    }
    size_t at = HEAD + used;
    const size_t healed = heal_unpack(&state->heal, bytes + at, size - at);
    at += healed;
    if (healed > 0 && state->is_audited != 0) {
        const size_t audited = auditor_unpack(&state->auditor, bytes + at, size - at);
        at += audited;
        if (audited == 0) {
            return false;
        }
    }
    return healed > 0 &&
           model_training_status_unpack(&state->tracker, bytes + at, size - at) == size - at &&
           at < size;
}

static void audit_anew(struct subject_state *state, const struct learner_models *models)
{
    state->is_audited = models->audit != NULL;
    if (state->is_audited != 0) {
        auditor_init(&state->auditor);
    }
}

void subject_state_reset(struct subject_state *state, const struct learner_models *models)
{
    memset(state, 0, HEAD);
    state->session = -1;
    learner_init(&state->learner, models);
    heal_close(&state->heal);
    model_training_status_init(&state->tracker);
    audit_anew(state, models);
}

static void forget(void *colony, uint32_t session)
{
    ((struct colony *)colony)->sessions[session].is_whole = false;
}

int colony_open(struct colony *colony, const struct config *config, struct learner_models models,
                const char *model_hash, int64_t (*now_ns)(void))
{
    *colony = (struct colony){.config = config,
                              .models = models,
                              .now_ns = now_ns,
                              .max_subjects = (uint32_t)config->limits.subjects,
                              .max_sessions = (uint32_t)config->limits.sessions};
    strncpy(colony->model_hash, model_hash, sizeof colony->model_hash - 1);
    const uint32_t subject_slots = slots_for(colony->max_subjects);
    const uint32_t session_slots = slots_for(colony->max_sessions);
    const uint32_t rig_slots = slots_for(COLONY_RIGS_MAX);
    colony->subject_mask = subject_slots - 1;
    colony->session_mask = session_slots - 1;
    colony->rig_mask = rig_slots - 1;
    /* calloc: pages stay unused until an animal or session needs them. The hash tables are hit at
     * random and have all theirs from the start. */
    colony->subjects = calloc(colony->max_subjects, sizeof *colony->subjects);
    colony->sessions = calloc(colony->max_sessions, sizeof *colony->sessions);
    colony->subject_slots = make_slots(subject_slots);
    colony->session_slots = make_slots(session_slots);
    colony->rigs = calloc(COLONY_RIGS_MAX, sizeof *colony->rigs);
    colony->rig_slots = make_slots(rig_slots);
    colony->prospects = os_memory_reserve((size_t)colony->max_subjects * sizeof(struct prospect));
    if (contents_open(&colony->contents) != 0 || colony->prospects == NULL ||
        colony->subjects == NULL || colony->sessions == NULL || colony->subject_slots == NULL ||
        colony->session_slots == NULL || colony->rigs == NULL || colony->rig_slots == NULL) {
        colony_close(colony);
        return -1;
    }
    colony->contents.forget = forget;
    colony->contents.owner = colony;
    return 0;
}

void colony_close(struct colony *colony)
{
    os_memory_release(colony->adaptations,
                      (size_t)colony->max_subjects * colony->adaptation_stride);
    os_memory_release(colony->prospects, (size_t)colony->max_subjects * sizeof(struct prospect));
    free(colony->subjects);
    free(colony->sessions);
    free(colony->subject_slots);
    free(colony->session_slots);
    free(colony->rigs);
    free(colony->rig_slots);
    contents_close(&colony->contents);
    *colony = (struct colony){0};
}

int colony_adapt(struct colony *colony, const struct adaptation_plan *plan, size_t stride)
{
    const size_t wanted = plan != NULL ? adaptation_size(plan) : 0;
    stride = wanted > stride ? wanted : stride;
    if (stride > 0 && (colony->adaptations == NULL || stride > colony->adaptation_stride)) {
        void *blocks = os_memory_reserve((size_t)colony->max_subjects * stride);
        if (blocks == NULL) {
            return -1;
        }
        os_memory_release(colony->adaptations,
                          (size_t)colony->max_subjects * colony->adaptation_stride);
        colony->adaptations = blocks;
        colony->adaptation_stride = stride;
    }
    colony->plan = plan;
    for (uint32_t i = 0; plan != NULL && i < colony->n_subjects; i++) {
        adaptation_reset(colony_adaptation(colony, i));
    }
    return 0;
}

struct prospect *colony_prospect(const struct colony *colony, uint32_t subject)
{
    return colony->models.ahead != NULL ? &colony->prospects[subject] : NULL;
}

struct adaptation *colony_block(const struct colony *colony, uint32_t subject)
{
    return (struct adaptation *)(void *)(colony->adaptations +
                                         (size_t)subject * colony->adaptation_stride);
}

struct adaptation *colony_adaptation(const struct colony *colony, uint32_t subject)
{
    return colony->plan != NULL ? colony_block(colony, subject) : NULL;
}

struct learner_models colony_models(const struct colony *colony, uint32_t subject)
{
    struct learner_models models = colony->models;
    const struct adaptation *own = colony_adaptation(colony, subject);
    if (own != NULL) {
        models.bank = adaptation_bank(colony->plan, own);
    }
    return models;
}

uint32_t colony_find_subject(const struct colony *colony, const char *name)
{
    for (uint32_t i = hash_subject(name);; i++) {
        const uint32_t slot = colony->subject_slots[i & colony->subject_mask];
        if (slot == COLONY_NONE || strcmp(colony->subjects[slot].name, name) == 0) {
            return slot;
        }
    }
}

static void put(uint32_t *slots, uint32_t mask, uint32_t hash, uint32_t number)
{
    while (slots[hash & mask] != COLONY_NONE) {
        hash++;
    }
    slots[hash & mask] = number;
}

uint32_t colony_add_subject(struct colony *colony, const char *name)
{
    if (colony->n_subjects == colony->max_subjects) {
        return COLONY_NONE;
    }
    const uint32_t number = colony->n_subjects++;
    struct subject *s = &colony->subjects[number]; /* all 0: numbers are not used again */
    strcpy(s->name, name);
    subject_state_reset(&s->state, &colony->models);
    if (colony->models.ahead != NULL) {
        prospect_reset(&colony->prospects[number], colony->models.ahead);
    }
    s->run = colony->run;
    s->standing.n_pushed = -1;
    put(colony->subject_slots, colony->subject_mask, hash_subject(name), number);
    return number;
}

uint32_t colony_find_session(const struct colony *colony, const char *rig, uint32_t subject,
                             const char *name)
{
    for (uint32_t i = hash_session(rig, subject, name);; i++) {
        const uint32_t slot = colony->session_slots[i & colony->session_mask];
        if (slot == COLONY_NONE) {
            return COLONY_NONE;
        }
        const struct session *s = &colony->sessions[slot];
        if (!s->is_dormant && s->subject == subject && strcmp(s->name, name) == 0 &&
            strcmp(s->rig, rig) == 0) {
            return slot;
        }
    }
}

static uint32_t find_dormant(const struct colony *colony, const char *rig, uint32_t subject,
                             const char *name)
{
    for (uint32_t i = 0; colony->n_dormant > 0 && i < colony->n_sessions; i++) {
        const struct session *s = &colony->sessions[i];
        if (s->is_dormant && s->subject == subject && strcmp(s->name, name) == 0 &&
            strcmp(s->rig, rig) == 0) {
            return i;
        }
    }
    return COLONY_NONE;
}

bool colony_run_name(char name[PROTO_ID_MAX + 1], const char *given, int64_t run)
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

static struct colony_rig *find_rig(const struct colony *colony, const char *name)
{
    for (uint32_t i = hash_subject(name);; i++) {
        const uint32_t slot = colony->rig_slots[i & colony->rig_mask];
        if (slot == COLONY_NONE || strcmp(colony->rigs[slot].name, name) == 0) {
            return slot != COLONY_NONE ? &colony->rigs[slot] : NULL;
        }
    }
}

const struct colony_rig *colony_find_rig(const struct colony *colony, const char *name)
{
    return find_rig(colony, name);
}

/* Counts a session, and a subject with its first, for the rig; rigs beyond the table go uncounted.
 */
static void count_for_rig(struct colony *colony, const char *name, uint32_t subject)
{
    struct colony_rig *rig = find_rig(colony, name);
    if (rig == NULL && colony->n_rigs < COLONY_RIGS_MAX) {
        rig = &colony->rigs[colony->n_rigs];
        strcpy(rig->name, name);
        put(colony->rig_slots, colony->rig_mask, hash_subject(name), colony->n_rigs++);
    }
    if (rig != NULL) {
        rig->sessions++;
        rig->subjects += colony->subjects[subject].has_session ? 0 : 1;
        colony->subjects[subject].has_session = true;
    }
}

/* Among the runs of its session. */
static void link_run(struct colony *colony, uint32_t number)
{
    struct session *s = &colony->sessions[number];
    const uint32_t first = colony_find_session(colony, s->rig, s->subject, s->given);
    struct session *one = first != COLONY_NONE ? &colony->sessions[first] : s;
    s->previous = COLONY_NONE;
    s->latest = number;
    s->last_run_before = one->last_run;
    one->last_run = s->run > one->last_run ? s->run : one->last_run;
    if (one != s && !s->is_stated) {
        s->previous = one->latest;
        one->latest = number;
    }
}

uint32_t colony_add_session(struct colony *colony, const struct colony_entry *entry)
{
    char name[PROTO_ID_MAX + 1];
    if (!colony_run_name(name, entry->given, entry->run)) {
        return COLONY_NONE;
    }
    uint32_t number = find_dormant(colony, entry->rig, entry->subject, name);
    if (number == COLONY_NONE && colony->n_sessions == colony->max_sessions) {
        return COLONY_NONE;
    }
    const bool is_new = number == COLONY_NONE;
    if (is_new) {
        number = colony->n_sessions++;
    } else {
        colony->n_dormant--;
    }
    struct session *s = &colony->sessions[number];
    memset(s, 0, sizeof *s);
    strcpy(s->rig, entry->rig);
    strcpy(s->name, name);
    strcpy(s->given, entry->given);
    s->run = entry->run;
    s->subject = entry->subject;
    s->is_stated = entry->is_stated;
    s->named_here = entry->named_here;
    s->counts = entry->counts != COLONY_NONE ? entry->counts : number;
    s->is_whole = true;
    sequence_init(&s->state.trials, 0);
    sequence_init(&s->state.seqs, 1);
    s->state.last_t_rig_us = s->state.doubted = s->state.first_seq = PROTO_NIL;
    s->durable_seq = PROTO_NIL;
    if (is_new) {
        count_for_rig(colony, entry->rig, entry->subject);
        put(colony->session_slots, colony->session_mask,
            hash_session(entry->rig, entry->subject, name), number);
    }
    link_run(colony, number);
    return number;
}

void colony_make_dormant(struct colony *colony, uint32_t session)
{
    struct session *s = &colony->sessions[session];
    const uint32_t first = colony_find_session(colony, s->rig, s->subject, s->given);
    if (first != COLONY_NONE && first != session) {
        struct session *one = &colony->sessions[first];
        one->last_run = s->last_run_before;
        one->latest = one->latest == session ? s->previous : one->latest;
    }
    s->is_dormant = true;
    colony->n_dormant++;
}

void colony_name_session(const struct session *session, proto_envelope *env)
{
    strcpy(env->session, session->given);
    env->run = session->run > 1 || env->run != PROTO_NIL ? session->run : PROTO_NIL;
}

struct session *colony_counting(struct colony *colony, uint32_t session)
{
    return &colony->sessions[colony->sessions[session].counts];
}

enum contents_answer colony_find_content(struct colony *colony, uint32_t session,
                                         enum contents_space space, int64_t number, int64_t before,
                                         uint64_t *content)
{
    const struct session *s = &colony->sessions[session];
    const struct sequence *came = space == CONTENTS_TRIAL ? &s->state.trials : &s->state.seqs;
    const bool none_above = space == CONTENTS_SEQ || s->state.n_doubted == 0;
    if (number > came->highest && none_above) {
        return CONTENTS_ABSENT;
    }
    return contents_find(&colony->contents, session, space, number,
                         space == CONTENTS_SEQ ? s->state.counts_since : 0, s->is_whole, before,
                         content);
}

void colony_put_content(struct colony *colony, uint32_t session, enum contents_space space,
                        int64_t number, uint64_t content, int64_t event)
{
    const struct session *s = &colony->sessions[session];
    contents_put(&colony->contents, session, space, number,
                 space == CONTENTS_SEQ ? s->state.counts_since : 0, s->is_whole, content, event);
}

/* Moves `through` over what came earlier. */
static void pass_seqs(struct colony *colony, uint32_t session, int64_t event)
{
    enum { MOST = 4096 }; /* the rest is for the next message */
    struct sequence *seqs = &colony->sessions[session].state.seqs;
    uint64_t heard;
    for (int i = 0; i < MOST && seqs->through < seqs->highest; i++) {
        if (colony_find_content(colony, session, CONTENTS_SEQ, seqs->through + 1, event, &heard) !=
            CONTENTS_FOUND) {
            return;
        }
        sequence_pass(seqs);
    }
}

void colony_count_seq(struct colony *colony, uint32_t session, int64_t seq, uint64_t content,
                      int64_t event)
{
    colony_put_content(colony, session, CONTENTS_SEQ, seq, content, event);
    sequence_take(&colony->sessions[session].state.seqs, seq);
    pass_seqs(colony, session, event);
}

void colony_skip_seqs(struct colony *colony, uint32_t session, int64_t through, int64_t event)
{
    struct session *s = &colony->sessions[session];
    if (sequence_skip(&s->state.seqs, through)) {
        pass_seqs(colony, session, event);
        colony_mark(s, event - 1);
    }
}

void colony_fill_score(proto_score *out, const model_score *score)
{
    out->n = score->n;
    out->nats = model_score_mean_nats(score);
    out->baseline_nats = model_score_mean_baseline_nats(score);
    out->brier = model_score_mean_brier(score);
    out->ece = model_score_ece(score);
    out->coverage = model_score_coverage(score);
    out->coverage_bins = score->n_rates;
    out->interval_ratio = model_score_interval_ratio(score);
}

void colony_fill_reliability(proto_reliability *out, const model_score *score)
{
    out->n.n = out->p_right.n = out->chose_right.n = MODEL_SCORE_BINS;
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        const double n = (double)score->bin_n[i];
        out->n.v[i] = n;
        out->p_right.v[i] = n > 0.0 ? score->bin_p[i] / n : 0.0;
        out->chose_right.v[i] = n > 0.0 ? score->bin_y[i] / n : 0.0;
    }
}

/* The probability of a rule is that of all members that have it. */
static void fill_rules(proto_prediction *p, const model_bank *bank, const model_bank_params *params)
{
    p->bank.n = 0;
    for (uint32_t i = 0; i < params->n; i++) {
        const char *rule = model_rule_name(params->member[i].rule.kind);
        uint32_t at = 0;
        while (at < p->bank.n && strcmp(p->bank.v[at].name, rule) != 0) {
            at++;
        }
        if (at == p->bank.n) {
            strcpy(p->bank.v[at].name, rule);
            p->bank.v[at].value = 0.0;
            p->bank.n++;
        }
        p->bank.v[at].value = fmin(p->bank.v[at].value + model_bank_weight(bank, i), 1.0);
    }
}

void colony_predict(const struct colony *colony, uint32_t subject, proto_message *out)
{
    const struct subject *s = &colony->subjects[subject];
    const model_bank *bank = &s->state.learner.bank;
    const struct learner_models models = colony_models(colony, subject);
    const model_bank_params *params = models.bank;
    const model_policy *policy = &params->member[0].policy;
    proto_message_init(out, PROTO_KIND_PREDICTION);
    strcpy(out->env.rig, s->rig);
    strcpy(out->env.subject, s->name);
    if (s->state.session >= 0) {
        colony_name_session(&colony->sessions[s->state.session], &out->env);
    }
    proto_prediction *p = &out->as.prediction;
    const bool is_named = s->state.n_stimuli > 0;
    const uint32_t n = (uint32_t)(is_named ? s->state.n_stimuli : colony->config->model.stimuli.n);
    p->for_trial = s->state.for_trial;
    p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = n;
    memcpy(p->stimuli.v, is_named ? s->state.stimuli : colony->config->model.stimuli.v,
           n * sizeof p->stimuli.v[0]);
    learner_predict(&s->state.learner, &models, n, p->stimuli.v, p->p_right.v, p->lo.v, p->hi.v);
    (void)model_policy_print(policy, p->policy, sizeof p->policy);
    p->w.n = p->w_sd.n = policy->n;
    model_bank_weights(bank, params, p->w.v, p->w_sd.v);
    fill_rules(p, bank, params);
    p->score.present = p->session_score.present = p->reliability.present = true;
    colony_fill_score(&p->score.v, &s->state.learner.score);
    colony_fill_score(&p->session_score.v, &s->state.learner.session_score);
    colony_fill_reliability(&p->reliability.v, &s->state.learner.score);
    strcpy(p->model, colony->model_hash);
    if (colony->config->engagement.enabled) {
        p->p_disengaged = model_engagement_p(&s->state.learner.engagement);
    }
}

bool colony_is_to_judge(const struct subject *subject, int64_t now_ns, int64_t period_ns)
{
    const bool has_news = subject->standing.n_pushed != subject->state.tracker.n_pushed;
    return subject->state.is_over != 0 ? has_news || !subject->is_judged_at_end
                                       : has_news && now_ns - subject->judged_ns >= period_ns;
}

void colony_judge(struct subject *subject, int64_t now_ns)
{
    subject->judged_ns = now_ns;
    subject->is_judged_at_end = subject->state.is_over != 0;
    (void)model_training_status_judge(&subject->state.tracker, &subject->standing);
}

bool colony_standing(const struct colony *colony, uint32_t subject, proto_message *out)
{
    const struct subject *s = &colony->subjects[subject];
    if (s->standing.n_pushed < 0 || s->state.session < 0) {
        return false;
    }
    standing_message(&s->standing, !s->is_judged_at_end, out);
    strcpy(out->env.rig, s->rig);
    strcpy(out->env.subject, s->name);
    colony_name_session(&colony->sessions[s->state.session], &out->env);
    return true;
}

int colony_observe(struct colony *colony, uint32_t subject, const model_trial *trial,
                   struct learner_outcome *outcome)
{
    struct subject *s = &colony->subjects[subject];
    struct learner *learner = &s->state.learner;
    struct adaptation *own = colony_adaptation(colony, subject);
    const struct learner_models models = colony_models(colony, subject);
    const bool starts = learner->baseline.n_session == 0;
    if (own != NULL) {
        adaptation_prepare(colony->plan, own, &learner->bank);
    }
    const int status = learner_observe(learner, &models, trial, outcome);
    if (own != NULL && status == MODEL_OK) {
        adaptation_push(colony->plan, own, trial, starts);
        s->n_since++;
    }
    return status;
}

void colony_keep_late(struct colony *colony, uint32_t subject, const model_trial *trial,
                      size_t later)
{
    struct adaptation *own = colony_adaptation(colony, subject);
    if (own != NULL) {
        adaptation_insert(colony->plan, own, trial, later);
    }
}

static void note_dirty(struct subject *s, uint32_t session)
{
    for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
        if (s->dirty_sessions[i] == session) {
            return;
        }
    }
    assert(s->n_dirty_sessions < COLONY_DIRTY_MAX);
    s->dirty_sessions[s->n_dirty_sessions++] = session;
}

bool colony_is_full_of_changes(const struct subject *subject)
{
    return subject->n_dirty_sessions > COLONY_DIRTY_MAX - COLONY_TOUCHED;
}

void colony_touch(struct colony *colony, uint32_t subject, uint32_t session, int64_t event,
                  int64_t t_mono_ns)
{
    struct subject *s = &colony->subjects[subject];
    s->last_event = event;
    if (s->dirty_since_ns == 0) {
        s->dirty_since_ns = t_mono_ns;
    }
    colony_mark(colony_counting(colony, session), event);
    note_dirty(s, session);
    note_dirty(s, colony->sessions[session].counts);
}

void colony_clean(struct subject *subject)
{
    subject->checkpoint_event = subject->last_event;
    subject->dirty_since_ns = 0;
    subject->n_dirty_sessions = 0;
}

void colony_mark(struct session *session, int64_t event)
{
    if (session->mark_event[0] == 0) {
        session->mark_event[0] = event;
        session->mark_seq[0] = session->state.seqs.through;
    }
    session->mark_event[1] = event;
    session->mark_seq[1] = session->state.seqs.through;
}

void colony_restart_seq(struct session *session, int64_t first, int64_t event)
{
    sequence_init(&session->state.seqs, first);
    session->state.counts_since = event;
    session->durable_seq = PROTO_NIL;
    session->mark_event[0] = session->mark_event[1] = 0;
}

int64_t colony_durable_seq(struct session *session, int64_t durable_event)
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

static bool is_same_protocol(const struct config_protocol *a, const struct config_protocol *b)
{
    return strcmp(a->hash, b->hash) == 0 && a->sessions_per_alarm == b->sessions_per_alarm;
}

/* What a new run changes for animals that are known. */
struct change {
    bool model, stack, plan, ahead, protocol;
};

static void change_subject(struct colony *colony, uint32_t number, int64_t run,
                           const struct learner_models *models, const struct change *change)
{
    struct subject *s = &colony->subjects[number];
    struct adaptation *own = colony_adaptation(colony, number);
    if (own != NULL && (change->model || change->plan)) {
        adaptation_reset(own);
    }
    if ((change->model || change->ahead) && models->ahead != NULL) {
        prospect_change_model(&colony->prospects[number], models->ahead);
    }
    if (change->protocol) {
        audit_anew(&s->state, models);
    }
    if (change->model || change->stack) {
        if (s->last_event == 0) { /* not heard yet: it never knew the old model */
            learner_init(&s->state.learner, models);
        } else if (change->model) {
            learner_change_model(&s->state.learner, &colony->models, models);
        } else {
            learner_reset_stack(&s->state.learner, models);
        }
        heal_close(&s->state.heal);
    }
    s->run = run;
}

int colony_change_run(struct colony *colony, int64_t run, const struct config *config,
                      struct learner_models models, const char *hash,
                      const struct adaptation_plan *plan)
{
    const bool is_same_policy =
        model_policy_equals(&colony->models.bank->member[0].policy, &models.bank->member[0].policy);
    const struct change change = {
        .model = strcmp(colony->model_hash, hash) != 0 || !is_same_policy,
        .stack = (colony->models.stack != NULL) != (models.stack != NULL),
        .plan = !is_same_plan(colony->plan, plan),
        .ahead = (colony->models.ahead != NULL) != (models.ahead != NULL),
        .protocol = !is_same_protocol(&colony->config->protocol, &config->protocol),
    };
    const bool any = change.model || change.stack || change.plan || change.ahead || change.protocol;
    for (uint32_t i = 0; any && i < colony->n_subjects; i++) {
        if (colony->subjects[i].run < run) {
            change_subject(colony, i, run, &models, &change);
        }
    }
    colony->run = run;
    colony->config = config;
    colony->models = models;
    strncpy(colony->model_hash, hash, sizeof colony->model_hash - 1);
    if (plan != NULL &&
        (colony->adaptations == NULL || adaptation_size(plan) > colony->adaptation_stride)) {
        return colony_adapt(colony, plan, 0);
    }
    colony->plan = plan;
    for (uint32_t i = 0; plan != NULL && i < colony->n_subjects; i++) {
        if (colony->subjects[i].run <= run) { /* others are of a plan that is still to come */
            adaptation_rebind(plan, colony_adaptation(colony, i));
        }
    }
    return 0;
}
