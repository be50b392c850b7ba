#include "behalf/bound.h"

#include <string>

#include "behalf/error.h"
#include "identity/errors.h"

namespace behalf::detail {

namespace {

std::string words(const Carried& who) {
  return who.data() == nullptr ? "the process, before initialize()" : describe(*who.data());
}

}  // namespace

void refuse_stranger(const Carried& owner, const Carried& stranger, Place made) {
  throw Error(Error::Reason::not_the_owner, "behalf: bound: the object made at " + std::string{made.file} + ":" +
                                                std::to_string(made.line) + " belongs to " + words(owner) +
                                                ", and the thread that uses it is " + words(stranger) +
                                                ". Keep such objects in a per_identity, or use it as its owner");
}

}  // namespace behalf::detail
