/* Which subject, session and run of its task a message belongs to. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "session_step.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    UNNAMED_A_DAY = 999, /* sessions of one subject on one rig that get a name here */
    RUNS_BACK = 16,      /* among so many earlier runs a trial sent again is looked for */
    START = 8,           /* a rig that begins anew is heard by one of its first trials ... */
    FAR = 64,            /* ... this far back, or more */
    /* Blocks of contents that one message may need: what it is looked up in, and what it leaves. */
    BLOCKS = 2 * (RUNS_BACK + 2) + 2
};

static const char NO_ROOM_FOR_RUN[] =
    "the session's name is too long for a run number: give each run its own session "
    "or a shorter name";

/* Days since 1970 to a date (Gregorian, UTC). gmtime() may lock and allocate. */
static void civil_date(int64_t days, int *year, int *month, int *day)
{
    const int64_t z = days + 719468; /* from 0000-03-01 */
    const int64_t era = z / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2 ? 1 : 0));
}

/* ---- limits ---------------------------------------------------------------------------------- */

static bool refuse_at_limit(struct step *step, int64_t limit, const char *format, ...)
    FAULT_PRINTF(3, 4);

/* The event names no subject then: it changed nothing, and a resume must not hear it again when the
 * limit may be a higher one. */
static bool refuse_at_limit(struct step *step, int64_t limit, const char *format, ...)
{
    char text[256];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    step_alert(step->result, PROTO_ALERT_LIMIT, (double)limit, "%s", text);
    step_refuse_with_alert(step->result, SESSION_OUTCOME_REFUSED, PROTO_ERROR_LIMIT);
    step->result->subject = SUBJECTS_NONE;
    return false;
}

static bool is_room_for_subject(struct step *step)
{
    const struct subjects *subjects = step->subjects;
    const proto_envelope *env = &step->heard->env;
    const struct subjects_rig *rig = subjects_find_rig(subjects, env->rig);
    const int64_t share = subjects->config->limits.subjects_per_rig;
    if (subjects->n_subjects == subjects->max_subjects) {
        return refuse_at_limit(step, subjects->max_subjects,
                               "subject %s is new and %" PRIu32
                               " are known: raise limits.subjects and start again",
                               env->subject, subjects->max_subjects);
    }
    if (rig != NULL && rig->subjects >= share && !subjects->is_replay) {
        return refuse_at_limit(step, share,
                               "subject %s is new and rig %s has introduced its limit of %" PRId64
                               ": raise limits.subjects_per_rig and start again",
                               env->subject, env->rig, share);
    }
    return true;
}

static bool is_room_for_session(struct step *step)
{
    const struct subjects *subjects = step->subjects;
    const proto_envelope *env = &step->heard->env;
    const struct subjects_rig *rig = subjects_find_rig(subjects, env->rig);
    const int64_t share = subjects->config->limits.sessions_per_rig;
    if (subjects->n_sessions == subjects->max_sessions) {
        return refuse_at_limit(step, subjects->max_sessions,
                               "session %s of %s is new and %" PRIu32
                               " are known: raise limits.sessions and start again",
                               env->session, env->subject, subjects->max_sessions);
    }
    if (rig != NULL && rig->sessions >= share && !subjects->is_replay) {
        return refuse_at_limit(step, share,
                               "session %s is new and rig %s has reached its limit of %" PRId64
                               ": raise limits.sessions_per_rig and start again",
                               env->session, env->rig, share);
    }
    return rig != NULL || subjects->n_rigs < SUBJECTS_RIGS_MAX || subjects->is_replay ||
           refuse_at_limit(step, SUBJECTS_RIGS_MAX, "rig %s is new and %d are known", env->rig,
                           SUBJECTS_RIGS_MAX);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool find_subject(struct step *step)
{
    const char *name = step->heard->env.subject;
    const uint32_t number = subjects_find_subject(step->subjects, name);
    if (number != SUBJECTS_NONE) {
        step_set_subject(step, number);
        return true;
    }
    if (!is_room_for_session(step) || !is_room_for_subject(step)) {
        return false;
    }
    step_set_subject(step, subjects_add_subject(step->subjects, name));
    step->result->is_new_subject = true;
    return true;
}

static bool add_session(struct step *step, const char *given, int64_t run, bool named_here,
                        uint32_t counts)
{
    const bool is_stated = run > 1 && step->heard->env.run != PROTO_NIL;
    const struct subjects_entry entry = {.rig = step->heard->env.rig,
                                         .subject = step->result->subject,
                                         .given = given,
                                         .run = run,
                                         .is_stated = is_stated,
                                         .named_here = named_here,
                                         .counts = counts};
    char name[PROTO_ID_MAX + 1];
    if (!subjects_run_name(name, given, run)) {
        return refuse_at_limit(step, run, "%s", NO_ROOM_FOR_RUN);
    }
    if (!is_room_for_session(step)) {
        return false;
    }
    step_set_session(step, subjects_add_session(step->subjects, &entry));
    step->result->is_new_session = true;
    return true;
}

/* YYYY-MM-DD_NNN, the first NNN that is free. */
static bool add_unnamed(struct step *step)
{
    int year;
    int month;
    int day;
    char name[PROTO_ID_MAX + 1];
    civil_date(step->event->t_wall_ns / NS_PER_S / 86400, &year, &month, &day);
    for (int n = 1; n <= UNNAMED_A_DAY; n++) {
        (void)snprintf(name, sizeof name, "%04d-%02d-%02d_%03d", year, month, day, n);
        if (subjects_find_session(step->subjects, step->heard->env.rig, step->result->subject,
                                  name) == SUBJECTS_NONE) {
            return add_session(step, name, 1, true, SUBJECTS_NONE);
        }
    }
    return refuse_at_limit(step, UNNAMED_A_DAY,
                           "the rig began too many sessions without a name today: give each a "
                           "name of its own");
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* True if the message says that the rig has begun its task anew: one of the first trials comes
 * again with another content, or a session_start under a seq that was used. Rigs that name no
 * session send nothing again from long ago: there, the same content says so too. */
static bool begins_anew(struct step *step)
{
    const uint32_t number = step->result->session;
    const struct session *s = step->session;
    const proto_envelope *env = &step->heard->env;
    const enum step_known seq = step_know_seq(step, number);
    const enum step_known trial = step_know_trial(step, number);
    if (seq == STEP_SAME || step->is_unsure) {
        return false;
    }
    if (step->heard->kind == PROTO_KIND_SESSION_START) {
        const struct sequence *seqs = &subjects_counting(step->subjects, number)->state.seqs;
        return seq == STEP_OTHER &&
               (!sequence_is_empty(&s->state.trials) || seqs->highest > env->seq);
    }
    if (step->heard->kind != PROTO_KIND_TRIAL) {
        return false;
    }
    const bool is_far = s->state.trials.highest - env->trial >= FAR;
    const bool is_far_anew = s->named_here && env->seq == PROTO_NIL && env->trial <= 1 && is_far;
    return trial == STEP_OTHER ? env->trial <= 1 || (env->trial < START && is_far)
                               : trial == STEP_SAME && is_far_anew;
}

static int64_t next_run(const struct subjects *subjects, const struct session *s)
{
    const uint32_t first = subjects_find_session(subjects, s->rig, s->subject, s->given);
    return 1 + (first != SUBJECTS_NONE ? subjects->session[first].last_run : s->run);
}

/* The next run of the session that the present one is a run of. Its seqs go on with the count if
 * they do. */
static bool begin_run(struct step *step)
{
    const struct session *s = step->session;
    const struct session *counting = subjects_counting(step->subjects, step->result->session);
    const int64_t seq = step->heard->env.seq;
    const bool goes_on = seq != PROTO_NIL && seq > counting->state.seqs.highest;
    const bool is_added = s->named_here ? add_unnamed(step)
                                        : add_session(step, s->given, next_run(step->subjects, s),
                                                      false, goes_on ? s->counts : SUBJECTS_NONE);
    if (!is_added) {
        return false;
    }
    struct session *next = step->session;
    next->state.first_seq = next->counts != step->result->session ? seq : PROTO_NIL;
    step_tell_restarted(step, s);
    return true;
}

/* Of a session's runs the one that a message belongs to which states none: the latest that was not
 * stated, unless the message was said before that began. */
static uint32_t run_of(struct step *step, uint32_t first)
{
    const struct session *sessions = step->subjects->session;
    const proto_envelope *env = &step->heard->env;
    uint32_t run = sessions[first].latest;
    while (env->seq != PROTO_NIL && sessions[run].previous != SUBJECTS_NONE &&
           env->seq < sessions[run].state.first_seq) {
        run = sessions[run].previous;
    }
    if (step->heard->kind != PROTO_KIND_TRIAL || env->seq != PROTO_NIL ||
        env->trial <= sessions[run].state.trials.highest + 1) {
        return run;
    }
    uint32_t earlier = sessions[run].previous;
    for (int i = 0; i < RUNS_BACK && earlier != SUBJECTS_NONE; i++) {
        if (step_know_trial(step, earlier) == STEP_SAME) {
            return earlier;
        }
        earlier = sessions[earlier].previous;
    }
    return run;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* How long ago the session was last heard: by the monotonic clock, which nobody sets; after a start
 * of the machine by the other one. */
int64_t step_silence_ns(const struct step *step, const struct session_state *s)
{
    const int64_t wall_ns = step->event->t_wall_ns - s->last_heard_wall_ns;
    return step->event->boot == s->last_heard_boot ? step->event->t_mono_ns - s->last_heard_mono_ns
                                                   : wall_ns;
}

/* The session that was named here and that a message without a name goes on with, or SUBJECTS_NONE.
 */
static uint32_t continued_session(const struct step *step)
{
    const struct subjects *subjects = step->subjects;
    const struct subject_state *state = &step->subject->state;
    const int64_t candidates[] = {state->session, state->doubted_session - 1};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        const struct session *s = &subjects->session[candidates[i] < 0 ? 0 : candidates[i]];
        if (candidates[i] >= 0 && s->named_here && strcmp(s->rig, step->heard->env.rig) == 0 &&
            step_silence_ns(step, &s->state) <= subjects->config->session.idle_s * NS_PER_S) {
            return (uint32_t)candidates[i];
        }
    }
    return SUBJECTS_NONE;
}

static bool find_unnamed(struct step *step)
{
    const uint32_t number = continued_session(step);
    if (number == SUBJECTS_NONE) {
        return add_unnamed(step);
    }
    step_set_session(step, number);
    return !begins_anew(step) || begin_run(step);
}

static bool find_named(struct step *step)
{
    const proto_envelope *env = &step->heard->env;
    const int64_t run = env->run == PROTO_NIL ? 1 : env->run;
    char name[PROTO_ID_MAX + 1];
    const uint32_t number =
        subjects_run_name(name, env->session, run)
            ? subjects_find_session(step->subjects, env->rig, step->result->subject, name)
            : SUBJECTS_NONE;
    if (number == SUBJECTS_NONE) {
        return add_session(step, env->session, run, false, SUBJECTS_NONE);
    }
    step_set_session(step, env->run != PROTO_NIL ? number : run_of(step, number));
    return env->run != PROTO_NIL || !begins_anew(step) || begin_run(step);
}

bool step_find(struct step *step)
{
    const proto_envelope *env = &step->heard->env;
    char name[PROTO_ID_MAX + 1];
    if (!contents_have_room(&step->subjects->contents, BLOCKS)) {
        step_put_off(step->result, "the disk is slower than the trials; resend it");
        return false;
    }
    if (env->run != PROTO_NIL && !subjects_run_name(name, env->session, env->run)) {
        return refuse_at_limit(step, env->run, "%s", NO_ROOM_FOR_RUN);
    }
    const bool is_found =
        find_subject(step) && (env->session[0] == '\0' ? find_unnamed(step) : find_named(step));
    if (is_found) {
        (void)step_know_seq(step, step->result->session);
        (void)step_know_trial(step, step->result->session);
    }
    if (step->is_unsure) {
        step_put_off(step->result, "the journal cannot be read to check for a duplicate; "
                                   "resend it");
    }
    return is_found && !step->is_unsure;
}
