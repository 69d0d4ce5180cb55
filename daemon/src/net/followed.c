#include "followed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/discover.h"
#include "fnv.h"
#include "list.h"
#include "log.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    NEWEST = 2,      /* that are looked at in every pass */
    PRUNED_DAYS = 2, /* so much earlier than since are folders and files not even looked into */
    LOOK_RATIO = 20, /* times the time that a search took, until the next */
    BUSY_S = 60,     /* of a session that has given something within this time */
    WAITING_S = 1    /* between two looks at a session that has not begun */
};

struct followed_source {
    struct bridge_source source;
    struct bridge_event first; /* read, and not told yet: has_first */
    bool is_begun;             /* it has given its first event, and is to be read */
    bool has_first;
    bool is_gone;    /* its file cannot be read: said */
    uint64_t told;   /* what was said of it last */
    int64_t next_ns; /* when it is due */
    int64_t last_ns; /* when it gave something */
    char day[CLOCK_DAY_BYTES];
};

/* ---- what is said ---------------------------------------------------------------------------- */

static void tell_item(struct followed *f)
{
    f->is_stopped = f->is_stopped || !f->tell(f->context, &f->item);
}

static void tell_alert(struct followed *f, proto_alert_code code, const char *text)
{
    f->item.is_alert = true;
    f->item.code = code;
    const int n = snprintf(f->item.text, sizeof f->item.text, "rig %s: ", f->request.rig);
    (void)snprintf(f->item.text + n, sizeof f->item.text - (size_t)n, "%s", text);
    tell_item(f);
}

static void tell_event(struct followed *f, const struct bridge_event *event)
{
    f->item.is_alert = false;
    bridge_event_message(event, f->request.rig, &f->item.message);
    tell_item(f);
}

/* From the followed path on. */
static const char *below(const struct followed *f, const char *path)
{
    const size_t n = strlen(f->request.path);
    const bool is_below = strncmp(path, f->request.path, n) == 0 && path[n] != '\0';
    return !is_below ? path : path[n] == '/' ? path + n + 1 : path + n;
}

/* Says what a source has left out, or why it cannot be read, once. False: it was said. */
static bool tell_why(struct followed *f, struct followed_source *s)
{
    enum { ROOM = FOLLOWED_TEXT_MAX - sizeof "rig : " - PROTO_ID_MAX / 2, LEAST = 24 };
    struct bridge_why why = s->source.why;
    char text[BRIDGE_PATH_MAX + 2 * FOLLOWED_TEXT_MAX];
    const bool is_of_file = why.line == 0 && why.byte < 0;
    const char *path = below(f, s->source.why.path);
    (void)snprintf(why.path, sizeof why.path, "%s", path);
    (void)bridge_why_text(&why, text, sizeof text);
    if (strlen(text) > ROOM) {
        /* The path gives way: what was expected and the remedy stand last. */
        const size_t n = strlen(path);
        const size_t over = strlen(text) - ROOM + 3;
        const size_t gone = over + LEAST < n ? over : n > LEAST ? n - LEAST : 0;
        (void)snprintf(why.path, sizeof why.path, "%s%.*s", gone > 0 ? "..." : "",
                       (int)(sizeof why.path - sizeof "..."), path + gone);
        (void)bridge_why_text(&why, text, sizeof text);
    }
    const uint64_t now = fnv_bytes(FNV_START, text, strlen(text));
    if (now == s->told) {
        return false;
    }
    s->told = now;
    s->is_gone = s->is_gone || is_of_file;
    tell_alert(f, is_of_file ? PROTO_ALERT_FILES_GONE : PROTO_ALERT_BAD_LINE, text);
    return true;
}

static void tell_back(struct followed *f, struct followed_source *s)
{
    char text[BRIDGE_PATH_MAX + 32];
    if (s->is_gone) {
        s->is_gone = false;
        s->told = 0;
        (void)snprintf(text, sizeof text, "%s can be read again", below(f, s->source.path));
        tell_alert(f, PROTO_ALERT_FILES_BACK, text);
    }
}

/* ---- sources --------------------------------------------------------------------------------- */

static void close_source(struct followed *f, size_t i)
{
    bridge_source_close(&f->list[i]->source);
    free(f->list[i]);
    memmove(f->list + i, f->list + i + 1, (--f->n - i) * sizeof(struct followed_source *));
}

/* Notes a path. False: it was there already, or there is no memory. */
static bool is_new(struct followed *f, const char *path)
{
    const uint64_t hash = fnv_bytes(FNV_START, path, strlen(path));
    for (size_t i = 0; i < f->n_seen; i++) {
        if (f->seen[i] == hash) {
            return false;
        }
    }
    uint64_t *seen = list_grow(f->seen, f->n_seen, &f->seen_capacity, sizeof *seen);
    if (seen == NULL) {
        return false;
    }
    f->seen = seen;
    f->seen[f->n_seen++] = hash;
    return true;
}

static void add(struct followed *f, const struct bridge_found *found)
{
    void *list = list_grow(f->list, f->n, &f->capacity, sizeof(struct followed_source *));
    struct followed_source *s = calloc(1, sizeof *s);
    if (list != NULL) {
        f->list = list;
    }
    if (list == NULL || s == NULL ||
        bridge_source_open(&s->source, found->adapter, found->path, f->request.map) != 0) {
        if (s != NULL && s->source.why.found[0] != '\0') {
            (void)tell_why(f, s);
        }
        free(s);
        return;
    }
    f->list[f->n++] = s;
}

/* The day on which it began: as it says, or its path; where neither does, the day of its file. */
static void find_day(struct followed_source *s)
{
    const struct bridge_session *session = &s->source.session;
    struct bridge_place place;
    struct stat info;
    (void)bridge_place_of(&place, s->source.path);
    memcpy(s->day, place.date, sizeof s->day);
    if (strlen(session->started) >= sizeof s->day - 1 &&
        strncmp(session->started, s->day, sizeof s->day - 1) > 0) {
        memcpy(s->day, session->started, sizeof s->day - 1);
    }
    if (s->day[0] == '\0' && stat(s->source.path, &info) == 0) {
        clock_day((int64_t)info.st_mtim.tv_sec * NS_PER_S, s->day);
    }
}

static bool is_known(const struct followed *f, const struct bridge_session *session)
{
    for (size_t i = 0; i < f->request.n_known; i++) {
        if (strcmp(f->request.known[i].session, session->session) == 0 &&
            strcmp(f->request.known[i].subject, session->subject) == 0) {
            return true;
        }
    }
    return false;
}

/* Is a session that has begun to be read? One that appears is the rig's present one, whatever day
 * its clock has. */
static bool is_chosen(const struct followed *f, struct followed_source *s, bool is_late)
{
    char day[CLOCK_DAY_BYTES];
    find_day(s);
    clock_day_before(f->request.since, is_late ? 1 : 0, day);
    return strcmp(s->day, day) >= 0 || is_known(f, &s->source.session);
}

static int by_beginning(const void *a, const void *b)
{
    const struct followed_source *x = *(struct followed_source *const *)a;
    const struct followed_source *y = *(struct followed_source *const *)b;
    if (x->is_begun != y->is_begun) {
        return x->is_begun ? -1 : 1;
    }
    const int days = strcmp(x->day, y->day);
    const int times =
        days != 0 ? days : strcmp(x->source.session.started, y->source.session.started);
    return times != 0 ? times : strcmp(x->source.path, y->source.path);
}

/* ---- the search for new ones ----------------------------------------------------------------- */

bool followed_check(const char *path, const struct bridge_adapter *only,
                    const struct bridge_mapping *map, char text[FOLLOWED_TEXT_MAX])
{
    static const char FIX[] = "the folder of the rig's sessions was expected: mount it, or correct "
                              "rigs.follow";
    struct stat info;
    struct bridge_discovery found;
    text[0] = '\0';
    if (stat(path, &info) != 0 || access(path, S_ISDIR(info.st_mode) ? R_OK | X_OK : R_OK) != 0) {
        (void)snprintf(text, FOLLOWED_TEXT_MAX, "%.100s: %s; %s", path, strerror(errno), FIX);
    } else if (!S_ISDIR(info.st_mode)) {
        const bool is_read = bridge_discover(&found, path, only, map) == 0 && found.n > 0;
        bridge_discovery_free(&found);
        if (!is_read) {
            (void)snprintf(text, FOLLOWED_TEXT_MAX, "%.100s: not a folder, and no file %s%s; %s",
                           path, only != NULL ? "of " : "that a format recognises",
                           only != NULL ? only->name : "", FIX);
        }
    }
    return text[0] == '\0';
}

/* What a search has met; "" nothing. A folder that goes while it is looked at is no trouble. */
static void find_problem(const struct followed *f, const struct bridge_discovery *d,
                         char text[FOLLOWED_TEXT_MAX])
{
    if (!followed_check(f->request.path, f->request.only, f->request.map, text)) {
        return;
    }
    if (d->is_folder && d->n_seen == 0 && f->n_seen > 0) {
        (void)snprintf(text, FOLLOWED_TEXT_MAX,
                       "%.100s: empty, where sessions were: is its share mounted?",
                       f->request.path);
    } else if (d->why.found[0] != '\0' && strcmp(d->why.found, strerror(ENOENT)) != 0) {
        (void)snprintf(text, FOLLOWED_TEXT_MAX, "%.120s: %.60s; what is in it is not read",
                       below(f, d->why.path), d->why.found);
    } else if (d->is_cut) {
        (void)snprintf(text, FOLLOWED_TEXT_MAX,
                       "%.100s: too many files to look at; follow a folder below it",
                       f->request.path);
    }
}

static void tell_problem(struct followed *f, const char *now)
{
    char text[FOLLOWED_TEXT_MAX];
    if (strcmp(now, f->problem) == 0) {
        return;
    }
    if (now[0] != '\0') {
        tell_alert(f, PROTO_ALERT_FILES_GONE, now);
    } else {
        (void)snprintf(text, sizeof text, "%.100s can be read again", f->request.path);
        tell_alert(f, PROTO_ALERT_FILES_BACK, text);
    }
    memcpy(f->problem, now, sizeof f->problem);
}

/* When to search again, after a search that took so long. */
static int64_t wait_of(const struct followed *f, int64_t took_ns, int64_t now_ns)
{
    int64_t least_ns = FOLLOWED_LOOK_MIN_S * NS_PER_S;
    for (size_t i = 0; i < f->n; i++) {
        if (f->list[i]->is_begun && now_ns - f->list[i]->last_ns < BUSY_S * NS_PER_S) {
            least_ns = FOLLOWED_LOOK_BUSY_S * NS_PER_S;
        }
    }
    const int64_t most_ns = FOLLOWED_LOOK_MAX_S * NS_PER_S;
    const int64_t wait_ns = LOOK_RATIO * took_ns;
    return wait_ns < least_ns ? least_ns : wait_ns > most_ns ? most_ns : wait_ns;
}

static void look(struct followed *f)
{
    struct bridge_discovery d;
    char since[CLOCK_DAY_BYTES];
    char problem[FOLLOWED_TEXT_MAX] = "";
    const int64_t before_ns = clock_mono_ns();
    clock_day_before(f->request.since, PRUNED_DAYS, since);
    if (bridge_discover_since(&d, f->request.path, f->request.only, f->request.map, since) == 0) {
        find_problem(f, &d, problem);
        for (size_t i = 0; i < d.n; i++) {
            if (is_new(f, d.list[i].path)) {
                add(f, &d.list[i]);
            }
        }
        bridge_discovery_free(&d);
        tell_problem(f, problem);
    }
    const int64_t now_ns = clock_mono_ns();
    f->next_look_ns = now_ns + wait_of(f, now_ns - before_ns, now_ns);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Has sessions that have not begun give their first event, and chooses. */
static void begin_sources(struct followed *f)
{
    bool has_new = false;
    for (size_t i = 0; i < f->n && !f->is_stopped;) {
        struct followed_source *s = f->list[i++];
        const int64_t now_ns = clock_mono_ns();
        if (s->is_begun || now_ns < s->next_ns) {
            continue;
        }
        const int got = bridge_source_next(&s->source, &s->first);
        if (got != 1) {
            s->next_ns = now_ns + (got < 0 ? FOLLOWED_SETTLE_S : WAITING_S) * NS_PER_S;
            if (got < 0) {
                (void)tell_why(f, s);
            }
            continue;
        }
        if (!is_chosen(f, s, f->has_looked)) {
            close_source(f, --i);
            continue;
        }
        tell_back(f, s);
        const struct bridge_session *session = &s->source.session;
        log_info("rig %s: reads %s (%s %s), session %s of %s%s%s", f->request.rig,
                 below(f, s->source.path), s->source.adapter->name, session->version,
                 session->session, session->subject, session->mapping != NULL ? ", mapping " : "",
                 session->mapping != NULL ? session->mapping : "");
        s->is_begun = s->has_first = has_new = true;
        s->next_ns = 0;
        s->last_ns = now_ns;
    }
    if (has_new) {
        qsort(f->list, f->n, sizeof(struct followed_source *), by_beginning);
    }
}

/* Tells all that it has now. */
static void read_source(struct followed *f, struct followed_source *s)
{
    struct bridge_event event;
    if (s->has_first) {
        s->has_first = false;
        tell_event(f, &s->first);
    }
    while (!f->is_stopped) {
        const int got = bridge_source_next(&s->source, &event);
        if (got == 1) {
            s->last_ns = clock_mono_ns();
            tell_back(f, s);
            tell_event(f, &event);
        } else if (got == 0) {
            tell_back(f, s);
            break;
        } else if (!tell_why(f, s) || s->is_gone) {
            break;
        }
    }
}

static void read_sources(struct followed *f)
{
    size_t n_begun = 0;
    while (n_begun < f->n && f->list[n_begun]->is_begun) {
        n_begun++;
    }
    for (size_t i = 0; i < n_begun && !f->is_stopped; i++) {
        struct followed_source *s = f->list[i];
        const bool is_newest = i + NEWEST >= n_begun;
        if (!is_newest && clock_mono_ns() < s->next_ns) {
            continue;
        }
        read_source(f, s);
        const int64_t now_ns = clock_mono_ns();
        s->next_ns = now_ns + FOLLOWED_OLDER_S * NS_PER_S;
        if (!is_newest && now_ns - s->last_ns > FOLLOWED_CLOSE_S * NS_PER_S) {
            close_source(f, i--);
            n_begun--;
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

void followed_open(struct followed *f, const struct followed_request *request, followed_tell *tell,
                   void *context)
{
    *f = (struct followed){.request = *request, .tell = tell, .context = context};
}

void followed_pass(struct followed *f)
{
    if (clock_mono_ns() >= f->next_look_ns) {
        look(f);
    }
    begin_sources(f);
    read_sources(f);
    f->has_looked = true;
}

void followed_close(struct followed *f)
{
    while (f->n > 0) {
        close_source(f, f->n - 1);
    }
    free(f->list);
    free(f->seen);
    free(f->request.known);
    *f = (struct followed){0};
}
