// libstdc++ counts the references to an exception object in code that ThreadSanitizer does not see (libsupc++'s
// eh_ptr.cc): the end of the last std::promise or std::future that has an exception looks like a race with its reader.
// gRPC and what it stands on are the distribution's, which were not compiled for it: how they synchronise it does not
// see. Asio orders its counts of an executor's owners by fences (ref_count_down), which ThreadSanitizer does not know.
// oneTBB is the distribution's, too, and hands over tasks and observers: what its workers do, and what is below a loop,
// is not looked at; the arenas' locking among callers is.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:std::__future_base::_Result_base::_Deleter\n"
         "race:std::__exception_ptr::exception_ptr::_M_release\n"
         "race:boost::asio::execution::detail::shared_target_executor\n"
         "race:libgrpc\nrace:libgpr\nrace:libabsl\nrace:libprotobuf\nmutex:libgrpc\ndeadlock:libgrpc\n"
         "race:tbb::detail::\nrace:libtbb.so\n";
}
