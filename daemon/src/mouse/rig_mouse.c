#include "rig_mouse.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

/* Contrasts that differ by less are the same, written with fewer digits. */
static const double SAME_CONTRAST = 1e-6;

/* The largest number that a trial may have on the wire. */
static const int64_t NUMBER_MAX = 1000000000;

static void forget_trials(struct rig_mouse *actor)
{
    actor->is_due = false;
    actor->shown.trial = PROTO_NIL;
    actor->shown.seq = PROTO_NIL;
    for (size_t i = 0; i < RIG_MOUSE_TRIALS; i++) {
        actor->trial[i].number = PROTO_NIL;
    }
}

/* Where the trial of that number stands, if it is there at all. */
static struct rig_mouse_trial *place_of(struct rig_mouse *actor, int64_t number)
{
    return &actor->trial[number != PROTO_NIL ? number % RIG_MOUSE_TRIALS : 0];
}

const struct rig_mouse_trial *rig_mouse_present(const struct rig_mouse *actor)
{
    return place_of((struct rig_mouse *)actor, actor->shown.trial);
}

void rig_mouse_init(struct rig_mouse *actor, const struct rig_mouse_options *options)
{
    *actor = (struct rig_mouse){.options = *options};
    (void)snprintf(actor->subject, sizeof actor->subject, "%s", options->subject);
    forget_trials(actor);
    model_virtual_mouse_init(&actor->mouse, options->params, options->seed, 0);
    model_engagement_sim_init(&actor->engagement, &options->engagement, options->seed, 0);
}

static void fill_error(struct rig_mouse *actor, const proto_message *heard, proto_error_code code,
                       const char *key, const char *text, proto_message *reply)
{
    proto_message_init(reply, PROTO_KIND_ERROR);
    reply->env = heard->env;
    proto_error *error = &reply->as.error;
    (void)snprintf(error->code, sizeof error->code, "%s", proto_error_name(code));
    (void)snprintf(error->key, sizeof error->key, "%s", key);
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    actor->tally.refused++;
}

FAULT_PRINTF(6, 7)
static enum rig_mouse_heard refuse(struct rig_mouse *actor, const proto_message *heard,
                                   proto_error_code code, const char *key, proto_message *reply,
                                   const char *format, ...)
{
    char text[256];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    fill_error(actor, heard, code, key, text, reply);
    return RIG_MOUSE_REFUSED;
}

void rig_mouse_refuse(struct rig_mouse *actor, const proto_message *heard, const proto_fault *fault,
                      proto_message *reply)
{
    const proto_error_code code = fault->status == PROTO_ERR_KIND      ? PROTO_ERROR_UNKNOWN_KIND
                                  : fault->status == PROTO_ERR_VERSION ? PROTO_ERROR_VERSION
                                                                       : PROTO_ERROR_BAD_MESSAGE;
    fill_error(actor, heard, code, fault->key, fault->text, reply);
}

static enum rig_mouse_heard repeat(const proto_message *heard, proto_message *reply)
{
    *reply = *heard;
    return RIG_MOUSE_REPLY;
}

static enum rig_mouse_heard say_hello(const proto_message *heard, proto_message *reply)
{
    proto_message_init(reply, PROTO_KIND_HELLO);
    reply->env = heard->env;
    (void)snprintf(reply->as.hello.software, sizeof reply->as.hello.software, "murid mouse");
    (void)snprintf(reply->as.hello.version, sizeof reply->as.hello.version, "%s", MURID_VERSION);
    return RIG_MOUSE_REPLY;
}

static bool is_other_session(const struct rig_mouse *actor, const proto_envelope *env)
{
    if (actor->session[0] == '\0') {
        return true;
    }
    return env->session[0] != '\0' ? strcmp(env->session, actor->session) != 0 : actor->is_ended;
}

static void start_session(struct rig_mouse *actor, const char *name)
{
    actor->tally.sessions++;
    if (name[0] != '\0') {
        (void)snprintf(actor->session, sizeof actor->session, "%s", name);
    } else {
        (void)snprintf(actor->session, sizeof actor->session, "%" PRId64, actor->tally.sessions);
    }
    actor->is_ended = false;
    forget_trials(actor);
    model_virtual_mouse_start_session(&actor->mouse, actor->options.params);
    model_engagement_sim_start_session(&actor->engagement, &actor->options.engagement);
}

static enum rig_mouse_heard on_start(struct rig_mouse *actor, const proto_message *heard,
                                     proto_message *reply)
{
    if (is_other_session(actor, &heard->env)) {
        start_session(actor, heard->env.session);
    } else {
        actor->tally.repeated++;
    }
    return repeat(heard, reply);
}

static enum rig_mouse_heard on_end(struct rig_mouse *actor, const proto_message *heard,
                                   proto_message *reply)
{
    if (!is_other_session(actor, &heard->env)) {
        actor->tally.repeated += actor->is_ended ? 1 : 0;
        actor->is_ended = true;
        actor->is_due = false;
    }
    return repeat(heard, reply);
}

static void act(struct rig_mouse *actor, int64_t number, double contrast, int64_t now_ns)
{
    const struct rig_mouse_options *o = &actor->options;
    struct rig_mouse_trial *t = place_of(actor, number);
    *t = (struct rig_mouse_trial){.number = number, .contrast = contrast};
    t->p_policy = model_virtual_mouse_predict(&actor->mouse, o->params, contrast);
    memcpy(t->w, actor->mouse.w, sizeof t->w);
    t->act = model_engagement_sim_next(&actor->engagement, &o->engagement, t->p_policy);
    t->act.rt_s = floor(1000.0 * t->act.rt_s) / 1000.0;
    if (t->act.choice < 0 || t->act.rt_s > o->window_s) {
        t->act.choice = -1;
        t->act.rt_s = (double)NAN;
    }
    const double wait_s = t->act.choice < 0 ? o->window_s : t->act.rt_s;
    t->due_ns = now_ns + (o->speed > 0.0 ? (int64_t)(wait_s / o->speed * 1e9) : 0);
    actor->is_due = true;
    actor->tally.stimuli++;
}

/* The number of a stimulus: its own, or that of the one before if its seq says that it is the same
 * again, or the next. */
static int64_t number_of(const struct rig_mouse *actor, const proto_envelope *env)
{
    const proto_envelope *last = &actor->shown;
    if (env->trial != PROTO_NIL) {
        return env->trial;
    }
    if (last->trial == PROTO_NIL) {
        return 0;
    }
    return last->trial + (env->seq != PROTO_NIL && env->seq == last->seq ? 0 : 1);
}

static enum rig_mouse_heard on_stimulus(struct rig_mouse *actor, const proto_message *heard,
                                        int64_t now_ns, proto_message *reply)
{
    const double contrast = heard->as.stimulus.stimulus;
    if (is_other_session(actor, &heard->env)) {
        start_session(actor, heard->env.session);
    }
    actor->is_ended = false;
    const int64_t number = number_of(actor, &heard->env);
    const bool is_first = actor->shown.trial == PROTO_NIL;
    if (number > NUMBER_MAX) {
        return refuse(actor, heard, PROTO_ERROR_LIMIT, "", reply,
                      "trials are counted up to %" PRId64 "; start another session", NUMBER_MAX);
    }
    if (!is_first && number < actor->shown.trial) {
        return refuse(actor, heard, PROTO_ERROR_OUT_OF_ORDER, "", reply,
                      "the stimulus of trial %" PRId64 " follows that of trial %" PRId64
                      "; a new session begins with session_start, or another name",
                      number, actor->shown.trial);
    }
    const bool is_again = !is_first && number == actor->shown.trial;
    const double before = place_of(actor, number)->contrast;
    if (is_again && !(fabs(contrast - before) <= SAME_CONTRAST)) {
        return refuse(actor, heard, PROTO_ERROR_CONFLICT, "stimulus.stimulus", reply,
                      "%.9g is not the %.9g shown first for trial %" PRId64, contrast, before,
                      number);
    }
    actor->shown = heard->env;
    actor->shown.trial = number;
    if (is_again) {
        actor->tally.repeated++;
        actor->is_due = true;
        return RIG_MOUSE_AGAIN;
    }
    act(actor, number, contrast, now_ns);
    return RIG_MOUSE_ACT;
}

static int learn(struct rig_mouse *actor, const struct rig_mouse_trial *shown, const proto_trial *t)
{
    if (t->choice == PROTO_NIL) {
        model_virtual_mouse_pass(&actor->mouse, actor->options.params);
        return MODEL_OK;
    }
    const model_trial trial = {
        .contrast = shown->contrast,
        .reward = t->reward,
        .rt_s = isnan(t->rt_s) ? shown->act.rt_s : t->rt_s,
        .choice = (int8_t)t->choice,
        .side = (int8_t)(t->side == PROTO_NIL ? -1 : t->side),
    };
    return model_virtual_mouse_learn(&actor->mouse, actor->options.params, &trial);
}

static const char *deed_of(const struct rig_mouse_trial *shown)
{
    if (!shown->is_answered) {
        return "it has not answered yet";
    }
    return shown->act.choice < 0 ? "nothing" : shown->act.choice == 1 ? "1 (right)" : "0 (left)";
}

/* What the rig says of a trial must be what the mouse saw and did; that it did nothing may always
 * be said, since a rig may wait less long than the mouse. */
static bool check_trial(struct rig_mouse *actor, const struct rig_mouse_trial *shown,
                        const proto_message *heard, proto_message *reply)
{
    const proto_trial *t = &heard->as.trial;
    if (!(fabs(t->stimulus - shown->contrast) <= SAME_CONTRAST)) {
        (void)refuse(actor, heard, PROTO_ERROR_CONFLICT, "trial.stimulus", reply,
                     "%.9g is not the %.9g that the mouse was shown", t->stimulus, shown->contrast);
        return false;
    }
    if (t->choice == PROTO_NIL || (shown->is_answered && t->choice == shown->act.choice)) {
        return true;
    }
    (void)refuse(actor, heard, PROTO_ERROR_CONFLICT, "trial.choice", reply,
                 "%" PRId64 " (%s) is not the mouse's choice: %s", t->choice,
                 t->choice == 1 ? "right" : "left", deed_of(shown));
    return false;
}

static enum rig_mouse_heard finish(struct rig_mouse *actor, struct rig_mouse_trial *shown,
                                   const proto_message *heard, proto_message *reply)
{
    if (!check_trial(actor, shown, heard, reply)) {
        return RIG_MOUSE_REFUSED;
    }
    const int status = learn(actor, shown, &heard->as.trial);
    if (status != MODEL_OK) {
        return refuse(actor, heard, PROTO_ERROR_MODEL_RANGE, "", reply,
                      "the rule's weights are not finite: %s", model_strerror(status));
    }
    shown->is_over = true;
    actor->is_due = actor->is_due && shown->number != actor->shown.trial;
    actor->tally.trials++;
    actor->tally.rewarded += heard->as.trial.reward > 0.0 ? 1 : 0;
    return repeat(heard, reply);
}

static enum rig_mouse_heard on_trial(struct rig_mouse *actor, const proto_message *heard,
                                     proto_message *reply)
{
    const proto_trial *t = &heard->as.trial;
    const int64_t number = heard->env.trial;
    if (isnan(t->stimulus)) {
        return refuse(actor, heard, PROTO_ERROR_BAD_MESSAGE, "trial.stimulus", reply,
                      "a signed contrast was expected: this mouse accepts nothing else");
    }
    const bool is_here = !is_other_session(actor, &heard->env) && actor->shown.trial != PROTO_NIL;
    struct rig_mouse_trial *shown = place_of(actor, number);
    if (is_here && shown->number == number && !shown->is_over) {
        return finish(actor, shown, heard, reply);
    }
    if (is_here && number <= actor->shown.trial) {
        actor->tally.repeated++;
        return repeat(heard, reply);
    }
    if (t->choice != PROTO_NIL) {
        return refuse(actor, heard, PROTO_ERROR_CONFLICT, "trial.choice", reply,
                      "the mouse made no choice: no stimulus was shown for trial %" PRId64, number);
    }
    actor->tally.unseen++;
    return repeat(heard, reply);
}

enum rig_mouse_heard rig_mouse_hear(struct rig_mouse *actor, const proto_message *heard,
                                    int64_t now_ns, proto_message *reply)
{
    const proto_kind kind = heard->kind;
    const bool is_for_mouse = kind == PROTO_KIND_SESSION_START || kind == PROTO_KIND_STIMULUS ||
                              kind == PROTO_KIND_TRIAL || kind == PROTO_KIND_SESSION_END;
    if (kind == PROTO_KIND_HELLO) {
        return say_hello(heard, reply);
    }
    if (!is_for_mouse) {
        return refuse(actor, heard, PROTO_ERROR_UNKNOWN_KIND, "kind", reply,
                      "a mouse does not accept %s: rigs send it hello, session_start, stimulus, "
                      "trial and session_end",
                      proto_kind_name(kind));
    }
    if (actor->subject[0] == '\0') {
        (void)snprintf(actor->subject, sizeof actor->subject, "%s", heard->env.subject);
    }
    if (strcmp(actor->subject, heard->env.subject) != 0) {
        return refuse(actor, heard, PROTO_ERROR_NOT_FOUND, "subject", reply,
                      "\"%s\" is another animal: this one is \"%s\"", heard->env.subject,
                      actor->subject);
    }
    switch ((int)kind) {
    case PROTO_KIND_SESSION_START:
        return on_start(actor, heard, reply);
    case PROTO_KIND_STIMULUS:
        return on_stimulus(actor, heard, now_ns, reply);
    case PROTO_KIND_TRIAL:
        return on_trial(actor, heard, reply);
    default:
        return on_end(actor, heard, reply);
    }
}

int64_t rig_mouse_due_ns(const struct rig_mouse *actor)
{
    return actor->is_due ? rig_mouse_present(actor)->due_ns : INT64_MAX;
}

bool rig_mouse_next(struct rig_mouse *actor, int64_t now_ns, proto_message *reply)
{
    struct rig_mouse_trial *t = place_of(actor, actor->shown.trial);
    if (!actor->is_due || now_ns < t->due_ns) {
        return false;
    }
    actor->tally.choices += !t->is_answered && t->act.choice >= 0 ? 1 : 0;
    actor->tally.no_gos += !t->is_answered && t->act.choice < 0 ? 1 : 0;
    actor->is_due = false;
    t->is_answered = true;
    proto_message_init(reply, PROTO_KIND_CHOICE);
    reply->env = actor->shown;
    (void)snprintf(reply->env.session, sizeof reply->env.session, "%s", actor->session);
    reply->as.choice.choice = t->act.choice < 0 ? PROTO_NIL : t->act.choice;
    reply->as.choice.rt_s = t->act.rt_s;
    return true;
}

void rig_mouse_drop(struct rig_mouse *actor)
{
    actor->is_due = false;
}
