# liburing, which has no CMake package of its own: the target PkgConfig::liburing.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(liburing QUIET IMPORTED_TARGET GLOBAL liburing)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(liburing REQUIRED_VARS liburing_LINK_LIBRARIES VERSION_VAR liburing_VERSION)
