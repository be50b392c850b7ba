// One layer of settings: the file, and what is looked up and written in it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "behalf/user_settings.h"
#include "state/settings/layer.h"

struct sqlite3;
struct sqlite3_stmt;

namespace behalf::detail {

// All of it, the end included, is called by one thread at a time, which wears whom the layer belongs to. Throws Error.
class Store {
 public:
  Store(Layer layer, const SettingsOptions& options, const char* file = settings_file);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] const Layer& layer() const noexcept { return layer_; }

  // Opens it where it is there: for who wants to hear early what is wrong with it.
  void look();

  std::optional<SettingValue> get(std::string_view key);
  void add_children(std::string_view key, std::set<std::string>& names);
  void add_all(std::string_view key, std::map<std::string, SettingValue>& found);

  void set(std::string_view key, const SettingValue& value);
  bool remove(std::string_view key, bool beneath);

  // f() between the beginning of a transaction and its end; within one, between those of a part of it.
  void transaction(const std::function<void()>& f);

 private:
  class Call;
  class Statement;

  // Whether there are settings to be read.
  bool open();
  void open_to_write();
  void connect(bool make);
  void configure();
  bool has_table();
  void close() noexcept;

  void run(const char* sql);
  void begin();
  void end(bool keep);
  void end_without_commit() noexcept;
  [[noreturn]] void fail(int result);
  // Whether it was opened before a fork(2), by the parent, whose locks it has: they keep neither from the other.
  [[nodiscard]] bool is_of_parent() const noexcept;

  const Layer layer_;
  const SettingsOptions options_;
  const char* const file_;
  Descriptor folder_;
  std::optional<FileIdentity> opened_;
  unsigned of_process_ = 0;
  sqlite3* database_ = nullptr;
  bool has_table_ = false;
  int depth_ = 0;                                  // of transactions
  std::map<const char*, sqlite3_stmt*> prepared_;  // by the place of their text
  Call* call_ = nullptr;
};

}  // namespace behalf::detail
