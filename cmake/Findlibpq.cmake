# libpq by pkg-config (CMake's own FindPostgreSQL asks for the server's headers too): the target PkgConfig::libpq.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(libpq QUIET IMPORTED_TARGET GLOBAL libpq)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libpq REQUIRED_VARS libpq_LINK_LIBRARIES VERSION_VAR libpq_VERSION)
