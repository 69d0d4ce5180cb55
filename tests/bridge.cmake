# Tests of bridge.
unit_test(bridge_decode murid::bridge)
unit_test(columns murid::bridge)
unit_test(column_trials murid::bridge)
unit_test(npy murid::bridge)
unit_test(alf murid::bridge)
unit_test(clock murid::bridge)
unit_test(discover murid::bridge)
unit_test(frames murid::bridge)
unit_test(iblrig murid::bridge)
unit_test(lines murid::bridge)
unit_test(link murid::bridge murid::firmware)
unit_test(messages murid::bridge)
unit_test(pty murid::bridge murid::firmware)
unit_test(serial_port murid::bridge)
unit_test(simavr murid::bridge murid::firmware)
foreach(name alf discover iblrig lines pty serial_port simavr)
    target_compile_definitions(test_${name} PRIVATE _XOPEN_SOURCE=700)
endforeach()

# libserialport refuses ptys; the shim, preloaded, makes them pass. It stands before a sanitizer's
# runtime, which must be told not to mind.
add_library(serial_shim SHARED support/serial_shim.c)
target_compile_definitions(serial_shim PRIVATE _GNU_SOURCE)
target_link_libraries(serial_shim PRIVATE ${CMAKE_DL_LIBS})
set_tests_properties(unit.serial_port PROPERTIES ENVIRONMENT
    "LD_PRELOAD=$<TARGET_FILE:serial_shim>;ASAN_OPTIONS=verify_asan_link_order=0")

# The real image under simavr. Without simavr or avr-gcc its test is skipped.
find_path(SIMAVR_INCLUDE_DIR sim_avr.h PATH_SUFFIXES simavr)
find_library(SIMAVR_LIBRARY simavr)
set(AVR_IMAGE ${CMAKE_BINARY_DIR}/firmware/murid_uno.elf)
target_compile_definitions(test_simavr PRIVATE
    SIMAVR_PTY="${CMAKE_CURRENT_BINARY_DIR}/simavr_pty" AVR_IMAGE="${AVR_IMAGE}")
if(SIMAVR_INCLUDE_DIR AND SIMAVR_LIBRARY)
    add_executable(simavr_pty support/simavr_pty.c)
    target_include_directories(simavr_pty SYSTEM PRIVATE ${SIMAVR_INCLUDE_DIR})
    target_compile_definitions(simavr_pty PRIVATE _XOPEN_SOURCE=700)
    target_compile_options(simavr_pty PRIVATE -O2 -Wall -Wextra -Wshadow -Wconversion)
    target_link_libraries(simavr_pty PRIVATE ${SIMAVR_LIBRARY})
    add_dependencies(test_simavr simavr_pty)
endif()
if(TARGET firmware_avr)
    add_dependencies(test_simavr firmware_avr)
endif()

python_test(integration/test_firmware_size.py)
python_test(integration/test_serial.py)

python_test(integration/test_rigs.py)
python_test(integration/test_arrays.py)

fuzz_target(frame murid::bridge murid::firmware)
fuzz_target(iblrig murid::bridge)
foreach(name alf bpod_app harp lines messages numpy nwb open_ephys)
    fuzz_target(${name} murid::bridge)
endforeach()
