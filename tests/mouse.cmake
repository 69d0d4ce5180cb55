# Tests of daemon/src/mouse.
unit_test(rig_mouse murid::daemon_core)
unit_test(simulation murid::daemon_core)
python_test(integration/test_mouse.py)
python_test(integration/test_simulate.py)
python_test(integration/test_simulate_protocol.py)
