# Tests of review, of the journal's reader and of the documents made from the code.
unit_test(review murid::daemon_core)
unit_test(escape murid::daemon_core)
unit_test(fault murid::daemon_core)
unit_test(list murid::daemon_core)
python_test(integration/test_review.py)
python_test(integration/test_figures.py)
python_test(integration/test_config_doc.py)
python_test(integration/test_docs.py)
