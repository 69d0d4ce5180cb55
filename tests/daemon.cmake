# Tests of daemon.
python_test(integration/test_crash.py)
python_test(integration/test_play.py)
