# gRPC C++ by pkg-config (its CMake package wants Protobuf's, which our headers do not need): the target PkgConfig::libgrpc.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(libgrpc QUIET IMPORTED_TARGET GLOBAL grpc++)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libgrpc REQUIRED_VARS libgrpc_LINK_LIBRARIES VERSION_VAR libgrpc_VERSION)
