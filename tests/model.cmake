# Tests of model, and of the daemon's files that hold models.
unit_test(kernel murid::model)
target_include_directories(test_kernel PRIVATE ${CMAKE_SOURCE_DIR}/model/src)
unit_test(net murid::model)
unit_test(policy murid::model)
unit_test(filter murid::model)
unit_test(rule murid::model)
unit_test(score murid::model)
unit_test(twin murid::model)
