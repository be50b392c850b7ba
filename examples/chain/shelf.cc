#include "shelf.h"

#include <behalf/descriptor.h>
#include <behalf/known_folder.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace chain {

Shelf::Shelf(const std::string& database, std::string statement, Hop forgets)
    : statement_(std::move(statement)),
      forgets_(forgets),
      folders_([] { return behalf::known_folder(behalf::Folder::data) / "chain"; }),
      database_(database, {.blanket = {.cloaking = forgets == Hop::database ? behalf::Cloaking::none
                                                                            : behalf::Cloaking::dynamic}}) {}

std::vector<std::string> Shelf::keep(const std::string& line) {
  std::vector<std::string> seen = {seen_at("archive")};
  keep_in_file(line, seen);
  keep_in_database(line, seen);
  return seen;
}

// The helper at the end of the chain.
std::filesystem::path Shelf::folder() {
  if (forgets_ == Hop::helper) return behalf::known_folder(behalf::Folder::data, behalf::process_token) / "chain";
  if (forgets_ == Hop::cache) {
    const std::lock_guard lock(one_folder_);
    if (!folder_of_all_) folder_of_all_ = behalf::known_folder(behalf::Folder::data) / "chain";
    return *folder_of_all_;
  }
  return *folders_.get();
}

void Shelf::keep_in_file(const std::string& line, std::vector<std::string>& seen) {
  const std::filesystem::path folder = this->folder();
  seen.push_back("folder " + folder.string());
  const std::filesystem::path file = folder / "lines";
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  const behalf::Descriptor to(failed ? -1 : ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  const std::string text = line + "\n";
  struct stat about {};
  if (to.get() < 0 || ::write(to.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fstat(to.get(), &about) != 0) {
    const int error = failed ? failed.value() : errno;
    throw std::system_error(error, std::generic_category(), name_of(::geteuid()) + " cannot write " + file.string());
  }
  seen.push_back("file " + name_of(about.st_uid));
}

void Shelf::keep_in_database(const std::string& line, std::vector<std::string>& seen) {
  const behalf::PostgresConnection connection = database_.take();
  const char* const values[] = {line.c_str()};
  const std::unique_ptr<PGresult, decltype(&PQclear)> owner(
      PQexecParams(connection.get(), statement_.c_str(), 1, nullptr, values, nullptr, nullptr, 0), &PQclear);
  if (PQresultStatus(owner.get()) != PGRES_TUPLES_OK)
    throw std::runtime_error(std::string("the database: ") + PQresultErrorMessage(owner.get()));
  seen.push_back(std::string("database ") + PQgetvalue(owner.get(), 0, 0));
}

}  // namespace chain
