# Tests of daemon/src/net.
unit_test(zmq_bus murid::daemon_core)
unit_test(mouse_socket murid::daemon_core)
python_test(integration/test_sockets.py)
python_test(integration/test_wire.py)
python_test(integration/test_floods.py)
