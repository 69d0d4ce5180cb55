/* watch_view.h and cell_canvas.h. The golden pages are tests/golden/view_*.txt; after a change that
 * is meant, MURID_WRITE_GOLDEN=1 writes them anew, to be looked at before they are committed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/random.h"
#include "watch_page.h"
#include "watch_views.h"

static struct watch_view view;
static struct cell_canvas canvas;
static char text[CELL_CANVAS_TEXT_MAX];
static char golden[CELL_CANVAS_TEXT_MAX];
static proto_message msg;

static const double STIMULI[] = {-1, -0.5, -0.25, -0.125, 0, 0.125, 0.25, 0.5, 1};
enum { N_STIMULI = sizeof STIMULI / sizeof STIMULI[0] };

static void start(proto_kind kind, const char *subject, const char *session)
{
    proto_message_init(&msg, kind);
    strcpy(msg.env.rig, "rig1");
    strcpy(msg.env.subject, subject);
    strcpy(msg.env.session, session);
}

static double predicted(double stimulus, int64_t trial)
{
    return 1.0 / (1.0 + exp(-(0.004 * (double)trial * stimulus + 0.2)));
}

static void take_prediction(int64_t for_trial)
{
    start(PROTO_KIND_PREDICTION, "m01", "2");
    proto_prediction *p = &msg.as.prediction;
    p->for_trial = for_trial;
    p->stimuli.n = N_STIMULI;
    p->p_right.n = N_STIMULI;
    for (size_t i = 0; i < N_STIMULI; i++) {
        p->stimuli.v[i] = STIMULI[i];
        p->p_right.v[i] = predicted(STIMULI[i], for_trial);
    }
    strcpy(p->policy, "stimulus,bias,prev_choice");
    p->w.n = 3;
    p->w_sd.n = 3;
    p->w.v[0] = 2.125;
    p->w.v[1] = -0.5;
    p->w.v[2] = 0.25;
    p->w_sd.v[0] = 0.21;
    p->w_sd.v[1] = 0.1;
    p->w_sd.v[2] = 0.08;
    p->stage_us.n = 3;
    p->stage_us.v[0] = 0.6;
    p->stage_us.v[1] = 1.2;
    p->stage_us.v[2] = 1.9;
    if (for_trial > 0) {
        p->score.present = true;
        p->score.v.n = for_trial;
        p->score.v.nats = 0.4821;
        p->score.v.baseline_nats = 0.5012;
        p->score.v.ece = 0.0125;
        p->score.v.coverage = for_trial > 4 ? 0.906 : (double)NAN;
    }
    assert_false(watch_view_take(&view, &msg));
}

static bool take_trial(int64_t trial, double stimulus, int64_t choice, double reward)
{
    start(PROTO_KIND_TRIAL, "m01", "2");
    msg.env.trial = trial;
    msg.as.trial.stimulus = stimulus;
    msg.as.trial.choice = choice;
    msg.as.trial.reward = reward;
    return watch_view_take(&view, &msg);
}

/* Three hundred trials of an animal that gets better, as a daemon publishes them. */
static void play_a_session(void)
{
    model_random random;
    model_random_seed(&random, 7, 0);
    watch_view_init(&view, NULL);
    start(PROTO_KIND_SESSION_START, "m01", "2");
    watch_view_take(&view, &msg);
    take_prediction(0);
    for (int64_t t = 0; t < 300; t++) {
        const double s = STIMULI[model_random_below(&random, N_STIMULI)];
        const bool right = model_random_uniform(&random) < predicted(4.0 * s, t);
        assert_true(take_trial(t, s, right, (s > 0.0) == right ? 1.0 : 0.0));
        take_prediction(t + 1);
    }
}

static void draw(int width, int height)
{
    cell_canvas_init(&canvas, width, height);
    watch_page_draw(&view, &canvas);
    (void)cell_canvas_text(&canvas, false, "\n", text);
}

static void compare_with_golden(int width, int height, const char *what)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/golden/view_%dx%d%s.txt", MURID_SOURCE_DIR, width,
                   height, what);
    draw(width, height);
    const bool write = getenv("MURID_WRITE_GOLDEN") != NULL;
    FILE *f = fopen(path, write ? "wb" : "rb");
    assert_non_null(f);
    if (write) {
        fputs(text, f);
    } else {
        golden[fread(golden, 1, sizeof golden - 1, f)] = '\0';
        assert_string_equal(text, golden);
    }
    fclose(f);
}

static void looks_as_it_should_on_an_ordinary_terminal(void **state)
{
    (void)state;
    play_a_session();
    compare_with_golden(100, 30, "");
}

static void looks_as_it_should_on_the_smallest_terminal(void **state)
{
    (void)state;
    play_a_session();
    start(PROTO_KIND_ALERT, "m01", "2");
    strcpy(msg.as.alert.code, "gap");
    strcpy(msg.as.alert.text, "trials 17 to 19 are missing");
    watch_view_take(&view, &msg);
    start(PROTO_KIND_STATUS, "", "");
    msg.as.status.trial_p50_us = 14.0;
    msg.as.status.trial_p99_us = 31.0;
    watch_view_take(&view, &msg);
    compare_with_golden(60, 18, "");
}

static void looks_as_it_should_before_anything_was_heard(void **state)
{
    (void)state;
    watch_view_init(&view, "m07");
    compare_with_golden(80, 24, "");
}

/* ---- what is said of the future -------------------------------------------------------------- */

static void take_training(void)
{
    start(PROTO_KIND_TRAINING, "m01", "2");
    proto_training *t = &msg.as.training;
    strcpy(t->status, "in_training");
    strcpy(t->reached, "in_training");
    strcpy(t->next, "trained_1a");
    t->criteria.n = 1;
    proto_criterion *c = &t->criteria.v[0];
    proto_criterion_init(c);
    strcpy(c->name, "easy");
    c->value = 0.71;
    c->limit = 0.8;
    c->above = 1;
    c->met = 0;
    watch_view_take(&view, &msg);
}

static void take_forecast(int64_t based_on)
{
    start(PROTO_KIND_FORECAST, "m01", "2");
    proto_forecast *f = &msg.as.forecast;
    f->based_on = based_on;
    strcpy(f->criterion, "0.8 correct of 100 trials, contrast >= 0.5");
    f->current.present = true;
    proto_outlook_init(&f->current.v);
    strcpy(f->current.v.unit, "trials");
    f->current.v.median = 640.0;
    f->current.v.lo50 = 410.0;
    f->current.v.hi50 = 900.0;
    f->current.v.lo90 = 280.0;
    strcpy(f->next_status, "trained_1a");
    f->p_within.n = 1;
    strcpy(f->p_within.v[0].name, "3");
    f->p_within.v[0].value = 0.42;
    watch_view_take(&view, &msg);
}

static void take_advice(int64_t based_on)
{
    start(PROTO_KIND_SUGGESTION, "m01", "2");
    proto_suggestion *s = &msg.as.suggestion;
    s->based_on = based_on;
    s->horizon = 200;
    s->actions.n = 1;
    proto_action_init(&s->actions.v[0]);
    strcpy(s->actions.v[0].action, "contrast");
    s->actions.v[0].gain = 0.012;
    s->actions.v[0].gain_lo = -0.004;
    s->actions.v[0].gain_hi = 0.03;
    s->actions.v[0].p_better = 0.81;
    strcpy(s->why, "contrast 0.25, part 0.5: proportion correct 0.812 rather than 0.800, rewarded "
                   "0.71 (0.72)");
    watch_view_take(&view, &msg);
}

static void take_alert(const char *code, const char *what)
{
    start(PROTO_KIND_ALERT, "m01", "2");
    strcpy(msg.as.alert.code, code);
    strcpy(msg.as.alert.text, what);
    watch_view_take(&view, &msg);
}

static void take_everything(void)
{
    play_a_session();
    take_training();
    take_forecast(264);
    take_advice(299);
    take_alert("disengaged", "m01 seems to have stopped playing at trial 281");
}

static void status_forecast_and_advice_leave_room_for_the_rest(void **state)
{
    (void)state;
    take_everything();
    compare_with_golden(80, 24, "_ahead");
}

static void what_was_not_said_takes_no_line(void **state)
{
    (void)state;
    play_a_session();
    for (int i = 0; i < WATCH_VIEW_AHEADS; i++) {
        assert_null(watch_view_ahead_line(&view, (enum watch_view_ahead)i, text, sizeof text));
    }
    assert_null(watch_view_ahead_name(WATCH_VIEW_AHEADS));
    take_advice(3);
    draw(80, 24);
    assert_non_null(strstr(text, "\n advice   contrast"));
    assert_null(strstr(text, "\n status"));
    assert_null(strstr(text, "\n forecast"));
}

static void what_was_said_tells_how_old_it_is(void **state)
{
    (void)state;
    play_a_session();
    take_forecast(299);
    assert_string_equal(watch_view_ahead_line(&view, WATCH_VIEW_AHEAD_FORECAST, text, sizeof text),
                        "0.8 correct in 640 trials (50% 410 to 900, 90% 280 to later); trial 299");
    take_trial(310, 0.5, 1, 1.0);
    assert_string_equal(watch_view_ahead_line(&view, WATCH_VIEW_AHEAD_FORECAST, text, 70),
                        "0.8 correct in 640 trials (50% 410 to 900); trial 299, 11 ago");
    /* Trials of two sessions are not counted together. */
    start(PROTO_KIND_SESSION_START, "m01", "3");
    watch_view_take(&view, &msg);
    assert_string_equal(watch_view_ahead_line(&view, WATCH_VIEW_AHEAD_FORECAST, text, 60),
                        "0.8 correct in 640 trials; trial 299 of session 2");
    memset(view.forecast_session, 'x', PROTO_ID_MAX);
    assert_string_equal(watch_view_ahead_line(&view, WATCH_VIEW_AHEAD_FORECAST, text, 50),
                        "0.8 correct in 640 trials; another session");
}

static void what_is_said_of_others_is_not_shown(void **state)
{
    (void)state;
    play_a_session();
    take_forecast(264);
    start(PROTO_KIND_FORECAST, "m02", "2");
    msg.as.forecast.based_on = 7;
    watch_view_take(&view, &msg);
    assert_int_equal(view.forecast.based_on, 264);
}

static void every_size_can_be_drawn(void **state)
{
    (void)state;
    take_everything();
    start(PROTO_KIND_PREDICTION, "m01", "2"); /* as many weights as a message holds */
    msg.as.prediction.for_trial = 300;
    msg.as.prediction.w.n = msg.as.prediction.w_sd.n = 8;
    watch_view_take(&view, &msg);
    for (int width = 0; width <= CELL_CANVAS_WIDTH_MAX + 10; width += 5) {
        for (int height = 0; height <= CELL_CANVAS_HEIGHT_MAX + 5; height += 3) {
            draw(width, height);
            int rows = 0;
            for (const char *s = text; (s = strchr(s, '\n')) != NULL; s++) {
                rows++;
            }
            assert_int_equal(rows,
                             height < CELL_CANVAS_HEIGHT_MAX ? height : CELL_CANVAS_HEIGHT_MAX);
        }
    }
    draw(60, 18);
    assert_non_null(strstr(text, "\n status   in_training"));
    assert_non_null(strstr(text, "\n forecast 0.8 correct"));
    assert_non_null(strstr(text, "\n advice   contrast"));
    assert_non_null(strstr(text, "\n alert 1, disengaged: "));
    assert_non_null(strstr(text, "w4"));
    draw(59, 18);
    assert_string_equal(strtok(text, "\n"), "murid watch needs 60 x 18 cells");
}

static void shows_the_prediction_made_for_that_trial_and_stimulus(void **state)
{
    (void)state;
    watch_view_init(&view, NULL);
    take_prediction(4);
    take_prediction(5);
    take_trial(5, 0.25, 1, (double)NAN);
    assert_true(view.trials[0].p_right == predicted(0.25, 5));
    assert_int_equal(view.trials[0].correct, 1);
    /* One that came a message too early is still found, one for another trial or stimulus not. */
    take_prediction(6);
    take_prediction(7);
    take_trial(6, -0.25, 1, (double)NAN);
    assert_true(view.trials[1].p_right == predicted(-0.25, 6));
    assert_int_equal(view.trials[1].correct, 0);
    take_trial(7, 0.3, 1, (double)NAN);
    assert_true(isnan(view.trials[2].p_right));
    take_trial(12, 0.25, PROTO_NIL, (double)NAN);
    assert_true(isnan(view.trials[3].p_right));
    assert_int_equal(view.trials[3].choice, -1);
    assert_int_equal(view.trials[3].correct, -1);
    take_trial(13, 0.0, 1, (double)NAN);
    assert_int_equal(view.trials[4].correct, -1);
}

static void follows_one_animal_only(void **state)
{
    (void)state;
    watch_view_init(&view, NULL);
    assert_true(take_trial(0, 0.5, 1, 1.0));
    start(PROTO_KIND_TRIAL, "m02", "1");
    msg.env.trial = 0;
    msg.as.trial.stimulus = 1.0;
    assert_false(watch_view_take(&view, &msg));
    assert_int_equal(view.n_trials, 1);
    watch_view_init(&view, "m02");
    assert_false(take_trial(0, 0.5, 1, 1.0));
    assert_int_equal(view.n_trials, 0);
}

/* ---- several animals ------------------------------------------------------------------------- */

static struct watch_views views;
static const int64_t S = 1000000000;

static bool hear_trial(const char *subject, int64_t trial, int64_t now_ns)
{
    start(PROTO_KIND_TRIAL, subject, "1");
    msg.env.trial = trial;
    msg.as.trial.stimulus = 0.5;
    msg.as.trial.choice = 1;
    return watch_views_take(&views, &msg, now_ns);
}

static const char *shown(void)
{
    return watch_views_shown(&views)->subject;
}

static void shows_whoever_plays_and_not_who_was_heard_first(void **state)
{
    (void)state;
    assert_int_equal(watch_views_open(&views, NULL, 0), 0);
    assert_string_equal(shown(), "");
    assert_true(hear_trial("old", 700, S)); /* its last one, as a late subscriber is told */
    assert_false(hear_trial("m1", 10, S));
    assert_string_equal(shown(), "old");
    assert_true(hear_trial("m1", 11, 2 * S));
    assert_string_equal(shown(), "m1");
    for (int64_t t = 0; t < 20; t++) { /* two play: it stays */
        hear_trial("m2", t, (3 + t) * S);
        hear_trial("m1", 12 + t, (3 + t) * S);
        assert_string_equal(shown(), "m1");
    }
    for (int64_t t = 0; t <= WATCH_VIEWS_QUIET_S; t++) {
        assert_string_equal(shown(), "m1");
        hear_trial("m2", 20 + t, (22 + t) * S);
    }
    assert_string_equal(shown(), "m2");
    hear_trial("m1", 32, 90 * S);
    start(PROTO_KIND_SESSION_END, "m2", "1");
    watch_views_take(&views, &msg, 91 * S);
    hear_trial("m1", 33, 91 * S);
    assert_string_equal(shown(), "m1");
    assert_int_equal(watch_views_shown(&views)->n_trials, 24);
    watch_views_close(&views);
}

static void keys_show_the_next_the_one_before_and_whoever_plays(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"m0", "m1", "m2"};
    assert_int_equal(watch_views_open(&views, NULL, 0), 0);
    assert_true(watch_views_press(&views, 'n'));
    for (int64_t t = 0; t < 6; t++) {
        hear_trial(NAMES[t % 3], t, t * S);
    }
    assert_string_equal(shown(), "m0");
    for (int i = 1; i <= 3; i++) {
        assert_true(watch_views_press(&views, 'n'));
        assert_string_equal(shown(), NAMES[i % 3]);
    }
    assert_true(watch_views_press(&views, 'p'));
    assert_string_equal(shown(), "m2");
    watch_views_press(&views, 'n');
    hear_trial("m1", 7, 200 * S); /* not followed */
    hear_trial("m1", 8, 201 * S);
    assert_string_equal(shown(), "m0");
    assert_true(watch_views_press(&views, 'f'));
    assert_string_equal(shown(), "m1");
    assert_true(watch_views_press(&views, 'x'));
    assert_false(watch_views_press(&views, 'q'));
    watch_views_close(&views);
}

static void an_animal_that_was_asked_for_stays(void **state)
{
    (void)state;
    assert_int_equal(watch_views_open(&views, "m7", 0), 0);
    for (int64_t t = 0; t < 10; t++) {
        assert_false(hear_trial("m1", t, t * S));
    }
    assert_string_equal(shown(), "m7");
    assert_true(hear_trial("m7", 0, 20 * S));
    watch_views_close(&views);
}

static void any_number_of_animals_finds_room_and_the_one_shown_stays(void **state)
{
    (void)state;
    char name[16];
    assert_int_equal(watch_views_open(&views, "shown", 0), 0);
    for (int i = 0; i < 3 * WATCH_VIEWS_MAX; i++) {
        (void)snprintf(name, sizeof name, "m%d", i);
        hear_trial(name, 0, (i + 1) * S);
    }
    assert_int_equal(views.n, WATCH_VIEWS_MAX);
    assert_string_equal(shown(), "shown");
    (void)snprintf(name, sizeof name, "m%d", 3 * WATCH_VIEWS_MAX - 1);
    watch_views_press(&views, 'f');
    assert_string_equal(shown(), name);
    watch_views_close(&views);
}

static void says_when_the_daemon_is_silent_and_since_when(void **state)
{
    (void)state;
    char said[WATCH_VIEWS_SILENCE_MAX];
    assert_int_equal(watch_views_open(&views, NULL, 100 * S), 0);
    assert_string_equal(watch_views_silence(&views, "tcp://h:1", 104 * S, said), "");
    assert_string_equal(watch_views_silence(&views, "tcp://h:1", 106 * S, said),
                        "no heartbeat yet, 6 s: does the daemon run, and publish at tcp://h:1?");
    start(PROTO_KIND_STATUS, "", "");
    watch_views_take(&views, &msg, 107 * S);
    assert_string_equal(watch_views_silence(&views, "tcp://h:1", 111 * S, said), "");
    cell_canvas_init(&canvas, 80, 24);
    watch_views_draw(&views, "tcp://h:1", true, 119 * S, &canvas);
    (void)cell_canvas_text(&canvas, false, "\n", text);
    assert_non_null(strstr(text, "\n no heartbeat for 12 s: does the daemon run, and publish at "
                                 "tcp://h:1?\n"));
    watch_views_close(&views);
}

static void the_last_line_says_which_of_how_many_and_the_keys(void **state)
{
    (void)state;
    assert_int_equal(watch_views_open(&views, NULL, 0), 0);
    hear_trial("m1", 0, S);
    hear_trial("m2", 0, S);
    for (int width = 60; width <= 100; width += 20) {
        cell_canvas_init(&canvas, width, 24);
        watch_views_draw(&views, "x", true, S, &canvas);
        (void)cell_canvas_text(&canvas, false, "\n", text);
        assert_non_null(strstr(text, width < 100
                                         ? " 1 of 2, following; keys n p f q\n"
                                         : " 1 of 2, following; n next, p previous, f follows, "
                                           "q quits\n"));
    }
    watch_views_draw(&views, "x", false, S, &canvas);
    (void)cell_canvas_text(&canvas, false, "\n", text);
    watch_views_close(&views);
}

static void the_share_correct_is_of_the_last_trials_not_of_a_block_begun(void **state)
{
    (void)state;
    watch_view_init(&view, NULL);
    for (int t = 0; t < 60; t++) {
        take_trial(t, 0.5, 1, 1.0);
    }
    take_trial(60, 0.5, 0, 0.0); /* alone in its block of 10 */
    draw(100, 30);
    assert_non_null(strstr(text, "98% of the last 50 correct; bars: every 10\n"));
    draw(60, 18);
    assert_non_null(strstr(text, "98% of last 50; bars: 10\n"));
    watch_view_init(&view, NULL);
    take_trial(0, 0.5, 1, 1.0);
    take_trial(1, 0.5, 1, 0.0);
    take_trial(2, 0.5, PROTO_NIL, (double)NAN);
    draw(80, 24);
    assert_non_null(strstr(text, "50% of last 2; bars: 10\n"));
}

static void a_new_session_starts_a_new_psychometric_curve(void **state)
{
    (void)state;
    watch_view_init(&view, NULL);
    take_trial(0, 0.5, 1, 1.0);
    take_trial(1, -0.5, 1, 0.0);
    assert_int_equal(view.n_levels, 2);
    assert_true(view.levels[0].stimulus == -0.5);
    start(PROTO_KIND_SESSION_END, "m01", "2");
    watch_view_take(&view, &msg);
    assert_true(view.session_over);
    start(PROTO_KIND_SESSION_START, "m01", "3");
    watch_view_take(&view, &msg);
    assert_false(view.session_over);
    assert_int_equal(view.n_levels, 0);
    assert_int_equal(view.n_blocks, 1);
}

static void any_number_of_trials_and_stimuli_fits(void **state)
{
    (void)state;
    watch_view_init(&view, NULL);
    for (int t = 0; t < 100000; t++) {
        take_trial(t, (t % 201 - 100) / 100.0, t % 2, t % 4 == 0 ? 1.0 : 0.0);
    }
    assert_int_equal(view.n_levels, WATCH_VIEW_LEVELS_MAX);
    int n = 0;
    int n_correct = 0;
    for (int i = 0; i < view.n_blocks; i++) {
        n += view.blocks[i].n;
        n_correct += view.blocks[i].n_correct;
    }
    assert_int_equal(n, 100000);
    assert_int_equal(n_correct, 25000);
    draw(120, 40);
}

static void writes_a_trial_as_a_plain_line(void **state)
{
    (void)state;
    watch_view_init(&view, NULL);
    assert_string_equal(watch_view_summary(&view, text, sizeof text), "nothing was received");
    take_prediction(5);
    take_trial(5, 0.25, 1, 1.0);
    assert_string_equal(watch_view_line(&view, text, sizeof text),
                        "m01 session 2 trial 5: stimulus +0.25, p(right) 0.551, chose right, "
                        "correct  nats: twin 0.4821, random walk 0.5012, chance 0.6931; "
                        "ECE 0.013, 90% holds 0.91");
    take_trial(9, -0.0625, PROTO_NIL, (double)NAN);
    assert_string_equal(watch_view_line(&view, text, sizeof text),
                        "m01 session 2 trial 9: stimulus -0.0625, p(right) -, chose none, unknown"
                        "  nats: twin 0.4821, random walk 0.5012, chance 0.6931; ECE 0.013, 90% "
                        "holds 0.91");
    assert_string_equal(
        watch_view_summary(&view, text, sizeof text),
        "m01: 2 trials received; over the 5 scored so far, nats/trial: twin 0.4821, "
        "random walk 0.5012, chance 0.6931");
}

static void outside_text_cannot_steer_the_terminal(void **state)
{
    (void)state;
    cell_canvas_init(&canvas, 40, 2);
    cell_canvas_put(&canvas, 0, 0, 40, CANVAS_PLAIN,
                    "a\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\xf0\x9f\x90\xad\xff\xc3\xa9\xe6\x97\xa5"
                    "b");
    cell_canvas_put(&canvas, 0, 1, 40, CANVAS_PLAIN, "cut\xe2\x96");
    (void)cell_canvas_text(&canvas, false, "\n", text);
    assert_string_equal(text, "a?[2J?????é?b\ncut??\n");
}

static void text_that_is_cut_ends_with_an_ellipsis(void **state)
{
    (void)state;
    cell_canvas_init(&canvas, 20, 3);
    assert_int_equal(cell_canvas_put(&canvas, 0, 0, 4, CANVAS_PLAIN, "four"), 4);
    assert_int_equal(cell_canvas_put(&canvas, 10, 0, 4, CANVAS_PLAIN, "fives"), 14);
    assert_int_equal(cell_canvas_put(&canvas, 17, 1, 9, CANVAS_PLAIN, "edge"), 20);
    assert_int_equal(cell_canvas_put(&canvas, 0, 2, 0, CANVAS_PLAIN, "none"), 0);
    (void)cell_canvas_text(&canvas, false, "\n", text);
    assert_string_equal(text, "four      fiv…\n                 ed…\n\n");
}

static void colours_only_when_asked(void **state)
{
    (void)state;
    play_a_session();
    draw(100, 30);
    assert_null(strchr(text, '\x1b'));
    (void)cell_canvas_text(&canvas, true, "\n", text);
    assert_non_null(strstr(text, "\x1b[0;36m"));
}

static void bars_have_the_length_of_their_value(void **state)
{
    (void)state;
    cell_canvas_init(&canvas, 12, 4);
    cell_canvas_bar(&canvas, 0, 0, 4, 0.5, CANVAS_PLAIN);
    cell_canvas_bar(&canvas, 0, 1, 4, 0.28125, CANVAS_PLAIN);
    cell_canvas_bar(&canvas, 0, 2, 4, 7.0, CANVAS_PLAIN);
    cell_canvas_bar(&canvas, 0, 3, 4, (double)NAN, CANVAS_PLAIN);
    cell_canvas_column(&canvas, 6, 3, 4, 0.5, CANVAS_PLAIN);
    cell_canvas_column(&canvas, 7, 3, 4, 1.0, CANVAS_PLAIN);
    cell_canvas_column(&canvas, 8, 3, 4, 0.001, CANVAS_PLAIN);
    cell_canvas_column(&canvas, 9, 3, 4, 0.0, CANVAS_PLAIN);
    (void)cell_canvas_text(&canvas, false, "\n", text);
    assert_string_equal(text, "██     █\n█▏     █\n████  ██\n      ██▁\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_as_it_should_on_an_ordinary_terminal),
        cmocka_unit_test(looks_as_it_should_on_the_smallest_terminal),
        cmocka_unit_test(looks_as_it_should_before_anything_was_heard),
        cmocka_unit_test(status_forecast_and_advice_leave_room_for_the_rest),
        cmocka_unit_test(what_was_not_said_takes_no_line),
        cmocka_unit_test(what_was_said_tells_how_old_it_is),
        cmocka_unit_test(what_is_said_of_others_is_not_shown),
        cmocka_unit_test(every_size_can_be_drawn),
        cmocka_unit_test(shows_the_prediction_made_for_that_trial_and_stimulus),
        cmocka_unit_test(follows_one_animal_only),
        cmocka_unit_test(shows_whoever_plays_and_not_who_was_heard_first),
        cmocka_unit_test(keys_show_the_next_the_one_before_and_whoever_plays),
        cmocka_unit_test(an_animal_that_was_asked_for_stays),
        cmocka_unit_test(any_number_of_animals_finds_room_and_the_one_shown_stays),
        cmocka_unit_test(says_when_the_daemon_is_silent_and_since_when),
        cmocka_unit_test(the_last_line_says_which_of_how_many_and_the_keys),
        cmocka_unit_test(the_share_correct_is_of_the_last_trials_not_of_a_block_begun),
        cmocka_unit_test(a_new_session_starts_a_new_psychometric_curve),
        cmocka_unit_test(any_number_of_trials_and_stimuli_fits),
        cmocka_unit_test(writes_a_trial_as_a_plain_line),
        cmocka_unit_test(outside_text_cannot_steer_the_terminal),
        cmocka_unit_test(text_that_is_cut_ends_with_an_ellipsis),
        cmocka_unit_test(colours_only_when_asked),
        cmocka_unit_test(bars_have_the_length_of_their_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
