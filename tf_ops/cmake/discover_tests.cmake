# kgn_add_test(NAME): builds tests/NAME.cc and gives ctest each of its cases as "NAME: case".
#
# The program says itself, once it is built, which cases it has; this file is also the script that
# asks it. When cross-compiling both go through CMAKE_CROSSCOMPILING_EMULATOR.
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND ${EMULATOR} ${PROGRAM} --list-test-cases
                  OUTPUT_VARIABLE listing RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} --list-test-cases: ${status}\n${listing}")
  endif()
  string(REGEX REPLACE "[^\n]*(\\[doctest\\]|====)[^\n]*\n" "" listing "${listing}")
  string(REGEX MATCHALL "[^\n]+" cases "${listing}")
  set(script "")
  foreach(case IN LISTS cases)
    string(REPLACE "," "\\," filter "${case}")
    string(APPEND script "add_test([==[${NAME}: ${case}]==] ${EMULATOR} [==[${PROGRAM}]==]"
                         " [==[--test-case=${filter}]==])\n")
    # A case that asserts nothing, and a filter that fits no case, are failures.
    string(APPEND script "set_tests_properties([==[${NAME}: ${case}]==] PROPERTIES"
                         " FAIL_REGULAR_EXPRESSION [==[(test cases|assertions): +0 ]==])\n")
  endforeach()
  file(WRITE ${OUTPUT} "${script}")
  return()
endif()

set(discover_tests_script ${CMAKE_CURRENT_LIST_FILE})

function(kgn_add_test name)
  add_executable(${name} tests/${name}.cc)
  target_link_libraries(${name} PRIVATE kgn_objects kgn_doctest)
  set(cases ${CMAKE_CURRENT_BINARY_DIR}/${name}_cases.cmake)
  add_custom_command(
    TARGET ${name} POST_BUILD
    BYPRODUCTS ${cases}
    COMMAND ${CMAKE_COMMAND} "-DNAME=${name}" "-DPROGRAM=$<TARGET_FILE:${name}>"
            "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}" "-DOUTPUT=${cases}"
            -P ${discover_tests_script}
    VERBATIM)
  # A program that is not built (yet) fails by name.
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${name}_include.cmake)
  file(WRITE ${include} "include(${cases} OPTIONAL RESULT_VARIABLE found)\n"
                        "if(NOT found)\n  add_test(${name} ${name}_NOT_BUILT)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()
