# libpam, which has no CMake package of its own: the target PkgConfig::libpam.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(libpam QUIET IMPORTED_TARGET GLOBAL pam)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libpam REQUIRED_VARS libpam_LINK_LIBRARIES VERSION_VAR libpam_VERSION)
