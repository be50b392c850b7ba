# What holds for all code of this repository: warnings are errors, and a sanitizer build sanitizes all of it.

# behalf_our_code(TARGET): our warnings and, where the preset asks for one, its sanitizer.
function(behalf_our_code target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wshadow;-Wnon-virtual-dtor;-Werror>)
  if(BEHALF_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${BEHALF_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all
      # GCC 12 finds std::regex uninitialised where AddressSanitizer has instrumented it (GCC bug 105616).
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-mismatched-new-delete>)
    target_link_options(${target} PRIVATE -fsanitize=${BEHALF_SANITIZE})
  endif()
endfunction()

# behalf_staged_code(TARGET): code that runs inside the stage, under the tracer. It is never sanitized: the
# sanitizers' own threads and LeakSanitizer's ptrace would be what the tracer sees.
function(behalf_staged_code target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Werror>)
endfunction()

# behalf_test(NAME SOURCES... [LINK LIBRARIES...]): one GoogleTest program, one CTest entry.
function(behalf_test name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gtest GTest::gmock GTest::gtest_main Threads::Threads)
  behalf_our_code(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 240)
endfunction()
