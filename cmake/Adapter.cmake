# Adapters: headers and libraries of ours that stand on somebody else's library. Each is a target of its own, and a
# component of the package, there where its library is there: find_package(behalf COMPONENTS asio).

# behalf_adapter(NAME TYPE SOURCES... PACKAGE package [version] TARGETS target...): makes behalf::NAME of that type
# (INTERFACE or STATIC) where find_package(package version) finds the targets that it links.
function(behalf_adapter name type)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "PACKAGE;TARGETS")
  find_package(${arg_PACKAGE} QUIET GLOBAL)
  foreach(target IN LISTS arg_TARGETS)
    if(NOT TARGET ${target})
      message(STATUS "behalf::${name} is left out: no ${arg_PACKAGE}")
      return()
    endif()
  endforeach()
  add_library(behalf_${name} ${type} ${arg_UNPARSED_ARGUMENTS})
  add_library(behalf::${name} ALIAS behalf_${name})
  set_target_properties(behalf_${name} PROPERTIES EXPORT_NAME ${name})
  if(type STREQUAL INTERFACE)
    target_link_libraries(behalf_${name} INTERFACE behalf::transfer ${arg_TARGETS})
  else()
    target_include_directories(behalf_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(behalf_${name} PUBLIC behalf::transfer ${arg_TARGETS})
    behalf_our_code(behalf_${name})
  endif()
  string(REPLACE ";" " " package "${arg_PACKAGE}")
  set_property(GLOBAL APPEND PROPERTY BEHALF_ADAPTERS ${name})
  set_property(GLOBAL PROPERTY BEHALF_ADAPTER_${name} "${package}")
endfunction()
