/* NumPy: .npz, an archive of arrays, stored or deflated, each a column; .npy, a structured array,
 * whose fields are columns, or one of two dimensions, whose columns are 0, 1, ...
 *
 * Columns become trials by a mapping, of which psytrack is shipped:
 * bridge/column_trials.h. A subject, session or date of the archive's own is one value for all
 * rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "bridge/column_trials.h"
#include "bridge/npy.h"
#include "bridge/whole_file.h"

enum { DEFLATE_MOST = 1032 /* bytes that a byte can be inflated to */ };

/* ---- the source ------------------------------------------------------------------------------ */

struct numpy {
    struct bridge_column_trials trials;
    struct bridge_whole_stamp stamp;
};

static bool probe(const struct bridge_candidate *c)
{
    return !c->is_folder &&
           (bridge_ends_in(c->name, ".npz") ||
            (bridge_ends_in(c->name, ".npy") && bridge_npy_is_table(c->head, c->head_size)));
}

static int open_source(struct bridge_source *s)
{
    if (bridge_column_trials_check(s) != 0) {
        return -1;
    }
    struct numpy *n = calloc(1, sizeof *n);
    if (n == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    s->state = n;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct numpy *n = s->state;
    bridge_column_trials_close(&n->trials);
    free(n);
}

/* ---- archives -------------------------------------------------------------------------------- */

static int bad_member(struct bridge_source *s, const char *name, const char *found)
{
    char text[160];
    (void)snprintf(text, sizeof text, "member %.64s: %.80s", name, found);
    return bridge_why_set(s, NULL, 0, -1, text, "an archive that numpy.savez wrote",
                          "save or copy it again; the other members are read");
}

/* The bytes of a member, to be given back with free(); NULL with s->why. */
static uint8_t *inflate_member(struct bridge_source *s, zip_t *zip, const zip_stat_t *member)
{
    if (member->size > BRIDGE_COLUMNS_BYTES ||
        member->size > member->comp_size * DEFLATE_MOST + BRIDGE_HEAD_BYTES) {
        (void)bad_member(s, member->name, "it is too large, or no size that can be");
        return NULL;
    }
    uint8_t *bytes = malloc((size_t)member->size + 1);
    zip_file_t *file = bytes != NULL ? zip_fopen_index(zip, member->index, 0) : NULL;
    zip_int64_t got = file != NULL ? zip_fread(file, bytes, member->size) : -1;
    const bool is_whole = got >= 0 && (zip_uint64_t)got == member->size;
    if (is_whole) {
        uint8_t more;
        got = zip_fread(file, &more, 1); /* the checksum is compared at the end */
    }
    if (!is_whole || got != 0) {
        (void)bad_member(s, member->name,
                         bytes == NULL  ? "no memory"
                         : file == NULL ? zip_strerror(zip)
                         : got < 0      ? zip_file_strerror(file)
                                        : "it has another size than the archive says");
        free(bytes);
        bytes = NULL;
    }
    if (file != NULL) {
        (void)zip_fclose(file);
    }
    return bytes;
}

static int read_member(struct bridge_source *s, struct numpy *n, zip_t *zip, zip_uint64_t i)
{
    zip_stat_t member;
    char name[BRIDGE_COLUMN_NAME_MAX];
    zip_stat_init(&member);
    if (zip_stat_index(zip, i, 0, &member) != 0 || (member.valid & ZIP_STAT_NAME) == 0 ||
        (member.valid & ZIP_STAT_SIZE) == 0 || (member.valid & ZIP_STAT_COMP_SIZE) == 0) {
        return bad_member(s, "?", "it has no name or size");
    }
    if (!bridge_ends_in(member.name, ".npy")) {
        return 0;
    }
    (void)snprintf(name, sizeof name, "%.*s",
                   (int)(strlen(member.name) - 4 < 63 ? strlen(member.name) - 4 : 63), member.name);
    uint8_t *bytes = inflate_member(s, zip, &member);
    if (bytes == NULL) {
        return -1;
    }
    const int rc = bridge_npy_read(s, NULL, name, bytes, (size_t)member.size, &n->trials.columns);
    free(bytes);
    return rc;
}

static int read_archive(struct bridge_source *s, struct numpy *n, const uint8_t *bytes, size_t size)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *from = zip_source_buffer_create(bytes, size, 0, &error);
    zip_t *zip = from != NULL ? zip_open_from_source(from, ZIP_RDONLY, &error) : NULL;
    if (zip == NULL) {
        (void)bridge_why_set(s, NULL, 0, 0, zip_error_strerror(&error),
                             "an archive that numpy.savez wrote",
                             "save or copy it again, all of it");
        zip_source_free(from);
        zip_error_fini(&error);
        return -1;
    }
    const zip_int64_t members = zip_get_num_entries(zip, 0);
    for (zip_int64_t i = 0; i < members && i < BRIDGE_COLUMNS_MAX; i++) {
        if (read_member(s, n, zip, (zip_uint64_t)i) != 0) {
            bridge_column_trials_note(&n->trials, s);
        }
    }
    zip_discard(zip);
    zip_error_fini(&error);
    return 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int load(struct bridge_source *s)
{
    struct numpy *n = s->state;
    uint8_t *bytes = NULL;
    size_t size = 0;
    const int got =
        bridge_whole_file_read(s, s->path, BRIDGE_COLUMNS_BYTES, &n->stamp, &bytes, &size);
    if (got != 1) {
        return got;
    }
    bridge_column_trials_clear(&n->trials, "NumPy");
    const bool is_array = bridge_ends_in(s->path, ".npy");
    const int rc = is_array ? bridge_npy_read(s, NULL, "", bytes, size, &n->trials.columns)
                            : read_archive(s, n, bytes, size);
    free(bytes);
    if (rc != 0) {
        bridge_column_trials_note(&n->trials, s);
    }
    bridge_column_trials_name(&n->trials, s);
    return 1;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct numpy *n = s->state;
    return bridge_column_trials_next(&n->trials, s, load, event);
}

const struct bridge_adapter BRIDGE_ADAPTER_numpy = {
    .name = "numpy",
    .about = "NumPy: arrays of trials in a .npz, or a table in a .npy",
    .takes_mapping = true,
    .probe = probe,
    .open = open_source,
    .next = next,
    .close = close_source};
