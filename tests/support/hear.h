/* hear.h - an animal's messages, heard one after another by session.h without sockets, files or
 * clocks: what a test of it begins with, says and expects.
 *
 * One subjects, one clock that moves by itself, the latest result. For one source file of a
 * program.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "session.h"
#include "suite.h"

static const int64_t S = 1000000000;
static const int64_t DAY_ONE_NS = 1718409600 * (int64_t)1000000000; /* 2024-06-15 00:00 UTC */

static struct config config;
static model_params params;
static model_bank_params bank;
static model_engagement_params engagement;
static struct twin_models models = {.bank = &bank, .baseline = &params, .engagement = &engagement};
static struct subjects subjects;
static struct session_result result;
static int64_t now_ns;
static int64_t next_event;

static inline int64_t clock_of_test(void)
{
    return now_ns++;
}

static inline int set_up(void **state)
{
    (void)state;
    config_init(&config);
    config.limits.subjects = 8;
    config.limits.sessions = 4096;
    config.session.idle_s = 3600;
    config.session.hold_s = 600;
    now_ns = 0;
    next_event = 1;
    assert_int_equal(model_params_built_in(&params, config.model.policy), MODEL_OK);
    model_bank_single(&bank, &params);
    model_engagement_default(&engagement);
    return subjects_open(&subjects, &config, models, "built-in", clock_of_test);
}

static inline int tear_down(void **state)
{
    (void)state;
    subjects_close(&subjects);
    return 0;
}

/* Hears one message, as the loop would, but for journal and checkpoints. */
static inline const struct session_result *hear_bytes(const char *bytes, size_t size)
{
    const struct session_event event = {.id = next_event,
                                        .t_wall_ns = DAY_ONE_NS + now_ns,
                                        .t_mono_ns = now_ns,
                                        .source = SESSION_SOURCE_ASK,
                                        .bytes = (const uint8_t *)bytes,
                                        .size = size};
    session_on_message(&subjects, &event, &result);
    session_look_ahead(&subjects, &result);
    next_event += session_is_journaled(&result) ? 1 : 0;
    if (result.subject != SUBJECTS_NONE &&
        subjects_is_full_of_changes(&subjects.subject[result.subject])) {
        subjects_clean(&subjects.subject[result.subject]);
    }
    return &result;
}

/* JSON with ' for ", so that it can be read here. */
static inline const struct session_result *hear(const char *format, ...) FAULT_PRINTF(1, 2);

static inline const struct session_result *hear(const char *format, ...)
{
    char text[1024];
    va_list values;
    va_start(values, format);
    const int n = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    for (int i = 0; i < n; i++) {
        text[i] = text[i] == '\'' ? '"' : text[i];
    }
    return hear_bytes(text, (size_t)n);
}

/* A trial of m1 on r1 in the session, "" for none; the content follows from `content`. */
static inline const struct session_result *hear_trial(const char *session, int trial, int seq,
                                                      int content)
{
    char name[80] = "";
    char number[40] = "";
    if (session[0] != '\0') {
        (void)snprintf(name, sizeof name, "'session':'%s',", session);
    }
    if (seq >= 0) {
        (void)snprintf(number, sizeof number, "'seq':%d,", seq);
    }
    return hear("{'kind':'trial','rig':'r1','subject':'m1',%s%s'trial':%d,'stimulus':%.3f,"
                "'choice':%d,'reward':1}",
                name, number, trial, (content % 7) / 8.0, content % 2);
}

static inline void expect(enum session_outcome status, const char *alert)
{
    if (result.status != status) {
        fail_msg("%s, expected %s: %s", session_outcome_name(result.status),
                 session_outcome_name(status),
                 result.reply.kind == PROTO_KIND_ERROR ? result.reply.as.error.text : "");
    }
    const char *first = result.n_alerts > 0 ? proto_alert_name(result.alerts[0].code) : "";
    assert_string_equal(first, alert);
    assert_true(result.n_alerts <= 1);
}

static inline struct session *session_of_result(void)
{
    return &subjects.session[result.session];
}

static inline struct subject *m1(void)
{
    return &subjects.subject[0];
}

/* A test on a subjects of its own. */
#define HEAR_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
