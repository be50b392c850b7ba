// UserSettings: whose they are, what is kept, which layer says what.
#include "behalf/user_settings.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "behalf/as_service.h"
#include "behalf/impersonation.h"
#include "behalf/per_identity.h"
#include "refused.h"
#include "settings_homes.h"

namespace behalf::testing {
namespace {

namespace fs = std::filesystem;
using Reason = Error::Reason;

template <class F>
bool is_no_argument(const F& f) {
  try {
    f();
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

// The body, with homes, as the service, on a thread that may impersonate.
std::string with_homes(const std::function<void(const Homes&)>& body) {
  return in_own_process([&] {
    const Homes homes;
    start(ServiceKind::root);
    on_thread([&] { body(homes); });
  });
}

struct User {
  Token alice = Token::for_user("alice");
  Token bob = Token::for_user("bob");
};

TEST(Settings, of_every_type_are_read_as_they_were_written) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              const Impersonation as{user.alice};
              const std::map<std::string, SettingValue> wanted = {
                  {"a/bool", true},
                  {"a/bytes", SettingBytes{std::byte{0}, std::byte{0xFF}}},
                  {"a/empty bytes", SettingBytes{}},
                  {"a/empty list", SettingTexts{}},
                  {"a/empty text", std::string()},
                  {"a/integer", std::numeric_limits<std::int64_t>::min()},
                  {"a/list", SettingTexts{"one", "", "three"}},
                  {"a/real", 3.0},
                  {"a/text", std::string("Schriftgröße")},
              };
              {
                UserSettings settings = UserSettings::open_current_user({}, homes.options());
                for (const auto& [key, value] : wanted) settings.set(key, value);
                settings.set("a/text", "Schriftgröße");
                settings.set("a/zero", 0);  // no null pointer
                must_equal(number(settings, "a/zero"), 0, "zero");
                must(settings.remove("a/zero"), "remove");
                must(settings.all() == wanted, "in the same handle");
              }
              const UserSettings again = UserSettings::open_current_user({}, homes.options());
              must(again.all() == wanted, "in another one");
              for (const auto& [key, value] : wanted) must(again.get(key) == value, key);
              must(!again.get("a/none") && !again.get("a"), "what is not there");
              must(again.get_or("a/none", std::string("x")) == "x", "otherwise");
              must(refused(Reason::not_usable, [&] { (void)again.get_or("a/text", 1.5); }), "another type");
            }),
            "");
}

TEST(Settings, are_a_hierarchy) {
  EXPECT_EQ(
      with_homes([](const Homes& homes) {
        const User user;
        const Impersonation as{user.alice};
        UserSettings settings = UserSettings::open_current_user({}, homes.options());
        must(settings.children().empty() && !settings.remove("editor") && !fs::exists(homes.alice() / ".config"),
             "nothing there, and nothing made");
        for (const char* key : {"editor", "editor/font", "editor/font/size", "editor-x/y", "editor/a-b", "z/1/2"}) {
          settings.set(key, key);
        }
        using Names = std::vector<std::string>;
        must(settings.children() == Names{"editor", "editor-x", "z"}, "of the top");
        must(settings.children("editor") == Names{"a-b", "font"}, "of editor");
        must(settings.children("z") == Names{"1"} && settings.children("none").empty(), "of others");
        must(settings.all("editor").size() == 4 && settings.all("editor/font").size() == 2, "all");
        must(settings.remove("editor") && !settings.remove("editor"), "one");
        must(settings.get("editor/font").has_value(), "what is beneath stays");
        must(settings.remove_tree("editor") && !settings.remove_tree("editor"), "with what is beneath");
        must(settings.children() == Names{"editor-x", "z"}, "its neighbours stay");
        must(settings.remove_tree("") && settings.children().empty(), "all of it");
        for (const std::string key : {"", "/", "a/", "/a", "a//b", "a\xFF"}) {
          must(is_no_argument([&] { settings.set(key, true); }), "a key: '" + key + "'");
        }
        must(is_no_argument([&] { settings.set(std::string(1025, 'k'), true); }), "a long key");
        must(is_no_argument([&] { settings.set("a", std::string("a\0b", 3)); }), "a NUL");
        must(is_no_argument([&] { settings.set("a", std::numeric_limits<double>::quiet_NaN()); }), "no number");
        SettingsOptions elsewhere = homes.options();
        elsewhere.application = "../app";
        must(is_no_argument([&] { (void)UserSettings::open_current_user({}, elsewhere); }), "another folder");
      }),
      "");
}

TEST(Settings, are_the_user_s_in_her_home_and_her_files) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              ::setenv("HOME", homes.bob().c_str(), 1);
              UserSettings of_alice = UserSettings::open_current_user(Carried(user.alice), homes.options());
              UserSettings of_bob = UserSettings::open_current_user(Carried(user.bob), homes.options());
              of_alice.set("who", "alice");
              of_bob.set("who", "bob");
              must(of_alice.get_or("who", std::string()) == "alice", "hers");
              must(of_bob.get_or("who", std::string()) == "bob", "his");
              for (const fs::path& each :
                   {homes.alice() / ".config", homes.folder_of_alice(), homes.folder_of_alice() / "settings.sqlite"}) {
                struct stat status {};
                must(::lstat(each.c_str(), &status) == 0, each);
                must_equal(status.st_uid, alice_id, each);
                must((status.st_mode & 077) == 0, each);
              }
            }),
            "");
}

TEST(A_handle, serves_its_owner_and_the_service_and_nobody_else) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              UserSettings settings = UserSettings::open_current_user(Carried(user.alice), homes.options());
              settings.set("as", "the service");
              {
                const Impersonation as{user.alice};
                settings.set("as", "alice");
                const AsService self;
                must(settings.get_or("as", std::string()) == "alice", "the service inside of a region");
              }
              const Impersonation as{user.bob};
              must(refused(Reason::not_the_owner, [&] { (void)settings.get("as"); }), "bob read");
              must(refused(Reason::not_the_owner, [&] { settings.set("as", "bob"); }), "bob wrote");
              must(refused(Reason::not_the_owner, [&] { settings.transaction([] {}); }), "bob began");
              must(refused(Reason::not_the_owner, [&] { (void)settings.watch(); }), "bob watches");
            }),
            "");
}

TEST(A_handle, is_used_from_the_main_thread_too) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              start(ServiceKind::root);
              UserSettings settings =
                  UserSettings::open_current_user(Carried(Token::for_user("alice")), homes.options());
              settings.transaction([&] { settings.set("a", 1); });
              must_equal(number(settings, "a"), 1, "a");
            }),
            "");
}

// HKEY_CURRENT_USER is opened once for the process, by whoever used it first: what RegDisablePredefinedCache is for.
TEST(A_predefined_handle, would_be_the_first_caller_s_and_here_it_is_refused) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              const auto current_user = [&]() -> UserSettings& {
                static UserSettings predefined = UserSettings::open_current_user({}, homes.options());
                return predefined;
              };
              const auto theirs = [](UserSettings& settings) { return settings.get_or("who", std::string("nobody")); };
              UserSettings::open_current_user(Carried(user.alice), homes.options()).set("who", "alice");
              UserSettings::open_current_user(Carried(user.bob), homes.options()).set("who", "bob");
              per_identity<UserSettings> kept([&] { return UserSettings::open_current_user({}, homes.options()); });
              {
                const Impersonation as{user.alice};
                must(theirs(current_user()) == "alice" && theirs(*kept.get()) == "alice", "hers");
              }
              const Impersonation as{user.bob};
              must(refused(Reason::not_the_owner, [&] { (void)theirs(current_user()); }), "bob got alice's");
              UserSettings opened = UserSettings::open_current_user({}, homes.options());
              must(theirs(opened) == "bob" && theirs(*kept.get()) == "bob", "his");
              const AsService self;  // whose turn it is to end what alice left
              kept.clear();
              current_user() = UserSettings::open_current_user(Carried(user.bob), homes.options());
            }),
            "");
}

TEST(Classes, are_the_user_s_over_the_machine_s) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              UserSettings machine = UserSettings::open_machine(homes.options());
              machine.transaction([&] {
                machine.set("type/txt", "editor");
                machine.set("type/png", "viewer");
                must(machine.get_or("type/png", std::string()) == "viewer", "within");
              });
              const Impersonation as{user.alice};
              UserSettings classes = UserSettings::open_classes({}, homes.options());
              const auto of = [&](const char* key) { return classes.get_or(key, std::string("none")); };
              must(of("type/txt") == "editor" && of("type/png") == "viewer", "the machine's");
              classes.set("type/txt", "vi");
              classes.set("type/pdf", "reader");
              must(of("type/txt") == "vi", "hers over it");
              must((classes.children("type") == std::vector<std::string>{"pdf", "png", "txt"}), "merged");
              must(classes.all("type").at("type/txt") == SettingValue(std::string("vi")), "all, merged");
              must(!UserSettings::open_current_user({}, homes.options()).get("type/png"), "hers alone");
              {
                const Impersonation other{user.bob};
                must(UserSettings::open_classes({}, homes.options()).get_or("type/txt", std::string()) == "editor",
                     "bob's");
                must(refused(Reason::not_the_owner, [&] { (void)machine.get("type/txt"); }), "bob administers");
              }
              must(classes.remove("type/txt") && of("type/txt") == "editor", "the machine's is seen again");
              must(!classes.remove("type/txt") && of("type/txt") == "editor", "and cannot be removed by her");
              {
                const AsService self;
                machine.set("type/png", "other viewer");
              }
              must(of("type/png") == "other viewer", "a handle that was open sees what is new");
              must(::faccessat(AT_FDCWD, (homes.machine() / "app/settings.sqlite").c_str(), W_OK, AT_EACCESS) != 0,
                   "she may write the machine's");
            }),
            "");
}

TEST(A_machine_s_layer, that_a_user_could_have_written_is_refused) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              UserSettings::open_machine(homes.options()).set("a", 1);
              const fs::path file = homes.machine() / "app/settings.sqlite";
              const auto open = [&] { (void)UserSettings::open_classes(Carried(user.bob), homes.options()); };
              open();
              ::chmod(file.c_str(), 0666);
              must(refused(Reason::not_usable, open), "it may be written by all");
              ::chmod(file.c_str(), 0644);
              must(::chown(file.c_str(), alice_id, alice_id) == 0, "chown");
              must(refused(Reason::not_usable, open), "it is alice's");
            }),
            "");
}

TEST(A_transaction, is_there_at_once_or_not_at_all) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              const Impersonation as{user.alice};
              UserSettings settings = UserSettings::open_current_user({}, homes.options());
              UserSettings other = UserSettings::open_current_user({}, homes.options());
              settings.transaction([&] {
                settings.set("a", 1);
                must_equal(number(settings, "a"), 1, "within");
                must(!other.get("a"), "seen before its end");
                must(refused(Reason::busy, [&] { other.set("b", 1); }), "two at a time");
                settings.set("b", 1);
              });
              must_equal(number(other, "a") + number(other, "b"), 2, "afterwards");
              const auto fails = [&] {
                settings.transaction([&] {
                  settings.set("a", 2);
                  throw std::runtime_error("on purpose");
                });
              };
              try {
                fails();
                must(false, "it went through");
              } catch (const std::runtime_error&) {
              }
              must_equal(number(settings, "a"), 1, "what was taken back");
              settings.transaction([&] {
                settings.set("a", 3);
                try {
                  fails();
                } catch (const std::runtime_error&) {
                }
                settings.transaction([&] { settings.set("b", 3); });
              });
              must_equal(number(other, "a"), 3, "around what was taken back");
              must_equal(number(other, "b"), 3, "a part that was kept");
              settings.transaction([&] {
                const Impersonation stranger{user.bob};
                must(refused(Reason::not_the_owner, [&] { settings.set("a", 4); }), "bob, within");
              });
            }),
            "");
}

TEST(A_transaction_of_the_machine_s, is_there_at_once_or_not_at_all) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              UserSettings machine = UserSettings::open_machine(homes.options());
              machine.set("a", 1);
              UserSettings other = UserSettings::open_machine(homes.options());
              try {
                machine.transaction([&] {
                  machine.set("a", 2);
                  must_equal(number(machine, "a"), 2, "within");
                  must_equal(number(other, "a"), 1, "seen before its end");
                  must(refused(Reason::busy, [&] { other.set("a", 3); }), "two at a time");
                  throw std::runtime_error("on purpose");
                });
              } catch (const std::runtime_error&) {
              }
              must_equal(number(machine, "a"), 1, "what was taken back");
              machine.transaction([&] { machine.set("a", 4); });
              must_equal(number(other, "a"), 4, "what was kept");
              for (const auto& entry : fs::directory_iterator(homes.machine() / "app")) {
                const std::string name = entry.path().filename();
                must(name == "settings.sqlite" || name == "settings.lock", "left behind: " + name);
              }
            }),
            "");
}

TEST(A_watch, tells_which_keys_have_changed_whoever_changed_them) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              using Keys = std::vector<std::string>;
              constexpr auto soon = std::chrono::seconds(20);
              const User user;
              UserSettings classes = UserSettings::open_classes(Carried(user.alice), homes.options());
              SettingsWatch watch = classes.watch("editor");
              must(watch.changed().empty(), "before");
              std::thread writer([&] {
                UserSettings own = UserSettings::open_current_user(Carried(user.alice), homes.options());
                own.transaction([&] {
                  own.set("editor/font", "Hack");
                  own.set("other", 1);
                });
              });
              const Keys first = watch.wait(soon);
              writer.join();
              must(first == Keys{"editor/font"}, "a new one");
              const auto tells = [&] {
                pollfd readable = {watch.descriptor(), POLLIN, 0};
                return ::poll(&readable, 1, 20'000) == 1;
              };
              UserSettings machine = UserSettings::open_machine(homes.options());  // its folder is new too
              machine.set("editor/size", 11);
              must(tells() && watch.changed() == Keys{"editor/size"}, "one of the machine's");
              machine.set("editor/size", 10);
              must(tells() && watch.changed() == Keys{"editor/size"}, "one in a folder that was not there at first");
              fs::remove_all(homes.alice() / ".config");
              must(tells() && watch.changed() == Keys{"editor/font"}, "hers is gone");
              classes.set("editor/font", "Hack");
              must(tells() && watch.changed() == Keys{"editor/font"}, "and is there again");
              classes.set("editor/font", "Other");
              must(tells() && watch.changed() == Keys{"editor/font"}, "in the new folder");
              machine.set("editor/font", "Mono");
              must(watch.wait(std::chrono::milliseconds(50)).empty(), "one that hers lies over");
              classes.set("editor/size", 12);
              (void)classes.remove("editor/font");
              must((watch.wait(soon) == Keys{"editor/font", "editor/size"}), "changed and gone");
              const Impersonation as{user.bob};
              must(refused(Reason::not_the_owner, [&] { (void)watch.changed(); }), "bob looks");
            }),
            "");
}

// As who restores a backup does it: neither the file nor its folder is touched.
TEST(A_watch, tells_what_changes_with_a_folder_above_or_a_link_to_it) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              using Keys = std::vector<std::string>;
              const User user;
              UserSettings settings = UserSettings::open_current_user(Carried(user.alice), homes.options());
              const fs::path config = homes.alice() / ".config", one = homes.alice() / "one",
                             another = homes.alice() / "another", link = homes.alice() / "link";
              settings.set("a", 1);
              fs::rename(config, one);
              settings.set("a", 2);
              fs::rename(config, another);
              fs::rename(one, config);
              SettingsWatch watch = settings.watch();
              const auto is_told = [&](const std::string& what) {
                pollfd readable = {watch.descriptor(), POLLIN, 0};
                must(::poll(&readable, 1, 5000) == 1 && watch.changed() == Keys{"a"}, what);
              };
              fs::rename(config, one);
              fs::rename(another, config);
              is_told("another folder");
              fs::rename(config, another);
              fs::rename(one, config);
              is_told("and the one before");
              fs::rename(config, one);
              fs::create_directory_symlink("another", config);
              is_told("a link");
              fs::create_directory_symlink("one", link);
              fs::rename(link, config);
              is_told("another link");
              std::ofstream(homes.alice() / "letter") << "dear bob";
              pollfd readable = {watch.descriptor(), POLLIN, 0};
              must(::poll(&readable, 1, 50) == 0, "a letter in her home is no setting");
            }),
            "");
}

TEST(Settings, have_as_much_time_as_one_can_say) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              using Keys = std::vector<std::string>;
              const User user;
              const Impersonation as{user.alice};
              SettingsOptions options = homes.options();
              options.takes = options.waits = std::chrono::milliseconds::max();
              UserSettings settings = UserSettings::open_current_user({}, options);
              settings.transaction([&] {
                for (int i = 0; i < 1000; ++i) settings.set("many/" + std::to_string(i), i);
              });
              must_equal(settings.all().size(), std::size_t{1000}, "read");
              SettingsWatch watch = settings.watch();
              std::atomic<bool> begun = false;
              std::thread other([&] {
                const Impersonation too{user.alice};
                UserSettings own = UserSettings::open_current_user({}, options);
                own.transaction([&] {
                  own.set("a", 1);
                  begun = true;
                  std::this_thread::sleep_for(std::chrono::milliseconds(100));
                });
              });
              while (!begun) std::this_thread::yield();
              settings.set("b", 1);  // waits for the other's
              other.join();
              must((watch.wait(options.waits) == Keys{"a", "b"}), "changed");
              std::thread later([&] {
                const Impersonation too{user.alice};
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
                UserSettings::open_current_user({}, options).set("c", 1);
              });
              const Keys changed = watch.wait(options.waits);
              later.join();
              must(changed == Keys{"c"}, "waited for");
              const AsService self;
              UserSettings machine = UserSettings::open_machine(options);
              machine.set("a", 1);
            }),
            "");
}

TEST(Settings, go_on_where_the_file_is_removed_or_replaced) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              const User user;
              const Impersonation as{user.alice};
              UserSettings settings = UserSettings::open_current_user({}, homes.options());
              settings.set("a", 1);
              fs::remove_all(homes.alice() / ".config");
              must(!settings.get("a"), "of a file that is gone");
              settings.set("a", 2);
              UserSettings other = UserSettings::open_current_user({}, homes.options());
              must_equal(number(other, "a"), 2, "written anew");
            }),
            "");
}

#if !defined(__SANITIZE_THREAD__)  // which allows no threads after a fork of a process with several
// A child has a copy of the handle, and of the locks of its parent's.
TEST(Settings, are_used_by_who_opened_them_and_by_who_was_forked_from_it) {
  EXPECT_EQ(with_homes([](const Homes& homes) {
              constexpr int times = 100;
              SettingsOptions options = homes.options();
              options.waits = std::chrono::seconds(20);
              const User user;
              UserSettings settings = UserSettings::open_current_user(Carried(user.alice), options);
              settings.set("n", 0);
              const auto count = [&] {
                for (int i = 0; i < times; ++i) {
                  settings.transaction([&] { settings.set("n", number(settings, "n") + 1); });
                }
              };
              pid_t child = ::fork();
              if (child == 0) {
                try {
                  count();
                } catch (...) {
                  ::_exit(1);
                }
                ::_exit(0);
              }
              count();
              int status = 0;
              must(::waitpid(child, &status, 0) == child && status == 0, "the child could not");
              must_equal(number(settings, "n"), 2 * times, "n");
              // One that is forked in the middle of a transaction has no part in it.
              settings.transaction([&] {
                settings.set("n", 1);
                child = ::fork();
                if (child != 0) return;
                ::_exit(refused(Reason::not_usable, [&] { settings.set("n", 2); }) ? 0 : 1);
              });
              must(::waitpid(child, &status, 0) == child && status == 0, "in a transaction of its parent's");
              must_equal(number(settings, "n"), 1, "n");
            }),
            "");
}
#endif

TEST(Settings, are_used_by_many_threads_at_a_time) {
  EXPECT_EQ(
      with_homes([](const Homes& homes) {
        const User user;
        SettingsOptions options = homes.options();
        options.waits = std::chrono::seconds(30);
        constexpr int threads_of_each = 3;
        constexpr int rounds = 20;
        std::vector<std::unique_ptr<UserSettings>> shared;
        for (const Token& who : {user.alice, user.bob}) {
          shared.push_back(std::make_unique<UserSettings>(UserSettings::open_current_user(Carried(who), options)));
        }
        std::atomic<int> failures{0};
        const auto add_one = [](UserSettings& settings) {
          settings.transaction([&] { settings.set("n", std::max<std::int64_t>(number(settings, "n"), 0) + 1); });
        };
        std::vector<std::thread> threads;
        for (int i = 0; i < 2 * threads_of_each; ++i) {
          threads.emplace_back([&, i] {
            const Token& who = i % 2 == 0 ? user.alice : user.bob;
            for (int n = 0; n < rounds; ++n) {
              try {
                add_one(*shared[static_cast<std::size_t>(i % 2)]);  // as the service
                const Impersonation as{who};
                UserSettings own = UserSettings::open_current_user({}, options);
                add_one(own);
              } catch (const std::exception& error) {
                ++failures;
                (void)std::fprintf(stderr, "%s\n", error.what());
              }
            }
          });
        }
        for (std::thread& thread : threads) thread.join();
        must_equal(failures.load(), 0, "failures");
        for (const auto& settings : shared) {
          must_equal(number(*settings, "n"), 2 * threads_of_each * rounds, "n");
        }
      }),
      "");
}

}  // namespace
}  // namespace behalf::testing
