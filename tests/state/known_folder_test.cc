// known_folder, layers, environment, expand: what is the user's own, whoever asks and whatever the process's
// environment.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "behalf/environment.h"
#include "behalf/known_folder.h"
#include "own_accounts.h"
#include "refused.h"
#include "stand_in_service.h"
#include "state/user_dirs.h"
#include "state/user_file.h"
#include "witness.h"

namespace behalf::testing {
namespace {

namespace fs = std::filesystem;

TEST(User_dirs, says_what_its_well_formed_lines_say) {
  const auto found = detail::parse_user_dirs(
      "# a comment\n"
      "XDG_DESKTOP_DIR=\"$HOME/Schreibtisch\"\n"
      "  XDG_DOCUMENTS_DIR = \"/data/doc\\\"s\"  \r\n"
      "XDG_MUSIC_DIR=\"$HOME/\"\n"
      "XDG_PICTURES_DIR=\"relative\"\n"
      "XDG_VIDEOS_DIR=\"$HOMER/x\"\n"
      "XDG_TEMPLATES_DIR=\"$(rm -rf /)\"\n"
      "XDG_PUBLICSHARE_DIR=/unquoted\n"
      "XDG_DOWNLOAD_DIR=\"$HOME/a\"\nXDG_DOWNLOAD_DIR=\"$HOME/b\"\n"
      "LD_PRELOAD=\"/evil\"",
      "/home/alice");
  const std::map<std::string, std::string, std::less<>> wanted = {
      {"XDG_DESKTOP_DIR", "/home/alice/Schreibtisch"},
      {"XDG_DOCUMENTS_DIR", "/data/doc\"s"},
      {"XDG_DOWNLOAD_DIR", "/home/alice/b"},
      {"XDG_MUSIC_DIR", "/home/alice"},
  };
  EXPECT_EQ(found, wanted);
}

// A token with a home of its own, below /tmp.
class Home {
 public:
  Home() {
    char name[] = "/tmp/behalf-home-XXXXXX";
    must(::mkdtemp(name) != nullptr, "mkdtemp");
    path_ = name;
    fs::create_directory(path_ / ".config");
    ::chmod(name, 0700);
    give(path_);
    give(path_ / ".config");
  }
  ~Home() { fs::remove_all(path_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }
  void write(const fs::path& file, const std::string& text) const {
    std::ofstream(path_ / file) << text;
    ::chmod((path_ / file).c_str(), 0600);
    give(path_ / file);
  }

 private:
  static void give(const fs::path& to_alice) { must(::lchown(to_alice.c_str(), alice_id, alice_id) == 0, "chown"); }
  fs::path path_;
};

TEST(A_user_s_file, is_read_beneath_her_home_and_nothing_else_is) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Home home;
              home.write("small", "text");
              home.write("large", std::string(2000, 'x'));
              fs::create_symlink("small", home.path() / "inside");
              fs::create_symlink("/etc/passwd", home.path() / "outside");
              must(::mkfifo((home.path() / "fifo").c_str(), 0666) == 0, "mkfifo");
              const auto read = [&](const char* name) { return detail::read_beneath(home.path(), name, 1000); };
              must(read("small") == "text" && read("inside") == "text", "what is hers");
              for (const char* name : {"large", "outside", "fifo", "none", "../passwd", ".config"}) {
                must(!read(name), std::string{name} + " was read");
              }
            }),
            "");
}

TEST(A_known_folder, is_the_user_s_own_and_never_the_process_s) {
  EXPECT_EQ(in_own_process([] {
              ::setenv("HOME", "/of/the/process", 1);
              ::setenv("XDG_CONFIG_HOME", "/of/the/process/config", 1);
              start(ServiceKind::root);
              const Carried daemon(Token::for_uid(1, allow_low_ids));
              must(known_folder(Folder::home, daemon) == "/usr/sbin", "home");
              must(known_folder(Folder::config, daemon) == "/usr/sbin/.config", "config");
              must(known_folder(Folder::data, daemon) == "/usr/sbin/.local/share", "data");
              must(known_folder(Folder::config, Carried(as_service)) == "/root/.config", "the service's");
              // The account database knows nobody of that number.
              must(refused(Error::Reason::unknown_user,
                           [] { (void)known_folder(Folder::home, Carried(Token::from_ids(59999, 59999, {}))); }),
                   "a home of nobody's");
              must(refused(Error::Reason::not_there, [&] { (void)known_folder(Folder::runtime, daemon); }),
                   "a runtime folder that is not there");
            }),
            "");
}

// A log-in's folder is believed where nobody else could have put anything into it.
TEST(The_runtime_folder, is_hers_alone_or_none) {
  EXPECT_EQ(in_own_process([] {
              must(::unshare(CLONE_NEWNS) == 0, "unshare");
              must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount /");
              must(::mount("none", "/run", "tmpfs", 0, "mode=0755") == 0, "mount /run");
              const char* const folder = "/run/user/1";
              fs::create_directories(folder);
              start(ServiceKind::root);
              const Carried daemon(Token::for_uid(1, allow_low_ids));
              const auto set = [&](uid_t owner, mode_t mode) {
                must(::chown(folder, owner, owner) == 0 && ::chmod(folder, mode) == 0, "chown, chmod");
              };
              const auto is_said = [&] {
                const std::vector<std::string> all = environment(daemon);
                return std::find(all.begin(), all.end(), "XDG_RUNTIME_DIR=/run/user/1") != all.end();
              };
              set(1, 0700);
              must(known_folder(Folder::runtime, daemon) == folder && is_said(), "hers");
              const auto is_none = [&] {
                return refused(Error::Reason::not_there, [&] { (void)known_folder(Folder::runtime, daemon); }) &&
                       !is_said();
              };
              set(1, 0710);
              must(is_none(), "others enter it");
              set(2, 0700);
              must(is_none(), "another's");
              fs::remove(folder);
              fs::create_directory("/run/real");
              must(::chown("/run/real", 1, 1) == 0 && ::chmod("/run/real", 0700) == 0, "chown, chmod");
              fs::create_directory_symlink("/run/real", folder);
              must(is_none(), "a link");
              fs::remove(folder);
              must(is_none(), "not there");
            }),
            "");
}

TEST(Layers, are_the_user_s_own_and_then_the_machine_s) {
  EXPECT_EQ(in_own_process([] {
              ::setenv("XDG_CONFIG_DIRS", "/etc/one:relative:/etc", 1);
              start(ServiceKind::root);
              const Carried daemon(Token::for_uid(1, allow_low_ids));
              const std::vector<fs::path> wanted = {"/usr/sbin/.config", "/etc/one", "/etc"};
              must(layers(Folder::config, daemon) == wanted, "layers");
              bool refused_others = false;
              try {
                (void)layers(Folder::documents, daemon);
              } catch (const std::invalid_argument&) {
                refused_others = true;
              }
              must(refused_others, "layers of documents");
              must(find_in_layers(Folder::config, "passwd", daemon) == fs::path("/etc/passwd"), "found");
              must(!find_in_layers(Folder::config, "no such file", daemon), "found nothing");
              // What the user may not look into is not found for her, though the service could.
              ::setenv("XDG_CONFIG_DIRS", "/root", 1);
              must(find_in_layers(Folder::config, ".", Carried(as_service)).has_value(), "the service found nothing");
              must(!find_in_layers(Folder::config, ".", daemon), "found what she may not see");
            }),
            "");
}

TEST(The_environment, is_made_from_the_token) {
  EXPECT_EQ(in_own_process([] {
              ::setenv("LD_PRELOAD_OF_SERVICE", "secret", 1);
              ::setenv("LANG", "C.UTF-8", 1);
              start(ServiceKind::root);
              const Carried daemon(Token::for_uid(1, allow_low_ids));
              const std::vector<std::string> found = environment(daemon);
              const auto has = [&](const std::string& variable) {
                return std::find(found.begin(), found.end(), variable) != found.end();
              };
              must(has("USER=daemon") && has("LOGNAME=daemon") && has("HOME=/usr/sbin") && has("LANG=C.UTF-8"), "hers");
              for (const std::string& each : found) must(each.find("secret") == std::string::npos, each);
              must(expand("~/x", daemon) == "/usr/sbin/x", "~");
              must(expand("~root/x", daemon) == "/root/x", "~root");
              must(expand("a$USER-${HOME}b$NONE\\$USER~", daemon) == "adaemon-/usr/sbinb$USER~", "variables");
              must(expand("$", daemon) == "$" && expand("", daemon).empty(), "next to nothing");
              try {
                (void)expand("${USER", daemon);
                must(false, "it was taken");
              } catch (const std::invalid_argument&) {
              }
              must(refused(Error::Reason::unknown_user, [&] { (void)expand("~nobody-of-that-name", daemon); }), "~who");
            }),
            "");
}

// What follows her name would be a path from the root, or from where the service is.
TEST(The_home_of_another, that_is_no_absolute_path_is_not_expanded) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(
                  "root:x:0:0::/root:/bin/sh\nalice:x:3001:3001::/home/alice:/bin/sh\n"
                  "none:x:3004:3004:::/bin/sh\nrelative:x:3005:3005::srv:/bin/sh\n",
                  "alice:x:3001:\n");
              start(ServiceKind::root);
              const Carried alice(Token::for_user("alice"));
              must(expand("~alice/x", alice) == "/home/alice/x", "hers");
              for (const char* text : {"~none/.ssh/authorized_keys", "~relative/x"}) {
                must(refused(Error::Reason::unknown_user, [&] { (void)expand(text, alice); }), text);
              }
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
