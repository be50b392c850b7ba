// What a user makes of her settings' file is an error for her alone: nothing outside of her home is touched, nothing is
// waited for, others go on.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <csignal>

#include "behalf/run_as.h"
#include "refused.h"
#include "settings_homes.h"

namespace behalf::testing {
namespace {

namespace fs = std::filesystem;
using Reason = Error::Reason;

void run_sql(const fs::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  char* said = nullptr;
  const bool done = ::sqlite3_open(file.c_str(), &database) == SQLITE_OK &&
                    ::sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &said) == SQLITE_OK;
  const std::string words = said != nullptr ? said : "";
  ::sqlite3_free(said);
  ::sqlite3_close(database);
  must(done, "sql: " + words);
}

// The table as it must be.
const std::string table =
    "CREATE TABLE settings(path TEXT PRIMARY KEY NOT NULL, kind INTEGER NOT NULL, value ANY NOT NULL) "
    "STRICT, WITHOUT ROWID;";

struct Case {
  const char* name;
  // As root, in alice's folder: what she could have done, or more.
  void (*make)(const Homes& homes, const fs::path& file);
  Reason reason = Reason::not_usable;
};

void give(const fs::path& to_alice) {
  must(::lchown(to_alice.c_str(), alice_id, alice_id) == 0, "chown " + to_alice.string());
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  give(file);
}

// A file of bob's, whose content nobody else may see or change.
fs::path secret_of_bob(const Homes& homes) {
  return homes.bob() / "settings.sqlite";
}

// By a relative path: an absolute one would lead to another file system too, where there is one of temporary files.
void link_to(const fs::path& target, const fs::path& link) {
  fs::create_symlink(target.lexically_relative(link.parent_path()), link);
  give(link);
}

const Case cases[] = {
    {"no database", [](const Homes&, const fs::path& file) { write(file, std::string(5000, 'x')); }},
    {"cut short",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table + "INSERT INTO settings VALUES('a', 1, 1), ('b', 4, zeroblob(100000))");
       give(file);
       fs::resize_file(file, 6000);
     }},
    {"a database of something else",
     [](const Homes&, const fs::path& file) {
       run_sql(file, "CREATE TABLE other(x)");
       give(file);
     }},
    {"a table with a trigger",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table + "CREATE TRIGGER t AFTER INSERT ON settings BEGIN DELETE FROM settings; END");
       give(file);
     }},
    {"a view in the table's place",
     [](const Homes&, const fs::path& file) {
       run_sql(file, "CREATE VIEW settings AS SELECT 'a' AS path, 1 AS kind, randomblob(1000000000) AS value");
       give(file);
     }},
    {"a value of another type",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table + "INSERT INTO settings VALUES('a', 1, 'text')");
       give(file);
     }},
    {"a write-ahead log",
     [](const Homes&, const fs::path& file) {
       run_sql(file, "PRAGMA journal_mode = WAL;" + table);
       give(file);
     }},
    {"a link to somebody else's",
     [](const Homes& homes, const fs::path& file) { link_to(secret_of_bob(homes), file); }},
    {"a link to one of hers outside",
     [](const Homes& homes, const fs::path& file) {
       const fs::path outside = homes.machine() / "hers";
       run_sql(outside, table + "INSERT INTO settings VALUES('a', 1, 1)");
       give(outside);
       link_to(outside, file);
     }},
    {"a link to one of hers beside it",
     [](const Homes&, const fs::path& file) {
       run_sql(file.string() + ".other", table);
       give(file.string() + ".other");
       link_to(file.string() + ".other", file);
     }},
    {"a device",
     [](const Homes&, const fs::path& file) {
       must(::mknod(file.c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0, "mknod");  // zero(4)
       give(file);
     }},
    {"a link to nowhere", [](const Homes&, const fs::path& file) { link_to("/tmp/behalf-not-made", file); }},
    {"a FIFO",
     [](const Homes&, const fs::path& file) {
       must(::mkfifo(file.c_str(), 0666) == 0, "mkfifo");
       give(file);
     }},
    {"a folder", [](const Homes&, const fs::path& file) { Homes::make(file, alice_id); }},
    {"a huge file",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table);
       give(file);
       fs::resize_file(file, std::uintmax_t{1} << 40U);
     }},
    {"somebody else's file",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table);
       ::chmod(file.c_str(), 0666);
     }},
    {"a file of two names",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table);
       give(file);
       fs::create_hard_link(file, file.string() + ".other");
     }},
    {"a file that she may not read",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table);
       give(file);
       ::chmod(file.c_str(), 0);
     },
     Reason::not_permitted},
    {"a journal that is a FIFO",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table);
       give(file);
       must(::mkfifo((file.string() + "-journal").c_str(), 0666) == 0, "mkfifo");
       give(file.string() + "-journal");
     }},
    {"a journal that is a link",
     [](const Homes& homes, const fs::path& file) {
       run_sql(file, table);
       give(file);
       link_to(secret_of_bob(homes), file.string() + "-journal");
     }},
    {"a folder that is a link to outside",
     [](const Homes& homes, const fs::path& file) {
       fs::remove_all(file.parent_path());
       Homes::make(homes.machine() / "of_alice", alice_id);
       link_to(homes.machine() / "of_alice", file.parent_path());
     }},
    {"a folder that is a file",
     [](const Homes&, const fs::path& file) {
       fs::remove_all(file.parent_path());
       write(file.parent_path(), "text");
     }},
    {"a folder that is mounted",
     [](const Homes& homes, const fs::path& file) {
       must(::mount("none", (homes.alice() / ".config").c_str(), "tmpfs", 0, "mode=0700,uid=3001,gid=3001") == 0,
            "mount");
       Homes::make(file.parent_path(), alice_id);
     }},
    {"a lock that is never given up",
     [](const Homes&, const fs::path& file) {
       run_sql(file, table);
       give(file);
       const int held = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
       struct flock all {};
       all.l_type = F_WRLCK;
       all.l_whence = SEEK_SET;
       must(::fcntl(held, F_OFD_SETLK, &all) == 0, "lock");
     },
     Reason::busy},
};

class A_user_s_settings : public ::testing::TestWithParam<Case> {};

TEST_P(A_user_s_settings, that_are_none_are_an_error_for_her_alone) {
  const Case& made = GetParam();
  EXPECT_EQ(in_own_process([&] {
              const Homes homes;
              Homes::make_folders_of(homes.alice(), alice_id);
              const std::string secret = "a secret of bob's";
              std::ofstream(secret_of_bob(homes)) << secret;
              ::chmod(secret_of_bob(homes).c_str(), 0600);
              must(::chown(secret_of_bob(homes).c_str(), bob_id, bob_id) == 0, "chown");
              made.make(homes, homes.folder_of_alice() / "settings.sqlite");
              start(ServiceKind::root);
              ::alarm(60);  // nothing hangs
              const Carried alice(Token::for_user("alice"));
              const Carried bob(Token::for_user("bob"));
              const auto use = [&](bool writes) {
                UserSettings settings = UserSettings::open_current_user(alice, homes.options());
                if (writes) settings.set("b", std::string(5000, 'b'));
                (void)settings.all();
              };
              for (const bool writes : {false, true}) {
                try {
                  use(writes);
                  must(false, "it was taken");
                } catch (const Error& error) {
                  must(error.reason() == made.reason, error.what());
                  const std::string said = error.what();
                  must(said.find(homes.folder_of_alice() / "settings.sqlite") != std::string::npos, said);
                  must(said.find('\n') == std::string::npos, said);
                }
              }
              UserSettings of_bob = UserSettings::open_current_user(bob, homes.options());
              of_bob.set("a", 1);
              must_equal(number(of_bob, "a"), 1, "bob's");
              std::string found;
              std::getline(std::ifstream(secret_of_bob(homes)), found);
              must(found == secret, "bob's secret is " + found);
              must(!fs::exists("/tmp/behalf-not-made"), "a file was made where a link leads to");
              ::umount((homes.alice() / ".config").c_str());
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(each, A_user_s_settings, ::testing::ValuesIn(cases), [](const auto& test) {
  std::string name = test.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(A_link_inside_of_the_home, to_the_folder_is_followed) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              Homes::make_folders_of(homes.alice(), alice_id);
              Homes::make(homes.alice() / "dotfiles", alice_id);
              fs::remove(homes.folder_of_alice());
              link_to(homes.alice() / "dotfiles", homes.folder_of_alice());
              start(ServiceKind::root);
              UserSettings settings =
                  UserSettings::open_current_user(Carried(Token::for_user("alice")), homes.options());
              settings.set("a", 1);
              must(fs::exists(homes.alice() / "dotfiles/settings.sqlite"), "written elsewhere");
            }),
            "");
}

// Programs of hers that use SQLite as it is, on the same file.
TEST(A_transaction, and_one_of_SQLite_s_own_wait_for_each_other) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              start(ServiceKind::root);
              UserSettings settings =
                  UserSettings::open_current_user(Carried(Token::for_user("alice")), homes.options());
              settings.set("a", 1);
              sqlite3* other = nullptr;
              must(::sqlite3_open((homes.folder_of_alice() / "settings.sqlite").c_str(), &other) == SQLITE_OK, "open");
              const auto run = [&](const char* sql) { return ::sqlite3_exec(other, sql, nullptr, nullptr, nullptr); };
              settings.transaction([&] {
                must_equal(run("BEGIN IMMEDIATE"), SQLITE_BUSY, "its beginning");
                must_equal(run("SELECT count(*) FROM settings"), SQLITE_OK, "its reading");
              });
              must_equal(run("BEGIN IMMEDIATE"), SQLITE_OK, "its turn");
              must(refused(Reason::busy, [&] { settings.set("a", 2); }), "written");
              must_equal(number(settings, "a"), 1, "read");
              must_equal(run("INSERT INTO settings VALUES('b', 1, 7); COMMIT"), SQLITE_OK, "its end");
              must_equal(number(settings, "b"), 7, "b");
              must_equal(run("BEGIN; SELECT * FROM settings"), SQLITE_OK, "a reader of its own");
              must(refused(Reason::busy, [&] { settings.set("a", 3); }), "written under a reader");
              must_equal(run("COMMIT"), SQLITE_OK, "the reader's end");
              settings.set("a", 4);
              ::sqlite3_close(other);
            }),
            "");
}

TEST(A_file_that_is_full, keeps_what_it_had) {
  EXPECT_EQ(
      in_own_process([] {
        const Homes homes;
        start(ServiceKind::root);
        SettingsOptions options = homes.options();
        options.largest = 100'000;
        UserSettings settings = UserSettings::open_current_user(Carried(Token::for_user("alice")), options);
        settings.set("a", 1);
        must(refused(Reason::out_of_resources, [&] { settings.set("b", std::string(99'000, 'b')); }), "too much");
        must(refused(Reason::out_of_resources, [&] { settings.set("b", std::string(200'000, 'b')); }), "too long");
        // What failed may have taken all of a transaction back; then all of it is refused.
        must(refused(Reason::not_usable,
                     [&] {
                       settings.transaction([&] {
                         settings.set("a", 2);
                         (void)refused(Reason::out_of_resources, [&] { settings.set("b", std::string(99'000, 'b')); });
                         settings.set("c", 2);
                       });
                     }),
             "a part of a transaction");
        must_equal(number(settings, "a"), 1, "a");
        must(!settings.get("c"), "c");
      }),
      "");
}

// The search for what is beneath a key begins behind what was found, and so it would find that key for ever.
TEST(A_key_that_is_none, does_not_keep_the_service_busy) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              Homes::make_folders_of(homes.alice(), alice_id);
              const fs::path file = homes.folder_of_alice() / "settings.sqlite";
              run_sql(file, table + "INSERT INTO settings VALUES(CAST(X'612FFF7A' AS TEXT), 1, 1)");
              give(file);
              start(ServiceKind::root);
              SettingsOptions options = homes.options();
              options.takes = std::chrono::milliseconds::max();
              ::alarm(20);
              const UserSettings settings = UserSettings::open_current_user(Token::for_user("alice"), options);
              must(refused(Reason::not_usable, [&] { (void)settings.children(); }), "it was taken");
            }),
            "");
}

// A child that was forked in the middle of it has copies of all descriptors, and may go on for long.
TEST(A_machine_s_layer, is_not_kept_locked_by_a_process_that_was_forked_while_it_was_written) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              start(ServiceKind::root);
              UserSettings machine = UserSettings::open_machine(homes.options());
              pid_t child = 0;
              machine.transaction([&] {
                machine.set("a", 1);
                child = ::fork();
                if (child == 0) {
                  ::sleep(20);
                  ::_exit(0);
                }
              });
              machine.set("a", 2);
              must_equal(number(machine, "a"), 2, "a");
              ::kill(child, SIGKILL);
            }),
            "");
}

TEST(A_user_s_lock_on_the_machine_s_layer, keeps_nobody_waiting) {
  EXPECT_EQ(in_own_process([] {
              const Homes homes;
              start(ServiceKind::root);
              const Token alice = Token::for_user("alice");
              const Carried bob(Token::for_user("bob"));
              UserSettings machine = UserSettings::open_machine(homes.options());
              machine.set("a", 1);
              run_as(alice, [&] {
                const int held = ::open((homes.machine() / "app/settings.sqlite").c_str(), O_RDONLY | O_CLOEXEC);
                struct flock all {};
                all.l_type = F_RDLCK;
                all.l_whence = SEEK_SET;
                must(held >= 0 && ::fcntl(held, F_OFD_SETLK, &all) == 0, "lock");
                must(::open((homes.machine() / "app/settings.lock").c_str(), O_RDONLY | O_CLOEXEC) < 0,
                     "she may open the writers' lock");
              });
              machine.set("a", 2);
              UserSettings classes = UserSettings::open_classes(bob, homes.options());
              must_equal(number(classes, "a"), 2, "a");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
