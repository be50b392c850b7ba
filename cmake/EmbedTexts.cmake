# Writes the files as C++ string literals, one after the other: cmake -DOUTPUT=... -DFILES="a;b" -P EmbedTexts.cmake
set(literals "// Made at build time from the files that are named here.\n")
foreach(file IN LISTS FILES)
  file(READ ${file} text)
  get_filename_component(name ${file} NAME)
  string(APPEND literals "// ${name}\nR\"__text__(${text})__text__\",\n")
endforeach()
file(WRITE ${OUTPUT} "${literals}")
