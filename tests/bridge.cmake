# Tests of bridge.
