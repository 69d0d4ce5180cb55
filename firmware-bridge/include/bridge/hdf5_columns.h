/* bridge/hdf5_columns.h - the columns of a group of an HDF5 file.
 *
 * libhdf5 is not made for bytes that are not trusted. It therefore runs in a child process, bounded
 * in memory and processor time, which sends the columns through a pipe; a crash or an endless loop
 * in it is an error of the file. What the child sends is checked like any other bytes.
 *
 * Columns are datasets of one dimension: numbers, booleans (enumerations, by their numbers), texts
 * of fixed and of variable length. NAME is ragged, and passed by with NAME_index, if both are
 * there; what else there is, links to other files among it, is passed by too.
 *
 * Threads: any; it forks. Memory: into the columns. RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"
#include "bridge/hdf5_read.h"

/* Adds the columns to out. said() is called, with s->why, for what could not be read of them. 0; -1
 * with s->why: the file could not be read, or not to its end. */
int bridge_hdf5_columns_read(struct bridge_source *s, const struct bridge_hdf5_request *request,
                             struct bridge_columns *out, void (*said)(struct bridge_source *s));
