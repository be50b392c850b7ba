# MIT Kerberos and its GSS-API by pkg-config: the target PkgConfig::libgssapi.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(libgssapi QUIET IMPORTED_TARGET GLOBAL mit-krb5-gssapi mit-krb5)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libgssapi REQUIRED_VARS libgssapi_LINK_LIBRARIES VERSION_VAR libgssapi_VERSION)
