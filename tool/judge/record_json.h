// Legs as JSON: how the process that ran one hands it to the judge.
#pragma once

#include <string>

#include "judge/leg.h"

namespace behalf::tool {

std::string write_record(const LegRecord& record);

// Throws std::exception when the text is not a whole record.
LegRecord read_record(const std::string& text);

}  // namespace behalf::tool
