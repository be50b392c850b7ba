// An operation whose debugging information is well-formed, and two hundred thousand scopes deep: libdw walks scopes by
// recursion, and runs out of stack. It loses identity in the posture `effective`: access(2) asks with the real id.
#include <unistd.h>

int asks_the_real_id(void) {
  return access("/srv/root-only.txt", R_OK) + 1;
}

// One unit, of the function's first bytes; in it a lexical block of the same, in it another, and so on. The lengths need
// be right for no more than the place of the call.
#define RANGE ".quad asks_the_real_id\n .quad 64\n"
__asm__(
    ".pushsection .debug_abbrev, \"\", @progbits\n"
    ".Labbreviations:\n"
    " .byte 1, 0x11, 1, 0x11, 1, 0x12, 7, 0, 0\n"  // DW_TAG_compile_unit, with children: low_pc addr, high_pc data8
    " .byte 2, 0x0b, 1, 0x11, 1, 0x12, 7, 0, 0\n"  // DW_TAG_lexical_block, with children: the same
    " .byte 0\n"
    ".popsection\n"
    ".pushsection .debug_info, \"\", @progbits\n"
    ".Linfo:\n"
    " .long 2f - 1f\n"
    "1: .short 4\n"
    " .long .Labbreviations\n"
    " .byte 8, 1\n" RANGE
    " .rept 200000\n"
    " .byte 2\n" RANGE
    " .endr\n"
    " .zero 200001\n"
    "2:\n"
    ".popsection\n"
    ".pushsection .debug_aranges, \"\", @progbits\n"
    " .long 4f - 3f\n"
    "3: .short 2\n"
    " .long .Linfo\n"
    " .byte 8, 0\n"
    " .long 0\n" RANGE
    " .quad 0, 0\n"
    "4:\n"
    ".popsection\n");
