/* journal_files.h - the files of a data directory, by name. docs/journal.md explains them. */
#ifndef MURID_JOURNAL_FILES_H
#define MURID_JOURNAL_FILES_H

#define JOURNAL_FILE "journal.sqlite"
#define JOURNAL_LOCK "lock"

#endif
