// As much of the protocol buffers' wire format as writing takes: a message is a string of numbered fields.
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace behalf::tool {

class Message {
 public:
  Message& number(unsigned field, std::uint64_t value) {  // (u)int32, (u)int64, bool, enum
    return key(field, varint_type).varint(value);
  }
  Message& fixed64(unsigned field, std::uint64_t value) {
    key(field, fixed64_type);
    for (int byte = 0; byte < 8; ++byte) bytes_ += static_cast<char>(value >> (8 * byte) & 0xff);
    return *this;
  }
  Message& text(unsigned field, std::string_view value) {  // string, bytes: of any length, the empty too
    key(field, length_type).varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(unsigned field, const Message& value) { return text(field, value.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  enum WireType : unsigned { varint_type = 0, fixed64_type = 1, length_type = 2 };

  Message& key(unsigned field, WireType type) { return varint(std::uint64_t{field} << 3 | type); }
  Message& varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
    return *this;
  }

  std::string bytes_;
};

}  // namespace behalf::tool
