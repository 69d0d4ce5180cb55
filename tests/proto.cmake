# Tests of proto.
set(PROTO_SOURCES ${CMAKE_SOURCE_DIR}/proto/src)

unit_test(message murid::proto PkgConfig::MSGPACK)
target_include_directories(test_message PRIVATE ${PROTO_SOURCES})
