#include "trace/symbolizer.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

std::string on_the_machine(const std::string& module, const std::vector<Shown>& shown) {
  for (const Shown& place : shown)
    if (module.starts_with(place.at + "/")) return place.from + module.substr(place.at.size());
  return module;
}

// What is below the operation in every stack: the service that called it, and what starts a thread. In the midst of
// one, a frame of the service's is the library's, which it lends to what it loads.
std::size_t bottom_of(const Stack& stack) {
  constexpr std::string_view starts[] = {"/behalf-service", "/libc.so.6", "/libstdc++.so.6"};
  std::size_t end = stack.size(), bottom = stack.size();
  const auto is = [&](std::string_view name) {
    const std::string& module = stack[end - 1].module;
    return module.find(name, module.rfind('/')) != std::string::npos;
  };
  while (end > 0 && std::any_of(std::begin(starts), std::end(starts), is)) {
    if (is(starts[0])) bottom = end - 1;
    --end;
  }
  return bottom;
}

NameGiver from_debugging_information() {
  return [names = std::make_shared<DebugNames>()](const Frame& place) { return names->at(place.module, place.offset); };
}

}  // namespace

Symbolizer::Symbolizer(const NamingLimits& limits, NameGiver giver)
    : limits_(limits), giver_(giver ? std::move(giver) : from_debugging_information()) {}
Symbolizer::~Symbolizer() = default;

std::vector<NamedFrame> Symbolizer::name(const Stack& stack, const std::vector<Shown>& shown) {
  std::vector<Frame> places, unknown;
  const std::size_t bottom = bottom_of(stack);
  for (std::size_t at = 0; at < bottom; ++at) {
    const Frame place{on_the_machine(stack[at].module, shown), stack[at].offset};
    places.push_back(place);
    if (!named_.contains({place.module, place.offset})) unknown.push_back(place);
  }
  ask(std::move(unknown));
  std::vector<NamedFrame> frames;
  for (const Frame& place : places) {
    const std::vector<NamedFrame>& named = named_.at({place.module, place.offset});
    frames.insert(frames.end(), named.begin(), named.end());
  }
  return frames;
}

// A process that is lost takes nothing with it but the rest of the module that it was lost at: another goes on.
void Symbolizer::ask(std::vector<Frame> places) {
  const auto answer = [&](const Frame& place, std::vector<NamedFrame> frames) {
    named_[{place.module, place.offset}] = std::move(frames);
  };
  for (const Frame& place : places) answer(place, {{"", place.module, "", 0, place.offset}});
  for (;;) {
    std::erase_if(places,
                  [&](const Frame& place) { return place.module.empty() || unreadable_.contains(place.module); });
    if (places.empty()) return;
    std::size_t answered = 0;
    std::string lost;
    try {
      if (!process_) process_ = std::make_unique<NamingProcess>(limits_, giver_);
      lost =
          process_->ask(places, [&](std::vector<NamedFrame> frames) { answer(places[answered++], std::move(frames)); });
    } catch (const std::system_error& error) {
      lost = fmt::format("could not be made: {}", error.what());
    }
    if (lost.empty()) return;
    process_.reset();
    give_up_on(places[answered].module, lost);
    places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(answered));
  }
}

void Symbolizer::give_up_on(const std::string& module, const std::string& why) {
  unreadable_.insert(module);
  troubles_.push_back(fmt::format(
      "functions and lines of {} are not named: the process that read its debugging information {}", module, why));
}

}  // namespace behalf::tool
