// A proxy whose handlers run as whoever registered them, though the thread that calls them is the service.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <memory>
#include <string>

namespace behalf::detail {

// Told of a handler that was not called since its identity could not be taken.
using RefusedHandler = void (*)(const std::string& why) noexcept;

class WearingProxy final : public sdbus::IProxy {
 public:
  WearingProxy(std::unique_ptr<sdbus::IProxy> proxy, RefusedHandler on_refused) noexcept
      : proxy_(std::move(proxy)), on_refused_(on_refused) {}

  sdbus::PendingAsyncCall callMethod(const sdbus::MethodCall& message, sdbus::async_reply_handler handler,
                                     uint64_t timeout) override;
  void registerSignalHandler(const std::string& interface, const std::string& signal,
                             sdbus::signal_handler handler) override;
  // Whatever is registered at the connection itself would run as the service.
  [[noreturn]] sdbus::IConnection& getConnection() const override;

  // As they are: the calling thread does these itself.
  sdbus::MethodCall createMethodCall(const std::string& interface, const std::string& method) override {
    return proxy_->createMethodCall(interface, method);
  }
  sdbus::MethodReply callMethod(const sdbus::MethodCall& message, uint64_t timeout) override {
    return proxy_->callMethod(message, timeout);
  }
  void unregisterSignalHandler(const std::string& interface, const std::string& signal) override {
    proxy_->unregisterSignalHandler(interface, signal);
  }
  void finishRegistration() override { proxy_->finishRegistration(); }
  void unregister() override { proxy_->unregister(); }
  const std::string& getObjectPath() const override { return proxy_->getObjectPath(); }
  const sdbus::Message* getCurrentlyProcessedMessage() const override { return proxy_->getCurrentlyProcessedMessage(); }

 private:
  const std::unique_ptr<sdbus::IProxy> proxy_;
  const RefusedHandler on_refused_;
};

}  // namespace behalf::detail
