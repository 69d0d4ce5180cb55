/* journal_files.h - the files of a data directory, by name. docs/journal.md explains them. */
#pragma once

#define JOURNAL_FILE "journal.sqlite"
#define JOURNAL_LOCK "lock"
