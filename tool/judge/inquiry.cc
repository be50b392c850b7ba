#include "judge/inquiry.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <list>
#include <memory>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "judge/blame.h"
#include "judge/codes.h"
#include "judge/expectation.h"
#include "judge/needs_root.h"
#include "judge/provenance.h"

namespace behalf::tool {
namespace {

// The service's program lies beside the tool: PREFIX/bin/behalf and PREFIX/libexec/behalf/behalf-service.
int open_service_program() {
  const auto tool = std::filesystem::read_symlink("/proc/self/exe");
  for (const auto& prefix : {tool.parent_path().parent_path(), tool.parent_path().parent_path().parent_path()}) {
    const auto program = prefix / "libexec/behalf/behalf-service";
    const int fd = open(program.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
  }
  throw std::system_error(errno, std::generic_category(),
                          "the tool's own part libexec/behalf/behalf-service is missing");
}

struct Gathered {
  Oracles oracles;
  std::map<std::string, std::vector<LegRecord>> legs;  // by posture
};

std::vector<LegPlan> oracle_plans(bool canary) {
  const std::vector<std::string> thrice = {"self", "self", "self"};
  std::vector<LegPlan> plans;
  // The second run is more than a second later: a time that both printed alike would not be known for noise.
  // (The canary prints nothing.)
  const std::vector<std::string> later = canary ? thrice : std::vector<std::string>{"idle", "self", "self", "self"};
  for (const char* user : {"alice", "bob"}) {
    plans.push_back({"oracle", "", user, thrice, 0, "", false});
    plans.push_back({"oracle", "", user, later, 0, "", false});
  }
  plans.push_back({"oracle", "", "root", thrice, 0, "", false});
  return plans;
}

// Puts the legs of a posture into the order of the plan, whatever order they ended in.
void sort_by_plan(std::vector<LegRecord>& legs) {
  const auto position = [](const LegRecord& leg) {
    const auto& plans = leg_plans();
    return std::find_if(plans.begin(), plans.end(), [&](const LegPlan& plan) { return plan.name == leg.name; }) -
           plans.begin();
  };
  std::sort(legs.begin(), legs.end(),
            [&](const LegRecord& a, const LegRecord& b) { return position(a) < position(b); });
}

// What a cold leg is tried with when the caller's own thread went wrong and nothing that it did says why: where one
// change makes it right, that was the cause. The first that does, names the hop.
struct Probe {
  LegPlan plan;
  const char* hop;
  const char* clock;
};
std::vector<Probe> probes_for(const std::string& posture) {
  std::vector<Probe> probes = {{{"probe", posture, "", {"alice"}, 0, "alice", false}, "environment", "process"}};
  if (posture == "files") probes.push_back({{"probe", "effective", "", {"alice"}, 0, "", false}, "call", "call"});
  if (posture != "full") probes.push_back({{"probe", "full", "", {"alice"}, 0, "", false}, "real-id", "real-id"});
  return probes;
}

// Why it is not run at all, and so unclear: what the ground cannot tell, or a daemon that the machine has not.
std::string why_not_asked(const Inquiry& inquiry, const Ground& ground) {
  if (ground.kind() == GroundKind::userns && !inquiry.needs_root.empty())
    return std::string(needs_root) + inquiry.needs_root;
  for (const std::string& name : inquiry.operation.daemons)
    if (std::string why = why_no_daemon(daemon_named(name)); !why.empty()) return why;
  return {};
}

// Those of the inquiries that are run.
std::vector<std::string> daemons_of(const std::vector<Inquiry>& inquiries, const Ground& ground) {
  std::set<std::string> names;
  for (const Inquiry& inquiry : inquiries)
    if (why_not_asked(inquiry, ground).empty())
      names.insert(inquiry.operation.daemons.begin(), inquiry.operation.daemons.end());
  return {names.begin(), names.end()};
}

bool wants_probing(const Verdict& verdict) {
  if (verdict.findings.empty()) return false;
  const Finding& first = verdict.findings.front();
  // The first call of a fresh service: what comes after a call that was right has another reason.
  const bool unexplained = (!first.effect || first.kind == "denied") && first.call == 0;
  return unexplained && (first.hop == "environment" || first.hop == "call") && first.kind != "crashed" &&
         first.kind != "lingering";
}

// True when the finding's call made no system call whose outcome depends on who makes it.
bool asked_nothing(const std::vector<LegRecord>& legs, const Finding& finding) {
  const auto leg = std::find_if(legs.begin(), legs.end(), [&](const LegRecord& l) { return l.name == finding.leg; });
  return leg != legs.end() && std::none_of(leg->effects.begin(), leg->effects.end(), [&](const Effect& effect) {
           return effect.window == finding.call && !same_for_everybody(effect);
         });
}

// With one thing changed it does not go wrong any more, or not in this way: what else does is another finding.
bool is_mended(const Finding& finding, const Verdict& with_the_change) {
  if (with_the_change.answer == Answer::works) return true;
  const auto is_like = [&](const Finding& other) { return other.kind == finding.kind || other.kind == "crashed"; };
  return finding.kind == "denied" && with_the_change.answer == Answer::fails &&
         std::none_of(with_the_change.findings.begin(), with_the_change.findings.end(), [&](const Finding& other) {
           return is_like(other) || std::any_of(other.within.begin(), other.within.end(), is_like);
         });
}

// What a probe has shown of a finding holds of its like that were folded into it.
void know_better(Finding& finding, const std::string& hop, const std::string& clock) {
  const auto set = [&](Finding& of) {
    of.hop = hop;
    of.clock = clock;
    of.code = code_for(hop, of.kind).code;
  };
  for (Finding& inner : finding.within)
    if (inner.kind == finding.kind && inner.hop == finding.hop) set(inner);
  set(finding);
}

}  // namespace

const std::vector<LegPlan>& leg_plans() {
  static const std::vector<LegPlan> plans = {
      {"cold", "", "", {"alice"}, 0, "", false},
      {"warm", "", "", {"root", "alice"}, 0, "", false},
      {"after-bob", "", "", {"bob", "alice"}, 0, "", false},
      {"alternating", "", "", {"alice", "bob", "alice", "bob"}, 0, "", false},
      {"concurrent", "", "", {"alice", "bob"}, 12, "", false},
      {"after-idle", "", "", {"alice", "idle", "bob", "alice"}, 0, "", false},
      {"service-after", "", "", {"alice", "root"}, 0, "", false},
  };
  return plans;
}

Inquired inquire(const std::vector<Inquiry>& inquiries, const Ground& ground, const InquiryOptions& options) {
  const int service_program = open_service_program();
  DaemonData daemon_data;
  Schedule schedule(options.limits, {ground, service_program, daemon_data});

  const auto plan = [&](const Operation& operation, const std::vector<std::string>& postures, Gathered& into,
                        bool canary) {
    for (const LegPlan& oracle : oracle_plans(canary))
      schedule.add({operation, oracle, [&into](LegRecord record) {
                      const std::string user = record.oracle;
                      into.oracles[user].push_back(std::move(record));
                    }});
    for (const std::string& posture : postures) {
      for (LegPlan leg : leg_plans()) {
        const bool wanted = canary ? leg.name == "cold"
                                   : options.legs.empty() || std::find(options.legs.begin(), options.legs.end(),
                                                                       leg.name) != options.legs.end();
        if (!wanted) continue;
        leg.posture = posture;
        schedule.add(
            {operation, leg, [&into, posture](LegRecord record) { into.legs[posture].push_back(std::move(record)); }});
      }
    }
  };

  std::set<std::string> postures;
  for (const Inquiry& inquiry : inquiries) postures.insert(inquiry.postures.begin(), inquiry.postures.end());
  if (inquiries.empty()) postures.insert(all_postures.begin(), all_postures.end());
  Gathered canary;
  plan({"", {}, "behalf_canary", {"void behalf_canary_before(void)"}}, {postures.begin(), postures.end()}, canary,
       true);
  daemon_data.begin(daemons_of(inquiries, ground), ground);
  // The canary goes first: where not even it can be run, nothing can, and that is said before anything long begins.
  schedule.run([](const Progress&) {});
  for (const auto& [user, runs] : canary.oracles)
    for (const LegRecord& run : runs)
      if (!run.error.empty()) throw CannotRun(run.error);
  daemon_data.finish();
  std::vector<std::unique_ptr<Gathered>> gathered;
  for (const Inquiry& inquiry : inquiries) {
    gathered.push_back(std::make_unique<Gathered>());
    if (why_not_asked(inquiry, ground).empty()) plan(inquiry.operation, inquiry.postures, *gathered.back(), false);
  }
  schedule.run(options.progress ? options.progress : [](const Progress&) {});

  Symbolizer symbolizer;
  Inquired result;
  result.self_check = true;
  for (const std::string& posture : postures) {
    const Verdict verdict = judge(canary.oracles, canary.legs[posture], posture, symbolizer, {});
    const bool caught = verdict.answer == Answer::fails && verdict.findings.front().kind == "lost";
    if (caught) continue;
    result.self_check = false;
    result.self_check_trouble =
        fmt::format("the canary was not caught in the posture {}{}{}", posture, verdict.reasons.empty() ? "" : ": ",
                    verdict.reasons.empty() ? "" : verdict.reasons.front());
  }
  for (std::size_t i = 0; i < inquiries.size(); ++i) {
    Answers answers{inquiries[i], {}};
    for (const std::string& posture : inquiries[i].postures) {
      if (std::string why = why_not_asked(inquiries[i], ground); !why.empty()) {
        Verdict& verdict = answers.verdicts.emplace_back();
        verdict.posture = posture;
        verdict.reasons.push_back(std::move(why));
        continue;
      }
      auto& legs = gathered[i]->legs[posture];
      sort_by_plan(legs);
      Verdict verdict = judge(gathered[i]->oracles, legs, posture, symbolizer, inquiries[i].operation.shown);
      if (!result.self_check && verdict.answer == Answer::works) {
        verdict.answer = Answer::unclear;
        verdict.reasons.push_back("the tool's check of itself failed: " + result.self_check_trouble);
      }
      if (options.keep_records) verdict.records = legs;
      answers.verdicts.push_back(std::move(verdict));
    }
    result.answers.push_back(std::move(answers));
  }

  // What went wrong without a trace is tried again, with one thing changed at a time.
  std::list<std::vector<std::optional<LegRecord>>> tried;
  std::vector<std::function<void()>> conclusions;
  for (std::size_t i = 0; i < inquiries.size(); ++i) {
    for (Verdict& verdict : result.answers[i].verdicts) {
      if (!wants_probing(verdict)) continue;
      const std::vector<Probe> probes = probes_for(verdict.posture);
      auto& records = tried.emplace_back(probes.size());
      for (std::size_t p = 0; p < probes.size(); ++p)
        schedule.add({inquiries[i].operation, probes[p].plan,
                      [&records, p](LegRecord record) { records[p] = std::move(record); }});
      conclusions.emplace_back([&, i, probes] {
        for (std::size_t p = 0; p < probes.size(); ++p) {
          if (!records[p] || !records[p]->error.empty()) continue;
          const Verdict answer = judge(gathered[i]->oracles, {*records[p]}, probes[p].plan.posture, symbolizer,
                                       inquiries[i].operation.shown);
          if (!is_mended(verdict.findings.front(), answer)) continue;
          know_better(verdict.findings.front(), probes[p].hop, probes[p].clock);
          return;
        }
        // None of the changes mends it: something else that the process has, and the user would have of her own.
        Finding& finding = verdict.findings.front();
        // Another's answer to the letter, and nothing was asked of the kernel for it: a value kept since the start.
        const bool anothers = !finding.effect && (finding.kind == "lost" || finding.kind == "leaked") &&
                              asked_nothing(gathered[i]->legs[verdict.posture], finding);
        const std::string hop = finding.hop != "environment" ? finding.hop
                                : anothers                   ? "cache"
                                                             : "process-state",
                          clock = finding.clock;
        know_better(finding, hop, clock);
      });
    }
  }
  // And what went wrong in another thread is run again with its hand-offs recorded, once for each of the two users: a
  // real hand-off recurs when they are swapped.
  for (std::size_t i = 0; i < inquiries.size(); ++i) {
    for (Verdict& verdict : result.answers[i].verdicts) {
      const std::optional<LegPlan> again = blame_plan(verdict);
      if (!again) continue;
      auto& records = tried.emplace_back(2);
      schedule.add({inquiries[i].operation, *again, [&records](LegRecord record) { records[0] = std::move(record); }});
      schedule.add(
          {inquiries[i].operation, swapped(*again), [&records](LegRecord record) { records[1] = std::move(record); }});
      conclusions.emplace_back([&, i] {
        if (!records[0] || !records[1]) return;
        Finding& finding = verdict.findings.front();
        const std::string hop = blame(finding, *records[0], *records[1], symbolizer, inquiries[i].operation.shown);
        if (!hop.empty()) know_better(finding, hop, hop == "connection" ? "open" : finding.clock);
        // The same leg, seen with its hand-offs, is the better picture of it.
        for (LegRecord& kept : verdict.records)
          if (kept.name == records[0]->name && records[0]->error.empty() && !records[0]->crash) kept = *records[0];
      });
    }
  }
  // And what was kept from one call to another is run again with all openings recorded.
  for (std::size_t i = 0; i < inquiries.size(); ++i) {
    for (Verdict& verdict : result.answers[i].verdicts) {
      const std::optional<LegPlan> again = provenance_plan(verdict);
      if (!again) continue;
      auto& records = tried.emplace_back(1);
      schedule.add({inquiries[i].operation, *again, [&records](LegRecord record) { records[0] = std::move(record); }});
      conclusions.emplace_back([&, i] {
        if (records[0]) trace_back(verdict.findings.front(), *records[0], symbolizer, inquiries[i].operation.shown);
      });
    }
  }
  schedule.run(options.progress ? options.progress : [](const Progress&) {});
  for (const auto& conclude : conclusions) conclude();
  result.notes = symbolizer.troubles();
  close(service_program);
  return result;
}

}  // namespace behalf::tool
