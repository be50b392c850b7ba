// The hops of the chain at which identity can be forgotten, and the means to say who works at one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chain {

enum class Hop { none, queue, blanket, client, bus, caller, helper, cache, database };

struct HopData {
  Hop hop;
  std::string_view name;
  std::string_view forgotten;  // what is not done, in words
};

// All but `none`, in the order of the chain.
const std::vector<HopData>& hops();

// Empty is `none`. Throws std::invalid_argument, with the names that there are.
Hop hop_named(std::string_view name);

// "HOP USER", the user being whom the kernel takes the calling thread for.
std::string seen_at(std::string_view hop);
// The name of a user; the number, where the account database has none.
std::string name_of(unsigned uid);

}  // namespace chain
