#include "report/cure_page.h"

#include <md4c-html.h>
#include <md4c.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

constexpr std::size_t text_indent = 2, code_indent = 6;
constexpr const char *bold = "\033[1m", *coloured = "\033[36m", *plain = "\033[0m";

// Fills lines with words. What is between ESC and `m` takes no place.
class Paragraph {
 public:
  void add(std::string_view text) { text_ += text; }

  // The text in lines that begin at `indent`, the first one with `mark` before it.
  std::string in_lines(std::size_t indent, std::string_view mark, std::size_t width) {
    std::string out = std::string(indent - std::min(indent, mark.size()), ' ') + std::string(mark);
    std::size_t column = indent;
    bool first = true;
    for (std::size_t at = 0; at < text_.size();) {
      const auto end = std::min(text_.find_first_of(" \n", at), text_.size());
      const std::string_view word = std::string_view(text_).substr(at, end - at);
      at = end + 1;
      if (word.empty()) continue;
      const std::size_t length = visible(word);
      if (!first && column + 1 + length > width) {
        out += "\n" + std::string(indent, ' ');
        column = indent;
      } else if (!first) {
        out += ' ';
        ++column;
      }
      out += word;
      column += length;
      first = false;
    }
    text_.clear();
    return out + "\n";
  }

 private:
  static std::size_t visible(std::string_view word) {
    std::size_t count = 0;
    bool escape = false;
    for (const char c : word) {
      if (c == '\033') escape = true;
      if (!escape && (static_cast<unsigned char>(c) & 0xc0) != 0x80) ++count;  // UTF-8: a character, not its bytes
      if (escape && c == 'm') escape = false;
    }
    return count;
  }

  std::string text_;
};

// What md4c finds in the page, written down as it comes.
class TextWriter {
 public:
  TextWriter(bool colour, std::size_t width) : colour_(colour), width_(width) {}
  std::string take() { return std::move(out_); }

  void enter(MD_BLOCKTYPE block) {
    if (block == MD_BLOCK_LI) mark_ = "* ", depth_ = 2;
    if (block == MD_BLOCK_CODE) in_code_ = true;
  }

  void leave(MD_BLOCKTYPE block) {
    switch (block) {
      case MD_BLOCK_H: {
        const std::string line = paragraph_.in_lines(0, "", width_);
        gap();
        out_ += colour_ ? fmt::format("{}{}{}\n", bold, line.substr(0, line.size() - 1), plain) : line;
        tight_ = true;  // a heading stands at what it heads
        break;
      }
      case MD_BLOCK_P:
        gap();
        out_ += paragraph_.in_lines(text_indent + depth_, mark_, width_);
        mark_.clear();
        break;
      case MD_BLOCK_LI:
        if (!mark_.empty()) {  // an item of a tight list has no paragraph
          if (!last_was_item_) gap();
          tight_ = false;
          out_ += paragraph_.in_lines(text_indent + depth_, mark_, width_);
          mark_.clear();
        }
        last_was_item_ = true;
        depth_ = 0;
        return;
      case MD_BLOCK_CODE:
        in_code_ = false;
        gap();
        add_code();
        break;
      default:
        return;
    }
    last_was_item_ = false;
  }

  void span(MD_SPANTYPE span, bool begins) {
    if (span == MD_SPAN_CODE) paragraph_.add(!colour_ ? "`" : begins ? coloured : plain);
    if (span == MD_SPAN_STRONG && colour_) paragraph_.add(begins ? bold : plain);
  }

  void text(MD_TEXTTYPE type, std::string_view text) {
    if (in_code_)
      code_ += text;
    else
      paragraph_.add(type == MD_TEXT_SOFTBR || type == MD_TEXT_BR ? std::string_view("\n") : text);
  }

 private:
  void gap() {
    if (!out_.empty() && !tight_) out_ += "\n";
    tight_ = false;
  }

  void add_code() {
    for (std::size_t at = 0; at < code_.size();) {
      const auto end = std::min(code_.find('\n', at), code_.size());
      if (end > at) out_ += std::string(code_indent, ' ') + code_.substr(at, end - at);
      out_ += "\n";
      at = end + 1;
    }
    code_.clear();
  }

  bool colour_;
  std::size_t width_, depth_ = 0;
  bool in_code_ = false, tight_ = false, last_was_item_ = false;
  std::string out_, code_, mark_;
  Paragraph paragraph_;
};

TextWriter& writer(void* data) {
  return *static_cast<TextWriter*>(data);
}

constexpr unsigned no_markup = MD_FLAG_NOHTML;

}  // namespace

std::string text_of_markdown(std::string_view markdown, bool colour, int width) {
  TextWriter written(colour, static_cast<std::size_t>(std::clamp(width, 40, 100)));
  MD_PARSER parser{};
  parser.flags = no_markup;
  parser.enter_block = [](MD_BLOCKTYPE block, void*, void* data) { return writer(data).enter(block), 0; };
  parser.leave_block = [](MD_BLOCKTYPE block, void*, void* data) { return writer(data).leave(block), 0; };
  parser.enter_span = [](MD_SPANTYPE span, void*, void* data) { return writer(data).span(span, true), 0; };
  parser.leave_span = [](MD_SPANTYPE span, void*, void* data) { return writer(data).span(span, false), 0; };
  parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* data) {
    return writer(data).text(type, {text, size}), 0;
  };
  if (md_parse(markdown.data(), static_cast<MD_SIZE>(markdown.size()), &parser, &written) != 0)
    throw std::runtime_error("a page could not be read as markdown");
  return written.take();
}

std::string html_of_markdown(std::string_view markdown, int level) {
  std::string html;
  const auto add = [](const MD_CHAR* text, MD_SIZE size, void* data) {
    static_cast<std::string*>(data)->append(text, size);
  };
  if (md_html(markdown.data(), static_cast<MD_SIZE>(markdown.size()), add, &html, no_markup, 0) != 0)
    throw std::runtime_error("a page could not be read as markdown");
  // The pages' own headings are all of the second level; code that is too wide is scrolled, with the keyboard too.
  const std::pair<std::string, std::string> changes[] = {{"<h2>", fmt::format("<h{}>", level)},
                                                         {"</h2>", fmt::format("</h{}>", level)},
                                                         {"<pre>", "<pre tabindex=\"0\">"}};
  for (const auto& [from, to] : changes)
    for (std::size_t at = html.find(from); at != std::string::npos; at = html.find(from, at + to.size()))
      html.replace(at, from.size(), to);
  return html;
}

}  // namespace behalf::tool
