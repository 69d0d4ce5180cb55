# Tests of daemon/src/fit; what is spread over ranks: ranks.cmake.
unit_test(comparison murid::daemon_core)
unit_test(crossval murid::daemon_core)
unit_test(training_gaps murid::daemon_core)
unit_test(family_separation murid::daemon_core)
unit_test(family_mix murid::daemon_core)
python_test(integration/test_fit.py)
python_test(integration/test_fit_hostile.py)

# Calls of BLIS, counted.
python_test(integration/test_blis.py)
add_library(blis_counter SHARED support/blis_counter.c)
target_compile_definitions(blis_counter PRIVATE _GNU_SOURCE)
target_link_libraries(blis_counter PRIVATE BLIS::BLIS ${CMAKE_DL_LIBS})
set_property(TEST integration.blis APPEND PROPERTY ENVIRONMENT
    "BLIS_COUNTER_LIBRARY=$<TARGET_FILE:blis_counter>")
