// A shared object with debugging information to start from: two functions, one of them inlined into the other.
static inline __attribute__((always_inline)) int inlined(int number) {
  return number * 3;
}
int operation(int number);
int operation(int number) {
  return inlined(number) + inlined(number + 1);
}
