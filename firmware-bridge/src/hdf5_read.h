/* hdf5_read.h - the child's side of bridge/hdf5_columns.h: reads the file with libhdf5 and sends
 * records, of which a column's are followed by its values. */
#pragma once

#include "bridge/hdf5_columns.h"

enum hdf5_record_kind { HDF5_COLUMN = 1, HDF5_WRONG, HDF5_FAILED, HDF5_END };

struct hdf5_record {
    uint32_t kind;
    uint32_t width;     /* of a column: as in struct bridge_column */
    uint64_t n;         /* values */
    uint32_t is_scalar; /* 1 or 0 */
    char name[BRIDGE_COLUMN_NAME_MAX];
    char found[160]; /* WRONG: what is wrong with the column; FAILED: with the file */
    char expected[160];
};

/* Sends all of it to fd. False: nobody takes it. */
bool hdf5_read(int fd, const struct bridge_hdf5_request *request);
