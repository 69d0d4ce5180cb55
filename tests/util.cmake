# Tests of daemon/src/util.
unit_test(fault murid::daemon_core)
unit_test(list murid::daemon_core)
unit_test(json_writer murid::daemon_core)
unit_test(text_escape murid::daemon_core)
unit_test(histogram murid::daemon_core)
unit_test(nearest murid::daemon_core)
unit_test(progress murid::daemon_core)
unit_test(thread_pool murid::daemon_core)
