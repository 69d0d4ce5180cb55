# Tests of daemon/src/fit; what is spread over ranks: ranks.cmake.
unit_test(comparison murid::daemon_core)
unit_test(crossval murid::daemon_core)
python_test(integration/test_fit.py)
python_test(integration/test_fit_hostile.py)
