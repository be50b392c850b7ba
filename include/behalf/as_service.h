// as_service: work that does not carry its submitter's identity and is done as the service. Spelt out, so that one
// search of a code base finds every use.
//
//   behalf::ThreadPool pool;
//   pool.submit([] { save_for_alice(); });                            // as whoever submits it
//   pool.submit(behalf::as_service, [] { rotate_the_service_log(); });  // as the service
//
#pragma once

namespace behalf {

struct as_service_t {
  explicit constexpr as_service_t() = default;
};
inline constexpr as_service_t as_service{};

// The same where a question is asked and nothing is done: whose folder, settings or environment? The process's own.
//
//   auto own = behalf::known_folder(behalf::Folder::cache, behalf::process_token);
inline constexpr as_service_t process_token{};

}  // namespace behalf
