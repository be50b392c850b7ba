#include "trace/channel.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "trace/memory.h"

namespace behalf::tool {
namespace {

// "socket:[77]" -> "77"
std::string inode_of(const std::string& channel) {
  const auto from = channel.find('['), to = channel.find(']');
  return from == std::string::npos || to == std::string::npos ? "" : channel.substr(from + 1, to - from - 1);
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// The rows of a table of /proc/PID/net, its head left out.
std::vector<std::vector<std::string>> rows_of(pid_t tid, const char* table) {
  std::istringstream in(read_file(fmt::format("/proc/{}/net/{}", tid, table)));
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) rows.push_back(words_of(line));
  return rows;
}

// Several times at one place are one, and its last.
void add_once(std::vector<Giver>& to, const Giver& giver) {
  const auto same = std::find_if(to.begin(), to.end(), [&](const Giver& other) { return giver.same_place(other); });
  if (same == to.end())
    to.push_back(giver);
  else
    *same = giver;
}

}  // namespace

std::string_view kind_of_channel(std::string_view channel) {
  return channel.substr(0, channel.find(':'));
}

void Channel::give(Giver giver, std::uint64_t size) {
  pieces_.push_back({given_, given_ + size, std::move(giver)});
  given_ += size;
}

void Channel::correct(std::uint64_t sequence, std::uint64_t size) {
  if (pieces_.empty() || pieces_.back().by.sequence != sequence) return;  // taken already, or more came
  given_ = pieces_.back().end = pieces_.back().begin + size;
  if (size == 0) pieces_.pop_back();
}

std::vector<Giver> Channel::givers(std::uint64_t begin, std::uint64_t end) const {
  std::vector<Giver> found;
  for (const Piece& piece : pieces_)
    if (piece.begin < end && piece.end > begin) add_once(found, piece.by);
  return found;
}

void Channel::drop_until(std::uint64_t position) {
  taken_ = position;
  std::erase_if(pieces_, [&](const Piece& piece) { return piece.end <= position; });
}

std::vector<Giver> Channel::take_next(std::uint64_t size) {
  std::vector<Giver> found = givers(taken_, taken_ + size);
  drop_until(taken_ + size);
  return found;
}

std::vector<Giver> Channel::take_all() {
  return take_next(given_ - taken_);
}

std::vector<Giver> Channel::take_any(std::uint64_t size) {
  std::vector<Giver> found = givers(taken_, given_);
  drop_until(std::min(taken_ + size, given_));
  return found;
}

std::vector<Giver> Channel::look() const {
  return pieces_.empty() ? std::vector<Giver>{} : std::vector{pieces_.back().by};
}

void Channel::forget() {
  drop_until(given_);
}

FutexWord futex_word(pid_t process, std::uint64_t address, bool process_private) {
  const FutexWord own = {std::to_string(process), address};
  if (process_private) return own;
  // "FROM-TO PERMISSIONS OFFSET DEVICE INODE PATH" (proc(5)); private memory has no 's'.
  std::istringstream maps(read_file(fmt::format("/proc/{}/maps", process)));
  for (std::string line; std::getline(maps, line);) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 5) continue;
    char* end = nullptr;
    const std::uint64_t from = std::strtoull(words[0].c_str(), &end, 16), to = std::strtoull(end + 1, nullptr, 16);
    if (address < from || address >= to) continue;
    if (words[1].back() != 's') return own;
    return {words[3] + " " + words[4], address - from + std::strtoull(words[2].c_str(), nullptr, 16)};
  }
  return own;
}

std::string tcp_peer(pid_t tid, const std::string& channel) {
  // "N: LOCAL REMOTE STATE ... INODE": the two ends of a connection have each other's addresses.
  constexpr std::size_t local = 1, remote = 2, inode = 9;
  const std::string own = inode_of(channel);
  for (const char* table : {"tcp", "tcp6"}) {
    const auto rows = rows_of(tid, table);
    const auto mine = std::find_if(rows.begin(), rows.end(),
                                   [&](const auto& row) { return row.size() > inode && row[inode] == own; });
    if (mine == rows.end()) continue;
    for (const auto& row : rows)
      if (row.size() > inode && row[local] == (*mine)[remote] && row[remote] == (*mine)[local])
        return "socket:[" + row[inode] + "]";
  }
  return {};
}

// "ADDRESS: COUNT PROTOCOL FLAGS TYPE STATE INODE PATH" (proc(5), /proc/net/unix)
std::string unix_address(pid_t tid, const std::string& channel) {
  const std::string own = inode_of(channel);
  for (const auto& row : rows_of(tid, "unix"))
    if (row.size() > 7 && row[6] == own) return row[7];
  return {};
}

std::string datagram_socket_at(pid_t tid, const std::string& address) {
  for (const auto& row : rows_of(tid, "unix"))
    if (row.size() > 7 && row[7] == address && row[4] == "0002") return "socket:[" + row[6] + "]";
  return {};
}

}  // namespace behalf::tool
