// as(): an executor of Boost.Asio on which work runs, and is destroyed, as somebody.
//
//   boost::asio::io_context io;
//   boost::asio::co_spawn(behalf::asio::as(alice, io), serve(std::move(socket)), boost::asio::detached);  // as alice
//   boost::asio::steady_timer timer(behalf::asio::as(alice, io));  // its handlers too
//   {
//     behalf::Impersonation as{bob};
//     boost::asio::post(behalf::asio::as(io), save);                               // as bob, who is worn here
//     boost::asio::post(behalf::asio::as(behalf::as_service, io), rotate_the_log);  // as the service, by name
//   }
//
// It is an executor like any other: it converts to any_io_executor, has the properties of the one inside, and two are
// equal when both executor and identity are. What is made with it (sockets, timers, coroutines) has it as its default,
// so that all that follows from there is the same user's. as(bob, as(alice, ex)) is bob's. A strand goes inside:
// as(alice, strand), where several users share one; make_strand(as(alice, ex)) makes the same of it. A strand that is
// made of an any_io_executor with one in it (a socket's get_executor()) stays outside: its handlers run as the
// identity, but those that never run are destroyed as whoever ends the context, and it stands still for good where the
// identity could not be worn once. Make the strand first.
//
// The identity is worn around each handler and never across the loop; a handler that is dispatched inside of another
// nests, and costs nothing where it is the same user's. A coroutine gives its identity back at each co_await and has it
// again afterwards, on whatever thread. An Impersonation must not be open across co_await: that ends the process (it
// would stay on the thread for whoever comes next). Await a coroutine of its own, on as(bob, ex); or, for a whole
// program, see asio_tracking.h.
//
// What keeps a handler and calls it by itself, instead of on the handler's executor, calls it as whoever it is itself:
// experimental::promise does (use_promise, 1.81), so that a coroutine goes on as whom it awaited. Await a coroutine by
// use_awaitable, or a channel.
//
// Threads. Asio's threads are copies of whoever starts them: make a thread_pool as the service, and call warm_up()
// before the first impersonation, for the threads that Asio starts by itself. On the main thread no handler of a user
// in the `full` posture runs (Error of reason main_thread): run the io_context on another.
#pragma once

#include <atomic>
#include <boost/asio/associator.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "behalf/bind.h"
#include "behalf/carried.h"
#include "behalf/error.h"

namespace behalf::asio {

namespace detail {

using behalf::detail::destroy_as;

inline std::atomic<void (*)(const Error&) noexcept> told_of_not_worn{nullptr};

// A function on its way through somebody else's executor: called once, as a user; destroyed as her, called or not.
// Moving it runs no code of the function's.
template <class F, class Allocator>
class Work {
 public:
  template <class G>
  Work(const Carried& who, G&& g, const Allocator& allocator) : who_(who), held_(make(std::forward<G>(g), allocator)) {}
  Work(Work&& other) noexcept : who_(other.who_), held_(std::exchange(other.held_, nullptr)) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  Work& operator=(Work&&) = delete;
  ~Work() {
    if (held_ == nullptr) return;
    if constexpr (std::is_trivially_destructible_v<F>) {
      destroy(held_);
    } else {
      destroy_as(who_, destroy, held_);
    }
  }

  void operator()() {
    std::optional<Carried::Worn> worn;
    try {
      worn.emplace(who_);
    } catch (const Error& error) {
      const auto told = told_of_not_worn.load();
      if (told == nullptr) throw;
      return told(error);
    }
    F f = take(std::exchange(held_, nullptr));
    f();
  }

 private:
  struct Held {
    Allocator allocator;
    F f;
  };
  using Memory = typename std::allocator_traits<Allocator>::template rebind_alloc<Held>;

  template <class G>
  static Held* make(G&& g, const Allocator& allocator) {
    Memory memory(allocator);
    Held* const held = memory.allocate(1);
    try {
      return ::new (static_cast<void*>(held)) Held{allocator, std::forward<G>(g)};
    } catch (...) {
      memory.deallocate(held, 1);
      throw;
    }
  }

  static void destroy(void* object) noexcept {
    Held* const held = static_cast<Held*>(object);
    Memory memory(held->allocator);
    held->~Held();
    memory.deallocate(held, 1);
  }

  // The memory is given back before the call, as Asio promises to those who manage it (allocators of handlers).
  static F take(Held* held) {
    struct Emptied {
      Held* held;
      ~Emptied() { destroy(held); }
    };
    const Emptied emptied{held};
    return std::move(held->f);
  }

  Carried who_;
  Held* held_;
};

}  // namespace detail

// What as() makes. Inner is an executor of Asio's that may hold anything but another Executor.
//
// Thread-safe as the inner executor is. Copies throw nothing. Cost of execute(): one allocation, with the allocator of
// the inner executor; and where the work runs, an Impersonation (none where the thread wears it already).
//
// Errors. Where the identity cannot be taken (as of Impersonation), the work is not run, by nobody: it is destroyed as
// its user, or kept where that cannot be either (abandoned()), and the Error goes where an exception of a handler would
// go: out of run(). In a thread_pool any exception of a handler ends the process; see on_not_worn(). A coroutine that
// could not go on is among what is kept, its completion handler with it; destroy_abandoned() ends both.
template <class Inner>
class Executor {
 public:
  using inner_executor_type = Inner;

  Executor(Carried who, const Inner& inner) noexcept : who_(std::move(who)), inner_(inner) {}
  template <class Other>
  requires(!std::is_same_v<Other, Inner> && std::is_convertible_v<const Other&, Inner>)
      // NOLINTNEXTLINE(google-explicit-constructor): executors convert where what they hold does
      Executor(const Executor<Other>& other)
      : who_(other.who()), inner_(other.get_inner_executor()) {}

  [[nodiscard]] const Carried& who() const noexcept { return who_; }
  [[nodiscard]] Inner get_inner_executor() const noexcept { return inner_; }

  template <class F>
  void execute(F&& f) const {
    inner_.execute(detail::Work<std::decay_t<F>, decltype(allocator())>(who_, std::forward<F>(f), allocator()));
  }

  // The properties are those of the inner executor.
  template <class Property>
  requires(boost::asio::can_query<const Inner&, Property>::value) decltype(auto) query(const Property& property) const
      noexcept(boost::asio::is_nothrow_query<const Inner&, Property>::value) {
    return boost::asio::query(inner_, property);
  }
  template <class Property>
  requires(boost::asio::can_require<const Inner&, Property>::value) auto require(const Property& property) const
      noexcept(boost::asio::is_nothrow_require<const Inner&, Property>::value) {
    return with(boost::asio::require(inner_, property));
  }
  template <class Property>
  requires(boost::asio::can_prefer<const Inner&, Property>::value) auto prefer(const Property& property) const
      noexcept(boost::asio::is_nothrow_prefer<const Inner&, Property>::value) {
    return with(boost::asio::prefer(inner_, property));
  }

  friend bool operator==(const Executor& a, const Executor& b) noexcept {
    return a.inner_ == b.inner_ && a.who_ == b.who_;
  }
  friend bool operator!=(const Executor& a, const Executor& b) noexcept { return !(a == b); }

 private:
  template <class Other>
  Executor<Other> with(const Other& inner) const noexcept {
    return {who_, inner};
  }

  auto allocator() const {
    if constexpr (boost::asio::can_query<const Inner&, boost::asio::execution::allocator_t<void>>::value) {
      return boost::asio::query(inner_, boost::asio::execution::allocator);
    } else {
      return std::allocator<void>();
    }
  }

  Carried who_;
  Inner inner_;
};

namespace detail {

template <class T>
struct IsExecutor : std::false_type {};
template <class Inner>
struct IsExecutor<Executor<Inner>> : std::true_type {};

template <class T>
concept AnyExecutor = boost::asio::execution::is_executor<T>::value;

template <class T>
concept Context = std::is_convertible_v<T&, boost::asio::execution_context&>;

template <class Who>
concept SaysWho = std::is_same_v<Who, Token> || std::is_same_v<Who, as_service_t> || std::is_same_v<Who, Carried>;

}  // namespace detail

// Effects: the executor on which work runs as that identity (a Token, as_service, a Carried), or as the calling
// thread's; of a context (io_context, thread_pool): of its executor. Errors: those of Carried. Thread-safe. Cost: no
// system call, but for the first use in a thread.
template <detail::SaysWho Who, detail::AnyExecutor Ex>
[[nodiscard]] auto as(const Who& who, const Ex& executor) {
  if constexpr (detail::IsExecutor<Ex>::value) {
    return Executor(Carried(who), executor.get_inner_executor());
  } else {
    return Executor<Ex>(Carried(who), executor);
  }
}
template <detail::SaysWho Who, detail::Context C>
[[nodiscard]] auto as(const Who& who, C& context) {
  return as(who, context.get_executor());
}
template <detail::AnyExecutor Ex>
[[nodiscard]] auto as(const Ex& executor) {
  return as(Carried(), executor);
}
template <detail::Context C>
[[nodiscard]] auto as(C& context) {
  return as(Carried(), context.get_executor());
}

// Whom to tell, in place of throwing, of work that was not run because its identity could not be taken; null throws
// again. Called on the thread that was to run it, as nobody in particular. Concerns the whole process. Errors: none.
// Thread-safe.
inline void on_not_worn(void (*told)(const Error&) noexcept) noexcept {
  detail::told_of_not_worn = told;
}

// Effects: starts, as the service, the threads that Asio starts by itself: a context's resolvers resolve in a thread
// that is otherwise a copy of whoever resolved first, and is kept. The context has two handlers to run afterwards.
// Errors: what Asio throws where a thread cannot be started. Thread-safe. Cost: two threads and an AsService.
template <detail::Context C>
void warm_up(C& context) {
  const behalf::detail::ThreadsOfService meanwhile;
  const auto flags = boost::asio::ip::resolver_base::numeric_host | boost::asio::ip::resolver_base::numeric_service;
  const auto nothing = [](auto&&...) {};
  boost::asio::ip::tcp::resolver(context).async_resolve("127.0.0.1", "0", flags, nothing);
  boost::asio::ip::udp::resolver(context).async_resolve("127.0.0.1", "0", flags, nothing);
}

// The same for the system_executor, where handlers run that nothing else is said about.
inline void warm_up() {
  const behalf::detail::ThreadsOfService meanwhile;
  (void)boost::asio::query(boost::asio::system_executor(), boost::asio::execution::context);
}

}  // namespace behalf::asio

namespace boost::asio {

// A strand of an executor that wears: the strand is inside, the identity outside. The other way round a strand would
// hold handlers that are nobody's until it comes to them, and would stand still where the first of them cannot be worn.
template <class Inner>
class strand<behalf::asio::Executor<Inner>> : public behalf::asio::Executor<strand<Inner>> {
 public:
  using inner_executor_type = behalf::asio::Executor<Inner>;

  explicit strand(const inner_executor_type& executor)
      : behalf::asio::Executor<strand<Inner>>(executor.who(), strand<Inner>(executor.get_inner_executor())) {}

  [[nodiscard]] inner_executor_type get_inner_executor() const noexcept {
    return {this->who(), within().get_inner_executor()};
  }
  [[nodiscard]] bool running_in_this_thread() const noexcept { return within().running_in_this_thread(); }

 private:
  strand<Inner> within() const noexcept { return behalf::asio::Executor<strand<Inner>>::get_inner_executor(); }
};

// What bind() makes is a completion handler: its executor, allocator and cancellation slot are those of the handler in
// it. Unlike as(), it is destroyed as its user also where an operation ends with its context and never completes.
template <template <typename, typename> class Associator, class F, class Default>
struct associator<Associator, behalf::Bound<F>, Default> : Associator<F, Default> {
  static typename Associator<F, Default>::type get(const behalf::Bound<F>& bound) noexcept {
    return Associator<F, Default>::get(bound.callable());
  }
  static auto get(const behalf::Bound<F>& bound, const Default& otherwise) noexcept
      -> decltype(Associator<F, Default>::get(bound.callable(), otherwise)) {
    return Associator<F, Default>::get(bound.callable(), otherwise);
  }
};

}  // namespace boost::asio
