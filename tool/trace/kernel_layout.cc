#include "trace/kernel_layout.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace behalf::tool {
namespace {

// The file, of which only the pages are read that are asked for: the kernel gives it out a page a time.
class Description {
 public:
  explicit Description(int fd) : fd_(fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || status.st_size < 0 || status.st_size > largest) return;
    size_ = static_cast<std::uint64_t>(status.st_size);
    bytes_ = std::make_unique_for_overwrite<char[]>(size_);
    loaded_.resize((size_ + page - 1) / page);
  }

  template <typename T>
  bool read(std::uint64_t at, T& into) {
    if (!load(at, sizeof into)) return false;
    std::memcpy(&into, bytes_.get() + at, sizeof into);
    return true;
  }

  bool is_string(std::uint64_t at, std::string_view text) {
    return load(at, text.size() + 1) && text == std::string_view(bytes_.get() + at, text.size()) &&
           bytes_[at + text.size()] == '\0';
  }

 private:
  bool load(std::uint64_t at, std::uint64_t size) {
    if (at > size_ || size > size_ - at) return false;
    for (std::uint64_t i = at / page; i <= (at + size - 1) / page; ++i) {
      const std::uint64_t wanted = std::min(page, size_ - i * page);
      if (!loaded_[i] &&
          pread(fd_, bytes_.get() + i * page, wanted, static_cast<off_t>(i * page)) != static_cast<ssize_t>(wanted))
        return false;
      loaded_[i] = true;
    }
    return true;
  }

  static constexpr std::uint64_t page = 4096;
  static constexpr off_t largest = 256 << 20;
  int fd_;
  std::uint64_t size_ = 0;
  std::unique_ptr<char[]> bytes_;
  std::vector<bool> loaded_;
};

// What follows a type's head, in bytes.
std::optional<std::size_t> size_of_rest(unsigned kind, std::size_t count) {
  switch (kind) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case 17:  // BTF_KIND_DECL_TAG: newer than the oldest headers that we build with
      return 4;
    case BTF_KIND_ARRAY:
      return sizeof(btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_DATASEC:
    case 19:  // BTF_KIND_ENUM64
      return 12 * count;
    case BTF_KIND_ENUM:
    case BTF_KIND_FUNC_PROTO:
      return 8 * count;
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case 18:  // BTF_KIND_TYPE_TAG
      return 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint32_t> offset_in(int description, std::string_view structure, std::string_view member) {
  Description all(description);
  btf_header header{};
  if (!all.read(0, header) || header.magic != BTF_MAGIC) return std::nullopt;
  const std::uint64_t types = std::uint64_t{header.hdr_len} + header.type_off, end = types + header.type_len,
                      names = std::uint64_t{header.hdr_len} + header.str_off;
  btf_type type{};
  for (std::uint64_t at = types; at < end && all.read(at, type);) {
    at += sizeof type;
    const std::size_t count = BTF_INFO_VLEN(type.info);
    const auto rest = size_of_rest(BTF_INFO_KIND(type.info), count);
    if (!rest) return std::nullopt;
    if (BTF_INFO_KIND(type.info) == BTF_KIND_STRUCT && all.is_string(names + type.name_off, structure)) {
      btf_member candidate{};
      for (std::size_t i = 0; i < count && all.read(at + i * sizeof candidate, candidate); ++i) {
        if (!all.is_string(names + candidate.name_off, member)) continue;
        const std::uint32_t bits =
            BTF_INFO_KFLAG(type.info) ? BTF_MEMBER_BIT_OFFSET(candidate.offset) : candidate.offset;
        return bits / 8;
      }
      return std::nullopt;
    }
    at += *rest;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> offset_in_kernel(std::string_view structure, std::string_view member) {
  const int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const auto offset = offset_in(fd, structure, member);
  close(fd);
  return offset;
}

}  // namespace behalf::tool
