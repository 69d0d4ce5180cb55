# Measurements: not in the default run, since figures of a busy machine mean nothing.
#   ctest --preset release -C bench -L bench --verbose      or      cmake --build --preset release --target bench_all
add_library(bench STATIC bench/bench.c)
target_include_directories(bench PUBLIC bench)
target_compile_definitions(bench PRIVATE MURID_BIN="$<TARGET_FILE:murid>")
target_link_libraries(bench PUBLIC murid::daemon_core PRIVATE project_flags)
add_dependencies(bench murid)

# measuring_program(bench latency) builds bench/latency.c as bench_latency
function(measuring_program kind name)
    add_executable(${kind}_${name} ${kind}/${name}.c)
    target_compile_definitions(${kind}_${name} PRIVATE MURID_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_include_directories(${kind}_${name} PRIVATE support)
    target_link_libraries(${kind}_${name} PRIVATE project_flags bench)
endfunction()

# measuring_test(bench latency_rnn 1800 COMMAND ARGS...) registers bench.latency_rnn, of the configuration bench
function(measuring_test kind name timeout)
    add_test(NAME ${kind}.${name} COMMAND ${ARGN} CONFIGURATIONS bench)
    set_tests_properties(${kind}.${name} PROPERTIES LABELS ${kind} TIMEOUT ${timeout} RUN_SERIAL ON
        ENVIRONMENT "MURID_BIN=$<TARGET_FILE:murid>")
endfunction()

foreach(name latency stages throughput memory subjects start fit gemm rollout)
    measuring_program(bench ${name})
    measuring_test(bench ${name} 1800 bench_${name})
endforeach()
foreach(name gemm stages rollout)
    target_link_libraries(bench_${name} PRIVATE model_numeric)
endforeach()
measuring_test(bench latency_rnn 1800 bench_latency --members 1)
target_link_libraries(bench_fit PRIVATE model_fit BLIS::BLIS)

# Virtual mice in training: how fast.
measuring_test(bench simulate 600 ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/bench/simulate.py)

# 60 rigs whose files are followed: processor time, and time from line to prediction.
measuring_test(bench follow 600 ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/bench/follow.py)

# Run by hand: times of the model's inner loops.
add_executable(bench_model bench/bench_model.c)
target_link_libraries(bench_model PRIVATE test_support model_numeric murid::model)

add_custom_target(bench_all COMMAND ${CMAKE_CTEST_COMMAND} -C bench -L bench --verbose
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR} USES_TERMINAL)
