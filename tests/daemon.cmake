# Tests of daemon.
