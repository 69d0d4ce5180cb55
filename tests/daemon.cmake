# Tests of daemon.
unit_test(ring murid::daemon_core)
unit_test(sequence murid::daemon_core)
unit_test(histogram murid::daemon_core)
unit_test(heal murid::daemon_core)
python_test(integration/test_hostile.py)
python_test(integration/test_crash.py)
python_test(integration/test_play.py)
