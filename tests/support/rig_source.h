/* rig_source.h - a rig's file of a test: written, appended to, and read through its adapter as
 * lines of text.
 *
 *   start SUBJECT SESSION TASK VERSION STARTED      (again, if the file began again)
 *   NUMBER: stimulus S choice C side S reward R rt T line L
 *   end ENDED
 *   wait TEXT, of what is waited for; wrong TEXT, of what was left out
 */
#pragma once

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/adapter.h"

struct rig_source {
    char path[256];
    struct bridge_source source;
    char text[16384]; /* of the last rig_source_read() */
};

static inline void rig_source_put(const struct rig_source *r, const char *mode, const void *bytes,
                                  size_t size)
{
    FILE *f = fopen(r->path, mode);
    if (f == NULL || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) {
        fprintf(stderr, "%s cannot be written\n", r->path);
        abort();
    }
}

static inline void rig_source_append(const struct rig_source *r, const char *text)
{
    rig_source_put(r, "ab", text, strlen(text));
}

/* A new file of that name with the text in a folder of its own. */
static inline void rig_source_file(struct rig_source *r, const char *name, const char *text)
{
    char folder[] = "/tmp/murid-rig-XXXXXX";
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    (void)snprintf(r->path, sizeof r->path, "%s/%s", folder, name);
    rig_source_put(r, "wb", text, strlen(text));
}

static inline void rig_source_remove(struct rig_source *r)
{
    (void)unlink(r->path);
    *strrchr(r->path, '/') = '\0';
    (void)rmdir(r->path);
}

static inline const char *rig_source_bit(int64_t value)
{
    return value == PROTO_NIL ? "-" : value == 1 ? "1" : "0";
}

/* The path is left out of texts. */
static inline const char *rig_source_why(const struct rig_source *r, char *out, size_t cap)
{
    (void)bridge_why_text(&r->source.why, out, cap);
    return strstr(out, r->path) == out ? out + strlen(r->path) : out;
}

static inline void rig_source_add(struct rig_source *r, const char *line)
{
    const size_t used = strlen(r->text);
    (void)snprintf(r->text + used, sizeof r->text - used, "%s\n", line);
}

static inline void rig_source_say(struct rig_source *r, const struct bridge_event *e)
{
    char line[1024];
    const struct bridge_session *session = e->session;
    if (e->kind == BRIDGE_SESSION_START) {
        (void)snprintf(line, sizeof line, "start %s %s %s %s %s%s", session->subject,
                       session->session, session->task, session->version, session->started,
                       session->is_again ? " again" : "");
    } else if (e->kind == BRIDGE_SESSION_END) {
        (void)snprintf(line, sizeof line, "end %s", session->ended);
    } else {
        (void)snprintf(line, sizeof line,
                       "%" PRId64 ": stimulus %g choice %s side %s reward %g rt %g line %" PRId64,
                       e->trial, e->said.stimulus, rig_source_bit(e->said.choice),
                       rig_source_bit(e->said.side), e->said.reward, e->said.rt_s, e->line);
    }
    rig_source_add(r, line);
}

/* All that there is now. */
static inline const char *rig_source_read(struct rig_source *r)
{
    struct bridge_event event;
    char why[1024];
    char line[1100];
    int got = 1;
    r->text[0] = '\0';
    while (got != 0) {
        got = bridge_source_next(&r->source, &event);
        if (got == 1) {
            rig_source_say(r, &event);
        } else if (r->source.why.found[0] != '\0') {
            (void)snprintf(line, sizeof line, "%s %s", got == 0 ? "wait" : "wrong",
                           rig_source_why(r, why, sizeof why));
            rig_source_add(r, line);
        }
    }
    return r->text;
}

/* Opens it and reads what there is; what is wrong with the mapping is said likewise. */
static inline const char *rig_source_open(struct rig_source *r,
                                          const struct bridge_adapter *adapter,
                                          const struct bridge_mapping *map)
{
    char why[1024];
    if (bridge_source_open(&r->source, adapter, r->path, map) == 0) {
        return rig_source_read(r);
    }
    (void)snprintf(r->text, sizeof r->text, "refused %s\n", rig_source_why(r, why, sizeof why));
    return r->text;
}

static inline void rig_source_close(struct rig_source *r)
{
    bridge_source_close(&r->source);
    rig_source_remove(r);
}
