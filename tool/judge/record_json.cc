#include "judge/record_json.h"

#include <nlohmann/json.hpp>

namespace behalf::tool {

using nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Ids, real, effective, saved, fs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Credentials, uid, gid, groups, effective, permitted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Frame, module, offset)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Thread, number, tid, process, parent, birth, born_in, born_as, ended, born, program,
                                   made_at)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Effect, sequence, thread, window, call, object, decides, as, result, finished,
                                   by_ring, reads, deferred, polled, through, stack)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(IdentityCall, sequence, thread, window, call, broadcast)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Giver, thread, as, stack, sequence)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Handoff, sequence, to, kind, certainty, givers)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Opening, sequence, thread, window, descriptor, call, object, as, stack)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SharedChange, sequence, thread, window, what, before, now, stack)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Standing, position, written)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State::Worn, thread, as)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State, threads, directory, mask, limits, ignored, caught, environment, descriptors,
                                   standing, elsewhere)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Call, user, caller, begun, ended, returned, answer, output, output_after,
                                   output_known, worn_at_begin, worn_at_return, first, last, before, after, settled)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Crash, what, call, stack)

namespace {

// Output and paths are bytes, not text: JSON holds them with bytes that are no UTF-8 replaced only at the report.
json binary_safe(const LegRecord& record) {
  json value = {{"name", record.name},
                {"posture", record.posture},
                {"oracle", record.oracle},
                {"error", record.error},
                {"calls", record.calls},
                {"threads", record.threads},
                {"effects", record.effects},
                {"identity_calls", record.identity_calls},
                {"handoffs", record.handoffs},
                {"openings", record.openings},
                {"shared_changes", record.shared_changes},
                {"credentials", record.credentials},
                {"problems", record.problems},
                {"without_root", record.without_root},
                {"service", record.service},
                {"stops", record.stops},
                {"milliseconds", record.milliseconds}};
  if (record.crash) value["crash"] = *record.crash;
  return value;
}

}  // namespace

std::string write_record(const LegRecord& record) {
  const auto bytes = json::to_msgpack(binary_safe(record));
  return {bytes.begin(), bytes.end()};
}

LegRecord read_record(const std::string& text) {
  const json value = json::from_msgpack(text.begin(), text.end());
  LegRecord record;
  value.at("name").get_to(record.name);
  value.at("posture").get_to(record.posture);
  value.at("oracle").get_to(record.oracle);
  value.at("error").get_to(record.error);
  value.at("calls").get_to(record.calls);
  value.at("threads").get_to(record.threads);
  value.at("effects").get_to(record.effects);
  value.at("identity_calls").get_to(record.identity_calls);
  value.at("handoffs").get_to(record.handoffs);
  value.at("openings").get_to(record.openings);
  value.at("shared_changes").get_to(record.shared_changes);
  value.at("credentials").get_to(record.credentials);
  value.at("problems").get_to(record.problems);
  value.at("without_root").get_to(record.without_root);
  value.at("service").get_to(record.service);
  value.at("stops").get_to(record.stops);
  value.at("milliseconds").get_to(record.milliseconds);
  if (value.contains("crash")) record.crash = value.at("crash").get<Crash>();
  return record;
}

}  // namespace behalf::tool
