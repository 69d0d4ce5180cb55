#include "bridge/hdf5_read.h"

#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading {
    int fd;
    hid_t group;
    size_t bytes; /* sent */
    bool is_open; /* somebody takes them */
};

/* ---- sending --------------------------------------------------------------------------------- */

static void put(struct reading *r, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0 && r->is_open) {
        const ssize_t n = write(r->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        r->is_open = n > 0;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
}

static void put_column(struct reading *r, const char *name, const void *values, size_t n,
                       size_t width, bool is_scalar)
{
    struct bridge_hdf5_record record = {.kind = BRIDGE_HDF5_COLUMN,
                                        .width = (uint32_t)width,
                                        .n = n,
                                        .is_scalar = is_scalar ? 1 : 0};
    (void)snprintf(record.name, sizeof record.name, "%s", name);
    put(r, &record, sizeof record);
    put(r, values, n * (width > 0 ? width : sizeof(double)));
}

/* The innermost of the library's reasons. */
static herr_t take_reason(unsigned n, const H5E_error2_t *error, void *out)
{
    (void)n;
    (void)snprintf(out, 96, "%.95s", error->desc != NULL ? error->desc : "");
    return 1;
}

static void put_wrong(struct reading *r, enum bridge_hdf5_record_kind kind, const char *name,
                      const char *what, const char *expected)
{
    struct bridge_hdf5_record record = {.kind = kind};
    char reason[96] = "";
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, reason);
    (void)snprintf(record.name, sizeof record.name, "%s", name);
    (void)snprintf(record.found, sizeof record.found, "%.60s%s%s", what,
                   reason[0] != '\0' ? ": " : "", reason);
    (void)snprintf(record.expected, sizeof record.expected, "%s", expected);
    put(r, &record, sizeof record);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Does its data stand in the file itself? */
static bool is_inside(hid_t set)
{
    const hid_t made = H5Dget_create_plist(set);
    const bool is =
        made >= 0 && H5Pget_layout(made) != H5D_VIRTUAL && H5Pget_external_count(made) == 0;
    (void)H5Pclose(made);
    return is;
}

/* Values of an enumeration, as booleans are, are the numbers behind their names. */
static bool read_enum(hid_t set, hid_t type, double *to, size_t n)
{
    const hid_t native = H5Tget_native_type(type, H5T_DIR_ASCEND);
    const hid_t base = native >= 0 ? H5Tget_super(native) : -1;
    const size_t size = native >= 0 ? H5Tget_size(native) : 0;
    const bool ok = base >= 0 && size >= 1 && size <= sizeof(double) &&
                    H5Dread(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0 &&
                    H5Tconvert(base, H5T_NATIVE_DOUBLE, n, to, NULL, H5P_DEFAULT) >= 0;
    (void)H5Tclose(base);
    (void)H5Tclose(native);
    return ok;
}

static bool read_numbers(hid_t set, hid_t type, double *to, size_t n)
{
    return H5Tget_class(type) == H5T_ENUM
               ? read_enum(set, type, to, n)
               : H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
}

/* A type of texts in memory; size H5T_VARIABLE: pointers. */
static hid_t text_type(hid_t type, size_t size)
{
    const hid_t to = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(to, size);
    (void)H5Tset_cset(to, H5Tget_cset(type));
    return to;
}

/* Texts of n cells of `width` bytes; fixed ones, or variable ones cut to fit. */
static bool read_texts(hid_t set, hid_t type, char *to, size_t n, size_t width)
{
    if (H5Tis_variable_str(type) <= 0) {
        const hid_t as = text_type(type, width);
        const bool ok = H5Dread(set, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
        (void)H5Tclose(as);
        return ok;
    }
    const hid_t as = text_type(type, H5T_VARIABLE);
    const hid_t space = H5Dget_space(set);
    char **list = calloc(n > 0 ? n : 1, sizeof *list);
    const bool ok = list != NULL && H5Dread(set, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, list) >= 0;
    for (size_t i = 0; ok && i < n; i++) {
        (void)snprintf(to + i * width, width, "%s", list[i] != NULL ? list[i] : "");
    }
    if (ok) {
        (void)H5Dvlen_reclaim(as, space, H5P_DEFAULT, list);
    }
    free(list);
    (void)H5Sclose(space);
    (void)H5Tclose(as);
    return ok;
}

/* Bytes of a cell; 0: numbers; SIZE_MAX: neither numbers nor texts that fit. */
static size_t width_of(hid_t type)
{
    const H5T_class_t class = H5Tget_class(type);
    if (class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM) {
        return 0;
    }
    if (class != H5T_STRING) {
        return SIZE_MAX;
    }
    const size_t size = H5Tis_variable_str(type) > 0 ? BRIDGE_CELL_MAX : H5Tget_size(type) + 1;
    return size <= BRIDGE_CELL_MAX ? size : SIZE_MAX;
}

/* Sends the dataset as a column; is_scalar: as one value for all rows. */
static void send_set(struct reading *r, const char *name, hid_t set, bool is_scalar)
{
    const hid_t type = H5Dget_type(set);
    const hid_t space = H5Dget_space(set);
    const hssize_t points = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    const int dimensions = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    const size_t width = type >= 0 ? width_of(type) : SIZE_MAX;
    const size_t cell = width > 0 ? width : sizeof(double);
    const bool is_column = is_scalar ? points == 1 && dimensions <= 1 : dimensions == 1;
    void *values = NULL;
    if (!is_column || width == SIZE_MAX || !is_inside(set)) {
        goto done;
    }
    if (points > BRIDGE_ROWS_MAX || (size_t)points > (BRIDGE_COLUMNS_BYTES - r->bytes) / cell) {
        put_wrong(r, BRIDGE_HDF5_WRONG, name, "it is too large",
                  "at most 16 million rows and 512 megabytes in all");
        goto done;
    }
    values = calloc(points > 0 ? (size_t)points : 1, cell);
    if (values == NULL || (width > 0 ? !read_texts(set, type, values, (size_t)points, width)
                                     : !read_numbers(set, type, values, (size_t)points))) {
        put_wrong(r, BRIDGE_HDF5_WRONG, name, "it cannot be read", "a dataset that is whole");
        goto done;
    }
    r->bytes += (size_t)points * cell;
    put_column(r, name, values, (size_t)points, width, is_scalar);
done:
    free(values);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool is_ragged(hid_t group, const char *name)
{
    char index[2 * BRIDGE_COLUMN_NAME_MAX];
    const size_t size = strlen(name);
    (void)snprintf(index, sizeof index, "%s_index", name);
    return H5Lexists(group, index, H5P_DEFAULT) > 0 ||
           (size > 6 && strcmp(name + size - 6, "_index") == 0);
}

static herr_t each_link(hid_t group, const char *name, const H5L_info_t *info, void *reading)
{
    struct reading *r = reading;
    if (strlen(name) >= BRIDGE_COLUMN_NAME_MAX || info->type != H5L_TYPE_HARD ||
        is_ragged(group, name)) {
        return 0;
    }
    H5O_info_t object;
    if (H5Oget_info_by_name(group, name, &object, H5P_DEFAULT) < 0) {
        put_wrong(r, BRIDGE_HDF5_WRONG, name, "it cannot be read", "a dataset");
        return 0;
    }
    if (object.type == H5O_TYPE_DATASET) {
        const hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
        if (set < 0) {
            put_wrong(r, BRIDGE_HDF5_WRONG, name, "it cannot be read", "a dataset");
            return 0;
        }
        send_set(r, name, set, false);
        (void)H5Dclose(set);
    }
    return r->is_open ? 0 : 1;
}

/* An attribute of the file that is one text. */
static void send_attribute(struct reading *r, hid_t file, const char *name)
{
    const hid_t attribute =
        H5Aexists(file, name + 1) > 0 ? H5Aopen(file, name + 1, H5P_DEFAULT) : -1;
    const hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    const hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    char cell[BRIDGE_CELL_MAX] = "";
    if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1) {
        const bool is_variable = H5Tis_variable_str(type) > 0;
        const hid_t as = text_type(type, is_variable ? H5T_VARIABLE : sizeof cell);
        char *text = NULL;
        if (H5Aread(attribute, as, is_variable ? (void *)&text : (void *)cell) >= 0) {
            if (is_variable && text != NULL) {
                (void)snprintf(cell, sizeof cell, "%s", text);
            }
            put_column(r, name, cell, 1, sizeof cell, true);
        }
        (void)H5Tclose(as);
    }
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    (void)H5Aclose(attribute);
}

/* Is there something at the path, each of whose parts must be? */
static bool is_there(hid_t file, const char *path)
{
    char part[256];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (H5Lexists(file, part, H5P_DEFAULT) <= 0) {
                return false;
            }
            *at = '/';
        }
    }
    return H5Lexists(file, path, H5P_DEFAULT) > 0;
}

static void send_text(struct reading *r, hid_t file, const char *path)
{
    const hid_t set = is_there(file, path) ? H5Dopen2(file, path, H5P_DEFAULT) : -1;
    if (set >= 0) {
        send_set(r, path, set, true);
        (void)H5Dclose(set);
    }
}

static void send_group(struct reading *r, hid_t file, const char *path)
{
    char found[96];
    (void)snprintf(found, sizeof found, "there is no group %.60s", path);
    const hid_t group = is_there(file, path) ? H5Gopen2(file, path, H5P_DEFAULT) : -1;
    if (group < 0) {
        put_wrong(r, BRIDGE_HDF5_FAILED, "", found, "an NWB file with a table of trials");
        return;
    }
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, each_link, r) < 0) {
        put_wrong(r, BRIDGE_HDF5_WRONG, path, "it cannot be listed", "a group that is whole");
    }
    (void)H5Gclose(group);
}

bool bridge_hdf5_read(int fd, const struct bridge_hdf5_request *request)
{
    struct reading r = {.fd = fd, .is_open = true};
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t file = H5Fopen(request->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) {
        put_wrong(&r, BRIDGE_HDF5_FAILED, "", "libhdf5 cannot open it", "an HDF5 file, all of it");
    } else {
        for (size_t i = 0; i < BRIDGE_HDF5_TEXTS_MAX && request->texts[i] != NULL; i++) {
            if (request->texts[i][0] == '@') {
                send_attribute(&r, file, request->texts[i]);
            } else {
                send_text(&r, file, request->texts[i]);
            }
        }
        send_group(&r, file, request->group);
    }
    const struct bridge_hdf5_record end = {.kind = BRIDGE_HDF5_END};
    put(&r, &end, sizeof end);
    return r.is_open;
}
