# Tests of daemon/src/journal.
unit_test(journal_db murid::daemon_core)
python_test(integration/test_crash.py)
python_test(integration/test_damage.py)
python_test(integration/test_locks.py)
