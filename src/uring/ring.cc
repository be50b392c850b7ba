#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "behalf/error.h"
#include "behalf/uring.h"
#include "identity/give_back_failure.h"
#include "transfer/later.h"
#include "uring/core.h"
#include "uring/request_kind.h"

namespace behalf::uring {

int Result::value() const {
  if (refused_) std::rethrow_exception(refused_);
  if (raw_ >= 0) return raw_;
  throw std::system_error(-raw_, std::generic_category(), std::string{"behalf: uring: "} + call_);
}

namespace detail {

namespace {

// A task goes on, whatever becomes of the pool: what it waited for has happened.
class GoesOn final : public behalf::detail::PoolTask {
 public:
  GoesOn(behalf::detail::TaskCore& task, std::coroutine_handle<> entrance, Place awaited_at)
      : PoolTask(task.who, {}, awaited_at), task_(task), entrance_(entrance) {}

  void run(const std::stop_token&) noexcept override { entrance_.resume(); }
  void drop(std::exception_ptr) noexcept override { entrance_.resume(); }
  void fail(std::exception_ptr why) noexcept override { task_.failed(std::move(why)).resume(); }
  [[nodiscard]] bool has_callable() const noexcept override { return false; }
  void complete() noexcept override {}

 private:
  behalf::detail::TaskCore& task_;
  std::coroutine_handle<> entrance_;
};

}  // namespace

std::unique_ptr<behalf::detail::PoolTask> resumption(behalf::detail::TaskCore& task, std::coroutine_handle<> entrance,
                                                     Place where) {
  return std::make_unique<GoesOn>(task, entrance, where);
}

Result Operation::result(std::size_t request) const {
  const RequestData& data = requests_[request].data();
  return {data.result, data.kind->call, refused};
}

void Operation::close_unclaimed() noexcept {
  const auto in_table = [](const Request& request) { return means_opened(request.data()); };
  if (std::any_of(requests_.begin(), requests_.end(), in_table)) return;  // it had no descriptor
  for (const Request& request : requests_) {
    if (request.data().kind->opens && request.data().result >= 0) ::close(request.data().result);
  }
}

void Operation::refuse_to_go() noexcept {
  behalf::detail::end_process(
      "behalf: uring: a coroutine is destroyed while a request of its own is under way. The process ends, before the "
      "kernel writes to memory that belongs to others by then\n");
}

void Operation::Cancel::operator()() const noexcept {
  core->cancel(*operation);
}

void submit(Core& core, Operation& operation, std::stop_token stop) {
  core.submit(operation, std::move(stop));
}

void tell(Core& core, behalf::detail::PoolTask* task) noexcept {
  core.tell(task);
}

void EndCore::operator()(Core* core) const noexcept {
  delete core;
}

void BatchWait::one_ended() noexcept {
  // Told under the lock: after it, the waiting thread takes this away.
  const std::lock_guard lock(mutex_);
  if (--left_ == 0) changed_.notify_one();
}

bool BatchWait::over() noexcept {
  const std::lock_guard lock(mutex_);
  return left_ == 0;
}

void BatchWait::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return left_ == 0; });
}

void Pending::be(Carried identity, std::span<Request> requests) {
  whose = std::move(identity);
  refused = nullptr;
  stop_asked = false;
  cancelled = false;
  next_request = 0;
  own_.assign(std::make_move_iterator(requests.begin()), std::make_move_iterator(requests.end()));
  set_requests(own_);
}

}  // namespace detail

detail::Pending& Batch::next() {
  if (used_ == operations_.size()) operations_.push_back(std::make_unique<detail::Pending>());
  return *operations_[used_];
}

Ring::Ring(const Options& options) : core_(new detail::Core(options)) {}
Ring::~Ring() = default;

void Ring::run(Batch& batch) {
  core_->run({batch.operations_.data(), batch.used_});
}

int Ring::fd() const noexcept {
  return core_->fd();
}
void Ring::poll() {
  core_->drive(detail::Engine::Wait::no, std::nullopt);
}
void Ring::wait() {
  core_->drive(detail::Engine::Wait::yes, std::nullopt);
}
void Ring::wait_for(std::chrono::nanoseconds time) {
  core_->drive(detail::Engine::Wait::yes, behalf::detail::from_now(time));
}

FixedBuffer Ring::fixed_buffer(const Carried& who) {
  return core_->fixed_buffers().lend(who);
}
bool Ring::uses_kernel() const noexcept {
  return core_->uses_kernel();
}
Counts Ring::counts() const {
  return core_->counts();
}

}  // namespace behalf::uring
