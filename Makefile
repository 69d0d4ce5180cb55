# Aliases only; the build is CMake's.
.PHONY: all test asan tsan tidy format run clean
all:
	cmake --preset release && cmake --build --preset release
test:
	./bootstrap test
asan tsan:
	cmake --preset $@ && cmake --build --preset $@ && ctest --preset $@
tidy:
	cmake --preset tidy && cmake --build --preset tidy
format:
	clang-format -i $$(git ls-files '*.c' '*.h')
run:
	./bootstrap run
clean:
	rm -rf build
