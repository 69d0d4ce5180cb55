/* journal_schema.h - the tables of a journal. docs/journal.md explains them to readers in Python, R
 * and MATLAB. A change raises JOURNAL_VERSION, which is stored in user_version. */
#pragma once

#include "journal_files.h"

#define JOURNAL_VERSION 4

/* Tables to which rows are only added, by rising key; each row's `chain` is the checksum of its
 * columns, seeded with the row before. X(NAME, name, key, columns, recent): columns: those of the
 * checksum, then `chain`; recent: so many of the newest keys are checked at each start. */
#define JOURNAL_CHAIN_LIST(X)                                                                      \
    X(RUN, run, "id", "*", 2000)                                                                   \
    X(SUBJECT, subject, "id", "*", 20000)                                                          \
    X(SESSION, session, "id",                                                                      \
      "id, rig, subject, name, named_here, started_wall_ns, given, run, stated, counts, chain",    \
      20000)                                                                                       \
    X(EVENT, event, "id", "*", 20000)                                                              \
    X(PREDICTION, prediction, "event", "*", 20000)                                                 \
    X(ALERT, alert, "id", "*", 20000)                                                              \
    X(ADAPTATION, adaptation, "id", "*", 200)

#define JOURNAL_CHAIN_ENUM(NAME, name, key, columns, recent) JOURNAL_CHAIN_##NAME,
enum journal_chain { JOURNAL_CHAIN_LIST(JOURNAL_CHAIN_ENUM) JOURNAL_CHAINS };
#undef JOURNAL_CHAIN_ENUM

#define JOURNAL_SCHEMA                                                                             \
    "CREATE TABLE run ("                                                                           \
    " id INTEGER PRIMARY KEY, first_event INTEGER NOT NULL, started_wall_ns INTEGER NOT NULL,"     \
    " version TEXT NOT NULL, model TEXT NOT NULL, config TEXT NOT NULL,"                           \
    " boot INTEGER NOT NULL, chain BLOB NOT NULL);"                                                \
    "CREATE TABLE model (hash TEXT PRIMARY KEY, path TEXT NOT NULL, file BLOB NOT NULL);"          \
    "CREATE TABLE subject (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"                     \
    " chain BLOB NOT NULL);"                                                                       \
    "CREATE TABLE session ("                                                                       \
    " id INTEGER PRIMARY KEY, rig TEXT NOT NULL, subject INTEGER NOT NULL REFERENCES subject,"     \
    " name TEXT NOT NULL, named_here INTEGER NOT NULL, started_wall_ns INTEGER NOT NULL,"          \
    " given TEXT NOT NULL, run INTEGER NOT NULL, stated INTEGER NOT NULL, counts INTEGER NOT "     \
    "NULL,"                                                                                        \
    " chain BLOB NOT NULL, state BLOB, state_checksum BLOB,"                                       \
    " UNIQUE (subject, rig, name));"                                                               \
    "CREATE INDEX session_counts ON session (counts);"                                             \
    "CREATE TABLE event ("                                                                         \
    " id INTEGER PRIMARY KEY, t_wall_ns INTEGER NOT NULL, t_mono_ns INTEGER NOT NULL,"             \
    " t_event_ns INTEGER, source TEXT NOT NULL, rig TEXT, kind TEXT, status TEXT NOT NULL,"        \
    " subject INTEGER REFERENCES subject, session INTEGER REFERENCES session, trial INTEGER,"      \
    " seq INTEGER, stimulus REAL, choice INTEGER, reward REAL, side INTEGER, rt_s REAL,"           \
    " p_right REAL, nats REAL, baseline_nats REAL, p_disengaged REAL,"                             \
    " covered INTEGER, bin_error REAL, bin_claimed REAL, raw BLOB NOT NULL,"                       \
    " chain BLOB NOT NULL);"                                                                       \
    "CREATE INDEX event_subject ON event (subject, id);"                                           \
    "CREATE INDEX event_trial ON event (session, trial) WHERE kind = 'trial';"                     \
    "CREATE INDEX event_seq ON event (session, seq) WHERE seq IS NOT NULL;"                        \
    "CREATE TABLE prediction ("                                                                    \
    " event INTEGER PRIMARY KEY REFERENCES event, t_wall_ns INTEGER NOT NULL,"                     \
    " t_mono_ns INTEGER NOT NULL, run INTEGER NOT NULL REFERENCES run,"                            \
    " subject INTEGER NOT NULL REFERENCES subject, session INTEGER NOT NULL REFERENCES session,"   \
    " for_trial INTEGER NOT NULL, stimuli BLOB NOT NULL, p_right BLOB NOT NULL,"                   \
    " lo BLOB NOT NULL, hi BLOB NOT NULL, w BLOB NOT NULL, w_sd BLOB NOT NULL,"                    \
    " n INTEGER NOT NULL, nats REAL, baseline_nats REAL, brier REAL, ece REAL,"                    \
    " coverage REAL, interval_ratio REAL,"                                                         \
    " session_n INTEGER NOT NULL, session_nats REAL, session_baseline_nats REAL,"                  \
    " session_brier REAL, session_ece REAL, session_coverage REAL, session_interval_ratio REAL,"   \
    " decode_us REAL NOT NULL, assimilate_us REAL NOT NULL, predict_us REAL NOT NULL,"             \
    " chain BLOB NOT NULL);"                                                                       \
    "CREATE TABLE alert ("                                                                         \
    " id INTEGER PRIMARY KEY, event INTEGER, t_wall_ns INTEGER NOT NULL, rig TEXT NOT NULL,"       \
    " subject TEXT NOT NULL, code TEXT NOT NULL, evidence REAL, text TEXT NOT NULL,"               \
    " chain BLOB NOT NULL);"                                                                       \
    "CREATE TABLE checkpoint ("                                                                    \
    " subject INTEGER PRIMARY KEY REFERENCES subject, event INTEGER NOT NULL,"                     \
    " run INTEGER NOT NULL REFERENCES run, layout INTEGER NOT NULL, state BLOB NOT NULL,"          \
    " checksum BLOB NOT NULL);"                                                                    \
    "CREATE TABLE forecast ("                                                                      \
    " event INTEGER NOT NULL REFERENCES event, subject INTEGER NOT NULL REFERENCES subject,"       \
    " t_wall_ns INTEGER NOT NULL, message TEXT NOT NULL, checksum BLOB NOT NULL,"                  \
    " PRIMARY KEY (subject, event));"                                                              \
    "CREATE TABLE suggestion ("                                                                    \
    " event INTEGER NOT NULL REFERENCES event, subject INTEGER NOT NULL REFERENCES subject,"       \
    " t_wall_ns INTEGER NOT NULL, message TEXT NOT NULL, checksum BLOB NOT NULL,"                  \
    " PRIMARY KEY (subject, event));"                                                              \
    "CREATE TABLE adaptation ("                                                                    \
    " id INTEGER PRIMARY KEY, subject INTEGER NOT NULL REFERENCES subject,"                        \
    " run INTEGER NOT NULL REFERENCES run, t_wall_ns INTEGER NOT NULL, what TEXT NOT NULL,"        \
    " based_on INTEGER NOT NULL, event INTEGER NOT NULL, n INTEGER NOT NULL,"                      \
    " nats_before REAL, nats_after REAL, parameters BLOB, chain BLOB NOT NULL);"                   \
    "CREATE TABLE head (name TEXT PRIMARY KEY, last INTEGER NOT NULL, chain BLOB NOT NULL);"

/* C promises no longer text than 4095 bytes: tables and views apart. */
#define JOURNAL_VIEWS                                                                              \
    "CREATE VIEW trial AS SELECT event.id AS event, subject.name AS subject, session.rig AS rig,"  \
    " session.name AS session, event.trial AS trial, event.stimulus AS stimulus,"                  \
    " event.choice AS choice, event.reward AS reward, event.side AS side, event.rt_s AS rt_s,"     \
    " event.p_right AS p_right, event.nats AS nats, event.baseline_nats AS baseline_nats,"         \
    " event.p_disengaged AS p_disengaged,"                                                         \
    " event.t_wall_ns AS t_wall_ns, event.status AS status"                                        \
    " FROM event JOIN subject ON subject.id = event.subject"                                       \
    " JOIN session ON session.id = event.session"                                                  \
    " WHERE event.status IN ('taken', 'healed', 'late', 'doubted');"                               \
    "CREATE VIEW reliability AS SELECT subject.name AS subject, session.rig AS rig,"               \
    " session.name AS session, min(CAST(10 * p_right AS INTEGER), 9) AS bin, count(*) AS n,"       \
    " avg(p_right) AS p_right, avg(choice) AS chose_right, sum(nats) AS nats,"                     \
    " sum(baseline_nats) AS baseline_nats, sum((p_right - choice) * (p_right - choice)) AS brier," \
    " 2 * count(covered) AS coverage_bins, total(covered) AS covered,"                             \
    " total(bin_error) AS bin_error, total(bin_claimed) AS bin_claimed"                            \
    " FROM event JOIN subject ON subject.id = event.subject"                                       \
    " JOIN session ON session.id = event.session"                                                  \
    " WHERE choice IS NOT NULL AND p_right IS NOT NULL"                                            \
    " GROUP BY event.subject, event.session, bin;"
