#include "behalf/error.h"
#include "behalf/grpc.h"
#include "remote/grpc/office.h"
#include "remote/grpc/ticket_office.h"

namespace behalf {

class GrpcCallers::Core {
 public:
  explicit Core(const GrpcCallersOptions& options)
      : on_refused_(options.on_refused),
        book_(options.at_most, options.at_most_of_one),
        office_({options.office, options.office_mode, options.good_for, options.highest, options.on_refused}, book_) {}

  Sender sender(const grpc::ServerContextBase& context) {
    const auto& metadata = context.client_metadata();
    const auto count = metadata.count(detail::ticket_key);
    if (count == 1) {
      const grpc::string_ref ticket = metadata.find(detail::ticket_key)->second;
      if (auto whose = book_.whose({ticket.data(), ticket.size()})) return *std::move(whose);
      refuse(context, "its ticket is none of this server's, or not good any more");
    }
    if (count > 1) refuse(context, "it brings several tickets");
    const auto reason = metadata.find(detail::no_ticket_key);
    refuse(context, reason == metadata.end()
                        ? "it brings no ticket. Make the channel with behalf::grpc_channel"
                        : "it brings no ticket: " + std::string(reason->second.data(), reason->second.size()));
  }

  std::size_t tickets() const { return book_.count(); }

 private:
  [[noreturn]] void refuse(const grpc::ServerContextBase& context, const std::string& why) const {
    const std::string words = "behalf: a call from " + context.peer() + " is refused: " + why;
    if (on_refused_) on_refused_(words);
    throw Error(Error::Reason::refused_by_receiver, words);
  }

  const std::function<void(const std::string&)> on_refused_;
  detail::TicketBook book_;
  detail::TicketOffice office_;
};

GrpcCallers::GrpcCallers(const GrpcCallersOptions& options) : core_(std::make_unique<Core>(options)) {}
GrpcCallers::~GrpcCallers() = default;

Sender GrpcCallers::sender(const grpc::ServerContextBase& context) {
  return core_->sender(context);
}

std::size_t GrpcCallers::tickets() const {
  return core_->tickets();
}

grpc::Status GrpcCallers::answer(const Error& error) {
  switch (error.reason()) {
    case Error::Reason::level_too_low:
    case Error::Reason::not_permitted:
    case Error::Reason::refused_by_fence:
    case Error::Reason::not_the_owner:
      return {grpc::StatusCode::PERMISSION_DENIED, error.what()};
    default:
      return {grpc::StatusCode::INTERNAL, error.what()};
  }
}

}  // namespace behalf
