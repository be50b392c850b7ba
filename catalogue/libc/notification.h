// A callback of the C library's (SIGEV_THREAD), and the caller who waits for it.
//
//     behalf_row::Notification notification;  // cured: notification(&caller)
//     request.aio_sigevent = notification.event();
//     notification.ask([&] { return aio_write(&request); });
//     notification.wait();
//
#pragma once

#include <semaphore.h>
#include <csignal>

#include "row.h"
#include "threads/caller.h"

namespace behalf_row {

class Notification {
 public:
  // The callback prints whose notes it can read: as its thread is, or as the caller given.
  explicit Notification(const Caller* caller = nullptr) : caller_(caller) { sem_init(&called_, 0, 0); }
  ~Notification() { sem_destroy(&called_); }
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;

  // To be given to the C library.
  sigevent event() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = called;
    event.sigev_value.sival_ptr = this;
    return event;
  }

  // Asks the C library for the callback, and returns what it said. Where there is a caller to wear, this is done as the
  // service: a helper thread that the C library starts now and then must not be born as the user.
  template <class Question>
  int ask(Question&& question) {
    if (caller_ == nullptr) return question();
    int said = 0;
    caller_->lets_service_run([&] { said = question(); });
    return said;
  }

  // Returns when the callback has run.
  void wait() {
    while (sem_wait(&called_) != 0 && errno == EINTR) {
    }
  }

 private:
  static void called(sigval value) {
    Notification& self = *static_cast<Notification*>(value.sival_ptr);
    if (self.caller_ == nullptr) {
      print_whose_notes_open();
    } else {
      self.caller_->runs(print_whose_notes_open);
    }
    sem_post(&self.called_);
  }

  const Caller* caller_;
  sem_t called_;
};

}  // namespace behalf_row
