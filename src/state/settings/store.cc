#include "state/settings/store.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

#include "state/forks.h"
#include "state/settings/failure.h"
#include "state/settings/files.h"
#include "state/settings/value.h"
#include "transfer/later.h"

namespace behalf::detail {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The only table; a file that has anything else is not ours.
constexpr const char* table =
    "CREATE TABLE settings(path TEXT PRIMARY KEY NOT NULL, kind INTEGER NOT NULL, value ANY NOT NULL) "
    "STRICT, WITHOUT ROWID";

constexpr const char* select_one = "SELECT kind, value FROM settings WHERE path = ?1";
constexpr const char* select_range =
    "SELECT path, kind, value FROM settings WHERE path > ?1 AND path < ?2 ORDER BY path";
constexpr const char* select_next = "SELECT path FROM settings WHERE path > ?1 AND path < ?2 ORDER BY path LIMIT 1";
constexpr const char* insert_one =
    "INSERT INTO settings VALUES(?1, ?2, ?3) ON CONFLICT(path) DO UPDATE SET kind = excluded.kind, value = "
    "excluded.value "
    "WHERE kind IS NOT excluded.kind OR value IS NOT excluded.value";
constexpr const char* delete_one = "DELETE FROM settings WHERE path = ?1";
constexpr const char* delete_range = "DELETE FROM settings WHERE path > ?1 AND path < ?2";

// Between which paths all that is beneath a key lies: 0xFF is in no key.
std::pair<std::string, std::string> beneath(std::string_view key) {
  std::string from(key);
  if (!from.empty()) from += '/';
  return {from, from + '\xFF'};
}

struct Limit {
  int what;
  int at_most;
};
// As SQLite's "Defense Against The Dark Arts" advises for files of others: ours need next to nothing.
constexpr Limit limits[] = {
    {SQLITE_LIMIT_SQL_LENGTH, 4096},   {SQLITE_LIMIT_COLUMN, 16},         {SQLITE_LIMIT_EXPR_DEPTH, 20},
    {SQLITE_LIMIT_COMPOUND_SELECT, 3}, {SQLITE_LIMIT_VDBE_OP, 25000},     {SQLITE_LIMIT_FUNCTION_ARG, 8},
    {SQLITE_LIMIT_ATTACHED, 0},        {SQLITE_LIMIT_VARIABLE_NUMBER, 8}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
};

constexpr int steps_between_looks = 1000;  // of SQLite's virtual machine, at the clock

}  // namespace

// What one call may touch, and until when.
class Store::Call {
 public:
  explicit Call(Store& store)
      : files(store.layer_, store.folder_.get(), store.file_),
        ends(from_now(store.options_.takes)),
        store_(store),
        outer_(std::exchange(store.call_, this)) {}
  ~Call() { store_.call_ = outer_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  FilesInUse files;
  const Clock::time_point ends;

 private:
  Store& store_;
  Call* const outer_;
};

// A prepared statement, in use until the end of the scope.
class Store::Statement {
 public:
  Statement(Store& store, const char* sql) : store_(store), statement_(store.prepared_[sql]) {
    if (statement_ != nullptr) return;
    const int result = ::sqlite3_prepare_v3(store.database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (result != SQLITE_OK) store.fail(result);
    store.prepared_[sql] = statement_;
  }
  ~Statement() {
    ::sqlite3_reset(statement_);
    ::sqlite3_clear_bindings(statement_);
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int index, std::string_view text) {
    check(::sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  void bind_setting(int index, const SettingValue& value) { check(bind_value(statement_, index, value)); }
  // Whether there is a row.
  bool step() {
    const int result = ::sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) store_.fail(result);
    return result == SQLITE_ROW;
  }
  void reset() { ::sqlite3_reset(statement_); }
  std::string text(int column) {
    const void* const data = ::sqlite3_column_text(statement_, column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column))};
  }
  SettingValue value(int column) {
    std::optional<SettingValue> found = value_of(statement_, column);
    if (!found) throw unusable(store_.layer_, "a value in it is not of the type that it is said to be");
    return std::move(*found);
  }

 private:
  void check(int result) {
    if (result != SQLITE_OK) store_.fail(result);
  }

  Store& store_;
  sqlite3_stmt*& statement_;
};

Store::Store(Layer layer, const SettingsOptions& options, const char* file)
    : layer_(std::move(layer)), options_(options), file_(file) {}

Store::~Store() {
  close();
}

void Store::close() noexcept {
  if (database_ == nullptr) return;
  const Call call(*this);
  if (is_of_parent()) {  // to end it would be to end what the parent does with it
    prepared_.clear();
    database_ = nullptr;
    has_table_ = false;
    return;
  }
  for (const auto& [sql, statement] : prepared_) ::sqlite3_finalize(statement);
  prepared_.clear();
  ::sqlite3_close(database_);
  database_ = nullptr;
  has_table_ = false;
}

bool Store::is_of_parent() const noexcept {
  return database_ != nullptr && of_process_ != forks();
}

void Store::fail(int result) {
  const FilesInUse& files = call_->files;
  const int primary = result & 0xFF;
  if (primary == SQLITE_CANTOPEN && files.wrong != nullptr) throw unusable(layer_, files.wrong);
  const bool of_files = primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR || primary == SQLITE_FULL;
  const char* const words = database_ != nullptr ? ::sqlite3_errmsg(database_) : ::sqlite3_errstr(result);
  throw sqlite_failure(layer_, primary, words, of_files ? files.error : 0);
}

void Store::run(const char* sql) {
  // Text that is never kept: configuration, and the ends of transactions.
  if (const int result = ::sqlite3_exec(database_, sql, nullptr, nullptr, nullptr); result != SQLITE_OK) fail(result);
}

void Store::configure() {
  for (const Limit& limit : limits) ::sqlite3_limit(database_, limit.what, limit.at_most);
  ::sqlite3_limit(database_, SQLITE_LIMIT_LENGTH,
                  static_cast<int>(std::min<std::uint64_t>(layer_.largest, 1'000'000'000)));
  for (const auto& [what, on] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                 {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                 {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                 {SQLITE_DBCONFIG_ENABLE_VIEW, 0}}) {
    ::sqlite3_db_config(database_, what, on, nullptr);
  }
  ::sqlite3_extended_result_codes(database_, 1);
  constexpr std::chrono::milliseconds longest_wait{std::numeric_limits<int>::max()};
  ::sqlite3_busy_timeout(database_, static_cast<int>(std::clamp(options_.waits, 0ms, longest_wait).count()));
  ::sqlite3_progress_handler(
      database_, steps_between_looks,
      [](void* store) { return Clock::now() > static_cast<Store*>(store)->call_->ends ? 1 : 0; }, this);
  // A truncated journal costs no folder to be written, as a deleted one does; FULL: what is committed is on the disk.
  run("PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -256");
  if (layer_.machine) return;
  run("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL");
  std::uint64_t page = 4096;
  {
    Statement size(*this, "PRAGMA page_size");
    if (size.step()) page = std::stoull(size.text(0));
  }
  run(("PRAGMA max_page_count = " + std::to_string(std::max<std::uint64_t>(1, layer_.largest / page))).c_str());
}

void Store::connect(bool make) {
  call_->files.folder = folder_.get();
  of_process_ = forks();
  const int flags = (layer_.machine ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | (make ? SQLITE_OPEN_CREATE : 0);
  const int result = ::sqlite3_open_v2(settings_file, &database_,
                                       flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, settings_vfs());
  try {
    if (result != SQLITE_OK) fail(result);
    configure();
    has_table_ = has_table();
  } catch (...) {
    close();
    throw;
  }
}

bool Store::has_table() {
  if (has_table_) return true;
  Statement schema(*this, "SELECT sql FROM sqlite_schema");
  if (!schema.step()) return false;
  has_table_ = schema.text(0) == table && !schema.step();
  if (!has_table_) throw unusable(layer_, "it is a database of something else than settings");
  return true;
}

bool Store::open() {
  if (depth_ > 0) {
    if (is_of_parent()) throw unusable(layer_, "the transaction is that of the process that this one was forked from");
    if (::sqlite3_get_autocommit(database_) != 0) {
      throw unusable(layer_, "the transaction has been taken back since something in it failed");
    }
    return has_table();
  }
  const std::optional<FileIdentity> now = identity_of(layer_, file_);
  if (!now) {
    close();
    // Where the folder leads elsewhere, that there is nothing is not to be believed.
    (void)open_folder(layer_, false);
    return false;
  }
  if (database_ != nullptr && now == opened_ && !is_of_parent()) return has_table();
  close();
  folder_ = open_folder(layer_, false);
  if (!folder_) return false;
  connect(false);
  opened_ = now;
  return has_table_;
}

void Store::open_to_write() {
  if (open() || database_ != nullptr) return;
  folder_ = open_folder(layer_, true);
  connect(true);
  opened_ = identity_of(layer_, file_);
}

void Store::look() {
  const Call call(*this);
  (void)open();
}

std::optional<SettingValue> Store::get(std::string_view key) {
  const Call call(*this);
  if (!open()) return std::nullopt;
  Statement one(*this, select_one);
  one.bind(1, key);
  if (!one.step()) return std::nullopt;
  return one.value(0);
}

void Store::add_children(std::string_view key, std::set<std::string>& names) {
  const Call call(*this);
  if (!open()) return;
  auto [from, to] = beneath(key);
  const std::size_t begin = from.size();
  Statement next(*this, select_next);
  for (;;) {
    next.bind(1, from);
    next.bind(2, to);
    if (!next.step()) return;
    std::string path = next.text(0);
    next.reset();
    // In a file that is not sound the order need not be either, and the search would have no end.
    if (path <= from || path >= to) throw unusable(layer_, "its keys are not in order");
    const std::size_t slash = path.find('/', begin);
    names.insert(path.substr(begin, slash - begin));
    from = slash == std::string::npos ? path : path.substr(0, slash + 1) + '\xFF';
    if (from < path) throw unusable(layer_, "a key in it is none");
  }
}

void Store::add_all(std::string_view key, std::map<std::string, SettingValue>& found) {
  const Call call(*this);
  if (!open()) return;
  if (!key.empty()) {
    Statement one(*this, select_one);
    one.bind(1, key);
    if (one.step()) found.insert_or_assign(std::string(key), one.value(0));
  }
  const auto [from, to] = beneath(key);
  Statement range(*this, select_range);
  range.bind(1, from);
  range.bind(2, to);
  for (std::string last = from; range.step();) {
    std::string path = range.text(0);
    if (path <= last) throw unusable(layer_, "its keys are not in order");
    last = path;
    found.insert_or_assign(std::move(path), range.value(1));
  }
}

void Store::set(std::string_view key, const SettingValue& value) {
  transaction([&] {
    const Call call(*this);
    (void)open();
    Statement insert(*this, insert_one);
    insert.bind(1, key);
    insert.bind_setting(2, value);
    (void)insert.step();
  });
}

bool Store::remove(std::string_view key, bool also_beneath) {
  {
    const Call call(*this);
    if (!open()) return false;
  }
  bool removed = false;
  transaction([&] {
    const Call call(*this);
    (void)open();
    if (!key.empty()) {
      Statement one(*this, delete_one);
      one.bind(1, key);
      (void)one.step();
      removed = ::sqlite3_changes(database_) > 0;
    }
    if (!also_beneath) return;
    const auto [from, to] = beneath(key);
    Statement range(*this, delete_range);
    range.bind(1, from);
    range.bind(2, to);
    (void)range.step();
    removed = removed || ::sqlite3_changes(database_) > 0;
  });
  return removed;
}

void Store::begin() {
  const Call call(*this);
  open_to_write();
  if (depth_ > 0) {
    run("SAVEPOINT part");
  } else {
    run("BEGIN IMMEDIATE");
    try {
      if (!has_table()) run(table);
    } catch (...) {
      if (::sqlite3_get_autocommit(database_) == 0) ::sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
      throw;
    }
  }
  ++depth_;
}

void Store::end(bool keep) {
  const Call call(*this);
  --depth_;
  const bool outermost = depth_ == 0;
  if (is_of_parent()) {
    if (outermost) close();
    if (keep) throw unusable(layer_, "the transaction is that of the process that this one was forked from");
    return;
  }
  // A failure inside may have taken it back already.
  const bool is_open = ::sqlite3_get_autocommit(database_) == 0;
  try {
    if (keep && !is_open) throw unusable(layer_, "the transaction has been taken back since something in it failed");
    if (keep) return run(outermost ? "COMMIT" : "RELEASE part");
  } catch (...) {
    if (outermost) end_without_commit();
    throw;
  }
  if (outermost) return end_without_commit();
  if (is_open) run("ROLLBACK TO part; RELEASE part");
}

void Store::end_without_commit() noexcept {
  if (::sqlite3_get_autocommit(database_) == 0) ::sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  has_table_ = false;  // it may have been made in it
}

void Store::transaction(const std::function<void()>& f) {
  begin();
  try {
    f();
  } catch (...) {
    end(false);
    throw;
  }
  end(true);
}

}  // namespace behalf::detail
