#include "watch_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch_page.h"

enum { NOTE_MAX = 96, WIDE = 100 };

static const int64_t NS_PER_S = 1000000000;

/* The place of the next animal: a new one, or that of the one longest silent. */
static int find_place(struct watch_views *v)
{
    int place = -1;
    if (v->n < WATCH_VIEWS_MAX) {
        return v->n;
    }
    for (int i = 0; i < v->n; i++) {
        if (i != v->shown && (place < 0 || v->animal[i].trial_ns < v->animal[place].trial_ns)) {
            place = i;
        }
    }
    return place;
}

static int add(struct watch_views *v, const char *subject)
{
    const int place = find_place(v);
    struct watch_views_animal *a = &v->animal[place];
    if (a->view == NULL && (a->view = malloc(sizeof *a->view)) == NULL) {
        return -1;
    }
    v->n += place == v->n;
    a->trial_ns = 0;
    *a->view = v->none;
    (void)snprintf(a->view->subject, sizeof a->view->subject, "%s", subject);
    return place;
}

static int find(struct watch_views *v, const char *subject)
{
    for (int i = 0; i < v->n; i++) {
        if (strcmp(v->animal[i].view->subject, subject) == 0) {
            return i;
        }
    }
    return add(v, subject);
}

int watch_views_open(struct watch_views *v, const char *subject, int64_t now_ns)
{
    memset(v, 0, sizeof *v);
    watch_view_init(&v->none, NULL);
    v->shown = -1;
    v->beat_ns = now_ns;
    v->follows = subject == NULL;
    if (subject != NULL) {
        v->shown = add(v, subject);
        return v->shown < 0 ? -1 : 0;
    }
    return 0;
}

void watch_views_close(struct watch_views *v)
{
    for (int i = 0; i < v->n; i++) {
        free(v->animal[i].view);
    }
    v->n = 0;
    v->shown = -1;
}

const struct watch_view *watch_views_shown(const struct watch_views *v)
{
    return v->shown >= 0 ? v->animal[v->shown].view : &v->none;
}

/* One trial may be the last one of long ago, that a late subscriber is told. */
static bool plays(const struct watch_views_animal *a, int64_t now_ns)
{
    return a->view->n_trials > 1 && !a->view->session_over &&
           now_ns - a->trial_ns < WATCH_VIEWS_QUIET_S * NS_PER_S;
}

static void take_of_none(struct watch_views *v, const proto_message *msg, int64_t now_ns)
{
    if (msg->kind == PROTO_KIND_STATUS) {
        v->beat_ns = now_ns;
        v->has_beaten = true;
    }
    (void)watch_view_take(&v->none, msg);
    for (int i = 0; i < v->n; i++) {
        (void)watch_view_take(v->animal[i].view, msg);
    }
}

bool watch_views_take(struct watch_views *v, const proto_message *msg, int64_t now_ns)
{
    if (msg->env.subject[0] == '\0' || msg->kind == PROTO_KIND_STATUS) {
        take_of_none(v, msg, now_ns);
        return false;
    }
    const int at = find(v, msg->env.subject);
    if (at < 0) {
        return false;
    }
    struct watch_views_animal *a = &v->animal[at];
    const bool is_trial = watch_view_take(a->view, msg);
    a->trial_ns = is_trial ? now_ns : a->trial_ns;
    if (v->shown < 0 || (v->follows && at != v->shown && is_trial && plays(a, now_ns) &&
                         !plays(&v->animal[v->shown], now_ns))) {
        v->shown = at;
    }
    return is_trial && at == v->shown;
}

static void show_player(struct watch_views *v)
{
    v->follows = true;
    for (int i = 0; i < v->n; i++) {
        if (v->animal[i].trial_ns > v->animal[v->shown].trial_ns) {
            v->shown = i;
        }
    }
}

bool watch_views_press(struct watch_views *v, char key)
{
    if (v->n > 0 && (key == 'n' || key == 'p')) {
        v->follows = false;
        v->shown = (v->shown + (key == 'n' ? 1 : v->n - 1)) % v->n;
    } else if (v->n > 0 && key == 'f') {
        show_player(v);
    }
    return key != 'q';
}

char *watch_views_silence(const struct watch_views *v, const char *endpoint, int64_t now_ns,
                          char out[])
{
    const int64_t silent_s = (now_ns - v->beat_ns) / NS_PER_S;
    out[0] = '\0';
    if (silent_s >= WATCH_VIEWS_SILENT_S) {
        (void)snprintf(out, WATCH_VIEWS_SILENCE_MAX,
                       "no heartbeat %s %lld s: does the daemon run, and publish at %.150s?",
                       v->has_beaten ? "for" : "yet,", (long long)silent_s, endpoint);
    }
    return out;
}

static void print_note(const struct watch_views *v, bool has_keys, bool is_wide, char *out,
                       size_t cap)
{
    const char *keys = !has_keys  ? ""
                       : v->n < 2 ? "q quits"
                       : is_wide  ? "; n next, p previous, f follows, q quits"
                                  : "; keys n p f q";
    if (v->n < 2) {
        (void)snprintf(out, cap, "%s", keys);
    } else {
        (void)snprintf(out, cap, "%d of %d%s%s", v->shown + 1, v->n,
                       v->follows ? ", following" : "", keys);
    }
}

void watch_views_draw(const struct watch_views *v, const char *endpoint, bool has_keys,
                      int64_t now_ns, struct cell_canvas *canvas)
{
    char silence[WATCH_VIEWS_SILENCE_MAX];
    char note[NOTE_MAX];
    const int y = canvas->height - 1;
    watch_page_draw(watch_views_shown(v), canvas);
    if (canvas->width < WATCH_PAGE_WIDTH_MIN || canvas->height < WATCH_PAGE_HEIGHT_MIN) {
        return;
    }
    print_note(v, has_keys, canvas->width >= WIDE, note, sizeof note);
    const int x = canvas->width - (int)strlen(note) - 1;
    if (watch_views_silence(v, endpoint, now_ns, silence)[0] != '\0') {
        cell_canvas_print(canvas, 0, y, canvas->width, CANVAS_PLAIN, "%*s", canvas->width, "");
        cell_canvas_put(canvas, 1, y, canvas->width - 2, CANVAS_WARN, silence);
    } else if (note[0] != '\0') {
        cell_canvas_put(canvas, x - 2, y, 2, CANVAS_PLAIN, "  ");
        cell_canvas_put(canvas, x, y, canvas->width - x, CANVAS_DIM, note);
    }
}
