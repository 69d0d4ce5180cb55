#include "followers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listened.h"
#include "mapping.h"
#include "os_thread.h"
#include "ring.h"

static const int64_t NS_PER_S = 1000000000;
static const int64_t NS_PER_MS = 1000000;

/* What stands before the bytes of an item in the queue. */
struct header {
    int32_t is_alert;
    int32_t code;
};

struct follower {
    char rig[PROTO_ID_MAX + 1];
    char path[BRIDGE_PATH_MAX];
    struct mapping mapping;
    bool is_listened; /* it is heard live; else its files are followed */
    struct followed followed;
    struct listened listened;
    struct ring queue;
    int wake_fd; /* of its own: the loop's may be closed before a thread that hangs has ended */
    pthread_t thread;
    atomic_bool stop;
    atomic_bool is_over;
    _Atomic int64_t alive_ns;
    bool is_silent; /* the loop's: it was said */
};

/* ---- the thread ------------------------------------------------------------------------------ */

/* Room in the queue, waited for; NULL: the daemon ends. */
static uint8_t *wait_for_room(struct follower *f, size_t size)
{
    uint8_t *to = ring_reserve(&f->queue, size);
    while (to == NULL && !atomic_load(&f->stop)) {
        atomic_store(&f->alive_ns, clock_mono_ns());
        os_event_raise(f->wake_fd);
        clock_sleep_ns(10 * NS_PER_MS);
        to = ring_reserve(&f->queue, size);
    }
    return to;
}

static bool put(void *context, const struct followed_item *item)
{
    struct follower *f = context;
    uint8_t bytes[PROTO_BYTES_MAX];
    const void *from = bytes;
    struct header header = {item->is_alert, (int32_t)item->code};
    int n = item->is_alert
                ? (int)strlen(item->text) + 1
                : proto_encode(&item->message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    if (n <= 0) { /* bridge_source_next() has checked what goes into it */
        header = (struct header){1, PROTO_ALERT_INTERNAL};
        n = snprintf((char *)bytes, sizeof bytes, "rig %s: a trial cannot be encoded: %s", f->rig,
                     proto_strerror(n)) +
            1;
    } else if (item->is_alert) {
        from = item->text;
    }
    uint8_t *to = wait_for_room(f, sizeof header + (size_t)n);
    if (to == NULL) {
        return false;
    }
    memcpy(to, &header, sizeof header);
    memcpy(to + sizeof header, from, (size_t)n);
    ring_commit(&f->queue, sizeof header + (size_t)n);
    ring_publish(&f->queue);
    os_event_raise(f->wake_fd);
    atomic_store(&f->alive_ns, clock_mono_ns());
    return !atomic_load(&f->stop);
}

static void close_reader(struct follower *f)
{
    if (f->is_listened) {
        listened_close(&f->listened);
    } else {
        followed_close(&f->followed);
    }
}

static void *run(void *argument)
{
    struct follower *f = argument;
    while (!atomic_load(&f->stop)) {
        atomic_store(&f->alive_ns, clock_mono_ns());
        if (f->is_listened) {
            listened_pass(&f->listened, FOLLOWERS_POLL_MS);
        } else {
            followed_pass(&f->followed);
        }
        if (ring_fill(&f->queue) > 0.0) {
            os_event_raise(f->wake_fd); /* the loop had no room in the journal */
        }
        if (!f->is_listened) {
            clock_sleep_ns(FOLLOWERS_POLL_MS * NS_PER_MS);
        }
    }
    close_reader(f);
    atomic_store(&f->is_over, true);
    return NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void free_follower(struct follower *f)
{
    if (f->wake_fd > 0) {
        (void)close(f->wake_fd);
    }
    ring_close(&f->queue);
    free(f);
}

/* What reads: files, with what the journal has of them, or a stream. */
static int open_reader(struct follower *f, const struct config_rigs *rig,
                       followers_remember *remember, void *context)
{
    const struct bridge_mapping *map = mapping_of(&f->mapping);
    f->is_listened = rig->follow[0] == '\0';
    if (f->is_listened) {
        return listened_open(&f->listened, rig, map, put, f);
    }
    struct followed_request request = {
        .rig = f->rig, .path = f->path, .only = bridge_adapter_find(rig->format), .map = map};
    if (remember(context, f->rig, &request) != 0) {
        return -1;
    }
    followed_open(&f->followed, &request, put, f);
    return 0;
}

static struct follower *open_follower(const struct config_rigs *rig, int wake_fd,
                                      followers_remember *remember, void *context)
{
    struct follower *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    memcpy(f->rig, rig->name, sizeof f->rig);
    (void)snprintf(f->path, sizeof f->path, "%s",
                   rig->follow[0] != '\0'      ? rig->follow
                   : rig->subscribe[0] != '\0' ? rig->subscribe
                                               : rig->port);
    for (size_t n = strlen(f->path); n > 1 && f->path[n - 1] == '/'; n--) {
        f->path[n - 1] = '\0';
    }
    struct fault ignored; /* the configuration was read: it is sound */
    (void)config_rig_mapping(&f->mapping, rig, "rigs.map", &ignored);
    f->wake_fd = dup(wake_fd);
    f->alive_ns = clock_mono_ns();
    if (f->wake_fd < 0 || ring_open(&f->queue, FOLLOWERS_QUEUE_BYTES) != 0 ||
        open_reader(f, rig, remember, context) != 0) {
        free_follower(f);
        return NULL;
    }
    if (pthread_create(&f->thread, NULL, run, f) != 0) {
        close_reader(f);
        free_follower(f);
        return NULL;
    }
    return f;
}

/* Not of murid's own frames, which the loop reads by itself. */
static bool is_followed(const struct config_rigs *rig)
{
    return rig->follow[0] != '\0' || rig->format[0] != '\0';
}

int followers_open(struct followers *f, const struct config *config, followers_remember *remember,
                   void *context)
{
    *f = (struct followers){.wake_fd = -1};
    for (size_t i = 0; i < config->n_rigs; i++) {
        if (!is_followed(&config->rigs[i])) {
            continue;
        }
        f->wake_fd = f->wake_fd < 0 ? os_event_open() : f->wake_fd;
        f->list[f->n] =
            f->wake_fd < 0 ? NULL : open_follower(&config->rigs[i], f->wake_fd, remember, context);
        if (f->list[f->n] == NULL) {
            followers_close(f);
            return -1;
        }
        f->n++;
    }
    return 0;
}

void followers_close(struct followers *f)
{
    enum { WAIT_MS = 5000, STEP_MS = 5 };
    for (uint32_t i = 0; i < f->n; i++) {
        atomic_store(&f->list[i]->stop, true);
    }
    const int64_t until_ns = clock_mono_ns() + WAIT_MS * NS_PER_MS;
    for (uint32_t i = 0; i < f->n; i++) {
        struct follower *one = f->list[i];
        while (!atomic_load(&one->is_over) && clock_mono_ns() < until_ns) {
            clock_sleep_ns(STEP_MS * NS_PER_MS);
        }
        if (atomic_load(&one->is_over)) {
            (void)pthread_join(one->thread, NULL);
            free_follower(one);
        } else {
            (void)pthread_detach(one->thread);
        }
    }
    if (f->n > 0 || f->wake_fd > 0) {
        (void)close(f->wake_fd);
    }
    *f = (struct followers){.wake_fd = -1};
}

/* ---- the loop's side ------------------------------------------------------------------------- */

bool followers_next(struct followers *f, struct followers_item *item)
{
    for (uint32_t i = 0; i < f->n; i++) {
        struct follower *one = f->list[(f->next + i) % f->n];
        size_t size = 0;
        ring_rewind(&one->queue);
        const uint8_t *at = ring_next(&one->queue, &size);
        if (at == NULL) {
            continue;
        }
        struct header header;
        memcpy(&header, at, sizeof header);
        at += sizeof header;
        f->next = (f->next + i) % f->n;
        *item = (struct followers_item){.rig = one->rig,
                                        .bytes = header.is_alert ? NULL : at,
                                        .size = size - sizeof header,
                                        .code = (proto_alert_code)header.code,
                                        .text = (const char *)at};
        return true;
    }
    return false;
}

void followers_take(struct followers *f)
{
    ring_free(&f->list[f->next]->queue);
    f->next = (f->next + 1) % f->n;
}

const char *followers_rig(const struct followers *f, uint32_t i)
{
    return f->list[i]->rig;
}

bool followers_has_changed(struct followers *f, uint32_t i, int64_t now_ns, proto_alert_code *code,
                           char text[FOLLOWED_TEXT_MAX])
{
    struct follower *one = f->list[i];
    const int64_t silent_ns = now_ns - atomic_load(&one->alive_ns);
    const bool is_silent = silent_ns > FOLLOWERS_SILENT_S * NS_PER_S;
    if (is_silent == one->is_silent) {
        return false;
    }
    one->is_silent = is_silent;
    *code = is_silent ? PROTO_ALERT_FILES_GONE : PROTO_ALERT_FILES_BACK;
    (void)snprintf(text, FOLLOWED_TEXT_MAX, "rig %s: %.100s %s", one->rig, one->path,
                   is_silent ? "has not answered for 30 s: check its disk or network share"
                             : "answers again");
    return true;
}

/* ---- for murid check ------------------------------------------------------------------------- */

int followers_check(const struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < config->n_rigs; i++) {
        const struct config_rigs *rig = &config->rigs[i];
        struct mapping mapping;
        char text[FOLLOWED_TEXT_MAX];
        const int rc = config_rig_mapping(&mapping, rig, "rigs.map", fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
        if (rig->follow[0] != '\0' && !followed_check(rig->follow, bridge_adapter_find(rig->format),
                                                      mapping_of(&mapping), text)) {
            return fault_set(fault, FAULT_WORK, "rigs: %s: %s", rig->name, text);
        }
    }
    return FAULT_NONE;
}
