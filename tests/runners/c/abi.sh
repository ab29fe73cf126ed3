#!/usr/bin/env bash
# What an installed Sendgate is for C and C++: found by CMake and pkg-config, its README and examples run, and its memory
# and threads are clean: abi.sh DIRECTORY-OF-THE-LIBRARY-AND-THE-SIMULATOR
set -euo pipefail
library="$(cd "$1" && pwd)"
cd "$(dirname "$0")/../../.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
tests/runners/prefix.sh "$library" "$work/prefix"
export PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig"
read -ra flags < <(pkg-config --cflags --libs sendgate)
flags+=("-Wl,-rpath,$work/prefix/lib" -pthread)

# README: block LANGUAGE prints its block of code.
block() { awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } $0 == "```" { on = 0 } on' ffi/README.md; }
block c >"$work/readme.c"
block cpp >"$work/readme.cpp"
for made in readme:"$work/readme" send:ffi/examples/send; do
    cc -std=c11 -Wall -Wextra -Werror "${made#*:}.c" -o "$work/${made%%:*}-c" "${flags[@]}"
    c++ -std=c++17 -Wall -Wextra -Werror "${made#*:}.cpp" -o "$work/${made%%:*}-cpp" "${flags[@]}"
done
for language in c cpp; do
    said="$("$work/readme-$language")"
    [ "$said" = 'later: 1, at 1800000000100' ] || { echo "error: the README's $language says: $said" >&2 && exit 1; }
    tests/runners/simulated.sh "$library" "$work/send-$language"
done
echo "pkg-config: the README and the examples in C and C++ run"

mkdir "$work/consumer"
cp ffi/examples/send.c ffi/examples/send.cpp "$work/consumer"
cat >"$work/consumer/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(Consumer LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(Sendgate REQUIRED)
add_executable(shared send.c)
target_link_libraries(shared PRIVATE Sendgate::Sendgate)
add_executable(static send.cpp)
target_link_libraries(static PRIVATE Sendgate::Static)
CMAKE
{
    cmake -S "$work/consumer" -B "$work/consumer/build" -DCMAKE_PREFIX_PATH="$work/prefix"
    cmake --build "$work/consumer/build"
} >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
for linked in shared static; do tests/runners/simulated.sh "$library" "$work/consumer/build/$linked"; done
echo "CMake: found, and linked with the shared and the static library"

for name in tour objects threads; do
    cc -std=c11 -O1 -g "tests/runners/c/$name.c" -o "$work/$name" "${flags[@]}"
done
clean() { valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible "$@"; }
clean "$work/tour"
clean "$work/objects" "$work/objects.db"
clean "$work/threads"
PYTHONPATH=tests/runners python3 tests/runners/c/flatten.py >"$work/lines"
cc -std=c11 -O1 -g tests/runners/c/vectors.c -o "$work/vectors" "${flags[@]}"
clean "$work/vectors" <"$work/lines"
echo "valgrind: no leak and no invalid access"

cc -std=c11 -O1 -g -fsanitize=thread tests/runners/c/threads.c -o "$work/raced" "${flags[@]}"
"$work/raced"
