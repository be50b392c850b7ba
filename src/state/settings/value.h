// A value of a setting as it is kept: a number that says the type, and the column.
#pragma once

#include <string>

#include "behalf/user_settings.h"

struct sqlite3_stmt;

namespace behalf::detail {

// Throws std::invalid_argument for text that holds a NUL.
void check_value(const SettingValue& value);

// The type's number, and the value, as parameters `index` and `index` + 1. Returns SQLite's answer.
int bind_value(sqlite3_stmt* statement, int index, const SettingValue& value);

// The two columns, from `index` on; nothing where they do not agree.
std::optional<SettingValue> value_of(sqlite3_stmt* statement, int index);

// "bool", "integer", …
const char* type_name(const SettingValue& value);

}  // namespace behalf::detail
