# Tests of daemon.
python_test(integration/test_crash.py)
