# Tests of bridge.
unit_test(frame murid::proto)
unit_test(bridge_decode murid::bridge)
unit_test(clock murid::bridge)
unit_test(link murid::bridge murid::firmware)
