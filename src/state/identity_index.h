// IdentityIndex<Entry>: entries by identity, the whole of it. With very many of them what a look-up costs is how many
// places of the memory it has to look at that are far from each other: here a byte for each slot of a table, which fit
// into a processor's cache, and the slot, in which there is all that one needs who only wants the object. The entries
// lie together, out of the way of the objects.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "identity/token_data.h"

namespace behalf::detail {

// An Entry has a TokenPtr `who`, can be moved, and is empty where it was made by Entry(). Entries stay where they are
// in memory; slots do not, when one is added or taken out.
template <class Entry>
class IdentityIndex {
 public:
  struct Slot {
    const TokenData* who = nullptr;
    std::shared_ptr<void> ready;  // what can be given out without looking at the entry, where there is such a thing
    Entry* entry = nullptr;
  };

  // Null where there is none. Given its hash_of(), a token that is there itself is not looked into.
  [[nodiscard]] Slot* find(const TokenData* who, std::size_t hash) noexcept {
    if (slots_.empty()) return nullptr;
    for (std::size_t at = place(hash); bytes_[at] != 0; at = next(at)) {
      if ((bytes_[at] & ~asked) != byte_of(hash)) continue;
      Slot& slot = slots_[at];
      if (slot.who == who || equal(slot.who, who, hash)) return &slot;
    }
    return nullptr;
  }
  [[nodiscard]] Slot* find(const TokenPtr& who) noexcept { return find(who.get(), hash_of(who.get())); }

  // Of one that is there.
  [[nodiscard]] Slot& slot_of(const Entry& entry) noexcept { return slots_[place_of(entry)]; }

  // One that is not there yet. Throws std::bad_alloc, with nothing changed.
  Entry& insert(const TokenPtr& who) {
    if (8 * (count_ + 1) > 7 * slots_.size()) grow();
    if (free_.empty()) make_entries();
    Entry& entry = *free_.back();
    free_.pop_back();
    entry.who = who;
    put(byte_of(hash_of(who.get())), Slot{who.get(), nullptr, &entry});
    ++count_;
    return entry;
  }

  // One that is there.
  [[nodiscard]] Entry take(Entry& entry) noexcept {
    std::size_t hole = place_of(entry);
    Entry taken = std::exchange(entry, Entry());
    free_.push_back(&entry);  // there is room for all
    slots_[hole] = Slot{};
    bytes_[hole] = 0;
    // What follows without a gap, and would not be found behind one, moves up.
    for (std::size_t at = next(hole); bytes_[at] != 0; at = next(at)) {
      const std::size_t home = place(hash_of(slots_[at].who));
      const bool stays = hole <= at ? hole < home && home <= at : hole < home || home <= at;
      if (stays) continue;
      slots_[hole] = std::move(slots_[at]);
      bytes_[hole] = std::exchange(bytes_[at], std::uint8_t{0});
      hole = at;
    }
    --count_;
    return taken;
  }

  // Remembers that it was asked for, until somebody wants to know.
  void set_asked_for(const Slot& slot) noexcept {
    std::uint8_t& byte = bytes_[static_cast<std::size_t>(&slot - slots_.data())];
    if ((byte & asked) == 0) byte |= asked;
  }
  bool take_asked_for(const Entry& entry) noexcept {
    std::uint8_t& byte = bytes_[place_of(entry)];
    const bool was = (byte & asked) != 0;
    byte = static_cast<std::uint8_t>(byte & ~asked);
    return was;
  }

  template <class Visit>
  void each(const Visit& visit) {
    for (Slot& slot : slots_) {
      if (slot.entry != nullptr) visit(*slot.entry);
    }
  }

 private:
  // Of two tokens, that hash being the second's.
  static bool equal(const TokenData* a, const TokenData* b, std::size_t hash) noexcept {
    return a != nullptr && b != nullptr && a->hash == hash && *a == *b;
  }

  // Of a slot's byte: that it is taken; that it was asked for; the rest is of the hash, from where its place is not.
  static constexpr std::uint8_t filled = 0x80;
  static constexpr std::uint8_t asked = 0x40;

  static std::uint8_t byte_of(std::size_t hash) noexcept {
    return static_cast<std::uint8_t>(filled | ((hash >> 40U) & 0x3F));
  }
  [[nodiscard]] std::size_t place(std::size_t hash) const noexcept { return hash & (slots_.size() - 1); }
  [[nodiscard]] std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }

  [[nodiscard]] std::size_t place_of(const Entry& entry) const noexcept {
    std::size_t at = place(hash_of(entry.who.get()));
    while (slots_[at].entry != &entry) at = next(at);
    return at;
  }

  void put(std::uint8_t byte, Slot slot) noexcept {
    std::size_t at = place(hash_of(slot.who));
    while (bytes_[at] != 0) at = next(at);
    bytes_[at] = byte;
    slots_[at] = std::move(slot);
  }

  void grow() {
    constexpr std::size_t first_size = 16;  // a power of two, as all are
    const std::size_t size = slots_.empty() ? first_size : 2 * slots_.size();
    std::vector<Slot> slots(size);
    std::vector<std::uint8_t> bytes(size);
    slots.swap(slots_);
    bytes.swap(bytes_);
    for (std::size_t at = 0; at < slots.size(); ++at) {
      if (bytes[at] != 0) put(bytes[at], std::move(slots[at]));
    }
  }

  void make_entries() {
    constexpr std::size_t at_first = 8, at_most = 512;
    const std::size_t number = std::clamp(count_, at_first, at_most);
    free_.reserve(count_ + number);
    chunks_.push_back(std::make_unique<Entry[]>(number));
    for (std::size_t i = 0; i < number; ++i) free_.push_back(&chunks_.back()[i]);
  }

  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<Entry*> free_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Slot> slots_;  // seven eighths full at most
  std::size_t count_ = 0;
};

}  // namespace behalf::detail
