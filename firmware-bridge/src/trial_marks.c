#include "bridge/trial_marks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/text.h"

static const char *const MARKS[] = {
#define MARK(NAME, name, help) #name,
#include "bridge/trial_marks.def"
};

/* ---- the mapping ----------------------------------------------------------------------------- */

static int refuse(struct bridge_source *s, const struct bridge_mapping_line *line,
                  const char *expected)
{
    char found[160];
    (void)snprintf(found, sizeof found, "the mapping has %.30s.%.40s: \"%.50s\"", line->section,
                   line->key, line->value);
    return bridge_why_set(s, NULL, 0, -1, found, expected, "correct it");
}

/* "ADDRESS", "ADDRESS=VALUE" or "ADDRESS&BITS" of size bytes. */
static bool read_code(const char *text, size_t size, int64_t plain, struct bridge_mark_code *code)
{
    char copy[64];
    char *end = NULL;
    if (size == 0 || size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    code->address = strtoll(copy, &end, 0);
    code->kind = plain == PROTO_NIL ? BRIDGE_CODE_ANY : BRIDGE_CODE_VALUE;
    code->value = plain;
    if (end == copy || *end == '\0') {
        return end != copy;
    }
    if (*end != '=' && *end != '&') {
        return false;
    }
    code->kind = *end == '=' ? BRIDGE_CODE_VALUE : BRIDGE_CODE_BITS;
    const char *value = end + 1;
    code->value = strtoll(value, &end, 0);
    return end != value && *end == '\0' && !(code->kind == BRIDGE_CODE_BITS && code->value == 0);
}

/* All codes of a line, which mean the role. */
static int add_codes(struct bridge_trial_marks *m, struct bridge_source *s,
                     const struct bridge_mapping_line *line, int role, double stimulus,
                     int64_t plain)
{
    for (const char *at = line->value;;) {
        const size_t size = strcspn(at, ",");
        struct bridge_mark_code code = {.role = role, .stimulus = stimulus};
        if (m->n_codes == BRIDGE_MARKS_MAX) {
            return refuse(s, line, "at most 128 codes");
        }
        if (!read_code(at, size, plain, &code)) {
            return refuse(s, line, "CODE, CODE=VALUE or CODE&BITS, with commas between");
        }
        m->code[m->n_codes++] = code;
        m->is_mapped[role] = true;
        if (at[size] == '\0') {
            return 0;
        }
        at += size + 1;
    }
}

static int add_line(struct bridge_trial_marks *m, struct bridge_source *s,
                    const struct bridge_mapping_line *line, int64_t plain)
{
    double stimulus = (double)NAN;
    int role = 0;
    if (strcmp(line->section, "stimulus") == 0) {
        return bridge_text_number(bridge_text_of(line->key), false, &stimulus) &&
                       fabs(stimulus) <= 1.0
                   ? add_codes(m, s, line, BRIDGE_MARKS, stimulus, plain)
                   : refuse(s, line, "a signed contrast from -1 to 1 as key");
    }
    if (strcmp(line->section, "marks") != 0) {
        return 0;
    }
    while (role < BRIDGE_MARKS && strcmp(MARKS[role], line->key) != 0) {
        role++;
    }
    return role < BRIDGE_MARKS ? add_codes(m, s, line, role, stimulus, plain)
                               : refuse(s, line, "a mark, as trial, right, left, reward or end");
}

/* A fixed name, or what the caller gave. */
static int put_name(struct bridge_source *s, const char *key, const char *given,
                    char out[PROTO_ID_MAX + 1])
{
    const char *fixed = bridge_mapping_get(s->map, "fixed", key);
    const char *name = fixed != NULL ? fixed : given;
    return bridge_id_make(out, name, strlen(name))
               ? 0
               : bridge_why_set(s, NULL, 0, -1,
                                name[0] == '\0' ? "no name is stated" : "the name is too long",
                                "1 to 64 characters", "state fixed.subject in the mapping");
}

int bridge_trial_marks_open(struct bridge_trial_marks *m, struct bridge_source *s,
                            const struct bridge_stream_start *start, const char *program,
                            int64_t plain)
{
    *m = (struct bridge_trial_marks){.session = {.ephys_rig = PROTO_NIL, .delay_s = (double)NAN}};
    const char *task = bridge_mapping_get(s->map, "fixed", "task");
    const char *stage = bridge_mapping_get(s->map, "fixed", "stage");
    static const char *const FIXED[] = {"subject", "session", "task", "stage", NULL};
    const struct bridge_mapping_line *line = NULL;
    int rc = bridge_mapping_check_keys(s, "fixed", FIXED);
    rc = rc ? rc : put_name(s, "subject", start->subject, m->session.subject);
    rc = rc ? rc : put_name(s, "session", start->session, m->name);
    for (size_t i = 0; rc == 0 && (line = bridge_mapping_at(s->map, i)) != NULL; i++) {
        rc = add_line(m, s, line, plain);
    }
    if (rc == 0 && (!m->is_mapped[BRIDGE_MARKS] || !m->is_mapped[BRIDGE_MARK_RIGHT] ||
                    !m->is_mapped[BRIDGE_MARK_LEFT])) {
        rc = bridge_why_set(s, NULL, 0, -1, "the mapping names no stimulus or no choice",
                            "codes for stimulus.CONTRAST, marks.right and marks.left",
                            "add them to the mapping");
    }
    (void)snprintf(m->session.program, sizeof m->session.program, "%s", program);
    (void)snprintf(m->session.task, sizeof m->session.task, "%s", task != NULL ? task : "");
    (void)snprintf(m->session.stage, sizeof m->session.stage, "%s", stage != NULL ? stage : "");
    return rc;
}

/* ---- the trial under way --------------------------------------------------------------------- */

static void queue(struct bridge_trial_marks *m, enum bridge_event_kind kind)
{
    if (m->n_queued < BRIDGE_MARK_EVENTS_MAX) {
        struct bridge_event *e = &m->queue[m->n_queued++];
        *e = m->trial;
        e->kind = kind;
        e->line = m->line;
    }
}

static void start_session(struct bridge_trial_marks *m)
{
    m->is_in_session = true;
    m->n_sessions++;
    m->n_trials = 0;
    queue(m, BRIDGE_SESSION_START);
}

/* Without a choice what is known of the reward is not kept: nobody chose. */
static void end_trial(struct bridge_trial_marks *m)
{
    proto_trial *said = &m->trial.said;
    if (!m->is_in_trial) {
        return;
    }
    m->is_in_trial = false;
    if (isnan(said->stimulus)) {
        m->n_without++;
        return;
    }
    if (isnan(said->reward) && said->choice != PROTO_NIL && m->is_mapped[BRIDGE_MARK_REWARD]) {
        said->reward = 0.0;
    }
    m->trial.trial = m->n_trials++;
    queue(m, BRIDGE_TRIAL);
}

static void begin_trial(struct bridge_trial_marks *m)
{
    proto_message empty;
    proto_message_init(&empty, PROTO_KIND_TRIAL);
    end_trial(m);
    if (!m->is_in_session) {
        start_session(m);
    }
    m->trial = (struct bridge_event){.said = empty.as.trial};
    m->trial.said.choice = PROTO_NIL;
    memcpy(m->trial.said.stage, m->session.stage, sizeof m->trial.said.stage);
    m->is_in_trial = true;
    m->is_no_go = false;
    m->shown_s = (double)NAN;
}

static void show(struct bridge_trial_marks *m, double stimulus, double t_s)
{
    const bool is_over =
        m->is_in_trial && (m->trial.said.choice != PROTO_NIL || !isnan(m->trial.said.stimulus));
    if (!m->is_in_trial || (is_over && !m->is_mapped[BRIDGE_MARK_TRIAL])) {
        begin_trial(m);
    }
    m->trial.said.stimulus = stimulus;
    if (!m->is_mapped[BRIDGE_MARK_STIMULUS]) {
        m->shown_s = t_s;
    }
}

static void choose(struct bridge_trial_marks *m, int64_t choice, double t_s)
{
    proto_trial *said = &m->trial.said;
    if (!m->is_in_trial || m->is_no_go || said->choice != PROTO_NIL) {
        return;
    }
    const double rt_s = t_s - m->shown_s;
    said->choice = choice;
    said->rt_s = rt_s >= 0.0 && rt_s <= 86400.0 ? rt_s : (double)NAN;
}

static void end_session(struct bridge_trial_marks *m)
{
    end_trial(m);
    if (m->is_in_session) {
        queue(m, BRIDGE_SESSION_END);
        m->is_in_session = false;
    }
}

static void take_role(struct bridge_trial_marks *m, const struct bridge_mark_code *code, double t_s)
{
    proto_trial *said = &m->trial.said;
    switch (code->role) {
    case BRIDGE_MARKS:
        show(m, code->stimulus, t_s);
        break;
    case BRIDGE_MARK_TRIAL:
        begin_trial(m);
        break;
    case BRIDGE_MARK_STIMULUS:
        m->shown_s = t_s;
        break;
    case BRIDGE_MARK_RIGHT:
    case BRIDGE_MARK_LEFT:
        choose(m, code->role == BRIDGE_MARK_RIGHT ? 1 : 0, t_s);
        break;
    case BRIDGE_MARK_SIDE_RIGHT:
    case BRIDGE_MARK_SIDE_LEFT:
        said->side = code->role == BRIDGE_MARK_SIDE_RIGHT ? 1 : 0;
        break;
    case BRIDGE_MARK_REPEAT:
        said->repeat = 1;
        break;
    case BRIDGE_MARK_REWARD:
    case BRIDGE_MARK_ERROR:
        said->reward = code->role == BRIDGE_MARK_REWARD ? 1.0 : 0.0;
        break;
    case BRIDGE_MARK_END:
        end_trial(m);
        break;
    case BRIDGE_MARK_SESSION_START:
        end_session(m);
        start_session(m);
        break;
    case BRIDGE_MARK_SESSION_END:
        end_session(m);
        break;
    default: /* NO_GO */
        m->is_no_go = true;
        break;
    }
}

static bool is_met(struct bridge_mark_code *code, int64_t address, int64_t value)
{
    if (code->address != address) {
        return false;
    }
    if (code->kind == BRIDGE_CODE_BITS) {
        const bool was_set = code->was_set;
        code->was_set = (value & code->value) == code->value;
        return code->was_set && !was_set;
    }
    return code->kind == BRIDGE_CODE_ANY || code->value == value;
}

void bridge_trial_marks_take(struct bridge_trial_marks *m, int64_t address, int64_t value,
                             double t_s, int64_t line)
{
    m->line = line;
    m->n_queued = m->at = 0;
    for (size_t i = 0; i < m->n_codes; i++) {
        if (is_met(&m->code[i], address, value)) {
            take_role(m, &m->code[i], t_s);
        }
    }
}

/* NAME, NAME.2, NAME.3. */
static void name_session(const struct bridge_trial_marks *m, struct bridge_session *session)
{
    *session = m->session;
    memcpy(session->session, m->name, sizeof session->session);
    if (m->n_sessions > 1) {
        char number[24];
        const int n = snprintf(number, sizeof number, ".%lld", (long long)m->n_sessions);
        const size_t size = strlen(m->name);
        const size_t room = PROTO_ID_MAX - (size_t)n;
        memcpy(session->session + (size < room ? size : room), number, (size_t)n + 1);
    }
}

int bridge_trial_marks_next(struct bridge_trial_marks *m, struct bridge_source *s,
                            struct bridge_event *event)
{
    if (m->n_without > 0) {
        m->n_without = 0;
        return bridge_why_set(s, NULL, m->line, -1, "a trial without a stimulus",
                              "a code of the mapping's section stimulus in each trial",
                              "add the code to the mapping");
    }
    if (m->at == m->n_queued) {
        return 0;
    }
    *event = m->queue[m->at++];
    if (event->kind == BRIDGE_SESSION_START) {
        name_session(m, &s->session);
    }
    event->session = &s->session;
    return 1;
}
