# What `cmake --install` puts where, and the package that find_package(behalf) finds. A library of ours joins by
# install(TARGETS ... EXPORT behalf), an adapter by behalf_adapter() (Adapter.cmake).
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/behalf)
install(DIRECTORY include/behalf DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS behalf_identity behalf_transfer behalf_state behalf_remote EXPORT behalf ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(BEHALF_TOOL)
  # Where the tool looks for its parts: beside bin (tool/run_as/main.cc, tool/judge/inquiry.cc, tool/cli/catalogue.cc).
  install(TARGETS behalf EXPORT behalf RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(TARGETS behalf_check EXPORT behalf)
  install(TARGETS behalf-tool behalf-service RUNTIME DESTINATION libexec/behalf)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/lib/behalf/catalogue DESTINATION lib/behalf USE_SOURCE_PERMISSIONS)
  if(TARGET behalf::pam)
    install(FILES packaging/pam.d/behalf DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/pam.d)
  endif()
  install(FILES docs/behalf.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# Each adapter has targets of its own, read where it is asked for and its library is found.
set(adapter_needs "")
get_property(adapters GLOBAL PROPERTY BEHALF_ADAPTERS)
foreach(adapter IN LISTS adapters)
  install(TARGETS behalf_${adapter} EXPORT behalf_${adapter} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT behalf_${adapter} FILE behalf_${adapter}Targets.cmake NAMESPACE behalf:: DESTINATION ${package_folder})
  get_property(needs GLOBAL PROPERTY BEHALF_ADAPTER_${adapter})
  get_property(on GLOBAL PROPERTY BEHALF_ADAPTER_${adapter}_ON)
  string(APPEND adapter_needs "set(_behalf_${adapter}_needs ${needs})\nset(_behalf_${adapter}_on ${on})\n")
endforeach()

install(EXPORT behalf FILE behalfTargets.cmake NAMESPACE behalf:: DESTINATION ${package_folder})
configure_package_config_file(cmake/behalfConfig.cmake.in ${PROJECT_BINARY_DIR}/behalfConfig.cmake
  INSTALL_DESTINATION ${package_folder})
# Until 1.0 a minor version may break what an earlier one had.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/behalfConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/behalfConfig.cmake ${PROJECT_BINARY_DIR}/behalfConfigVersion.cmake
  cmake/behalfAddCheck.cmake DESTINATION ${package_folder})
install(FILES cmake/Findliburing.cmake cmake/Findlibpam.cmake cmake/Findlibpq.cmake cmake/Findlibgrpc.cmake cmake/Findlibmunge.cmake cmake/Findlibgssapi.cmake DESTINATION ${package_folder}/modules)
