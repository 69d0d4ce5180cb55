# Warnings, sanitizers and hardening, carried by one interface target.
add_library(project_flags INTERFACE)
target_compile_features(project_flags INTERFACE c_std_11)
target_compile_options(project_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wvla -Wcast-align -Wswitch-enum
    -Wmissing-prototypes -Wstrict-prototypes -Wconversion -Wsign-conversion
    -Wdouble-promotion $<$<BOOL:${WERROR}>:-Werror>
    -ffp-contract=off -fstack-protector-strong)
if(NOT SANITIZE)
    target_compile_definitions(project_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
else()
    target_compile_options(project_flags INTERFACE
        -fsanitize=${SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(project_flags INTERFACE -fsanitize=${SANITIZE})
endif()
if(FUZZ)
    target_compile_options(project_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# POSIX and Linux calls: CMAKE_C_EXTENSIONS is off and would hide them.
add_library(project_posix INTERFACE)
target_compile_definitions(project_posix INTERFACE _POSIX_C_SOURCE=200809L)
