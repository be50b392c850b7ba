#include <behalf/per_identity.h>
#include <curl/curl.h>

#include <mutex>
#include <string>

#include "row.h"
#include "sockets/credentials_server.h"

BEHALF_ROW(R"(
title:  libcurl, a handle used again
works:  none
hop:    connection
clock:  open
wrong:  a handle keeps its connections open for the next request: the server knows them by who opened them, and serves
        every later caller as the first one
cure:   a handle (and a CURLSH) for each identity: behalf::per_identity<T>; or CURLOPT_FORBID_REUSE
needs:  libcurl
source: curl_easy_perform(3): "you are encouraged to use the same handle", CURLOPT_FORBID_REUSE(3)
)")

// Answers each request with who has connected.
static void serve_http(int fd, const ucred& peer) {
  const std::string body = std::to_string(peer.uid) + ":" + std::to_string(peer.gid);
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  char piece[1024];
  std::string request;
  for (ssize_t got = 0; (got = recv(fd, piece, sizeof piece, 0)) > 0;) {
    request.append(piece, static_cast<std::size_t>(got));
    if (!request.ends_with("\r\n\r\n")) continue;
    send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    request.clear();
  }
  close(fd);
}

extern "C" void before() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  new behalf_row::CredentialsServer(serve_http);
}
extern "C" void before_cured() {
  before();
}

static CURL* new_handle() {
  CURL* const handle = curl_easy_init();
  curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, behalf_row::CredentialsServer::path().c_str());
  curl_easy_setopt(handle, CURLOPT_URL, "http://localhost/");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(
      handle, CURLOPT_WRITEFUNCTION, +[](char* piece, std::size_t, std::size_t size, void* text) {
        static_cast<std::string*>(text)->append(piece, size);
        return size;
      });
  return handle;
}

static int get(CURL* handle) {
  std::string text;
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &text);
  const CURLcode failed = curl_easy_perform(handle);
  // At once: half a line is anybody's who flushes the standard output meanwhile.
  std::printf("the server serves %s\n", text.c_str());
  return failed;
}

static std::mutex handle_in_use;

extern "C" int operation() {
  const std::lock_guard lock(handle_in_use);
  static CURL* const handle = new_handle();
  return get(handle);
}

extern "C" int cured() {
  static behalf::per_identity<CURL*> handles(new_handle);
  const std::lock_guard lock(handle_in_use);
  return get(*handles.get());
}
