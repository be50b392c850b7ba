// Plain OpenMP whose threads are all whoever begins the region: with a runtime that has the tools interface of
// OpenMP 5.0 (LLVM's libomp). Linking behalf::ompt into the program is all there is to do.
//
//   if (!behalf::ompt::is_watching()) …;       // another runtime (GCC's libgomp has no such interface):
//   behalf/openmp.h behalf::Impersonation as{alice}; #pragma omp parallel for                   // each iteration as
//   alice, and explicit tasks as whoever makes them for (int file = 0; file < files; ++file) index_her_file(file);
//
// A thread of a team that cannot wear the identity ends the process: a region can neither do without it nor be told. A
// program compiled by GCC may run on libomp, which has libgomp's functions too (link libomp in place of libgomp).
// Untied tasks that move to another thread while they wait are not supported, and tasks that are cancelled are.
#pragma once

namespace behalf::ompt {

// Whether the OpenMP runtime of this process tells the library of its regions; known once the runtime has started, at
// the first use of OpenMP. Thread-safe. Cost: none.
[[nodiscard]] bool is_watching() noexcept;

}  // namespace behalf::ompt
