#include <behalf/mailbox.h>

#include <thread>

#include "messages/sender.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  a message to a thread of the service's
works:  none
hop:    queue
clock:  creator
wrong:  a message is handled under the identity of its receiver, and nothing in it says whose it is: what is done for
        the sender is done as the service
cure:   behalf::Mailbox: the message brings its sender as far as the sender granted it, and impersonate_sender() is the
        receiver's explicit act
source: credentials(7)
)")

namespace {

struct ReadNotes {};

behalf_row::Workers* receiver;
behalf::Mailbox<ReadNotes>* box;

}  // namespace

extern "C" void before() {
  receiver = new behalf_row::Workers(1);
}
extern "C" void before_cured() {
  box = new behalf::Mailbox<ReadNotes>;
  std::thread([] {
    box->handle_until({}, [](const behalf::Message<ReadNotes>& message) {
      behalf_row::as_sender(message, behalf_row::print_whose_notes_open);
    });
  }).detach();
}

extern "C" int operation() {
  receiver->run(behalf_row::print_whose_notes_open);
  return 0;
}

extern "C" int cured() {
  if (behalf_row::works_for_others())
    box->send({}, behalf_row::all_that_there_is_to_grant());
  else
    behalf_row::print_whose_notes_open();
  return 0;
}
