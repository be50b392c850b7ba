#include <optional>
#include <stdexcept>
#include <string_view>

#include "behalf/error.h"
#include "behalf/grpc.h"
#include "behalf/impersonation.h"
#include "remote/grpc/office.h"
#include "remote/grpc/ticket_office.h"

namespace behalf {

class GrpcCallers::Core {
 public:
  explicit Core(const GrpcCallersOptions& options) : options_(options), book_(options.at_most, options.at_most_of_one) {
    if (options.office.empty() && !options.verify)
      throw std::invalid_argument("behalf: callers of gRPC: give an office, or an engine that verifies proofs");
    if (!options.office.empty()) {
      office_.emplace(detail::TicketOffice::Options{options.office, options.office_mode, options.good_for,
                                                    options.highest, options.at_most_of_one, options.on_refused},
                      book_);
    }
  }

  Sender sender(grpc::ServerContextBase& context) {
    if (const auto ticket = only(context, detail::ticket_key)) {
      if (auto whose = book_.whose(*ticket)) return *std::move(whose);
      refuse(context, "its ticket is none of this server's, or not good any more");
    }
    if (const auto proof = only(context, detail::proof_key)) return proved(context, std::string(*proof));
    const auto reason = only(context, detail::no_ticket_key);
    refuse(context, reason ? "it brings no ticket: " + std::string(*reason)
                           : "it brings no ticket. Make the channel with behalf::grpc_channel");
  }

  std::size_t tickets() const { return book_.count(); }

  void told_of(const grpc::ServerContextBase& context, const Error& error) const {
    if (options_.on_refused)
      options_.on_refused("behalf: a call from " + context.peer() + " is refused: " + error.what());
  }

 private:
  [[noreturn]] void refuse(const grpc::ServerContextBase& context, const std::string& why) const {
    const std::string words = "behalf: a call from " + context.peer() + " is refused: " + why;
    if (options_.on_refused) options_.on_refused(words);
    throw Error(Error::Reason::refused_by_receiver, words);
  }

  std::optional<std::string_view> only(const grpc::ServerContextBase& context, const char* key) const {
    const auto& metadata = context.client_metadata();
    const auto found = metadata.find(key);
    if (found == metadata.end()) return std::nullopt;
    if (metadata.count(key) > 1) refuse(context, std::string("it brings several of ") + key);
    return std::string_view(found->second.data(), found->second.size());
  }

  // A ticket goes back, so that the next call needs no proof; where there are too many, none does.
  Sender proved(grpc::ServerContextBase& context, const std::string& proof) {
    if (!options_.verify) refuse(context, "it brings a proof, and this server has no engine to verify one");
    Sender whose;
    try {
      const AsService self;
      whose = options_.verify(proof);
      if (whose.token() && whose.token()->level() > options_.highest)
        whose = Sender(whose.token()->with_level(options_.highest));
    } catch (const Error& error) {
      refuse(context, error.what());
    }
    const uid_t asks = whose.token() ? whose.token()->uid() : static_cast<uid_t>(-1);
    if (const auto ticket = book_.issue(whose, asks, options_.good_for))
      context.AddInitialMetadata(detail::ticket_key, std::to_string(options_.good_for.count()) + ' ' + *ticket);
    return whose;
  }

  const GrpcCallersOptions options_;
  detail::TicketBook book_;
  std::optional<detail::TicketOffice> office_;
};

GrpcCallers::GrpcCallers(const GrpcCallersOptions& options) : core_(std::make_unique<Core>(options)) {
  grpc_warm_up();
}
GrpcCallers::~GrpcCallers() = default;

Sender GrpcCallers::sender(grpc::ServerContextBase& context) {
  return core_->sender(context);
}

std::size_t GrpcCallers::tickets() const {
  return core_->tickets();
}

grpc::Status GrpcCallers::answer(const grpc::ServerContextBase& context, const Error& error) const {
  switch (error.reason()) {
    case Error::Reason::level_too_low:
    case Error::Reason::not_permitted:
    case Error::Reason::refused_by_fence:
    case Error::Reason::not_the_owner:
      core_->told_of(context, error);
      return {grpc::StatusCode::PERMISSION_DENIED, error.what()};
    default:
      return {grpc::StatusCode::INTERNAL, error.what()};
  }
}

}  // namespace behalf
