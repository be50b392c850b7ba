#include "trace/exit_report.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "trace/exit_report_program.h"
#include "trace/kernel_layout.h"

namespace behalf::tool {
namespace {

long bpf(bpf_cmd command, bpf_attr& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

std::uint64_t address(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

int make_map(bpf_map_type type, std::uint32_t value_size, std::uint32_t entries, std::uint32_t flags) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = sizeof(std::uint32_t);
  attributes.value_size = value_size;
  attributes.max_entries = entries;
  attributes.map_flags = flags;
  return static_cast<int>(bpf(BPF_MAP_CREATE, attributes));
}

std::optional<IdsInKernel> ids_in_kernel() {
  const auto credentials = offset_in_kernel("task_struct", "cred"), first = offset_in_kernel("cred", "uid");
  if (!credentials || !first) return std::nullopt;
  // One after the other, in this order, since the structure was made (include/linux/cred.h); as ExitReport::ids_told().
  std::uint32_t expected = *first;
  for (const char* id : {"uid", "gid", "suid", "sgid", "euid", "egid", "fsuid", "fsgid"}) {
    if (offset_in_kernel("cred", id) != expected) return std::nullopt;
    expected += sizeof(std::uint32_t);
  }
  return IdsInKernel{*credentials, *first};
}

// The descriptor that holds the program to its place; negative: refused.
int attach(const std::vector<bpf_insn>& code) {
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
  load.insns = address(code.data());
  load.insn_cnt = static_cast<std::uint32_t>(code.size());
  load.license = address(exit_report_licence);
  const auto program = static_cast<int>(bpf(BPF_PROG_LOAD, load));
  if (program < 0) return program;
  bpf_attr attach{};
  attach.raw_tracepoint.name = address("sys_exit");
  attach.raw_tracepoint.prog_fd = static_cast<std::uint32_t>(program);
  const auto held = static_cast<int>(bpf(BPF_RAW_TRACEPOINT_OPEN, attach));
  close(program);
  return held;
}

}  // namespace

std::string_view ExitReport::path_told() const {
  return path_size > 1 ? std::string_view(path.data(), static_cast<std::size_t>(path_size - 1)) : std::string_view();
}

ThreadIds ExitReport::ids_told() const {
  return {{ids[0], ids[4], ids[2], ids[6]}, {ids[1], ids[5], ids[3], ids[7]}};
}

ExitReporter::Descriptor::~Descriptor() {
  if (fd >= 0) close(fd);
}

ExitReporter::~ExitReporter() {
  if (reports_ != nullptr) munmap(reports_, sizeof *reports_);
}

std::unique_ptr<ExitReporter> ExitReporter::open() {
  std::unique_ptr<ExitReporter> reporter(new ExitReporter);
  if (!reporter->start() || !reporter->answers_right()) return nullptr;
  return reporter;
}

bool ExitReporter::start() {
  threads_.fd = make_map(BPF_MAP_TYPE_HASH, sizeof(std::uint32_t), ExitReports::most, 0);
  shared_.fd = make_map(BPF_MAP_TYPE_ARRAY, sizeof(ExitReports), 1, BPF_F_MMAPABLE);
  if (threads_.fd < 0 || shared_.fd < 0) return false;
  void* const shared = mmap(nullptr, sizeof *reports_, PROT_READ | PROT_WRITE, MAP_SHARED, shared_.fd, 0);
  if (shared == MAP_FAILED) return false;
  reports_ = static_cast<ExitReports*>(shared);
  for (std::uint32_t i = ExitReports::most; i > 0; --i) free_.push_back(i - 1);

  const ExitReportMaps maps = {threads_.fd, shared_.fd};
  const std::optional<IdsInKernel> ids = ids_in_kernel();
  tells_ids_ = ids.has_value();
  program_.fd = attach(exit_report_program(maps, ids));
  return program_.fd >= 0;
}

// A call of our own that fails in a way of its own: another pid namespace would show as no answer, or another's.
bool ExitReporter::answers_right() {
  const auto self = static_cast<pid_t>(syscall(SYS_gettid));
  std::optional<Watch> own = watch(self);
  if (!own) return false;
  static constexpr char name[] = "/dev/null/behalf-asks-the-kernel";
  own->ask(address(name));
  const long result = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
  if (!own->told() || result != -1) return false;
  const ExitReport& report = own->report();
  const ThreadHandle handle(self);
  const auto ids = handle.ids();
  return report.result == -ENOTDIR && report.path_told() == name &&
         (!tells_ids_ || (report.ids_unread == 0 && (!ids || *ids == report.ids_told())));
}

std::optional<ExitReporter::Watch> ExitReporter::watch(pid_t tid) {
  if (free_.empty()) return std::nullopt;
  std::uint32_t index = free_.back();
  reports_->of[index].state = ExitReport::idle;
  bpf_attr attributes{};
  attributes.map_fd = static_cast<std::uint32_t>(threads_.fd);
  attributes.key = address(&tid);
  attributes.value = address(&index);
  if (bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0) return std::nullopt;
  free_.pop_back();
  return Watch(*this, tid, &reports_->of[index]);
}

void ExitReporter::forget(pid_t tid, ExitReport* report) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<std::uint32_t>(threads_.fd);
  attributes.key = address(&tid);
  bpf(BPF_MAP_DELETE_ELEM, attributes);
  if (report->state == ExitReport::asked) std::atomic_ref(reports_->asked).fetch_sub(1);  // it never came back
  free_.push_back(static_cast<std::uint32_t>(report - reports_->of.data()));
}

void ExitReporter::Watch::ask(std::uint64_t path_at) {
  report_->path_at = path_at;
  report_->path_size = 0;
  report_->result = 0;
  std::atomic_ref(by_->reports_->asked).fetch_add(1);
  std::atomic_ref(report_->state).store(ExitReport::asked, std::memory_order_release);
}

bool ExitReporter::Watch::told() {
  if (std::atomic_ref(report_->state).load(std::memory_order_acquire) != ExitReport::answered) return false;
  report_->state = ExitReport::idle;
  return true;
}

ExitReporter::Watch::~Watch() {
  if (by_ != nullptr) by_->forget(tid_, report_);
}

ExitReporter::Watch::Watch(Watch&& other) noexcept
    : by_(std::exchange(other.by_, nullptr)), tid_(other.tid_), report_(other.report_) {}

}  // namespace behalf::tool
