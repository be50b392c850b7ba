# libmunge, which has no CMake package of its own: the target PkgConfig::libmunge.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(libmunge QUIET IMPORTED_TARGET GLOBAL munge)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libmunge REQUIRED_VARS libmunge_LINK_LIBRARIES VERSION_VAR libmunge_VERSION)
