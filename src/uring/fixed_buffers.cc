#include "uring/fixed_buffers.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#include "behalf/error.h"

namespace behalf::uring::detail {

namespace {

std::size_t whole_pages(std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (std::max<std::size_t>(size, 1) + page - 1) / page * page;
}

}  // namespace

struct FixedBuffers::Shelf {
  struct Piece {
    int number;
    behalf::detail::TokenPtr last;  // whose data may be in it
    bool fresh = true;
  };
  struct Free {
    void operator()(std::byte* bytes) const noexcept { std::free(bytes); }
  };

  std::size_t size = 0;
  std::unique_ptr<std::byte, Free> memory;
  std::mutex mutex;
  std::vector<Piece> free;
};

FixedBuffers::FixedBuffers(unsigned count, std::size_t size) : shelf_(std::make_shared<Shelf>()) {
  if (count == 0) return;
  shelf_->size = whole_pages(size);
  shelf_->memory.reset(static_cast<std::byte*>(std::aligned_alloc(whole_pages(1), count * shelf_->size)));
  if (shelf_->memory == nullptr) throw std::bad_alloc();
  std::memset(shelf_->memory.get(), 0, count * shelf_->size);
  shelf_->free.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    all_.push_back({shelf_->memory.get() + i * shelf_->size, shelf_->size});
    shelf_->free.push_back({static_cast<int>(i), nullptr});
  }
}

FixedBuffer FixedBuffers::lend(const Carried& who) {
  Shelf::Piece piece{-1, nullptr};
  {
    const std::lock_guard lock(shelf_->mutex);
    if (shelf_->free.empty()) {
      throw Error(Error::Reason::queue_full, "behalf: uring: lend a fixed buffer: all " + std::to_string(all_.size()) +
                                                 " are in use. Options::fixed_buffers says how many there are");
    }
    piece = std::move(shelf_->free.back());
    shelf_->free.pop_back();
  }
  std::byte* const memory = shelf_->memory.get() + static_cast<std::size_t>(piece.number) * shelf_->size;
  if (!piece.fresh && !behalf::detail::same(piece.last, who.data())) std::memset(memory, 0, shelf_->size);
  const int number = piece.number;
  const auto give_back = [shelf = shelf_, number, whose = who.data()](std::byte*) noexcept {
    const std::lock_guard lock(shelf->mutex);
    shelf->free.push_back({number, whose, false});  // there is room for all
  };
  return {std::shared_ptr<std::byte>(memory, give_back), shelf_->size, number};
}

}  // namespace behalf::uring::detail
