// UseOrder<Entry>: a list of entries that stay where they are, each of which has its own place in it.
#pragma once

#include <cstddef>

namespace behalf::detail {

template <class Entry>
struct PlaceInOrder {
  Entry* newer = nullptr;
  Entry* older = nullptr;
};

// An Entry has a PlaceInOrder<Entry> `place`.
template <class Entry>
class UseOrder {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Entry* newest() const noexcept { return newest_; }
  [[nodiscard]] Entry* oldest() const noexcept { return oldest_; }

  void add(Entry& entry) noexcept { put(entry, nullptr); }
  void take(Entry& entry) noexcept {
    (entry.place.newer != nullptr ? entry.place.newer->place.older : newest_) = entry.place.older;
    (entry.place.older != nullptr ? entry.place.older->place.newer : oldest_) = entry.place.newer;
    entry.place = {};
    --size_;
  }
  void make_newest(Entry& entry) noexcept {
    take(entry);
    put(entry, nullptr);
  }
  void make_second_newest(Entry& entry) noexcept {
    take(entry);
    put(entry, newest_);
  }
  void clear() noexcept { *this = {}; }

 private:
  // Behind that one, or as the newest.
  void put(Entry& entry, Entry* newer) noexcept {
    Entry* const older = newer != nullptr ? newer->place.older : newest_;
    entry.place = {newer, older};
    (newer != nullptr ? newer->place.older : newest_) = &entry;
    (older != nullptr ? older->place.newer : oldest_) = &entry;
    ++size_;
  }

  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace behalf::detail
