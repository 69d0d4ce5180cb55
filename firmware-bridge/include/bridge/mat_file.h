/* bridge/mat_file.h - one variable of a MAT-file of MATLAB 5, as save -v6 and -v7 write it.
 *
 * The variable's bytes are kept, inflated, and values are places in them, found anew with each
 * question: nothing is allocated by what the bytes claim. A value is an array of numbers, a text,
 * cells, or one of an array of structs. All questions may be asked of any value, and of none; an
 * answer that does not fit is none. Files of -v7.3 are HDF5 and are refused, with the remedy.
 *
 * The bytes are not trusted. Threads: one owner. Memory: the heap, bridge_mat_file_close(); values
 * point into it. RT-safe: no.
 */
#pragma once

#include "bridge/whole_file.h"

enum { BRIDGE_MAT_MAX = 1 << 28 }; /* bytes of a file, and of a variable */

struct bridge_mat_file {
    struct bridge_whole_stamp stamp;
    uint8_t *bytes; /* of the variable */
};

struct bridge_mat {
    const uint8_t *bytes; /* NULL: no value */
    size_t size;
    size_t at; /* which of an array of structs */
    bool is_big;
};

/* Does a file begin like one whose first variable has that name? */
bool bridge_mat_file_begins(const uint8_t *head, size_t size, const char *name);

/* Reads a variable of the file, if that has changed since: 1 with *out, and values of before are
 * gone; 0 it is not there or as it was, or not complete yet and s->why says so; -1 with s->why. */
int bridge_mat_file_read(struct bridge_mat_file *f, struct bridge_source *s, const char *path,
                         const char *name, struct bridge_mat *out);
void bridge_mat_file_close(struct bridge_mat_file *f);

/* Number of numbers, characters, cells or structs. */
size_t bridge_mat_size(struct bridge_mat value);

/* Number of rows; numbers are kept column by column. */
size_t bridge_mat_rows(struct bridge_mat value);

bool bridge_mat_is_struct(struct bridge_mat value);
bool bridge_mat_is_text(struct bridge_mat value);

/* A cell, or a struct of an array of them; in time that grows with i. */
struct bridge_mat bridge_mat_item(struct bridge_mat value, size_t i);

/* A field of a struct by its number, with its name; false: it has no more. */
bool bridge_mat_field_at(struct bridge_mat value, size_t i, char name[64],
                         struct bridge_mat *field);

/* A field of a struct by its name. */
struct bridge_mat bridge_mat_field(struct bridge_mat value, const char *name);

/* A number of an array; false: it is none, or is not there. */
bool bridge_mat_number(struct bridge_mat value, size_t i, double *to);

/* A text of at most cap - 1 bytes; what is not ASCII becomes '?'. False: it is none, or longer. */
bool bridge_mat_text(struct bridge_mat value, char *out, size_t cap);
