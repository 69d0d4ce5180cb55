# Tests of what is spread over threads and ranks. A build with MURID_MPI has only those with ranks:
# it stands beside a build that has all the others.
if(NOT MURID_MPI)
    unit_test(job_scheduler murid::daemon_core)
endif()
add_executable(spread_jobs support/spread_jobs.c)
target_link_libraries(spread_jobs PRIVATE test_support murid::daemon_core)
python_test(integration/test_spread.py)
python_test(integration/test_fit_many.py)
set_property(TEST integration.spread integration.fit_many APPEND PROPERTY ENVIRONMENT
    "MURID_MPI=$<BOOL:${MURID_MPI}>" "SPREAD_JOBS=$<TARGET_FILE:spread_jobs>")
