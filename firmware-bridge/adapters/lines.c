/* Lines of text, a trial each: CSV, TSV and other separators, JSON lines, or what a regular
 * expression finds, as home-made rigs, PsychoPy and data sheets have them; in a file that may
 * grow, from a pipe, or from a serial port.
 *
 * Of a mapping, the sections columns, fixed, coding and rows (bridge/trial_fields.h) and lines
 * (bridge/line_reader.h) are read. Without one only text is taken that names its columns as murid
 * does, and is no trial table. Subject and session are the file's name where no column holds them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/adapter.h"
#include "bridge/growing_file.h"
#include "bridge/line_reader.h"
#include "bridge/stream.h"
#include "bridge/trial_feed.h"

static const char *const SECTIONS[] = {"columns", "fixed", "coding", "rows", "lines", NULL};

struct lines {
    struct bridge_trial_feed feed;
    struct bridge_line_reader reader;
    struct bridge_growing_file file;
    FILE *pipe;       /* NULL: a file, or none yet */
    bool is_pipe;     /* or what is pushed */
    bool is_pushed;   /* a serial port */
    int64_t line;     /* of a pipe */
    bool is_skipping; /* the rest of a line that is too long */
    char *buffer;     /* of a pipe: half a line */
    size_t size;
    const uint8_t *pushed; /* bytes of the caller, not used yet */
    size_t n_pushed;
};

/* ---- is it of this format? ------------------------------------------------------------------- */

static bool is_of_ours(const struct bridge_mapping *map)
{
    const struct bridge_mapping_line *line = NULL;
    for (size_t i = 0; (line = bridge_mapping_at(map, i)) != NULL; i++) {
        if (!bridge_mapping_lists(SECTIONS, line->section)) {
            return false;
        }
    }
    return true;
}

/* Reads the lines of the head until one shows that trials can be made of them. */
static bool reads_on(const struct bridge_candidate *c, struct bridge_source *s, struct lines *l)
{
    struct bridge_values values;
    size_t at = 0;
    for (int64_t n = 1; at < c->head_size && !l->reader.is_refused; n++) {
        const uint8_t *end = memchr(c->head + at, '\n', c->head_size - at);
        size_t size = end != NULL ? (size_t)(end - c->head) - at : c->head_size - at;
        const size_t next = at + size + 1;
        size -= size > 0 && c->head[at + size - 1] == '\r' ? 1 : 0;
        memset(&values, 0, sizeof values);
        const int rc = bridge_line_reader_read(&l->reader, s, n, c->head + at, size, &values);
        if (l->reader.form == BRIDGE_LINES_JSON) {
            const struct bridge_value *v = values.slot;
            return rc == 1 && v[BRIDGE_FIELD_STIMULUS].is_set && v[BRIDGE_FIELD_CHOICE].is_set;
        }
        if (rc < 0 || l->reader.has_names) {
            break;
        }
        at = next;
    }
    return l->reader.has_names && !l->reader.is_refused &&
           !(c->map == NULL && l->reader.separator == ',');
}

static bool can_read(const struct bridge_candidate *c)
{
    struct bridge_source *s = calloc(1, sizeof *s);
    struct lines *l = calloc(1, sizeof *l);
    bool can = false;
    if (s != NULL && l != NULL) {
        s->map = c->map;
        if (bridge_trial_feed_open(&l->feed, s, s->map, "lines") == 0 &&
            bridge_line_reader_open(&l->reader, &l->feed.fields, s) == 0) {
            can = reads_on(c, s, l);
            bridge_line_reader_close(&l->reader);
        }
    }
    free(s);
    free(l);
    return can;
}

static bool probe(const struct bridge_candidate *c)
{
    static const char *const ENDS[] = {".csv", ".tsv", ".txt", ".dat", ".jsonl", ".ndjson", ".log"};
    const bool has_map = !bridge_mapping_is_empty(c->map);
    if (c->is_folder || c->head_size == 0 || !is_of_ours(c->map) ||
        memchr(c->head, '\0', c->head_size) != NULL) {
        return c->is_pipe && has_map && is_of_ours(c->map);
    }
    for (size_t i = 0; has_map && i < sizeof ENDS / sizeof ENDS[0]; i++) {
        if (bridge_ends_in(c->name, ENDS[i])) {
            return true; /* open() and next() say what is wrong */
        }
    }
    return can_read(c);
}

/* ---- the source ------------------------------------------------------------------------------ */

/* The name of the file up to its last dot. */
static void name_by_path(struct bridge_trial_feed *feed, const char *path)
{
    bridge_id_fit(feed->session.subject,
                  strcmp(path, "-") == 0 ? bridge_text_of("stdin") : bridge_path_stem(path));
    memcpy(feed->session.session, feed->session.subject, sizeof feed->session.session);
}

static void close_source(struct bridge_source *s)
{
    struct lines *l = s->state;
    if (l->pipe != NULL && l->pipe != stdin) {
        (void)fclose(l->pipe);
    }
    bridge_growing_file_close(&l->file);
    bridge_line_reader_close(&l->reader);
    bridge_trial_feed_close(&l->feed);
    free(l->buffer);
    free(l);
}

static int open_lines(struct bridge_source *s, struct lines *l)
{
    if (bridge_mapping_check(s, SECTIONS) != 0 ||
        bridge_trial_feed_open(&l->feed, s, s->map, "lines") != 0) {
        return -1;
    }
    if (bridge_line_reader_open(&l->reader, &l->feed.fields, s) != 0) {
        bridge_trial_feed_close(&l->feed);
        return -1;
    }
    return 0;
}

static int open_any(struct bridge_source *s, bool is_pushed)
{
    struct stat info;
    struct lines *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    l->is_pushed = is_pushed;
    l->is_pipe = is_pushed || strcmp(s->path, "-") == 0 ||
                 (stat(s->path, &info) == 0 && S_ISFIFO(info.st_mode));
    if (l->is_pipe) {
        l->buffer = malloc(BRIDGE_TEXT_LINE_MAX);
    }
    if ((l->is_pipe && l->buffer == NULL) || open_lines(s, l) != 0) {
        free(l->buffer);
        free(l);
        return -1;
    }
    bridge_growing_file_open(&l->file, s->path, BRIDGE_TEXT_LINE_MAX);
    if (!is_pushed) {
        name_by_path(&l->feed, s->path);
    }
    s->state = l;
    return 0;
}

static int open_source(struct bridge_source *s)
{
    return open_any(s, false);
}

/* ---- lines of a pipe ------------------------------------------------------------------------- */

/* The next byte of a pipe or of what was pushed; EOF: none now. */
static int next_byte(struct lines *l)
{
    if (!l->is_pushed) {
        return getc(l->pipe);
    }
    if (l->n_pushed == 0) {
        return EOF;
    }
    l->n_pushed--;
    return *l->pushed++;
}

static int open_pipe(struct bridge_source *s, struct lines *l)
{
    l->pipe = strcmp(s->path, "-") == 0 ? stdin : fopen(s->path, "rb");
    return l->pipe != NULL ? 0
                           : bridge_why_set(s, NULL, 0, -1, strerror(errno),
                                            "a pipe that can be read", "check its permissions");
}

/* As bridge_growing_file_next(). The last line of a pipe may lack its end. */
static int next_of_pipe(struct bridge_source *s, struct lines *l, const uint8_t **line,
                        size_t *size)
{
    if (!l->is_pushed && l->pipe == NULL && open_pipe(s, l) != 0) {
        return -1;
    }
    for (;;) {
        const int c = next_byte(l);
        const bool is_end = c == '\n' || (c == EOF && !l->is_pushed && l->size > 0);
        if (is_end && !l->is_skipping) {
            *line = (const uint8_t *)l->buffer;
            *size = l->size > 0 && l->buffer[l->size - 1] == '\r' ? l->size - 1 : l->size;
            l->size = 0;
            l->line++;
            return 1;
        }
        if (c == EOF) {
            return 0;
        }
        if (c == '\n') {
            l->is_skipping = false;
            l->line++;
        } else if (!l->is_skipping && l->size == BRIDGE_TEXT_LINE_MAX) {
            l->is_skipping = true;
            l->size = 0;
            return bridge_why_set(s, NULL, l->line + 1, -1, "the line is too long", "at most 1 MiB",
                                  "the line is left out");
        } else if (!l->is_skipping) {
            l->buffer[l->size++] = (char)c;
        }
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static int next_line(struct bridge_source *s, struct lines *l, const uint8_t **line, size_t *size,
                     int64_t *number)
{
    int rc = 0;
    if (l->is_pipe) {
        rc = next_of_pipe(s, l, line, size);
        *number = l->line;
        return rc;
    }
    rc = bridge_growing_file_next(&l->file, s, line, size);
    while (rc == BRIDGE_GROWING_AGAIN) {
        bridge_trial_feed_restart(&l->feed);
        bridge_line_reader_restart(&l->reader);
        rc = bridge_growing_file_next(&l->file, s, line, size);
    }
    *number = l->file.line;
    return rc;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct lines *l = s->state;
    struct bridge_values values;
    if (bridge_trial_feed_waiting(&l->feed, s, event) == 1) {
        return 1;
    }
    for (;;) {
        const uint8_t *line = NULL;
        size_t size = 0;
        int64_t number = 0;
        int rc = next_line(s, l, &line, &size, &number);
        if (rc != 1) {
            if (rc == 0 && !l->is_pipe && !l->reader.is_refused) {
                (void)bridge_growing_file_waits(&l->file, s);
            }
            return rc;
        }
        memset(&values, 0, sizeof values);
        rc = bridge_line_reader_read(&l->reader, s, number, line, size, &values);
        rc = rc == 1 ? bridge_trial_feed_take(&l->feed, s, number, &values, event) : rc;
        if (rc != 0) {
            return rc;
        }
    }
}

const struct bridge_adapter BRIDGE_ADAPTER_lines = {
    .name = "lines",
    .about = "CSV, TSV, JSON lines or other lines of text, by a mapping",
    .takes_mapping = true,
    .probe = probe,
    .open = open_source,
    .next = next,
    .close = close_source};

/* ---- a serial port --------------------------------------------------------------------------- */

static int open_pushed(struct bridge_source *s, const struct bridge_stream_start *start)
{
    if (open_any(s, true) != 0) {
        return -1;
    }
    struct lines *l = s->state;
    memcpy(l->feed.session.subject, start->subject, sizeof start->subject);
    memcpy(l->feed.session.session, start->session, sizeof start->session);
    return 0;
}

static void push(struct bridge_source *s, const struct bridge_part part[], size_t n, double t_s)
{
    struct lines *l = s->state;
    (void)t_s;
    l->pushed = part[n - 1].bytes;
    l->n_pushed = part[n - 1].size;
}

const struct bridge_stream_format BRIDGE_STREAM_lines = {
    .reader = {.name = "lines",
               .about = "lines of text of a serial port, by a mapping",
               .takes_mapping = true,
               .next = next,
               .close = close_source},
    .open = open_pushed,
    .push = push};
