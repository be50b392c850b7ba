// A leg as a swim-lane picture in SVG, with the same told in words below it.
#pragma once

#include <string>

#include "report/picture.h"

namespace behalf::tool {

// The names and signs that the pictures use.
std::string legend();

// A <figure>. `number` makes the ids in it its own among the page's figures.
std::string figure_of(const Picture& picture, bool same, std::size_t number);

}  // namespace behalf::tool
