#include "behalf/warm_up.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <mqueue.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <initializer_list>
#include <thread>

#include "behalf/carried.h"
#include "identity/errors.h"

namespace behalf {

namespace {

// What is not warm, and why; empty where it is.
using Cold = std::string;

Cold because(const char* call) {
  return std::string{call} + ": " + detail::error_words(errno);
}

sigevent calls_back() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {};
  return event;
}

// One helper thread for all timers of the process (glibc's timer_routines.c), started by the first.
Cold timers() {
  sigevent event = calls_back();
  timer_t timer{};
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return because("timer_create");
  ::timer_delete(timer);
  return {};
}

// One helper thread for all queues of the process, started by the first mq_notify(3).
Cold queues() {
  const std::string name = "/behalf-warm-up-" + std::to_string(::getpid()) + "-" + std::to_string(::gettid());
  mq_attr attributes{};
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = 1;
  const mqd_t queue = ::mq_open(name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
  if (queue == static_cast<mqd_t>(-1)) return because("mq_open");
  ::mq_unlink(name.c_str());
  const sigevent event = calls_back();
  Cold cold;
  if (::mq_notify(queue, &event) != 0) cold = because("mq_notify");
  ::mq_close(queue);
  return cold;
}

// The back ends of the name service are loaded, and their configuration is read, at first use (nsswitch.conf(5)).
Cold names() {
  passwd account{};
  passwd* found = nullptr;
  std::string room(16384, '\0');
  (void)::getpwuid_r(::geteuid(), &account, room.data(), room.size(), &found);
  group its{};
  group* found_group = nullptr;
  (void)::getgrgid_r(::getegid(), &its, room.data(), room.size(), &found_group);
  addrinfo* addresses = nullptr;
  if (::getaddrinfo("localhost", nullptr, nullptr, &addresses) == 0) ::freeaddrinfo(addresses);
  return {};
}

Cold time_zone() {
  ::tzset();
  const std::time_t now = ::time(nullptr);
  std::tm local{};
  (void)::localtime_r(&now, &local);
  return {};
}

Cold conversions() {
  const iconv_t converter = ::iconv_open("UTF-16", "UTF-8");
  if (converter == reinterpret_cast<iconv_t>(-1)) return because("iconv_open");
  ::iconv_close(converter);
  return {};
}

// A library that may be part of the process, also as what a plug-in was linked with; it is not loaded for that.
class Library {
 public:
  explicit Library(std::initializer_list<const char*> names) noexcept {
    for (const char* name : names) {
      if (handle_ == nullptr) handle_ = ::dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    }
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    if (handle_ != nullptr) ::dlclose(handle_);
  }

  // Null where there is none; a program that is linked statically has it itself.
  template <class Function>
  [[nodiscard]] Function* function(const char* name) const noexcept {
    return reinterpret_cast<Function*>(::dlsym(handle_ != nullptr ? handle_ : RTLD_DEFAULT, name));
  }

 private:
  void* handle_ = nullptr;
};

constexpr const char* not_there = "the library is not part of the process";

// libgomp keeps a team for each thread that has begun a region, and adds to it when a region wants more threads than
// any before; GOMP_parallel is what `#pragma omp parallel` becomes.
Cold openmp() {
  const Library library{"libgomp.so.1"};
  const auto parallel = library.function<void(void (*)(void*), void*, unsigned, unsigned)>("GOMP_parallel");
  if (parallel == nullptr) return not_there;
  parallel([](void*) {}, nullptr, std::max(2U, std::thread::hardware_concurrency()), 0);
  return {};
}

// It keeps what it was told first of folders and user.
Cold glib_folders() {
  const Library library{"libglib-2.0.so.0"};
  bool any = false;
  for (const char* name : {"g_get_home_dir", "g_get_user_name", "g_get_real_name", "g_get_user_config_dir",
                           "g_get_user_data_dir", "g_get_user_cache_dir", "g_get_tmp_dir", "g_get_host_name"}) {
    const auto get = library.function<const char*()>(name);
    if (get == nullptr) continue;
    (void)get();
    any = true;
  }
  return any ? Cold{} : Cold{not_there};
}

// GLib has one thread for what it watches by itself (signals, children, files), started with the first of them. Here it
// is a signal that is ignored anyway; GLib's handler for it goes with the source, and what was there comes back.
Cold glib_worker() {
  const Library library{"libglib-2.0.so.0"};
  const auto watch = library.function<void*(int)>("g_unix_signal_source_new");
  const auto forget = library.function<void(void*)>("g_source_unref");
  if (watch == nullptr || forget == nullptr) return not_there;
  struct sigaction before {};
  if (::sigaction(SIGWINCH, nullptr, &before) != 0) return because("sigaction");
  void* const source = watch(SIGWINCH);
  if (source == nullptr) return "g_unix_signal_source_new failed";
  forget(source);
  return ::sigaction(SIGWINCH, &before, nullptr) == 0 ? Cold{} : because("sigaction");
}

// GIO has one thread that reads from all D-Bus connections, started with the first of them. Here it is one to nobody.
Cold gio_bus() {
  const Library library{"libgio-2.0.so.0"};
  const auto socket_of = library.function<void*(int, void**)>("g_socket_new_from_fd");
  const auto stream_of = library.function<void*(void*)>("g_socket_connection_factory_create_connection");
  const auto connect =
      library.function<void*(void*, const char*, unsigned, void*, void*, void**)>("g_dbus_connection_new_sync");
  const auto close = library.function<int(void*, void*, void**)>("g_dbus_connection_close_sync");
  const auto forget = library.function<void(void*)>("g_object_unref");
  if (socket_of == nullptr || stream_of == nullptr || connect == nullptr || close == nullptr || forget == nullptr) {
    return not_there;
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return because("socketpair");
  Cold cold = "g_dbus_connection_new_sync failed";
  void* const socket = socket_of(ends[0], nullptr);
  if (socket != nullptr) {
    void* const stream = stream_of(socket);
    if (void* const connection = connect(stream, nullptr, 0, nullptr, nullptr, nullptr); connection != nullptr) {
      (void)close(connection, nullptr, nullptr);
      forget(connection);
      cold.clear();
    }
    forget(stream);
    forget(socket);
  } else {
    ::close(ends[0]);
  }
  ::close(ends[1]);
  return cold;
}

Cold glib_pools() {
  const Library library{"libglib-2.0.so.0"};
  if (library.function<void()>("g_thread_pool_push") == nullptr) return not_there;
  return "a thread is started by whoever pushes when none is idle: push as behalf::AsService, and wear the caller in "
         "the "
         "pool's function";
}

// The configuration, from where the environment of the moment says (config(5)); the flag asks for it.
Cold openssl() {
  constexpr std::uint64_t load_config = 0x40;
  const Library library{"libcrypto.so.3", "libcrypto.so.1.1"};
  const auto initialize_crypto = library.function<int(std::uint64_t, const void*)>("OPENSSL_init_crypto");
  if (initialize_crypto == nullptr) return not_there;
  return initialize_crypto(load_config, nullptr) == 1 ? Cold{} : Cold{"OPENSSL_init_crypto failed"};
}

Cold ends_when_idle() {
  return "its threads end after a second without work, and the next are started by whoever asks then: wrap the "
         "callback "
         "with behalf::bind";
}

struct Helper {
  const char* what;
  Cold (*warm)();
  const char* then;
};

constexpr Helper helpers[] = {
    {"timer_create, SIGEV_THREAD", timers, "its helper thread is the service, for as long as the process lives"},
    {"mq_notify, SIGEV_THREAD", queues, "its helper thread is the service, for as long as the process lives"},
    {"name service and resolver", names, "their back ends are loaded, their configuration is read"},
    {"time zone", time_zone, "read, until TZ changes"},
    {"character conversion", conversions, "its configuration is read"},
    {"aio_write and its kin", ends_when_idle, ""},
    {"getaddrinfo_a", ends_when_idle, ""},
    {"OpenMP (libgomp)", openmp, "the team of this thread is the service, up to a thread for each processor"},
    {"GLib folders and user", glib_folders, "they are the service's for everybody"},
    {"GLib's own thread", glib_worker, "it is the service, for as long as the process lives"},
    {"GIO's thread of D-Bus connections", gio_bus, "it is the service, for as long as the process lives"},
    {"GLib thread pools", glib_pools, ""},
    {"OpenSSL", openssl, "its configuration is read"},
};

}  // namespace

std::vector<Warmth> warm_up() {
  std::vector<Warmth> found;
  const detail::AsServiceIfAny self;
  for (const Helper& helper : helpers) {
    const Cold cold = helper.warm();
    found.push_back({helper.what, cold.empty(), cold.empty() ? helper.then : cold});
  }
  return found;
}

}  // namespace behalf
