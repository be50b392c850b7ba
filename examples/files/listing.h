// What is in a folder, for people and for programs.
#pragma once

#include <behalf/descriptor.h>

#include <string>

// Of an open folder; `name` is what it is called. What cannot be looked at is left out. Throws std::system_error.
std::string listing_as_html(behalf::Descriptor folder, const std::string& name);
// [{"name": …, "href": …, "type": "file"|"folder"|"link"|"other", "size": …, "modified": …}, …]; `href` is exact where
// `name` has bytes that are no UTF-8.
std::string listing_as_json(behalf::Descriptor folder);
