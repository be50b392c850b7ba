#include "gateway.h"

#include <behalf/call_context.h>
#include <behalf/new_file.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "conditions.h"
#include "listing.h"
#include "path.h"

using behalf::Descriptor;
using behalf::http::Refusal;
using behalf::http::Request;
using behalf::http::Response;

namespace {

// A smaller file is read into the answer: one call more than sendfile(2), and one packet less.
constexpr off_t is_small = 32 * 1024;

[[noreturn]] void refuse(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      throw Refusal(404, "there is no such file");
    case EACCES:
    case EPERM:
    case EROFS:
      throw Refusal(403, "you may not");
    case EXDEV:
    case ELOOP:
      throw Refusal(403, "that leads out of your root, or through too many links");
    case ENAMETOOLONG:
      throw Refusal(414, "the name is too long");
    case EISDIR:
    case ENOTEMPTY:
    case EEXIST:
    case EBUSY:
      throw Refusal(409, "there is a folder in the way, or it is not empty");
    case ENOSPC:
    case EDQUOT:
      throw Refusal(507, "there is no room for it");
    default:
      throw std::system_error(error, std::generic_category(), "a file");
  }
}

Descriptor open_root(const std::string& path) {
  Descriptor root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw std::system_error(errno, std::generic_category(), "open the root " + path);
  return root;
}

struct stat about(const Descriptor& file) {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) refuse(errno);
  return found;
}

const char* type_of(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, const char*>, 10> known = {
      {{".txt", "text/plain; charset=utf-8"},
       {".html", "text/html; charset=utf-8"},
       {".css", "text/css"},
       {".js", "text/javascript"},
       {".json", "application/json"},
       {".pdf", "application/pdf"},
       {".png", "image/png"},
       {".jpg", "image/jpeg"},
       {".svg", "image/svg+xml"},
       {".md", "text/markdown; charset=utf-8"}}};
  for (const auto& [ending, type] : known) {
    if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      return type;
  }
  return "application/octet-stream";
}

void read_all(const Descriptor& file, std::uint64_t offset, std::uint64_t length, std::string& into) {
  into.resize(length);
  std::size_t come = 0;
  while (come < length) {
    const ssize_t got = ::pread(file.get(), into.data() + come, length - come, static_cast<off_t>(offset + come));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(errno);
    if (got == 0) throw Refusal(500, "the file has just become shorter");
    come += static_cast<std::size_t>(got);
  }
}

void write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse(errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Gateway::Gateway(const std::string& root)
    : shared_(root.empty() ? Descriptor() : open_root(root)), homes_([](const behalf::Token& who) {
        if (who.home().empty()) throw Refusal(403, "you have no home");
        return open_root(who.home());
      }) {}

Descriptor Gateway::open(const std::string& name, int flags) {
  const auto home = shared_ ? nullptr : homes_.get();
  const int root = shared_ ? shared_.get() : home->get();
  open_how how{};
  // A pipe is not waited for. O_PATH goes with nothing else (openat2(2), EINVAL).
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY | O_NONBLOCK);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int left = 16;; --left) {
    const long opened = ::syscall(SYS_openat2, root, name.empty() ? "." : name.c_str(), &how, sizeof how);
    // EAGAIN: something was renamed while ".." was resolved, and the kernel cannot say whether it led out.
    if (opened >= 0 || errno != EAGAIN || left == 0) return Descriptor(static_cast<int>(opened));
  }
}

bool Gateway::is_slow(const Request& request) {
  return request.method == "PUT" || request.method == "DELETE" || request.target.back() == '/';
}

Response Gateway::operator()(const Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return get(request);
  if (request.method == "PUT") return put(request);
  if (request.method == "DELETE") return remove(request);
  return {.status = 405, .fields = {{"Allow", "GET, HEAD, PUT, DELETE"}}, .body = "405: that is not done here\n"};
}

Response Gateway::get(const Request& request) {
  const Path path = path_of(request.target);
  Descriptor file = open(path.name, O_RDONLY);
  if (!file) refuse(errno);
  const struct stat found = about(file);
  if (S_ISDIR(found.st_mode)) {
    // From the parts of the path: "//elsewhere" is no other host.
    if (!path.is_folder) return {.status = 301, .fields = {{"Location", "/" + encoded(path.name) + "/"}}};
    const auto accepts = request.field("Accept");
    const bool json =
        path.query == "format=json" || (accepts && accepts->find("application/json") != std::string_view::npos);
    Response response;
    response.fields = {{"Content-Type", json ? "application/json" : "text/html; charset=utf-8"},
                       {"Content-Security-Policy", "sandbox"},
                       {"Cache-Control", "no-store"}};
    response.body = json ? listing_as_json(std::move(file)) : listing_as_html(std::move(file), path.name);
    return response;
  }
  if (!S_ISREG(found.st_mode) || path.is_folder) throw Refusal(404, "there is no such file");
  Response response;
  response.fields.reserve(8);
  response.fields.push_back({"ETag", etag_of(found)});
  response.fields.push_back({"Last-Modified", http_date(found.st_mtim.tv_sec)});
  // What one user gets is nobody else's: not a proxy's to keep.
  response.fields.push_back({"Cache-Control", "private, no-cache"});
  if (const auto status = unmet(request, &found)) {
    response.status = *status;
    return response;
  }
  std::optional<Part> part;
  try {
    part = part_of(request, found);
  } catch (const Refusal& refusal) {
    response.status = refusal.status();
    response.fields.push_back({"Content-Range", "bytes */" + std::to_string(found.st_size)});
    response.body = "416: " + std::string(refusal.what()) + "\n";
    return response;
  }
  // A page of one user's that another opens in a shared tree is not run with what her browser knows of this server.
  response.fields.push_back({"Content-Security-Policy", "sandbox"});
  response.fields.push_back({"X-Content-Type-Options", "nosniff"});
  response.fields.push_back({"Content-Type", type_of(path.name)});
  response.fields.push_back({"Accept-Ranges", "bytes"});
  response.length = static_cast<std::uint64_t>(found.st_size);
  if (part) {
    response.status = 206;
    response.offset = part->offset;
    response.length = part->length;
    response.fields.push_back({"Content-Range", "bytes " + std::to_string(part->offset) + "-" +
                                                    std::to_string(part->offset + part->length - 1) + "/" +
                                                    std::to_string(found.st_size)});
  }
  if (request.method == "GET" && response.length <= static_cast<std::uint64_t>(is_small)) {
    read_all(file, response.offset, response.length, response.body);
  } else {
    response.file = std::move(file);
  }
  return response;
}

Response Gateway::put(const Request& request) {
  const Path path = path_of(request.target);
  const std::string name = path.last();
  if (path.is_folder || name.empty() || name == "..") throw Refusal(409, "that is a folder");
  if (request.field("Content-Range")) throw Refusal(400, "a file is put as a whole");
  // Whether the file that is there may be written to is asked, too: to be replaced it need not be.
  const Descriptor before = open(path.name, O_WRONLY | O_NOFOLLOW);
  if (!before && errno != ENOENT) refuse(errno);
  struct stat old {};
  if (before) {
    old = about(before);
    if (!S_ISREG(old.st_mode)) throw Refusal(409, "that is no file");
  }
  if (const auto status = unmet(request, before ? &old : nullptr)) throw Refusal(*status, "it is not as you think");
  const Descriptor folder = open(path.parent(), O_PATH | O_DIRECTORY);
  if (!folder) throw Refusal(errno == ENOENT ? 409 : 403, "there is no folder for it, or you may not");
  try {
    // The folder is the one that was found beneath the root, whatever becomes of its name.
    behalf::NewFile file("/proc/self/fd/" + std::to_string(folder.get()) + "/" + name);
    if (before && ::fchmod(file.fd(), old.st_mode & 07777) != 0) refuse(errno);
    write_all(file.fd(), request.body);
    file.commit();
    Response response{.status = before ? 204 : 201};
    response.fields.push_back({"ETag", etag_of([&] {
                                 struct stat made {};
                                 if (::fstat(file.fd(), &made) != 0) refuse(errno);
                                 return made;
                               }())});
    return response;
  } catch (const behalf::Error& error) {
    if (error.error_number() == 0) throw;
    refuse(error.error_number());
  }
}

Response Gateway::remove(const Request& request) {
  const Path path = path_of(request.target);
  const std::string name = path.last();
  if (name.empty() || name == "..") throw Refusal(403, "the root stays");
  const Descriptor folder = open(path.parent(), O_PATH | O_DIRECTORY);
  if (!folder) refuse(errno);
  struct stat found {};
  if (::fstatat(folder.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) refuse(errno);
  if (const auto status = unmet(request, &found)) throw Refusal(*status, "it is not as you think");
  const bool is_folder = S_ISDIR(found.st_mode);
  if (::unlinkat(folder.get(), name.c_str(), is_folder ? AT_REMOVEDIR : 0) != 0) refuse(errno);
  return {.status = 204};
}
