// Legs as a trace of Perfetto's TrackEvents: a process for each leg, a track for each thread, a slice for each stretch
// of one identity, named by whose it is: the viewer colours slices by name, and so by user.
//
// Time is the order of events, a microsecond an event: stops under a tracer have no duration that means anything.
#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "report/picture.h"
#include "report/protobuf.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

// Field numbers of protos/perfetto/trace/, which are kept for ever once given out.
namespace trace {
constexpr unsigned packet = 1;
}
namespace packet {
constexpr unsigned timestamp = 8, sequence = 10, track_event = 11, sequence_flags = 13, track_descriptor = 60;
constexpr std::uint64_t incremental_state_cleared = 1;
}  // namespace packet
namespace track {
constexpr unsigned uuid = 1, name = 2, process = 3, thread = 4, parent = 5;
}
namespace process {
constexpr unsigned pid = 1, name = 6;
}
namespace thread {
constexpr unsigned pid = 1, tid = 2, name = 5;
}
namespace event {
constexpr unsigned annotation = 4, type = 9, track = 11, category = 22, name = 23, flow = 47, flow_end = 48;
enum Type : std::uint64_t { slice_begin = 1, slice_end = 2, instant = 3 };
}  // namespace event
namespace annotation {
constexpr unsigned number = 4, text = 6, name = 10;
}

constexpr std::uint64_t moment_ns = 500;

struct Event {
  Moment at = 0;
  int order = 0;  // among those of one moment: what ends, what begins, what happens
  Message message;
};

Message noted(std::string_view name, const std::string& value) {
  return Message().text(annotation::text, valid_utf8(value)).text(annotation::name, name);
}
Message noted(std::string_view name, std::int64_t value) {
  return Message().number(annotation::number, static_cast<std::uint64_t>(value)).text(annotation::name, name);
}

std::string in_lines(const std::vector<NamedFrame>& stack) {
  std::string lines;
  for (const NamedFrame& frame : stack)
    lines += fmt::format("{}{}  {}", lines.empty() ? "" : "\n", frame.function.empty() ? "??" : frame.function,
                         place_of(frame));
  return lines;
}

class Writer {
 public:
  std::string bytes() const { return trace_.bytes(); }

  void add_leg(const Picture& picture, const std::string& name) {
    const std::uint64_t leg = ++legs_, process_track = leg << 20;
    Message described;
    described.number(track::uuid, process_track).text(track::name, valid_utf8(name));
    described.message(track::process, Message().number(process::pid, leg).text(process::name, valid_utf8(name)));
    add_track(described);
    events_.clear();
    for (std::size_t i = 0; i < picture.lanes.size(); ++i) add_lane(picture, i, leg);
    add_arrows(picture, leg);
    for (const Trouble& trouble : picture.troubles)
      add(trouble.at, 4, about(*trouble.finding, track_of(leg, trouble.lane)));
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return std::pair(a.at, a.order) < std::pair(b.at, b.order);
    });
    for (const Event& each : events_) {
      Message whole = packet_of_sequence();
      whole.number(packet::timestamp, each.at * moment_ns).message(packet::track_event, each.message);
      trace_.message(trace::packet, whole);
    }
  }

 private:
  static std::uint64_t track_of(std::uint64_t leg, std::size_t lane) { return (leg << 20) + 1 + lane; }

  Message packet_of_sequence() {
    Message whole;
    whole.number(packet::sequence, 1);
    if (!std::exchange(started_, true)) whole.number(packet::sequence_flags, packet::incremental_state_cleared);
    return whole;
  }

  void add_track(const Message& described) {
    Message whole = packet_of_sequence();
    trace_.message(trace::packet, whole.message(packet::track_descriptor, described));
  }

  void add(Moment at, int order, Message message) { events_.push_back({at, order, std::move(message)}); }

  static Message event_on(std::uint64_t on, event::Type type, std::string_view category = {},
                          std::string_view name = {}) {
    Message message;
    message.number(event::track, on).number(event::type, type);
    if (!category.empty()) message.text(event::category, category);
    if (!name.empty()) message.text(event::name, valid_utf8(name));
    return message;
  }

  void add_lane(const Picture& picture, std::size_t at, std::uint64_t leg) {
    const Lane& lane = picture.lanes[at];
    const std::uint64_t on = track_of(leg, at);
    const std::string name = fmt::format("{} ({})", lane.name, lane.origin);
    Message described;
    described.number(track::uuid, on).number(track::parent, leg << 20);
    // Numbers of our own: the threads of two legs may well have had the same ones.
    Message number;
    number.number(thread::pid, leg).number(thread::tid, leg * 10000 + at).text(thread::name, valid_utf8(name));
    add_track(described.message(track::thread, number));

    for (const Stretch& stretch : lane.stretches) {
      Message begin = event_on(on, event::slice_begin, "identity", stretch.who);
      if (stretch.as < picture.leg->credentials.size())
        begin.message(event::annotation, noted("ids", describe(picture.leg->credentials[stretch.as])));
      // A thread's first stretch is where the arrow from its maker ends.
      const bool first = &stretch == &lane.stretches.front();
      if (first && stretch.begin == lane.born && maker_of(picture, at))
        begin.fixed64(event::flow_end, flow_of(leg, at));
      add(stretch.begin, 1, std::move(begin));
      add(stretch.end, 0, event_on(on, event::slice_end));
    }
    for (const Window& window : picture.windows) {
      if (window.lane != at) continue;
      add(window.begin, 2, event_on(on, event::instant, "call", fmt::format("call as {}", window.user)));
      add(window.end, 2, event_on(on, event::instant, "call", fmt::format("end of the call as {}", window.user)));
    }
    for (const Deed& deed : lane.deeds) {
      add(deed.at, 3, effect_of(deed, picture, on));
      if (deed.finding != nullptr) add(deed.at, 4, about(*deed.finding, on));
    }
  }

  static Message effect_of(const Deed& deed, const Picture& picture, std::uint64_t on) {
    const Effect& effect = *deed.effect;
    Message message = event_on(on, event::instant, deed.astray ? "astray" : "effect",
                               fmt::format("{} {}", effect.call, effect.object));
    message.message(event::annotation, noted("object", effect.object));
    message.message(event::annotation, noted("as", deed.who));
    if (!deed.wanted.empty()) message.message(event::annotation, noted("for", deed.wanted));
    if (effect.as < picture.leg->credentials.size())
      message.message(event::annotation, noted("ids", describe(picture.leg->credentials[effect.as])));
    if (effect.finished) message.message(event::annotation, noted("result", std::int64_t{effect.result}));
    if (effect.by_ring) message.message(event::annotation, noted("by", std::string("io_uring")));
    return message;
  }

  static Message about(const Finding& finding, std::uint64_t on) {
    Message message = event_on(on, event::instant, "finding", fmt::format("{} {}", finding.code, in_words(finding)));
    for (const auto& [name, value] : {std::pair{"expected", finding.expected_outcome},
                                      {"got", finding.got_outcome},
                                      {"hop", finding.hop},
                                      {"clock", finding.clock},
                                      {"stack", in_lines(finding.stack)},
                                      {"made at", in_lines(finding.made_at)},
                                      {"handed over at", in_lines(finding.handed_at)}})
      if (!value.empty()) message.message(event::annotation, noted(name, value));
    return message;
  }

  static bool maker_of(const Picture& picture, std::size_t lane) {
    return std::any_of(picture.arrows.begin(), picture.arrows.end(),
                       [&](const Arrow& arrow) { return arrow.birth && arrow.to == lane; });
  }

  // Births are numbered by the thread that is born; hand-offs, of which a thread may have many, from there on.
  static std::uint64_t flow_of(std::uint64_t leg, std::size_t lane) { return (leg << 40) + 1 + lane; }

  void add_arrows(const Picture& picture, std::uint64_t leg) {
    std::uint64_t next = (leg << 40) + (std::uint64_t{1} << 32);
    for (const Arrow& arrow : picture.arrows) {
      const Lane& to = picture.lanes[arrow.to];
      const bool drawn = !arrow.birth || (!to.stretches.empty() && to.stretches.front().begin == to.born);
      const std::uint64_t flow = arrow.birth ? flow_of(leg, arrow.to) : next++;
      Message giver =
          event_on(track_of(leg, arrow.from), event::instant, "hand-off", fmt::format("{} {}", arrow.what, to.name));
      if (drawn) giver.fixed64(event::flow, flow);
      // A flow is drawn from its earlier event to its later: what is given stands half a step before what is got.
      add(arrow.at > 0 ? arrow.at - 1 : 0, 3, std::move(giver));
      if (arrow.birth) continue;
      Message taker = event_on(track_of(leg, arrow.to), event::instant, "hand-off",
                               fmt::format("from {}: {}", picture.lanes[arrow.from].name, arrow.what));
      add(arrow.at, 3, std::move(taker.fixed64(event::flow_end, flow)));
    }
  }

  Message trace_;
  std::vector<Event> events_;
  std::uint64_t legs_ = 0;
  bool started_ = false;
};

}  // namespace

std::string perfetto_of(const Report& report) {
  Writer writer;
  const bool several = report.operations.size() > 1;
  for (const Reported& reported : report.operations)
    for (const Verdict& verdict : reported.answers.verdicts)
      for (const LegRecord& leg : verdict.records)
        if (const Picture picture = picture_of(leg, verdict.findings); !picture.lanes.empty())
          writer.add_leg(picture,
                         fmt::format("{}leg {}, posture {}", several ? reported.answers.inquiry.name + ", " : "",
                                     leg.name, verdict.posture));
  return writer.bytes();
}

}  // namespace behalf::tool
