// default_application: by the specifications, for whom it is asked, and as GIO and xdg-mime say it to her in a process
// of her own.
#include "behalf/default_application.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <ctime>
#include <random>
#include <stdexcept>

#include "behalf/run_as.h"
#include "settings_homes.h"
#include "state/desktop_entry.h"
#include "state/key_file.h"
#include "state/mime_apps.h"

namespace behalf::testing {
namespace {

namespace fs = std::filesystem;

TEST(A_key_file, is_believed_where_all_of_it_is_one) {
  const auto file =
      detail::KeyFile::parse("# of her making\n\n[One]\nkey = value \r\n  Name[de]=Wert\n[Two]\n[One]\nkey=b\n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->first_group(), "One");
  EXPECT_EQ(file->group("One")->at("key").value, "b");
  EXPECT_EQ(file->group("One")->at("Name[de]").value, "Wert");
  EXPECT_TRUE(file->group("Two")->empty());
  EXPECT_EQ(file->group("Three"), nullptr);
  for (const char* text :
       {"key=before any group", "[One]\nno entry", "[One\n", "[]\n", "[One]\n=value", "[One]\nk[=v"}) {
    EXPECT_FALSE(detail::KeyFile::parse(text)) << text;
  }
}

TEST(A_value, is_text_or_a_list_of_it) {
  EXPECT_EQ(detail::text_of("a\\sb\\\\n\\n"), "a b\\n\n");
  EXPECT_FALSE(detail::text_of("\\x"));
  EXPECT_FALSE(detail::text_of("\\"));
  using List = std::vector<std::string>;
  EXPECT_EQ(detail::list_of("a;b c;"), (List{"a", "b c"}));
  EXPECT_EQ(detail::list_of("a\\;b;\\x;c"), (List{"a;b", "c"}));
  EXPECT_EQ(detail::list_of("a\\"), List{});
  EXPECT_EQ(detail::list_of(""), List{});
}

TEST(A_desktop_entry, is_one_of_an_application_that_says_how_it_is_started) {
  const auto entry = detail::parse_desktop_entry(
      "[Desktop Entry]\nType=Application\nName=A\nExec=\"/opt/an \\\\\"a\\\\\"\" %f\nTryExec=/opt/a\n");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->program, "/opt/an \"a\"");
  EXPECT_EQ(entry->try_program, "/opt/a");
  EXPECT_FALSE(entry->hidden);
  const std::string head = "[Desktop Entry]\nType=Application\n";
  EXPECT_TRUE(detail::parse_desktop_entry(head + "DBusActivatable=true\n"));
  EXPECT_TRUE(detail::parse_desktop_entry(head + "Exec=a\nHidden=true\n")->hidden);
  EXPECT_FALSE(detail::parse_desktop_entry(head));
  EXPECT_FALSE(detail::parse_desktop_entry(head + "Exec=\"a\n"));
  EXPECT_FALSE(detail::parse_desktop_entry("[Desktop Entry]\nType=Link\nExec=a\n"));
  EXPECT_FALSE(detail::parse_desktop_entry("[Other]\n[Desktop Entry]\nType=Application\nExec=a\n"));
}

TEST(The_name_of_an_entry, leads_to_no_other_folder) {
  EXPECT_TRUE(detail::is_desktop_id("a-b.desktop"));
  for (const char* id : {"", ".desktop", "a", "a.desktop/", "../a.desktop", "/a.desktop"}) {
    EXPECT_FALSE(detail::is_desktop_id(id)) << id;
  }
}

// The desktop of alice, and of the machine.
class Desktop {
 public:
  explicit Desktop(const Homes& homes)
      : config_(homes.alice() / ".config"),
        data_(homes.alice() / ".local/share"),
        config_of_machine_(homes.machine() / "xdg"),
        data_of_machine_(homes.machine() / "share"),
        home_(homes.alice()) {
    for (const fs::path& folder : {config_, data_ / "applications", config_of_machine_,
                                   data_of_machine_ / "applications", data_of_machine_ / "mime"}) {
      fs::create_directories(folder);
    }
    for (const fs::path& folder : {config_, home_ / ".local", data_, data_ / "applications"}) give(folder);
    ::setenv("XDG_CONFIG_DIRS", config_of_machine_.c_str(), 1);
    ::setenv("XDG_DATA_DIRS", data_of_machine_.c_str(), 1);
  }

  [[nodiscard]] const fs::path& config() const { return config_; }
  [[nodiscard]] fs::path applications() const { return data_ / "applications"; }
  [[nodiscard]] const fs::path& config_of_machine() const { return config_of_machine_; }
  [[nodiscard]] fs::path applications_of_machine() const { return data_of_machine_ / "applications"; }
  [[nodiscard]] fs::path mime() const { return data_of_machine_ / "mime"; }

  static void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    ::chmod(file.c_str(), 0644);
  }
  static void application(const fs::path& file, const std::string& more = {}) {
    write(file, "[Desktop Entry]\nType=Application\nName=" + file.filename().string() + "\nExec=/bin/true %f\n" + more);
  }

  // What a program says when alice runs it: the last word of its first line.
  [[nodiscard]] std::string said_to_alice(const std::vector<std::string>& arguments,
                                          const std::string& desktops = {}) const {
    std::array<int, 2> pipe{};
    must(::pipe(pipe.data()) == 0, "pipe");
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0) {
      const bool is_alice = ::setgid(alice_id) == 0 && ::setuid(alice_id) == 0 && ::chdir("/") == 0;
      ::dup2(pipe[1], 1);
      ::close(::open("/dev/null", O_WRONLY));
      std::vector<std::string> environment = {"HOME=" + home_.string(),
                                              "PATH=/usr/bin:/bin",
                                              "LC_ALL=C.UTF-8",
                                              "XDG_CONFIG_DIRS=" + config_of_machine_.string(),
                                              "XDG_DATA_DIRS=" + data_of_machine_.string(),
                                              "XDG_CURRENT_DESKTOP=" + desktops};
      std::vector<char*> words;
      std::vector<char*> variables;
      for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
      for (std::string& variable : environment) variables.push_back(variable.data());
      words.push_back(nullptr);
      variables.push_back(nullptr);
      if (is_alice) ::execvpe(words[0], words.data(), variables.data());
      ::_exit(127);
    }
    ::close(pipe[1]);
    std::string said;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(pipe[0], part.data(), part.size())) > 0;) {
      said.append(part.data(), static_cast<std::size_t>(got));
    }
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    must(WIFEXITED(status) && WEXITSTATUS(status) != 127, "it could not be run: " + arguments[0]);
    const std::string line = said.substr(0, said.find('\n'));
    const std::string word = line.substr(line.find_last_of(' ') + 1);
    return word.ends_with(".desktop") ? word : "none";
  }

 private:
  static void give(const fs::path& to_alice) { must(::chown(to_alice.c_str(), alice_id, alice_id) == 0, "chown"); }

  fs::path config_, data_, config_of_machine_, data_of_machine_, home_;
};

std::string id_of(const std::optional<DesktopApplication>& application) {
  return application ? application->id : "none";
}

TEST(The_default_application, is_the_user_s_then_the_machine_s) {
  EXPECT_EQ(
      in_own_process([] {
        const Homes homes;
        const Desktop desktop(homes);
        const fs::path hers = desktop.applications(), machine = desktop.applications_of_machine();
        for (const char* id : {"a", "b", "c", "vendor/d"})
          Desktop::application(machine / (std::string(id) + ".desktop"));
        Desktop::write(machine / "mimeinfo.cache",
                       "[MIME Cache]\nx/one=a.desktop;b.desktop;\nx/four=vendor-d.desktop;\n");
        Desktop::write(desktop.mime() / "aliases", "x/alias x/one\n");
        Desktop::write(desktop.mime() / "subclasses", "x/child x/one\n");
        start(ServiceKind::root);
        const Carried alice(Token::for_user("alice")), bob(Token::for_user("bob"));
        const auto of = [&](const char* type, const Carried& who) { return id_of(default_application(type, who)); };
        must(of("x/one", alice) == "a.desktop" && of("x/none", alice) == "none", "what the entries say");
        must(of("x/alias", alice) == "a.desktop" && of("x/child", alice) == "a.desktop", "by another name");
        const auto found = default_application("x/four", alice);
        must(found && found->file == machine / "vendor/d.desktop" && found->name == "d.desktop" &&
                 found->exec == "/bin/true %f",
             "in a folder below");
        Desktop::write(desktop.config_of_machine() / "mimeapps.list", "[Default Applications]\nx/one=b.desktop\n");
        must(of("x/one", alice) == "b.desktop", "the machine's default");
        Desktop::write(
            desktop.config() / "mimeapps.list",
            "[Default Applications]\nx/one=gone.desktop;c.desktop;\n[Removed Associations]\nx/four=vendor-d.desktop\n");
        must(of("x/one", alice) == "c.desktop" && of("x/four", alice) == "none", "hers over it");
        must(of("x/one", bob) == "b.desktop" && of("x/four", bob) == "vendor-d.desktop", "not bob's");
        ::chmod((desktop.config_of_machine() / "mimeapps.list").c_str(), 0600);
        must(of("x/one", bob) == "a.desktop", "a list that he may not read");
        ::chmod((desktop.config_of_machine() / "mimeapps.list").c_str(), 0644);
        Desktop::write(desktop.config() / "night-mimeapps.list",
                       "[Default Applications]\nx/one=a.desktop\n[Added Associations]\nx/new=a.desktop\n");
        must(id_of(default_application("x/one", alice, {"night"})) == "a.desktop", "of a desktop of hers");
        must(id_of(default_application("x/new", alice, {"night"})) == "none", "which says defaults alone");
        ::setenv("XDG_CURRENT_DESKTOP", "night", 1);
        must(of("x/one", alice) == "c.desktop", "the process's desktop is nobody's");
        Desktop::application(hers / "c.desktop", "Hidden=true\n");
        must(of("x/one", alice) == "b.desktop", "one that she has removed");
        Desktop::application(hers / "c.desktop", "TryExec=/no/such/program\n");
        must(of("x/one", alice) == "c.desktop", "one of hers that cannot be: the machine's is there");
        for (const char* type : {"", "x", "/x", "x/", "x/y/z", "x/y z"}) {
          bool is_refused = false;
          try {
            (void)default_application(type, alice);
          } catch (const std::invalid_argument&) {
            is_refused = true;
          }
          must(is_refused, std::string("a type: ") + type);
        }
      }),
      "");
}

TEST(A_hostile_desktop, is_its_user_s_alone) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              const Desktop desktop(homes);
              Desktop::application(desktop.applications_of_machine() / "a.desktop");
              Desktop::write(desktop.applications_of_machine() / "mimeinfo.cache", "[MIME Cache]\nx/one=a.desktop;\n");
              const fs::path secret = homes.machine() / "list";
              Desktop::write(secret, "[Default Applications]\nx/one=b.desktop\n");
              Desktop::application(desktop.applications() / "b.desktop");
              start(ServiceKind::root);
              ::alarm(60);  // nothing hangs
              const Carried alice(Token::for_user("alice"));
              const fs::path list = desktop.config() / "mimeapps.list";
              const auto says_nothing = [&](const char* what) {
                must(id_of(default_application("x/one", alice)) == "a.desktop", what);
                fs::remove_all(list);
              };
              says_nothing("no list");
              fs::create_symlink("../../etc/list", list);
              says_nothing("a link to outside");
              must(::mkfifo(list.c_str(), 0666) == 0, "mkfifo");
              says_nothing("a FIFO");
              Desktop::write(list, "[Default Applications]\nx/one=b.desktop\n" + std::string(2U << 20U, '#'));
              says_nothing("a huge list");
              Desktop::write(list, "[Default Applications]\nx/one=b.desktop\nx\n");
              says_nothing("no list of such");
              Desktop::write(list, "[Default Applications]\nx/one=../applications/b.desktop;/b.desktop\n");
              says_nothing("other folders");
              // A name of so many dashes that it could be in more folders than anybody has time for.
              std::string id;
              fs::path deep = desktop.applications();
              for (int i = 0; i < 40; ++i) {
                id += "d-";
                fs::create_directories(deep / "d/d");
                fs::create_symlink("d/d", deep / "d-d");
                deep /= "d";
              }
              for (int i = 0; i < 20; ++i) id += "d-";
              Desktop::write(list, "[Default Applications]\nx/one=" + id + ".desktop\n");
              says_nothing("a name of many dashes");
              Desktop::write(list, "[Default Applications]\nx/one=b.desktop\n");
              must(id_of(default_application("x/one", alice)) == "b.desktop", "a list");
            }),
            "");
}

// What she writes there is looked through by a thread of the service's.
TEST(A_hostile_desktop, keeps_nobody_busy) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              const Desktop desktop(homes);
              const fs::path hers = desktop.applications();
              const auto many = [](std::string text, const char* before, const char* after) {
                for (int i = 0; text.size() < 1'000'000; ++i) text += before + std::to_string(i) + after;
                return text;
              };
              Desktop::application(desktop.applications_of_machine() / "a.desktop");
              fs::create_directories(hers / "b/c/d/e/f/g/h");
              start(ServiceKind::root);
              ::alarm(60);
              const Carried alice(Token::for_user("alice")), bob(Token::for_user("bob"));
              const auto is_soon_told = [&](const char* what) {
                const std::clock_t begin = std::clock();  // the processor's time, however many want it
                (void)default_application("x/one", alice);
                must(std::clock() - begin < 4 * CLOCKS_PER_SEC, what);
              };
              const fs::path list = desktop.config() / "mimeapps.list";
              Desktop::write(list, many("[Default Applications]\nx/one=", "b-c-d-e-f-g-h-", ".desktop;"));
              is_soon_told("many applications");
              Desktop::write(list, many("[Default Applications]\n", "x/", "=b-c-d-e-f-g-h-i.desktop\n"));
              fs::create_directories(hers.parent_path() / "mime");
              Desktop::write(hers.parent_path() / "mime/subclasses", many("", "x/one x/", "\n"));
              is_soon_told("many types that it is derived from");
              Desktop::write(hers.parent_path() / "mime/aliases", many("", "x/", " x/1\n"));
              is_soon_told("many names of one");
            }),
            "");
}

// Lists, entries and caches as they may come, on a desktop of alice's.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool once_in(std::size_t n) { return below(n) == 0; }

  std::string id() { return ids.at(below(ids.size())); }
  std::string type() { return types.at(below(types.size())); }
  std::string list_of_ids() {
    std::string list;
    for (std::size_t i = 0; i <= below(3); ++i) list += id() + ';';
    return list;
  }
  std::string entries() {
    std::string text;
    for (std::size_t i = 0; i < below(4); ++i) text += type() + '=' + list_of_ids() + '\n';
    return text;
  }
  enum class Of { desktop, config, applications };
  std::string list(Of kind) {
    std::string text = "[Default Applications]\n" + entries();
    if (kind != Of::desktop) text += "[Added Associations]\n" + entries();
    // One beside entries removes nothing here: GIO 2.74 forgets what was removed in the same folder, where the folder's
    // cache is the first to name the type (expand_strv() of gdesktopappinfo.c). The specification has it removed.
    if (kind == Of::config) text += "[Removed Associations]\n" + entries();
    return once_in(20) ? text + "no entry\n" : text;
  }

  static constexpr std::array<const char*, 6> ids = {"a.desktop", "b.desktop",   "c.desktop",
                                                     "d.desktop", "v-e.desktop", "w-x-y.desktop"};
  static constexpr std::array<const char*, 5> types = {"x/one", "x/alias", "x/child", "x/two", "x/orphan"};

 private:
  std::mt19937 engine_;
};

void furnish(const Desktop& desktop, Random& random) {
  for (const fs::path& config : {desktop.config(), desktop.config_of_machine()}) {
    if (!random.once_in(3)) Desktop::write(config / "mimeapps.list", random.list(Random::Of::config));
    if (random.once_in(3)) Desktop::write(config / "night-mimeapps.list", random.list(Random::Of::desktop));
  }
  for (const fs::path& applications : {desktop.applications(), desktop.applications_of_machine()}) {
    std::map<std::string, std::string> cache;
    for (std::string id : Random::ids) {
      if (random.once_in(2)) continue;
      for (const std::string& type : {random.type(), random.type()}) cache[type] += id + ';';
      if (random.once_in(2) && id.find('-') != std::string::npos) id[id.find('-')] = '/';
      const std::array<const char*, 5> more = {"", "", "TryExec=no-such-program\n", "TryExec=true\n", "Type=Link\n"};
      Desktop::application(applications / id, more.at(random.below(more.size())));
    }
    std::string text = "[MIME Cache]\n";
    for (const auto& [type, list] : cache) text.append(type).append("=").append(list).append("\n");
    if (!random.once_in(4)) Desktop::write(applications / "mimeinfo.cache", text);
    if (random.once_in(3)) Desktop::write(applications / "mimeapps.list", random.list(Random::Of::applications));
  }
  Desktop::write(desktop.mime() / "aliases", "x/alias x/one\n");
  Desktop::write(desktop.mime() / "subclasses", "x/child x/one\nx/child x/two\nx/two x/one\n");
}

void compare_with_gio(unsigned seed, int& with_answer) {
  const Homes homes;
  const Desktop desktop(homes);
  Random random(seed);
  furnish(desktop, random);
  start(ServiceKind::root);
  const Token alice = Token::for_user("alice");
  for (const char* type : Random::types) {
    for (const char* current : {"", "Night"}) {
      const std::string gio = desktop.said_to_alice({"gio", "mime", type}, current);
      const std::vector<std::string> desktops(*current != 0 ? 1 : 0, "night");
      const std::string ours = id_of(default_application(type, Carried(alice), desktops));
      must(ours == gio, std::string(type) + " of desktop '" + current + "': " + ours + ", and GIO says " + gio);
      if (gio != "none") ++with_answer;
    }
  }
}

bool there_is(const char* program) {
  return ::access(program, X_OK) == 0;
}

TEST(The_default_application, is_the_one_that_GIO_finds_as_the_user) {
  if (!there_is("/usr/bin/gio")) GTEST_SKIP() << "gio is not there (libglib2.0-bin)";
  for (unsigned seed = 1; seed <= 25; ++seed) {
    EXPECT_EQ(in_own_process([&] {
                int with_answer = 0;
                compare_with_gio(seed, with_answer);
                must(seed != 1 || with_answer > 0, "nothing was found at all");
              }),
              "")
        << "seed " << seed;
  }
}

TEST(The_default_application, is_the_one_that_xdg_mime_finds_as_the_user) {
  if (!there_is("/usr/bin/xdg-mime")) GTEST_SKIP() << "xdg-mime is not there (xdg-utils)";
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              const Desktop desktop(homes);
              for (const char* id : {"a.desktop", "b.desktop"}) {
                Desktop::application(desktop.applications_of_machine() / id);
              }
              Desktop::write(desktop.config() / "mimeapps.list", "[Default Applications]\nx/one=b.desktop\n");
              Desktop::write(desktop.config_of_machine() / "mimeapps.list",
                             "[Default Applications]\nx/one=a.desktop\nx/two=a.desktop\n");
              Desktop::write(desktop.applications_of_machine() / "mimeinfo.cache",
                             "[MIME Cache]\nx/three=b.desktop;\n");
              start(ServiceKind::root);
              const Carried alice(Token::for_user("alice"));
              for (const char* type : {"x/one", "x/two", "x/three", "x/four"}) {
                const std::string theirs = desktop.said_to_alice({"xdg-mime", "query", "default", type});
                const std::string ours = id_of(default_application(type, alice));
                must(ours == theirs, std::string(type) + ": " + ours + ", and xdg-mime says " + theirs);
              }
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
