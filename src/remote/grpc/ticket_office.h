// Hands out tickets at a Unix socket, and takes them back when who got one hangs up.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "behalf/descriptor.h"
#include "behalf/level.h"
#include "behalf/thread.h"
#include "remote/grpc/ticket_book.h"

namespace behalf::detail {

class TicketOffice {
 public:
  struct Options {
    std::string path;
    unsigned mode;
    std::chrono::seconds good_for;
    Level highest;
    std::size_t at_most_of_one;  // connections of a uid, whether they ask for something or not
    std::function<void(const std::string&)> on_refused;
  };

  // Throws Error of reason not_there, not_permitted, out_of_resources, platform.
  TicketOffice(Options options, TicketBook& book);
  ~TicketOffice();
  TicketOffice(const TicketOffice&) = delete;
  TicketOffice& operator=(const TicketOffice&) = delete;

 private:
  struct Customer {
    Descriptor end;
    uid_t uid;
    std::string ticket;  // empty: has not asked yet
  };

  void serve();
  void admit();
  void attend(int end);
  void see_off(std::unordered_map<int, Customer>::iterator customer);
  // What to answer to what came; the customer's ticket is noted.
  std::string answer(Customer& customer);
  void refuse(const std::string& why) const;

  const Options options_;
  TicketBook& book_;
  Descriptor listening_;
  Descriptor bell_;  // rung when it is time to close
  Descriptor watch_;
  std::unordered_map<int, Customer> customers_;
  std::map<uid_t, std::size_t> here_;  // of each uid
  thread serves_;
};

}  // namespace behalf::detail
