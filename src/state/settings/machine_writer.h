// The machine's layer is written by replacing it: who reads it needs no lock, which a user could hold for ever, and
// sees either all of a change or nothing.
#pragma once

#include <functional>

#include "state/settings/store.h"

namespace behalf::detail {

// f(copy) with a copy of what there is, which takes the place of it when f returns. As the service; one at a time on
// the machine. Throws Error, and what f throws.
void rewrite_machine(const Layer& machine, const SettingsOptions& options, const std::function<void(Store&)>& f);

}  // namespace behalf::detail
