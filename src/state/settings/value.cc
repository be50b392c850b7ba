#include "state/settings/value.h"

#include <sqlite3.h>

#include <array>
#include <stdexcept>
#include <type_traits>

namespace behalf::detail {

namespace {

constexpr std::array<const char*, std::variant_size_v<SettingValue>> type_names = {"bool", "integer", "real",
                                                                                   "text", "bytes",   "a list of text"};

// The numbers in the file are the alternatives' own.
template <class T>
constexpr int number_of() {
  return static_cast<int>(SettingValue(T{}).index());
}

void check_text(const std::string& text) {
  if (text.find('\0') != std::string::npos) {
    throw std::invalid_argument("behalf: settings: text with a NUL in it: keep it as SettingBytes");
  }
}

// Each text ends with a NUL.
std::string joined(const SettingTexts& texts) {
  std::string all;
  for (const std::string& text : texts) all.append(text).push_back('\0');
  return all;
}

std::optional<SettingTexts> parted(std::string_view all) {
  if (!all.empty() && all.back() != '\0') return std::nullopt;
  SettingTexts texts;
  while (!all.empty()) {
    texts.emplace_back(all.substr(0, all.find('\0')));
    all.remove_prefix(texts.back().size() + 1);
  }
  return texts;
}

std::string_view column(sqlite3_stmt* statement, int index) {
  const void* const data = ::sqlite3_column_blob(statement, index);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(::sqlite3_column_bytes(statement, index))};
}

int bind_blob(sqlite3_stmt* statement, int index, const void* data, std::size_t size) {
  // A null pointer would be NULL.
  return ::sqlite3_bind_blob64(statement, index, size == 0 ? "" : data, size, SQLITE_TRANSIENT);
}

int bind_column(sqlite3_stmt* to, int index, bool value) {
  return ::sqlite3_bind_int(to, index, value ? 1 : 0);
}
int bind_column(sqlite3_stmt* to, int index, std::int64_t value) {
  return ::sqlite3_bind_int64(to, index, value);
}
int bind_column(sqlite3_stmt* to, int index, double value) {
  return ::sqlite3_bind_double(to, index, value);
}
int bind_column(sqlite3_stmt* to, int index, const std::string& value) {
  return ::sqlite3_bind_text64(to, index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}
int bind_column(sqlite3_stmt* to, int index, const SettingBytes& value) {
  return bind_blob(to, index, value.data(), value.size());
}
int bind_column(sqlite3_stmt* to, int index, const SettingTexts& value) {
  const std::string all = joined(value);
  return bind_blob(to, index, all.data(), all.size());
}

}  // namespace

void check_value(const SettingValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) check_text(*text);
  if (const auto* texts = std::get_if<SettingTexts>(&value)) {
    for (const std::string& text : *texts) check_text(text);
  }
  // SQLite has no such number, and would keep NULL.
  if (const auto* real = std::get_if<double>(&value); real != nullptr && *real != *real) {
    throw std::invalid_argument("behalf: settings: not-a-number is no value");
  }
}

int bind_value(sqlite3_stmt* statement, int index, const SettingValue& value) {
  const int result = ::sqlite3_bind_int(statement, index, static_cast<int>(value.index()));
  if (result != SQLITE_OK) return result;
  return std::visit([&](const auto& each) { return bind_column(statement, index + 1, each); }, value);
}

std::optional<SettingValue> value_of(sqlite3_stmt* statement, int index) {
  const int type = ::sqlite3_column_type(statement, index + 1);
  const sqlite3_int64 number = ::sqlite3_column_int64(statement, index);
  ++index;
  if (number == number_of<bool>() && type == SQLITE_INTEGER) return ::sqlite3_column_int64(statement, index) != 0;
  if (number == number_of<std::int64_t>() && type == SQLITE_INTEGER) {
    return std::int64_t{::sqlite3_column_int64(statement, index)};
  }
  if (number == number_of<double>() && type == SQLITE_FLOAT) return ::sqlite3_column_double(statement, index);
  if (number == number_of<std::string>() && type == SQLITE_TEXT) return std::string(column(statement, index));
  if (number == number_of<SettingBytes>() && type == SQLITE_BLOB) {
    const std::string_view data = column(statement, index);
    const auto* const bytes = reinterpret_cast<const std::byte*>(data.data());
    return SettingBytes(bytes, bytes + data.size());
  }
  if (number == number_of<SettingTexts>() && type == SQLITE_BLOB) return parted(column(statement, index));
  return std::nullopt;
}

const char* type_name(const SettingValue& value) {
  return type_names.at(value.index());
}

}  // namespace behalf::detail
