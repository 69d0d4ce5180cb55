/* bridge/hdf5_read.h - what the child of bridge/hdf5_columns.h does: reads the file with libhdf5,
 * and sends records, of which a column's are followed by its values.
 *
 * Threads: the only one of its process. Memory: the heap, and libhdf5's. RT-safe: no.
 */
#pragma once

#include <stdint.h>

#include "bridge/columns.h"

enum { BRIDGE_HDF5_TEXTS_MAX = 8 };

struct bridge_hdf5_request {
    const char *path;
    const char *group;                        /* whose datasets are columns: "/intervals/trials" */
    const char *texts[BRIDGE_HDF5_TEXTS_MAX]; /* datasets of one text, or attributes of the file as
                                                 "@NAME": columns of one value, called like this */
};

enum bridge_hdf5_record_kind {
    BRIDGE_HDF5_COLUMN = 1,
    BRIDGE_HDF5_WRONG,
    BRIDGE_HDF5_FAILED,
    BRIDGE_HDF5_END
};

struct bridge_hdf5_record {
    uint32_t kind;
    uint32_t width;     /* of a column: as in struct bridge_column */
    uint64_t n;         /* values */
    uint32_t is_scalar; /* 1 or 0 */
    char name[BRIDGE_COLUMN_NAME_MAX];
    char found[160]; /* WRONG: what is wrong with the column; FAILED: with the file */
    char expected[160];
};

/* Sends all of it to fd. False: nobody takes it. */
bool bridge_hdf5_read(int fd, const struct bridge_hdf5_request *request);
