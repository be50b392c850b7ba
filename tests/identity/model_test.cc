// Setuid demystified: the model is checked against the kernel, transition by transition, and the library's transition
// against the model, from every state that it can be called in.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <functional>
#include <set>
#include <sstream>
#include <tuple>

#include "child.h"
#include "credential_model.h"
#include "identity/service.h"
#include "identity/transition.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr long one_of_every = 7;  // threads cost many times as much; what is tried is the kernel, which is the same
#else
constexpr long one_of_every = 1;
#endif

using Id = std::uint32_t;
constexpr Id keep = Model::keep;

std::string words(const Ids& ids) {
  std::ostringstream out;
  out << ids.real << '/' << ids.effective << '/' << ids.saved << '/' << ids.fs;
  return out.str();
}

std::string words(const Model& model) {
  std::ostringstream out;
  out << "uid " << words(model.uid) << " gid " << words(model.gid) << " groups";
  for (const gid_t group : model.groups) out << ' ' << group;
  out << std::hex << " eff " << model.effective << " prm " << model.permitted << (model.fixup ? "" : " nofixup");
  return out.str();
}

Model seen_by_kernel(bool fixup) {
  const KernelView view = kernel_view();
  return {view.uid, view.gid, view.groups, view.effective, view.permitted, view.inheritable, fixup};
}

// One call of the model and of the kernel. The kernel's result is made comparable: 0 or more, or -errno.
struct Call {
  std::string name;
  std::function<long(Model&)> of_model;
  std::function<long()> of_kernel;
};

template <class... Arguments>
long raw(long number, Arguments... arguments) {
  const long result = ::syscall(number, arguments...);
  return result == -1 ? -errno : result;
}

std::vector<std::array<Id, 3>> triples(const std::vector<Id>& ids) {
  std::vector<std::array<Id, 3>> all;
  for (const Id r : ids) {
    for (const Id e : ids) {
      for (const Id s : ids) all.push_back({r, e, s});
    }
  }
  return all;
}

std::string name_of(const char* call, std::array<Id, 3> t) {
  std::string text = call;
  for (const Id id : t) text += ' ' + std::to_string(static_cast<int>(id));
  return text;
}

std::vector<Call> uid_calls(const std::vector<Id>& ids) {
  std::vector<Call> calls;
  for (const auto& t : triples(ids)) {
    calls.push_back({name_of("setresuid", t), [t](Model& m) { return m.setresuid(t[0], t[1], t[2]); },
                     [t] { return raw(SYS_setresuid, t[0], t[1], t[2]); }});
  }
  for (const Id id : ids) {
    calls.push_back({"setfsuid " + std::to_string(static_cast<int>(id)), [id](Model& m) { return m.setfsuid(id); },
                     [id] { return raw(SYS_setfsuid, id); }});
  }
  return calls;
}

std::vector<Call> gid_calls(const std::vector<Id>& ids) {
  std::vector<Call> calls;
  for (const auto& t : triples(ids)) {
    calls.push_back({name_of("setresgid", t), [t](Model& m) { return m.setresgid(t[0], t[1], t[2]); },
                     [t] { return raw(SYS_setresgid, t[0], t[1], t[2]); }});
  }
  for (const Id id : ids) {
    calls.push_back({"setfsgid " + std::to_string(static_cast<int>(id)), [id](Model& m) { return m.setfsgid(id); },
                     [id] { return raw(SYS_setfsgid, id); }});
  }
  for (const std::vector<gid_t>& list : {std::vector<gid_t>{}, {0}, {devs, staff}}) {
    calls.push_back({"setgroups of " + std::to_string(list.size()), [list](Model& m) { return m.setgroups(list); },
                     [list] { return raw(SYS_setgroups, list.size(), list.data()); }});
  }
  return calls;
}

std::vector<Call> capability_calls(const std::vector<std::uint64_t>& sets) {
  std::vector<Call> calls;
  for (const std::uint64_t effective : sets) {
    for (const std::uint64_t permitted : sets) {
      calls.push_back({"capset", [=](Model& m) { return m.capset(effective, permitted, 0); },
                       [=] {
                         return detail::set_capabilities(detail::kernel_calls, {effective, permitted, 0});
                       }});
    }
  }
  return calls;
}

std::vector<Ids> quads(const std::vector<Id>& ids) {
  std::vector<Ids> all;
  for (const auto& t : triples(ids)) {
    for (const Id fs : ids) all.push_back({t[0], t[1], t[2], fs});
  }
  return all;
}

class Comparison {
 public:
  // Every call from the state, each on a thread that was just made and put into it.
  void try_all(const Model& state, const std::vector<Call>& calls) {
    for (const Call& call : calls) {
      if (turn_++ % one_of_every != 0) continue;
      on_thread([&] {
        make_thread({state.uid, state.gid, state.groups, state.effective, state.permitted,
                     state.fixup ? 0UL : 4UL /* SECBIT_NO_SETUID_FIXUP */});
        Model model = state;
        must(seen_by_kernel(state.fixup) == state, "could not be prepared: " + words(state));
        const long wanted = call.of_model(model);
        const long is = call.of_kernel();
        const Model seen = seen_by_kernel(state.fixup);
        must(is == wanted && seen == model, call.name + " from " + words(state) + ": the kernel says " +
                                                std::to_string(is) + ", " + words(seen) + "; the model " +
                                                std::to_string(wanted) + ", " + words(model));
      });
      ++compared_;
    }
  }
  long compared() const { return compared_; }

 private:
  long turn_ = 0;
  long compared_ = 0;
};

constexpr std::uint64_t switching = detail::switching_capabilities;

// Everything that the user ids, the capabilities and the fix-ups do to each other.
TEST(Kernel_and_model, agree_on_every_change_of_user_ids) {
  EXPECT_EQ(in_own_process([] {
              const std::uint64_t all = kernel_view().permitted;
              const std::vector<Id> ids = {0, alice_id, spare_id};
              const std::vector<Call> calls = uid_calls({keep, 0, alice_id, spare_id});
              Comparison comparison;
              for (const Ids& uid : quads(ids)) {
                for (const std::uint64_t effective : {std::uint64_t{0}, switching, all}) {
                  for (const bool fixup : {true, false}) {
                    comparison.try_all({uid, {}, {0}, effective, all, 0, fixup}, calls);
                  }
                }
                // What is raised is raised out of the permitted ones only.
                const std::uint64_t few = switching | 1;
                for (const std::uint64_t effective : {std::uint64_t{0}, few}) {
                  comparison.try_all({uid, {}, {0}, effective, few, 0, true}, calls);
                }
              }
              must(comparison.compared() * one_of_every > 30000, "too few were compared");
            }),
            "");
}

TEST(Kernel_and_model, agree_on_every_change_of_group_ids) {
  EXPECT_EQ(in_own_process([] {
              const std::uint64_t all = kernel_view().permitted;
              const std::vector<Call> calls = gid_calls({keep, 0, alice_id, spare_id});
              const Ids user{alice_id, alice_id, 0, alice_id};
              Comparison comparison;
              for (const Ids& gid : quads({0, alice_id, spare_id})) {
                for (const std::uint64_t effective : {std::uint64_t{0}, all & ~switching, switching}) {
                  comparison.try_all({user, gid, {alice_id, devs}, effective, all, 0, true}, calls);
                }
              }
              must(comparison.compared() * one_of_every > 10000, "too few were compared");
            }),
            "");
}

TEST(Kernel_and_model, agree_on_every_change_of_capabilities) {
  EXPECT_EQ(in_own_process([] {
              const std::uint64_t all = kernel_view().permitted;
              const std::vector<std::uint64_t> sets = {0, switching, switching | 2, all};
              const std::vector<Call> calls = capability_calls(sets);
              Comparison comparison;
              for (const Ids& uid :
                   {Ids{}, Ids{alice_id, alice_id, 0, alice_id}, Ids{account_id, account_id, account_id, account_id}}) {
                for (const std::uint64_t permitted : {switching, all}) {
                  for (const std::uint64_t effective : {std::uint64_t{0}, switching, permitted}) {
                    comparison.try_all({uid, {}, {0}, effective, permitted, 0, true}, calls);
                  }
                }
              }
            }),
            "");
}

// The library's transition, run over the model: the system-call table that it is given is the model's.

thread_local Model machine;

long copy_out(const Ids& ids, std::uint32_t* r, std::uint32_t* e, std::uint32_t* s) noexcept {
  *r = ids.real;
  *e = ids.effective;
  *s = ids.saved;
  return 0;
}

// What a switch calls.
const detail::SystemCalls model_calls = {
    .setresuid = [](uid_t r, uid_t e, uid_t s) noexcept { return machine.setresuid(r, e, s); },
    .setresgid = [](gid_t r, gid_t e, gid_t s) noexcept { return machine.setresgid(r, e, s); },
    .setfsuid = [](uid_t id) noexcept { return machine.setfsuid(id); },
    .setfsgid = [](gid_t id) noexcept { return machine.setfsgid(id); },
    .setgroups = [](std::size_t count,
                    const gid_t* list) noexcept { return machine.setgroups(std::vector<gid_t>(list, list + count)); },
    .getresuid = [](uid_t* r, uid_t* e, uid_t* s) noexcept { return copy_out(machine.uid, r, e, s); },
    .getresgid = [](gid_t* r, gid_t* e, gid_t* s) noexcept { return copy_out(machine.gid, r, e, s); },
    .getgroups = [](std::size_t count, gid_t* list) noexcept -> long {
      if (count < machine.groups.size()) return -EINVAL;
      std::copy(machine.groups.begin(), machine.groups.end(), list);
      return static_cast<long>(machine.groups.size());
    },
    .capget = [](detail::SystemCalls::Header*, detail::SystemCalls::Data* data) noexcept -> long {
      for (unsigned word = 0; word < 2; ++word) {
        const auto part = [word](std::uint64_t set) { return static_cast<std::uint32_t>(set >> (32 * word)); };
        data[word] = {part(machine.effective), part(machine.permitted), part(machine.inheritable)};
      }
      return 0;
    },
    .capset =
        [](detail::SystemCalls::Header*, const detail::SystemCalls::Data* data) noexcept {
          const auto join = [](std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; };
          return machine.capset(join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
                                join(data[0].inheritable, data[1].inheritable));
        },
};

struct Transition {
  std::optional<detail::Failure> failure;
  Model wanted;
};

// From a machine in that state, which the library knows, to the credentials.
Transition run(const Model& from, const detail::Credentials& to, uid_t service) {
  const detail::Credentials is{from.uid, from.gid, from.groups, from.effective};
  const detail::Powers powers{from.permitted, from.inheritable, from.fixup};
  std::vector<gid_t> scratch(from.groups.size() + to.groups.size() + 2);
  Transition result{{}, from};
  result.wanted.uid = to.uid;
  result.wanted.gid = to.gid;
  result.wanted.groups = to.groups;
  result.wanted.effective = to.effective & from.permitted;
  machine = from;
  result.failure =
      detail::transition(model_calls, powers, service, {is, from.effective}, {to, result.wanted.effective}, scratch);
  return result;
}

struct ServiceModel {
  std::string name;
  Model machine;
  detail::Service service;
};

std::vector<ServiceModel> services() {
  constexpr std::uint64_t all = (std::uint64_t{1} << 41) - 1;
  const Ids account{account_id, account_id, account_id, account_id};
  const std::vector<std::tuple<std::string, Ids, std::uint64_t, std::uint64_t, bool>> kinds = {
      {"root", {}, all, all, true},
      {"root, two capabilities", {}, switching, switching, true},
      {"root, no fix-ups", {}, all, all, false},
      {"root by a setuid file", {alice_id + 9000, 0, 0, 0}, all, all, true},
      {"account", account, switching, switching, true},
      {"account with DAC_OVERRIDE", account, switching | 2, switching | 2, true},
  };
  std::vector<ServiceModel> models;
  for (const auto& [name, ids, effective, permitted, fixup] : kinds) {
    ServiceModel model{name, {ids, ids, {5, 6}, effective, permitted, 0, fixup}, {}};
    model.service.own = {ids, ids, {5, 6}, effective};
    model.service.powers = {permitted, 0, fixup};
    model.service.spare = SpareAccount{spare_id, spare_id};
    models.push_back(std::move(model));
  }
  return models;
}

// The service, and each of two users in each posture.
std::vector<detail::Credentials> wardrobe(const detail::Service& service) {
  std::vector<detail::Credentials> all = {service.own};
  for (const Id user : {alice_id, bob_id}) {
    for (const Posture posture : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
      detail::TokenData data;
      data.uid = data.gid = user;
      data.posture = posture;
      data.wear.groups = user == alice_id ? std::vector<gid_t>{devs, alice_id} : std::vector<gid_t>{user};
      detail::sort_groups(data.wear.groups);
      all.push_back(detail::wear(service, data));
    }
  }
  return all;
}

TEST(Transition, reaches_every_posture_from_every_posture_and_comes_back_exactly) {
  long tried = 0;
  for (const ServiceModel& kind : services()) {
    const uid_t service = kind.service.own.uid.effective;
    for (const detail::Credentials& first : wardrobe(kind.service)) {
      for (const detail::Credentials& second : wardrobe(kind.service)) {
        Model at = kind.machine;
        for (const detail::Credentials* to : {&first, &second, &first, &kind.service.own}) {
          const Model before = at;
          const Transition done = run(before, *to, service);
          ASSERT_FALSE(done.failure) << kind.name << ": " << done.failure->call << " from " << words(before) << " to "
                                     << words(done.wanted) << ", is " << words(machine);
          ASSERT_EQ(machine, done.wanted)
              << kind.name << ": from " << words(before) << " to " << words(done.wanted) << ", is " << words(machine);
          at = machine;
          ++tried;
        }
        ASSERT_EQ(at, kind.machine);
      }
    }
  }
  EXPECT_GT(tried, 1500);
}

// Code in the region is free to move about among what the kernel allows. Whatever it left behind, the way back to the
// service either leads there exactly or is reported: never a success that is none.
TEST(Transition, never_claims_a_success_that_the_machine_does_not_show_from_any_reachable_state) {
  for (const ServiceModel& kind : services()) {
    const uid_t service = kind.service.own.uid.effective;
    const std::vector<Call> calls = uid_calls({keep, service, alice_id, spare_id});
    const std::vector<Call> raise = capability_calls({0, switching, kind.machine.permitted});
    for (const detail::Credentials& worn : wardrobe(kind.service)) {
      const Transition start = run(kind.machine, worn, service);
      ASSERT_FALSE(start.failure);
      const auto key = [](const Model& m) {
        return std::tuple(m.uid.real, m.uid.effective, m.uid.saved, m.uid.fs, m.effective, m.permitted);
      };
      std::set<decltype(key(machine))> seen;
      std::deque<Model> todo = {machine};
      seen.insert(key(machine));
      long came_back = 0;
      while (!todo.empty()) {
        const Model state = todo.front();
        todo.pop_front();
        for (const auto* list : {&calls, &raise}) {
          for (const Call& call : *list) {
            Model next = state;
            call.of_model(next);
            if (seen.insert(key(next)).second) todo.push_back(next);
          }
        }
        const Transition back = run(state, kind.service.own, service);
        if (back.failure) continue;
        ++came_back;
        ASSERT_EQ(machine, back.wanted) << kind.name << ": from " << words(state);
        ASSERT_EQ(machine.permitted, state.permitted) << kind.name << ": from " << words(state);
      }
      ASSERT_GT(came_back, 0) << kind.name;
    }
  }
}

// As above, but the library is told what the thread wore before and not what code in the region made of it.
TEST(Transition, never_claims_a_success_over_a_memo_that_is_not_true) {
  for (const ServiceModel& kind : services()) {
    const uid_t service = kind.service.own.uid.effective;
    for (const detail::Credentials& worn : wardrobe(kind.service)) {
      ASSERT_FALSE(run(kind.machine, worn, service).failure);
      const Model memo = machine;
      for (const Call& call : uid_calls({keep, service, alice_id, bob_id, spare_id})) {
        machine = memo;
        call.of_model(machine);
        const detail::Powers powers{memo.permitted, memo.inheritable, memo.fixup};
        std::vector<gid_t> scratch(16);
        const auto failure = detail::transition(model_calls, powers, service, {worn, memo.effective},
                                                {kind.service.own, kind.service.own.effective}, scratch);
        if (failure || worn == kind.service.own) continue;
        ASSERT_EQ(machine, kind.machine) << kind.name << ": " << call.name << " from " << words(memo);
      }
    }
  }
}

}  // namespace
}  // namespace behalf::testing
