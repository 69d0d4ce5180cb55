# Studies: what the model and its audits find out, as tables; minutes each, most a function of a seed. Not in the
# default run, but for small ones.    ctest --preset release -C bench -L study --verbose
foreach(name audit engagement curriculum forecast_status)
    measuring_program(study ${name})
    measuring_test(study ${name} 1800 study_${name})
endforeach()
target_sources(study_curriculum PRIVATE study/learner.c)
target_link_libraries(study_curriculum PRIVATE model_ahead)

# Forecasts of recorded animals: needs models fitted fold by fold, docs/model.md section forecast.
measuring_program(study forecast)
target_link_libraries(study_forecast PRIVATE model_ahead)

# What fits recover from animals whose rule is known, and what recorded ones tell: hours; what is finished is kept in
# build/study, and the same command continues. Whether a simulated population is like the real one
# (it is not in everything: docs/protocols.md).
measuring_test(study recovery 86400 ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/study/recovery.py)
measuring_test(study population 600 ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/study/population.py)

# Files followed by a daemon that is killed 20 times: the ordinary test with more kills.
measuring_test(study follow 1800 ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_follow.py Writing)
set_tests_properties(study.follow PROPERTIES ENVIRONMENT
    "MURID_BIN=$<TARGET_FILE:murid>;KILLS=20;MURID_SOURCE_DIR=${CMAKE_SOURCE_DIR};PYTHONPATH=${CMAKE_CURRENT_SOURCE_DIR}/support")

# Small ones in the ordinary run: their figures come from a seed, not from the machine.
foreach(name audit engagement curriculum)
    add_test(NAME study.${name}_quick COMMAND study_${name} --quick)
    set_tests_properties(study.${name}_quick PROPERTIES LABELS study TIMEOUT 300)
endforeach()
add_test(NAME integration.recovery
    COMMAND ${MURID_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/study/recovery.py --quick)
set_tests_properties(integration.recovery PROPERTIES LABELS integration TIMEOUT 600
    ENVIRONMENT "MURID_BIN=$<TARGET_FILE:murid>")
python_test(integration/test_pieces.py)

# Run by hand: the search for the built-in walk's variances.
add_executable(tune_noise reference/tune_noise.c)
target_link_libraries(tune_noise PRIVATE test_support murid::daemon_core)
