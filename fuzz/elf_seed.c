// A shared object to start from: an exported function, one that is hidden, and a row's section.
__attribute__((section(".behalf.row"), used)) extern const char row[];
const char row[] = "title: a seed\nworks: none\n";
__attribute__((visibility("hidden"))) int hidden(void) {
  return 1;
}
int operation(void) {
  return hidden();
}
