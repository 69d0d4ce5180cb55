/* file_kind.h - recognises the kind of a file by its first bytes: for errors that name what was
 * given instead of what was expected, and before a file is overwritten.
 *
 * The guess is right for what murid, rigs and common programs write; file name extensions are
 * ignored. Threads: any. Memory: none kept.
 */
#pragma once

#include <stddef.h>

/* X(KIND, what people call it), murid's own first. A configuration, protocol or table is known by
 * the names of its keys or columns, in any order; the rest by what it begins with. */
#define FILE_KIND_LIST(X)                                                                          \
    X(NONE, "no file")                                                                             \
    X(UNREADABLE, "a file that may not be read")                                                   \
    X(PIPE, "a pipe or device")                                                                    \
    X(DIRECTORY, "a directory")                                                                    \
    X(DATA_DIRECTORY, "a data directory, with a journal")                                          \
    X(EMPTY, "an empty file")                                                                      \
    X(JOURNAL, "a journal")                                                                        \
    X(MODEL, "a model file")                                                                       \
    X(TABLE, "a trial table")                                                                      \
    X(CONFIG, "a configuration")                                                                   \
    X(PROTOCOL, "a protocol")                                                                      \
    X(KEYS, "a CURVE key pair")                                                                    \
    X(YAML, "YAML")                                                                                \
    X(IBLRIG, "a data file of iblrig")                                                             \
    X(JSON, "JSON")                                                                                \
    X(PYCONTROL, "a data file of pyControl")                                                       \
    X(NPY, "a NumPy array")                                                                        \
    X(EXCEL, "an Excel workbook")                                                                  \
    X(ZIP, "a ZIP archive, as .npz files are")                                                     \
    X(MATLAB, "a MATLAB file")                                                                     \
    X(HDF5, "an HDF5 file, as NWB files are")                                                      \
    X(PARQUET, "a Parquet file")                                                                   \
    X(ARROW, "an Arrow file")                                                                      \
    X(PICKLE, "a Python pickle")                                                                   \
    X(COMPRESSED, "a compressed file")                                                             \
    X(UTF16, "text in UTF-16")                                                                     \
    X(PICTURE, "a picture")                                                                        \
    X(PDF, "a PDF")                                                                                \
    X(SVG, "a figure in SVG")                                                                      \
    X(HTML, "a page in HTML")                                                                      \
    X(BINARY, "a file of bytes, not text")                                                         \
    X(TEXT, "text")

enum file_kind {
#define X(kind, name) FILE_KIND_##kind,
    FILE_KIND_LIST(X)
#undef X
        FILE_KINDS
};

enum { FILE_KIND_BYTES = 65536 }; /* no more of a file is looked at */

/* What begins so; size 0 is FILE_KIND_EMPTY. Bytes beyond FILE_KIND_BYTES are not looked at.
 * RT-safe: yes, in time proportional to size. */
enum file_kind file_kind_of(const void *bytes, size_t size);

/* The kind of a path. Never waits: what is not a regular file or directory is FILE_KIND_PIPE, and
 * none of it is read. Opens and closes the file: not for a journal that SQLite has open in this
 * process, which would lose its POSIX locks. */
enum file_kind file_kind_at(const char *path);

/* What people call it, with its article: "a journal". */
const char *file_kind_name(enum file_kind kind);
