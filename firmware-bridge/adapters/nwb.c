/* NWB 2: an HDF5 file .nwb with a table of trials, /intervals/trials. One file is one session: its
 * date is that of session_start_time, its name DATE_session_id (or identifier), its subject
 * subject_id.
 *
 * Columns become trials by a shipped mapping (ibl-nwb, ibl-gabor, steinmetz, foraging) or by a
 * mapping (bridge/column_trials.h). Stores of Zarr, which are folders, cannot be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bridge/column_trials.h"
#include "bridge/hdf5_columns.h"
#include "bridge/whole_file.h"

#define VERSION    "@nwb_version"
#define SUBJECT    "/general/subject/subject_id"
#define STARTED    "/session_start_time"
#define SESSION    "/general/session_id"
#define IDENTIFIER "/identifier"
#define PROTOCOL   "/general/protocol"

struct nwb {
    struct bridge_column_trials trials;
    struct bridge_whole_stamp stamp;
    bool is_told; /* that it is a folder */
};

/* ---- the source ------------------------------------------------------------------------------ */

static bool is_zarr(const char *path)
{
    char group[BRIDGE_PATH_MAX + 16];
    struct stat info;
    (void)snprintf(group, sizeof group, "%s/.zgroup", path);
    return stat(group, &info) == 0;
}

static bool probe(const struct bridge_candidate *c)
{
    return c->is_folder
               ? (bridge_ends_in(c->name, ".nwb") || bridge_ends_in(c->name, ".nwb.zarr")) &&
                     is_zarr(c->path)
               : bridge_ends_in(c->name, ".nwb");
}

static int open_source(struct bridge_source *s)
{
    if (bridge_column_trials_check(s) != 0) {
        return -1;
    }
    struct nwb *n = calloc(1, sizeof *n);
    if (n == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    s->state = n;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct nwb *n = s->state;
    bridge_column_trials_close(&n->trials);
    free(n);
}

/* ---- loading --------------------------------------------------------------------------------- */

static const char *text_of(const struct nwb *n, const char *name, char cell[BRIDGE_CELL_MAX])
{
    const struct bridge_column *column = bridge_columns_find(&n->trials.columns, name);
    cell[0] = '\0';
    return column != NULL ? bridge_column_text(column, 0, cell) : cell;
}

static void name_session(struct nwb *n, const struct bridge_source *s)
{
    struct bridge_session *session = &n->trials.session;
    char cell[BRIDGE_CELL_MAX];
    char name[BRIDGE_CELL_MAX + 16];
    (void)snprintf(session->version, sizeof session->version, "%.10s", text_of(n, VERSION, cell));
    (void)snprintf(session->task, sizeof session->task, "%.64s", text_of(n, PROTOCOL, cell));
    (void)text_of(n, SUBJECT, cell);
    (void)bridge_id_make(session->subject, cell, strlen(cell));
    (void)snprintf(session->started, sizeof session->started, "%.39s", text_of(n, STARTED, cell));
    (void)text_of(n, SESSION, cell);
    if (cell[0] == '\0') {
        (void)text_of(n, IDENTIFIER, cell);
    }
    char date[11] = "";
    (void)snprintf(date, sizeof date, "%.10s", session->started);
    const bool has_it = date[0] == '\0' || strstr(cell, date) != NULL;
    (void)snprintf(name, sizeof name, "%s%s%s", has_it ? "" : date,
                   has_it || cell[0] == '\0' ? "" : "_", cell);
    if (!bridge_id_make(session->session, name, strlen(name))) {
        (void)bridge_id_make(session->session, date, strlen(date));
    }
    bridge_column_trials_name(&n->trials, s);
}

static void note(struct bridge_source *s)
{
    struct nwb *n = s->state;
    bridge_column_trials_note(&n->trials, s);
}

/* 1 once: it is a folder. */
static int say_zarr(struct bridge_source *s, struct nwb *n)
{
    if (n->is_told) {
        return 0;
    }
    n->is_told = true;
    return bridge_why_set(
        s, NULL, 0, -1, "a Zarr store, which murid cannot read", "an NWB file in HDF5",
        "export it: NWBHDF5IO(F, mode='w').export(src_io=NWBZarrIO(PATH, mode='r')) "
        "of pynwb and hdmf_zarr");
}

static int load(struct bridge_source *s)
{
    struct nwb *n = s->state;
    struct stat info;
    if (stat(s->path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return say_zarr(s, n);
    }
    const int changed = bridge_whole_file_look(s, s->path, &n->stamp);
    if (changed != 1) {
        return changed;
    }
    const struct bridge_hdf5_request request = {
        .path = s->path,
        .group = "/intervals/trials",
        .texts = {VERSION, SUBJECT, STARTED, SESSION, IDENTIFIER, PROTOCOL}};
    bridge_column_trials_clear(&n->trials, "NWB");
    if (bridge_hdf5_columns_read(s, &request, &n->trials.columns, note) != 0) {
        note(s);
    }
    name_session(n, s);
    return 1;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct nwb *n = s->state;
    return bridge_column_trials_next(&n->trials, s, load, event);
}

const struct bridge_adapter BRIDGE_ADAPTER_nwb = {.name = "nwb",
                                                  .about = "NWB: the trials of an HDF5 file",
                                                  .takes_mapping = true,
                                                  .probe = probe,
                                                  .open = open_source,
                                                  .next = next,
                                                  .close = close_source};
