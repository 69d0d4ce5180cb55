# Measurements: not in the default run, since figures of a busy machine mean nothing.
#   ctest --preset release -C bench -L bench --verbose      or      cmake --build --preset release --target bench
add_library(bench STATIC bench/bench.c)
target_include_directories(bench PUBLIC bench)
target_compile_definitions(bench PRIVATE MURID_BIN="$<TARGET_FILE:murid>")
target_link_libraries(bench PUBLIC murid::daemon_core PRIVATE project_flags)
add_dependencies(bench murid)

# bench_program(latency ARGS...) builds bench/latency.c and registers it as bench.latency
function(bench_program name)
    add_executable(bench_${name} bench/${name}.c)
    target_link_libraries(bench_${name} PRIVATE project_flags bench)
    bench_run(${name} ${name} ${ARGN})
endfunction()

# bench_run(latency_rnn latency --members 1) registers another way to run a program
function(bench_run test name)
    add_test(NAME bench.${test} COMMAND bench_${name} ${ARGN} CONFIGURATIONS bench)
    set_tests_properties(bench.${test} PROPERTIES LABELS bench TIMEOUT 1800 RUN_SERIAL ON)
endfunction()

bench_program(latency)
bench_run(latency_rnn latency --members 1)
bench_program(stages)
target_compile_definitions(bench_stages PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
bench_program(throughput)
target_compile_definitions(bench_throughput PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
bench_program(memory)
bench_program(subjects)
bench_program(start)
bench_program(engagement)
target_compile_definitions(bench_engagement PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_include_directories(bench_engagement PRIVATE support)
# A small one in the ordinary run: its figures come from a seed, not from the machine.
add_test(NAME bench.engagement_quick COMMAND bench_engagement --quick)
set_tests_properties(bench.engagement_quick PROPERTIES LABELS bench TIMEOUT 60)
bench_program(audit)
target_compile_definitions(bench_audit PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_include_directories(bench_audit PRIVATE support)
add_test(NAME bench.audit_quick COMMAND bench_audit --quick)
set_tests_properties(bench.audit_quick PROPERTIES LABELS bench TIMEOUT 120)
bench_program(fit)
target_compile_definitions(bench_fit PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_libraries(bench_fit PRIVATE BLIS::BLIS)
bench_program(gemm)
target_link_libraries(bench_gemm PRIVATE model_numeric)
bench_program(rollout)
target_compile_definitions(bench_rollout PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_include_directories(bench_rollout PRIVATE support)

bench_program(curriculum)
target_sources(bench_curriculum PRIVATE bench/learner.c)
target_compile_definitions(bench_curriculum PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
add_test(NAME bench.curriculum_quick COMMAND bench_curriculum --quick)
set_tests_properties(bench.curriculum_quick PROPERTIES LABELS bench TIMEOUT 300)
# Forecasts of recorded animals: needs models fitted fold by fold, docs/model.md section forecast.
add_executable(bench_forecast bench/forecast.c)
target_link_libraries(bench_forecast PRIVATE project_flags bench)
bench_program(forecast_status)

# What fits recover from animals whose rule is known: half an hour; a smoke test of it by default.
add_test(NAME bench.recovery CONFIGURATIONS bench
    COMMAND ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/bench/recovery.py)
set_tests_properties(bench.recovery PROPERTIES LABELS bench TIMEOUT 14400 RUN_SERIAL ON
    ENVIRONMENT "MURID_BIN=$<TARGET_FILE:murid>")
add_test(NAME integration.recovery
    COMMAND ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/bench/recovery.py --quick)
set_tests_properties(integration.recovery PROPERTIES LABELS integration TIMEOUT 600
    ENVIRONMENT "MURID_BIN=$<TARGET_FILE:murid>")

# Virtual mice in training: how fast, and whether a population of the shipped model is like the real
# one (it is not in everything: docs/protocols.md).
foreach(name simulate population)
    add_test(NAME bench.${name} CONFIGURATIONS bench
        COMMAND ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/bench/${name}.py)
    set_tests_properties(bench.${name} PROPERTIES LABELS bench TIMEOUT 600 RUN_SERIAL ON
        ENVIRONMENT "MURID_BIN=$<TARGET_FILE:murid>")
endforeach()

add_custom_target(bench_all COMMAND ${CMAKE_CTEST_COMMAND} -C bench -L bench --verbose
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR} USES_TERMINAL)
