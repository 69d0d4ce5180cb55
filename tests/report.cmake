# Tests of daemon/src/report.
unit_test(review murid::daemon_core)
unit_test(rule_memory murid::daemon_core)
unit_test(watch_view murid::daemon_core)
python_test(integration/test_review.py)
python_test(integration/test_figures.py)
python_test(integration/test_watch.py)
python_test(integration/test_status.py)
