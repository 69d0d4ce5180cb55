/* bridge/adapter.h - files of rigs, as the rigs write them, read as sessions and trials.
 *
 * An adapter is one file a format, adapters/NAME.c, behind one ops table, and one row of
 * adapters/adapters.def. It knows no socket and no clock: bytes in, events out. The same reader
 * follows a rig live, converts its files and reads them for every command, so a source may be asked
 * for more at any time: text that grows is read on from where it was (bridge/growing_file.h), a
 * file that is read whole is read again once it has changed (bridge/whole_file.h), and what was
 * given is not given again. Bytes are not trusted: bounded, checked, and what is wrong is named
 * with file, line or byte, what was expected and the remedy. bridge_source_next() checks names and
 * ranges of every event, so adapters do not.
 *
 * Threads: one owner per source. Memory: the heap, given back by bridge_source_close(). Files are
 * open only within a call, so that a rig may rename or remove them. RT-safe: none of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/mapping.h"
#include "bridge/text.h"
#include "proto/message.h"

enum {
    BRIDGE_PATH_MAX = 1024,   /* longer paths are refused */
    BRIDGE_HEAD_BYTES = 8192, /* of a file that probe() sees */
    BRIDGE_TIME_MAX = 40,
    BRIDGE_NAME_MAX = 32
};

/* What a source lacks, or what of it was left out, and why. */
struct bridge_why {
    char path[BRIDGE_PATH_MAX]; /* of the file at fault */
    int64_t line;               /* from 1; 0: not of a line */
    int64_t byte;               /* within the line, or the file, from 0; -1: of no byte */
    char found[160];            /* what was found; "": nothing is wrong */
    char expected[160];         /* "a number from 0 to 1" */
    char fix[160];              /* what to do; "" if there is nothing */
};

/* "PATH:LINE: byte N: FOUND; EXPECTED was expected: FIX". Returns out. */
const char *bridge_why_text(const struct bridge_why *why, char *out, size_t cap);

/* A path that may be of a format. */
struct bridge_candidate {
    const char *path;
    const char *name; /* its last part */
    bool is_folder;
    bool is_pipe;        /* or standard input, "-": nothing of it is seen */
    const uint8_t *head; /* of a file: what it begins with */
    size_t head_size;
    int64_t size; /* of the file, bytes */
    const struct bridge_mapping *map;
};

/* What is known of a session. Texts are "" and delay_s is NaN where it is not stated. */
struct bridge_session {
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    char program[BRIDGE_NAME_MAX]; /* that wrote it: "iblrig" */
    char version[BRIDGE_NAME_MAX];
    char started[BRIDGE_TIME_MAX]; /* ISO 8601 as the file has it, at least YYYY-MM-DD */
    char ended[BRIDGE_TIME_MAX];
    char stage[49]; /* of its protocol */
    char task[65];
    const char *mapping; /* the shipped one that was taken; NULL: none */
    int64_t ephys_rig;   /* 1 yes, 0 no, PROTO_NIL unknown */
    double delay_s;
    bool is_again; /* its file began again: what was given of it is of another session */
};

enum bridge_event_kind { BRIDGE_SESSION_START, BRIDGE_TRIAL, BRIDGE_SESSION_END };

/* A session starts, then come its trials; its end only if the file says so. */
struct bridge_event {
    enum bridge_event_kind kind;
    const struct bridge_session *session; /* the source's, until its next start */
    int64_t trial;                        /* of a trial: its number in the session */
    proto_trial said;                     /* of a trial; what is not known is absent */
    const char *path;                     /* the file that it is of; NULL: the source's */
    int64_t line;                         /* its line or row there, from 1; 0 of none */
};

/* A file or folder that is read. */
struct bridge_source {
    const struct bridge_adapter *adapter;
    const struct bridge_mapping *map; /* NULL: none; must outlive the source */
    char path[BRIDGE_PATH_MAX];
    struct bridge_session session; /* the adapter fills it in before each start */
    struct bridge_why why;
    void *state; /* the adapter's */
};

/* A format. */
struct bridge_adapter {
    const char *name;        /* as in configurations: "iblrig" */
    const char *about;       /* for help: "iblrig 7 and 8" */
    bool takes_mapping;      /* otherwise it is not asked where there is one */
    const char *const *rows; /* keys of the section rows that it reads itself, NULL behind the last;
                                others say which rows are asked for. NULL: none */
    /* Is it of this format? Looks at the candidate alone, in time bounded by head_size. A folder
     * that is taken is one source; what is in it is not offered. */
    bool (*probe)(const struct bridge_candidate *candidate);
    /* Starts reading s->path: 0, or -1 with s->why, and close() is not called. The file may not be
     * complete, or not there yet. */
    int (*open)(struct bridge_source *s);
    /* The next event: 1; 0 nothing more now, and s->why says what is waited for, if anything; -1
     * something was left out: s->why. After each of them it may be asked again. *event is empty
     * before: nothing known. */
    int (*next)(struct bridge_source *s, struct bridge_event *event);
    void (*close)(struct bridge_source *s);
};

#define ADAPTER(name) extern const struct bridge_adapter BRIDGE_ADAPTER_##name;
#include "adapters.def"

/* All of them, in the order of the list; NULL behind the last. */
extern const struct bridge_adapter *const BRIDGE_ADAPTERS[];

/* The format of that name, or NULL. */
const struct bridge_adapter *bridge_adapter_find(const char *name);

/* The format that takes the candidate, or NULL. only: no other than this; NULL: any. */
const struct bridge_adapter *bridge_adapter_of(const struct bridge_candidate *candidate,
                                               const struct bridge_adapter *only);

/* Opens path. 0, or -1 with s->why and nothing to close. */
int bridge_source_open(struct bridge_source *s, const struct bridge_adapter *adapter,
                       const char *path, const struct bridge_mapping *map);

/* As next() of struct bridge_adapter, with names and ranges checked. */
int bridge_source_next(struct bridge_source *s, struct bridge_event *event);

/* A zeroed source is fine. */
void bridge_source_close(struct bridge_source *s);

/* The program and its version as a session_start and a table have them: "iblrig 8.23.1". What is
 * not printable ASCII becomes '?'. */
enum { BRIDGE_SOFTWARE_MAX = 2 * BRIDGE_NAME_MAX + 1 };
void bridge_session_software(const struct bridge_session *session, char out[BRIDGE_SOFTWARE_MAX]);

/* The event as the message that a rig would send, which the daemon takes: session_start, trial or
 * session_end with rig, subject, session and trial; seq is the caller's. */
void bridge_event_message(const struct bridge_event *event, const char *rig, proto_message *out);

/* ---- for adapters ---------------------------------------------------------------------------- */

/* Fills in s->why and returns -1. path: NULL for the source's. line 0, byte -1: of none. */
int bridge_why_set(struct bridge_source *s, const char *path, int64_t line, int64_t byte,
                   const char *found, const char *expected, const char *fix);

/* Refuses sections of the mapping other than these, NULL behind the last: 0, or -1 with s->why. */
int bridge_mapping_check(struct bridge_source *s, const char *const sections[]);

/* Refuses keys of a section other than these, likewise. */
int bridge_mapping_check_keys(struct bridge_source *s, const char *section,
                              const char *const keys[]);

/* A name of subject or session made of any text: what a name may not hold becomes '_'. False: it is
 * empty or longer than PROTO_ID_MAX. */
bool bridge_id_make(char out[PROTO_ID_MAX + 1], const char *text, size_t size);

/* The same of as much of the text as a name may have; "" of an empty one. */
void bridge_id_fit(char out[PROTO_ID_MAX + 1], struct bridge_text text);

/* The last part of a path, up to its last dot. */
struct bridge_text bridge_path_stem(const char *path);

/* Is it the end of the text? */
bool bridge_ends_in(const char *text, const char *end);

/* What a path says of a session, from .../SUBJECT/YYYY-MM-DD/NNN/FOLDER..., with / or \ between:
 * subject, date and number as texts. False: it has no such part, and *out is empty. path may be
 * relative to the working directory. */
struct bridge_place {
    char subject[PROTO_ID_MAX + 1];
    char date[11];
    char number[8];
    char folder[64]; /* the one below the number, "" none */
};
bool bridge_place_of(struct bridge_place *out, const char *path);
