# Tests of bridge.
unit_test(frame murid::proto)
unit_test(bridge_decode murid::bridge)
