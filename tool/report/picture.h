// One leg as a picture: a lane for each thread, the stretches in which it wore one identity, what it did in them, and
// how threads and work came from one lane to another. Every format that draws reads this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "judge/verdict.h"

namespace behalf::tool {

// Events have an order and no clock. A moment is twice the sequence number of an event, so that there is room between
// two events for what was seen then: who a thread was when a call began.
using Moment = std::uint64_t;

// From one look at a thread to the next that saw something else. Where nobody looked, there is no stretch.
struct Stretch {
  Moment begin = 0, end = 0;
  CredentialsTable::Id as = 0;
  std::string who;
};

struct Deed {
  Moment at = 0;
  const Effect* effect = nullptr;
  std::string who;
  std::string wanted;                // whom it was done for; empty when no call owns it
  bool astray = false;               // somebody else did it
  const Finding* finding = nullptr;  // that tells of exactly this
};

struct Lane {
  int thread = 0;            // number in the record
  std::string name, origin;  // "caller", "made before any call"
  bool caller = false;
  Moment born = 0;
  std::vector<Stretch> stretches;  // in order, never overlapping
  std::vector<Deed> deeds;         // in order
};

struct Arrow {
  Moment at = 0;
  std::size_t from = 0, to = 0;  // positions in `lanes`
  std::string what;              // "makes", or the kind and certainty of a hand-off
  bool birth = true;
};

struct Window {
  Moment begin = 0, end = 0;
  std::size_t lane = 0;
  std::string user;
};

struct Trouble {  // a finding that no effect shows: a wrong answer, a state left behind
  Moment at = 0;
  std::size_t lane = 0;
  const Finding* finding = nullptr;
};

struct Picture {
  const LegRecord* leg = nullptr;
  std::vector<Lane> lanes;  // by birth
  std::vector<Arrow> arrows;
  std::vector<Window> windows;  // the calls
  std::vector<Trouble> troubles;
  Moment begin = 0, end = 0;
};

// Points into the record and the findings, which must outlive it.
Picture picture_of(const LegRecord& leg, const std::vector<Finding>& findings);

// Whose identity it is, as the file system sees it: "root", "alice", "uid 12", "alice with other groups".
std::string name_of(const Credentials& credentials);

}  // namespace behalf::tool
