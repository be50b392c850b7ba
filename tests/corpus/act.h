// What a program of the corpus does for its user, where the work runs: one of a few acts, each compiled in as ACT.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace corpus {

inline const char* const places[] = {"/home/alice", "/home/bob", "/root"};

// Reads the note of whoever this is: the service can read all, and takes its own.
inline std::string note() {
  std::string found;
  for (const char* place : places) {
    const int fd = open((std::string(place) + "/note.txt").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char text[64];
    const ssize_t size = read(fd, text, sizeof text);
    if (size > 0) found.append(text, static_cast<std::size_t>(size));
    close(fd);
  }
  return found;
}

// Makes a file, says whose it is, and removes it.
inline std::string create() {
  const std::string path = "/srv/inbox/made." + std::to_string(geteuid());
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return "not made\n";
  struct stat status {};
  fstat(fd, &status);
  close(fd);
  unlink(path.c_str());
  return "owner " + std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid) + "\n";
}

// Makes a folder at home.
inline std::string folder() {
  std::string made;
  for (const char* place : places) {
    const std::string path = std::string(place) + "/made";
    if (mkdir(path.c_str(), 0700) != 0) continue;
    made += path + "\n";
    rmdir(path.c_str());
  }
  return made;
}

// Reads what only a group may.
inline std::string plan() {
  const int fd = open("/srv/devs/plan.txt", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "no plan\n";
  close(fd);
  return "the plan\n";
}

inline std::string act() {
  return ACT();
}

}  // namespace corpus
