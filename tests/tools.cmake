# Tests of the subcommands and of what they share.
unit_test(table murid::daemon_core)
unit_test(progress murid::daemon_core)
unit_test(options murid::daemon_core)
unit_test(view murid::daemon_core)
fuzz_target(csv murid::daemon_core)
unit_test(random murid::model)
unit_test(mouse murid::model)
