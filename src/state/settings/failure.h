// How errors of settings are worded, and of which reason they are.
#pragma once

#include <string>

#include "behalf/error.h"
#include "state/settings/layer.h"

namespace behalf::detail {

// The folder of the layer could not be opened or made.
Error folder_failure(const Layer& layer, int error_number);

// The file is not what settings are kept in; why, in words.
Error unusable(const Layer& layer, const std::string& why);

// SQLite's answer, extended; what it says of it; errno of the last call of its files, 0 where none failed.
Error sqlite_failure(const Layer& layer, int result, const std::string& words, int error_number);

}  // namespace behalf::detail
