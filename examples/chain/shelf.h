// Where lines are kept: a file in the user's own folder, and a database. Whose they are is whoever the thread is.
#pragma once

#include <behalf/per_identity.h>
#include <behalf/postgres.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hop.h"

namespace chain {

class Shelf {
 public:
  // What keeps the line, $1, in the database and tells whose it is: for lines.sql.
  static constexpr const char* insert = "INSERT INTO lines (text) VALUES ($1) RETURNING owner";

  // `database` is a connection string of libpq's.
  Shelf(const std::string& database, std::string statement, Hop forgets);

  // Who worked, line for line. Throws std::exception.
  std::vector<std::string> keep(const std::string& line);

 private:
  std::filesystem::path folder();
  void keep_in_file(const std::string& line, std::vector<std::string>& seen);
  void keep_in_database(const std::string& line, std::vector<std::string>& seen);

  const std::string statement_;
  const Hop forgets_;
  behalf::per_identity<std::filesystem::path> folders_;
  std::mutex one_folder_;
  std::optional<std::filesystem::path> folder_of_all_;  // where it is forgotten that there is one for each identity
  behalf::PostgresPool database_;
};

}  // namespace chain
