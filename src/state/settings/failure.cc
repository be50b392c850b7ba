#include "state/settings/failure.h"

#include <sqlite3.h>

#include <cerrno>

#include "identity/errors.h"

namespace behalf::detail {

namespace {

using Reason = Error::Reason;

struct Advice {
  Reason reason;
  const char* what_to_do;
};

constexpr Advice not_usable = {
    Reason::not_usable,
    "Nobody else's settings are concerned. Let its owner look at it, move it away, or bring it back"};
constexpr Advice not_permitted = {Reason::not_permitted,
                                  "Its owner's permissions and those of the folders say who may"};
constexpr Advice no_room = {Reason::out_of_resources,
                            "What was there before is still there. The disk or the user's quota is full, or "
                            "SettingsOptions::largest is reached"};
constexpr Advice no_means = {Reason::out_of_resources,
                             "The machine is short of memory or descriptors; try again later"};
constexpr Advice busy = {Reason::busy,
                         "Another program of the user's holds it: try again, or wait longer (SettingsOptions::waits)"};

Advice by_errno(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS:
      return not_permitted;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return no_room;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return no_means;
    case EWOULDBLOCK:
      return busy;
    default:
      return not_usable;
  }
}

Advice by_result(int result, int error_number) {
  switch (result & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return busy;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
      return no_room;
    case SQLITE_NOMEM:
      return no_means;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return not_permitted;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return by_errno(error_number);
    default:
      return not_usable;
  }
}

Error worded(const Layer& layer, const Advice& advice, const std::string& why, int error_number) {
  return Error(advice.reason, "behalf: settings: " + layer.path() + ": " + why + ". " + advice.what_to_do,
               error_number);
}

}  // namespace

Error folder_failure(const Layer& layer, int error_number) {
  std::string why = "its folder: " + error_words(error_number);
  if (error_number == EXDEV) why = "its folder is on another file system, or a link leads out of " + layer.root;
  if (error_number == ELOOP || error_number == ENOTDIR) why = "where its folder should be there is something else";
  return worded(layer, by_errno(error_number), why, error_number);
}

Error unusable(const Layer& layer, const std::string& why) {
  return worded(layer, not_usable, why, 0);
}

Error sqlite_failure(const Layer& layer, int result, const std::string& words, int error_number) {
  std::string why = result == SQLITE_INTERRUPT ? "it takes too long to read (SettingsOptions::takes)" : words;
  if (error_number != 0) why += " (" + error_words(error_number) + ')';
  return worded(layer, by_result(result, error_number), why, error_number);
}

}  // namespace behalf::detail
