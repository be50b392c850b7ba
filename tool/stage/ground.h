// What the stage stands on. As the machine's root it is made in the machine's own user namespace. Without, in a user
// namespace in which all its accounts, root among them, are subordinate ids of whoever runs the tool: the same world,
// but for what the kernel grants to the machine's own root alone (judge/needs_root.h).
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace behalf::tool {

enum class GroundKind { root, userns };
std::string_view to_string(GroundKind kind);

// There is none to stand on: what is missing and how to get it, in one line.
class NoGround : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Ground {
 public:
  // The one that was asked for; else `root` as the machine's root and `userns` as anybody else. Makes the user
  // namespace where it needs one, with two programs that the package uidmap brings. Throws NoGround.
  static Ground find(std::optional<GroundKind> wanted);
  ~Ground();
  Ground(Ground&& other) noexcept;
  Ground& operator=(Ground&&) = delete;
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  GroundKind kind() const { return kind_; }

  // The calling process, which must have one thread, has all the powers that there are on this ground from here on, and
  // still the ids that it had: what only the user may open, it can open until it becomes somebody of the stage. Throws
  // std::system_error.
  void enter() const;

  // What the question answers in a process of its own, on this ground.
  std::string ask(const std::function<std::string()>& question) const;

 private:
  Ground(GroundKind kind, int user_namespace) : kind_(kind), user_namespace_(user_namespace) {}

  GroundKind kind_;
  int user_namespace_;  // -1: the caller's own will do
};

}  // namespace behalf::tool
