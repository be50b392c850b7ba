#include "kernel_view.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "child.h"

namespace behalf::testing {

namespace {

std::string status_text() {
  const int file = ::open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) throw std::runtime_error("/proc/thread-self/status cannot be opened");
  std::string text(8192, '\0');
  const ssize_t count = ::read(file, text.data(), text.size());
  ::close(file);
  if (count <= 0) throw std::runtime_error("/proc/thread-self/status cannot be read");
  text.resize(static_cast<std::size_t>(count));
  return text;
}

std::istringstream field(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + ":\t");
  if (at == std::string::npos) throw std::runtime_error("no field " + name);
  const std::size_t start = at + name.size() + 3;
  return std::istringstream(text.substr(start, text.find('\n', start) - start));
}

Ids ids(const std::string& text, const std::string& name) {
  Ids result;
  field(text, name) >> result.real >> result.effective >> result.saved >> result.fs;
  return result;
}

std::uint64_t bits(const std::string& text, const std::string& name) {
  std::uint64_t result = 0;
  field(text, name) >> std::hex >> result;
  return result;
}

std::string words(const Ids& ids) {
  std::ostringstream out;
  out << ids.real << '/' << ids.effective << '/' << ids.saved << '/' << ids.fs;
  return out.str();
}

}  // namespace

KernelView kernel_view() {
  const std::string text = status_text();
  KernelView view;
  view.uid = ids(text, "Uid");
  view.gid = ids(text, "Gid");
  std::istringstream groups = field(text, "Groups");
  for (gid_t group = 0; groups >> group;) view.groups.push_back(group);
  std::sort(view.groups.begin(), view.groups.end());
  view.inheritable = bits(text, "CapInh");
  view.permitted = bits(text, "CapPrm");
  view.effective = bits(text, "CapEff");
  view.ambient = bits(text, "CapAmb");
  view.blocked_signals = bits(text, "SigBlk");
  return view;
}

std::string in_words(const KernelView& view) {
  std::ostringstream out;
  out << "uid " << words(view.uid) << " gid " << words(view.gid) << " groups";
  for (const gid_t group : view.groups) out << ' ' << group;
  out << std::hex << " inh " << view.inheritable << " prm " << view.permitted << " eff " << view.effective << " amb "
      << view.ambient << " blocked " << view.blocked_signals;
  return out.str();
}

void must_be(const KernelView& is, const KernelView& wanted, const std::string& when) {
  must(is == wanted, when + ": the thread is " + in_words(is) + ", wanted " + in_words(wanted));
}

}  // namespace behalf::testing
