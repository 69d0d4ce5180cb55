/* followers.h - the rigs of the configuration whose files are followed, or which are listened to
 * (listened.h): a thread each, which polls them (a network share says nothing of its changes, and
 * may block), and a bounded queue each, through which what it reads comes to the loop.
 *
 * A full queue makes its thread wait, so nothing is lost; what the loop has not taken when the
 * daemon ends is read again at the next start. Threads: the caller's (the loop), and one a rig.
 * Memory: the heap, FOLLOWERS_QUEUE_BYTES a rig and what followed.h takes. A thread that hangs in a
 * share which does not answer is left to the end of the process, with its memory.
 */
#pragma once

#include "config.h"
#include "followed.h"

enum {
    FOLLOWERS_POLL_MS = 250,
    FOLLOWERS_QUEUE_BYTES = 1 << 16,
    FOLLOWERS_SILENT_S = 30 /* of a thread, until its share is said not to answer */
};

struct follower;

struct followers {
    uint32_t n;
    uint32_t next; /* whose turn it is */
    int wake_fd;   /* raised for the loop: there may be items; -1: nothing is followed */
    struct follower *list[CONFIG_RIGS_MAX];
};

/* What a rig has said. */
struct followers_item {
    const char *rig;
    const uint8_t *bytes; /* a message, valid until the item is taken; NULL: an alert */
    size_t size;
    proto_alert_code code;
    const char *text;
};

/* What the journal has of a rig: fills in since, known and n_known. -1 without memory. */
typedef int followers_remember(void *context, const char *rig, struct followed_request *request);

/* Starts to follow every rig of the configuration that has `follow`. 0, or -1 without memory, with
 * all given back. The configuration must outlive the process's threads. */
int followers_open(struct followers *f, const struct config *config, followers_remember *remember,
                   void *context);

/* The next item: rigs take turns. False: there is none. The same again until it is taken. RT-safe:
 * yes. */
bool followers_next(struct followers *f, struct followers_item *item);

/* The item has been dealt with. RT-safe: yes. */
void followers_take(struct followers *f);

/* Does the share of a rig answer? True if that has changed, with *text for an alert of *code.
 * RT-safe: yes. */
bool followers_has_changed(struct followers *f, uint32_t i, int64_t now_ns, proto_alert_code *code,
                           char text[FOLLOWED_TEXT_MAX]);

/* The rig that a number is of. */
const char *followers_rig(const struct followers *f, uint32_t i);

/* Ends the threads, and waits some seconds for them. Zeroed is fine. */
void followers_close(struct followers *f);

/* Would the rigs of the configuration be found? For `murid check`: FAULT_NONE, or FAULT_WORK. */
int followers_check(const struct config *config, struct fault *fault);
