# Tests of what documents, layers and tests say of themselves.
python_test(integration/test_commands_doc.py)
python_test(integration/test_docs.py)
python_test(integration/test_glossary.py)
python_test(integration/test_layers.py)
python_test(integration/test_tests.py)
python_test(integration/test_bootstrap.py)
