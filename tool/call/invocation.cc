#include "call/invocation.h"

#include <cstring>
#include <stdexcept>
#include <utility>

namespace behalf::tool {
namespace {

ffi_type* type_of(Returned returned, unsigned bits) {
  const bool has_sign = returned == Returned::number;
  switch (returned) {
    case Returned::nothing:
      return &ffi_type_void;
    case Returned::text:
    case Returned::pointer:
      return &ffi_type_pointer;
    case Returned::number:
    case Returned::natural:
      break;
  }
  switch (bits) {
    case 8:
      return has_sign ? &ffi_type_sint8 : &ffi_type_uint8;
    case 16:
      return has_sign ? &ffi_type_sint16 : &ffi_type_uint16;
    case 32:
      return has_sign ? &ffi_type_sint32 : &ffi_type_uint32;
    default:
      return has_sign ? &ffi_type_sint64 : &ffi_type_uint64;
  }
}

}  // namespace

Invocation::Invocation(Prototype prototype, void* function) : prototype_(std::move(prototype)), function_(function) {
  // Integers are given as a whole word whatever the parameter's type is: the x86-64 and ARM ABIs pass each in a word of
  // its own and read as much of it as they need.
  for (const Argument& argument : prototype_.arguments)
    types_.push_back(argument.kind == Argument::Kind::number ? &ffi_type_sint64 : &ffi_type_pointer);
  ffi_type* const result = type_of(prototype_.returned, prototype_.bits);
  const auto count = static_cast<unsigned>(types_.size());
  const ffi_status status =
      prototype_.fixed ? ffi_prep_cif_var(&interface_, FFI_DEFAULT_ABI, static_cast<unsigned>(*prototype_.fixed), count,
                                          result, types_.data())
                       : ffi_prep_cif(&interface_, FFI_DEFAULT_ABI, count, result, types_.data());
  if (status != FFI_OK) throw std::runtime_error("libffi cannot call " + to_string(prototype_));
}

unsigned long Invocation::operator()() const {
  std::vector<unsigned long> words;
  std::vector<void*> places;
  words.reserve(prototype_.arguments.size());
  for (const Argument& argument : prototype_.arguments) {
    if (argument.kind == Argument::Kind::text) {
      char* const copy = new char[argument.text.size() + 1];
      std::memcpy(copy, argument.text.c_str(), argument.text.size() + 1);
      words.push_back(reinterpret_cast<unsigned long>(copy));
    } else {
      words.push_back(static_cast<unsigned long>(argument.number));  // NULL is number 0
    }
    places.push_back(&words.back());
  }
  ffi_arg result = 0;  // libffi widens any integer to this
  ffi_call(&interface_, FFI_FN(function_), &result, places.data());
  return result;
}

}  // namespace behalf::tool
