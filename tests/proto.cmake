# Tests of proto.
set(PROTO_SOURCES ${CMAKE_SOURCE_DIR}/proto/src)

unit_test(frame murid::proto)
unit_test(reader murid::proto)
unit_test(decode murid::proto)
unit_test(message murid::proto PkgConfig::MSGPACK)
target_include_directories(test_message PRIVATE ${PROTO_SOURCES})

add_executable(proto_echo support/proto_echo.c)
target_link_libraries(proto_echo PRIVATE test_support murid::proto)
python_test(integration/test_foreign_peer.py)
python_test(integration/test_protocol_doc.py)
python_test(integration/test_serial_tables.py)
python_test(integration/test_python_client.py)

fuzz_target(msgpack murid::proto)
fuzz_target(json murid::proto)
