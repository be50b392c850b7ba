#include "report/html_picture.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "report/html_page.h"
#include "report/reading.h"

namespace behalf::tool {
namespace {

constexpr int label_width = 196, lane_height = 52, bar_height = 20, margin = 14;
constexpr int plot_width = 840, widest_column = 72, narrowest_column = 13;
constexpr std::size_t most_lanes = 20, most_columns = 260, most_lines = 40;

// How an identity is drawn: a colour, and over it a pattern, so that it is told apart without the colour.
struct Ink {
  std::string_view name;     // of the account
  std::string_view style;    // class in the style sheet
  std::string_view pattern;  // id, or empty
  std::string_view words;
};
constexpr Ink inks[] = {{"root", "service", "hatch", "the service"},
                        {"alice", "alice", "", "alice"},
                        {"bob", "bob", "dots", "bob"},
                        {"shield", "shield", "cross", "the spare account"},
                        {"", "other", "bars", "anybody else"}};

const Ink& ink_of(const std::string& who) {
  return *std::find_if(std::begin(inks), std::end(inks),
                       [&](const Ink& ink) { return ink.name.empty() || ink.name == who; });
}

constexpr std::string_view patterns =
    "<svg width=\"0\" height=\"0\" class=\"hidden\" aria-hidden=\"true\"><defs>"
    "<pattern id=\"hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
    "patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V7\"/></pattern>"
    "<pattern id=\"dots\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\"><circle class=\"dots\" cx=\"2\" "
    "cy=\"2\" r=\"1.3\"/></pattern>"
    "<pattern id=\"cross\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
    "patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V8M0 0H8\"/></pattern>"
    "<pattern id=\"bars\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" d=\"M0 "
    "3H7\"/></pattern>"
    "<marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
    "orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker>"
    "</defs></svg>";

std::string filled(double x, double y, double width, double height, const Ink& ink) {
  const std::string box =
      fmt::format("x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"4\"", x, y, width, height);
  std::string out = fmt::format("<rect {} class=\"{}\"/>", box, ink.style);
  if (!ink.pattern.empty()) out += fmt::format("<rect {} fill=\"url(#{})\"/>", box, ink.pattern);
  return out;
}

std::string cross_at(double x, double y, double radius) {
  const double arm = radius * .43;
  return fmt::format(
      "<circle class=\"astray\" cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"{2:.1f}\"/><path class=\"astray\" d=\"M{3:.1f} "
      "{4:.1f}l{5:.1f} {5:.1f}m0 -{5:.1f}l-{5:.1f} {5:.1f}\"/>",
      x, y, radius, x - arm, y - arm, 2 * arm);
}

std::string cut(const std::string& bytes, std::size_t most) {
  const std::string text = valid_utf8(bytes);
  if (text.size() <= most) return text;
  std::size_t end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "\u2026";
}

std::string deed_in_words(const Deed& deed) {
  const Effect& effect = *deed.effect;
  std::string words = fmt::format("{} {} as {}", effect.call, effect.object, deed.who);
  if (deed.astray && !deed.wanted.empty()) words += fmt::format(", where {} should have been", deed.wanted);
  if (effect.finished && effect.result < 0) words += ", refused";
  return words;
}

std::string plural(std::size_t number, std::string_view word) {
  return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

class Drawing {
 public:
  Drawing(const Picture& picture, std::size_t number) : picture_(picture), number_(number) {
    choose_lanes();
    choose_columns();
    const bool flags = !picture.troubles.empty() || std::any_of(rows_.begin(), rows_.end(), [&](std::size_t i) {
      const auto& deeds = picture.lanes[i].deeds;
      return std::any_of(deeds.begin(), deeds.end(), [](const Deed& deed) { return deed.finding != nullptr; });
    });
    head_ = flags ? 54 : 30;
  }

  std::string svg() const {
    const int width = label_width + static_cast<int>(static_cast<double>(columns_.size()) * column_width_) + 2 * margin;
    const int height = head_ + static_cast<int>(rows_.size()) * lane_height + margin;
    std::string out = fmt::format(
        "<svg role=\"img\" aria-labelledby=\"picture-{0}\" width=\"{1}\" height=\"{2}\" viewBox=\"0 0 {1} {2}\">",
        number_, width, height);
    out += fmt::format("<title id=\"picture-{}\">{}</title>", number_, escaped(summary()));
    add_windows(out, height);
    for (std::size_t lane : rows_) add_lane(out, lane, width);
    for (const Arrow& arrow : picture_.arrows) add_arrow(out, arrow);
    for (std::size_t lane : rows_) add_deeds(out, lane);
    add_flags(out);
    return out + "</svg>";
  }

  std::string left_out() const {
    std::string out;
    if (rows_.size() < picture_.lanes.size())
      out += fmt::format("Not drawn: {} that did nothing that is judged. ",
                         plural(picture_.lanes.size() - rows_.size(), "thread"));
    if (moments_left_out_ > 0) out += fmt::format("The picture ends here; {} more moments follow.", moments_left_out_);
    return out;
  }

 private:
  bool shown(std::size_t lane) const { return row_of_.contains(lane); }

  // Who acts, who calls, and who made them; the first of each where there are too many to look at.
  void choose_lanes() {
    std::set<std::size_t> wanted;
    const auto want_with_makers = [&](std::size_t lane) {
      while (wanted.insert(lane).second) {
        const auto birth = std::find_if(picture_.arrows.begin(), picture_.arrows.end(),
                                        [&](const Arrow& a) { return a.birth && a.to == lane; });
        if (birth == picture_.arrows.end()) return;
        lane = birth->from;
      }
    };
    for (const bool astray : {true, false})
      for (std::size_t i = 0; i < picture_.lanes.size() && wanted.size() < most_lanes; ++i) {
        const Lane& lane = picture_.lanes[i];
        const bool wrong = std::any_of(lane.deeds.begin(), lane.deeds.end(), [](const Deed& d) { return d.astray; });
        if (astray ? wrong || lane.caller : !lane.deeds.empty() || lane.stretches.size() > 1) want_with_makers(i);
      }
    for (const Trouble& trouble : picture_.troubles) want_with_makers(trouble.lane);
    if (wanted.empty() && !picture_.lanes.empty()) wanted.insert(0);
    rows_.assign(wanted.begin(), wanted.end());
    for (std::size_t i = 0; i < rows_.size(); ++i) row_of_[rows_[i]] = i;
  }

  // Time is the order of what is drawn: a column for each moment at which something is.
  void choose_columns() {
    std::set<Moment> moments;
    for (const std::size_t i : rows_) {
      const Lane& lane = picture_.lanes[i];
      moments.insert(lane.born);
      for (const Stretch& stretch : lane.stretches) moments.insert({stretch.begin, stretch.end});
      for (const Deed& deed : lane.deeds) moments.insert(deed.at);
    }
    for (const Window& window : picture_.windows) moments.insert({window.begin, window.end});
    for (const Trouble& trouble : picture_.troubles) moments.insert(trouble.at);
    for (const Arrow& arrow : picture_.arrows)
      if (shown(arrow.from) && shown(arrow.to)) moments.insert(arrow.at);
    moments.insert(picture_.end);
    for (const Moment moment : moments) {
      if (columns_.size() == most_columns) break;
      columns_.push_back(moment);
    }
    moments_left_out_ = moments.size() - columns_.size();
    column_width_ = std::clamp(static_cast<double>(plot_width) / static_cast<double>(columns_.size()),
                               double{narrowest_column}, double{widest_column});
  }

  bool within(Moment moment) const { return moments_left_out_ == 0 || moment <= columns_.back(); }

  double x(Moment moment) const {
    const auto at = std::lower_bound(columns_.begin(), columns_.end(), moment);
    return label_width + margin + static_cast<double>(at - columns_.begin()) * column_width_;
  }
  double middle(std::size_t lane) const { return head_ + (static_cast<double>(row_of_.at(lane)) + .5) * lane_height; }

  std::string summary() const {
    const auto wrong = std::count_if(rows_.begin(), rows_.end(), [&](std::size_t i) {
      const auto& deeds = picture_.lanes[i].deeds;
      return std::any_of(deeds.begin(), deeds.end(), [](const Deed& d) { return d.astray; });
    });
    return fmt::format(
        "The leg {}: {}, {}", picture_.leg->name, plural(rows_.size(), "thread"),
        wrong == 0 ? "none of them acts as somebody else" : fmt::format("{} of them act as somebody else", wrong));
  }

  void add_windows(std::string& out, int height) const {
    const bool beside = std::any_of(picture_.windows.begin(), picture_.windows.end(), [&](const Window& a) {
      return std::any_of(picture_.windows.begin(), picture_.windows.end(),
                         [&](const Window& b) { return a.begin < b.begin && b.begin < a.end; });
    });
    double free_from = 0;
    for (const Window& window : picture_.windows) {
      if (!shown(window.lane) || !within(window.begin)) continue;
      const double from = x(window.begin), to = std::max(x(window.end), from + 2);
      // Calls beside each other have their own lanes; a call alone is what the whole process does.
      const double top = beside ? middle(window.lane) - lane_height / 2.0 + 3 : head_ - 22;
      const double tall = beside ? lane_height - 6 : height - head_ + 22 - margin / 2;
      out += fmt::format(
          "<rect class=\"band\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"6\"><title>a call as "
          "{}</title></rect>",
          from, top, to - from, tall, escaped(window.user));
      const std::string words = fmt::format("call as {}", window.user);
      if (beside || from < free_from) continue;
      out += fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"{}\">{}</text>", from + 6, head_ - 8, escaped(words));
      free_from = from + 6.5 * static_cast<double>(words.size()) + 10;
    }
  }

  void add_lane(std::string& out, std::size_t at, int width) const {
    const Lane& lane = picture_.lanes[at];
    const double y = middle(at);
    out += fmt::format("<line class=\"lane\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", label_width,
                       width - margin, y, y);
    out += fmt::format("<text x=\"4\" y=\"{:.1f}\">{}</text><text class=\"origin\" x=\"4\" y=\"{:.1f}\">{}</text>",
                       y - 2, escaped(cut(lane.name, 30)), y + 13, escaped(cut(lane.origin, 34)));
    for (const Stretch& stretch : lane.stretches) {
      if (!within(stretch.begin)) continue;
      const Ink& ink = ink_of(stretch.who);
      const double from = x(stretch.begin), wide = std::max(x(stretch.end) - from - 2, 3.0);
      const std::string ids =
          stretch.as < picture_.leg->credentials.size() ? describe(picture_.leg->credentials[stretch.as]) : "";
      out += fmt::format("<g class=\"stretch\" data-who=\"{0}\"><title>{0}: {1}</title>{2}", escaped(stretch.who),
                         escaped(ids), filled(from, y - bar_height / 2.0, wide, bar_height, ink));
      add_name(out, lane, stretch, from, wide, y);
      out += "</g>";
    }
  }

  // On its bar, or above it where the marks of effects would cover it.
  void add_name(std::string& out, const Lane& lane, const Stretch& stretch, double from, double wide, double y) const {
    const double needs = 7.5 * static_cast<double>(stretch.who.size()) + 10;
    if (wide <= needs) return;
    const bool covered = std::any_of(lane.deeds.begin(), lane.deeds.end(), [&](const Deed& deed) {
      return deed.at >= stretch.begin && deed.at < stretch.end && x(deed.at) + column_width_ / 2 - 8 < from + needs;
    });
    out += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", covered ? "beside" : "onbar",
                       from + (covered ? 2 : 7), covered ? y - bar_height / 2.0 - 4 : y + 4, escaped(stretch.who));
  }

  void add_arrow(std::string& out, const Arrow& arrow) const {
    if (!shown(arrow.from) || !shown(arrow.to) || arrow.from == arrow.to || !within(arrow.at)) return;
    const double at = x(arrow.at), from = middle(arrow.from), to = middle(arrow.to), sign = to > from ? 1 : -1;
    const double begin = from + sign * bar_height / 2.0, end = to - sign * (bar_height / 2.0 + 1),
                 lean = std::min(10.0, column_width_ * .8);
    out += fmt::format(
        "<path class=\"arrow{}\" marker-end=\"url(#tip)\" d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} "
        "{:.1f}\"><title>{}: {}, {}</title></path>",
        arrow.birth ? "" : " handed", at - lean, begin, at - lean, (begin + end) / 2, at + 2, (begin + end) / 2, at + 2,
        end, escaped(picture_.lanes[arrow.from].name), escaped(arrow.what), escaped(picture_.lanes[arrow.to].name));
  }

  void add_deeds(std::string& out, std::size_t at) const {
    for (const Deed& deed : picture_.lanes[at].deeds) {
      if (!within(deed.at)) continue;
      const double left = x(deed.at) + column_width_ / 2;
      out += fmt::format(
          "<g class=\"act\" data-astray=\"{}\"><title>{}</title>{}</g>", deed.astray, escaped(deed_in_words(deed)),
          deed.astray
              ? cross_at(left, middle(at), std::min(7.0, column_width_ / 2 - .5))
              : fmt::format("<circle class=\"deed\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\"/>", left, middle(at)));
    }
  }

  // The divergences that are findings, each with its code on a flag above it.
  void add_flags(std::string& out) const {
    double free_from = label_width;
    const auto flag = [&](double at, double y, const Finding& finding) {
      const double left = std::max(at - 20, free_from);
      free_from = left + 46;
      out += fmt::format(
          "<g class=\"finding\"><title>{0}: {1}</title><path class=\"flagline\" d=\"M{2:.1f} 20V{3:.1f}\"/>"
          "<rect class=\"flag\" x=\"{4:.1f}\" y=\"2\" width=\"42\" height=\"18\" rx=\"5\"/>"
          "<text class=\"flagtext\" x=\"{5:.1f}\" y=\"15\">{0}</text></g>",
          escaped(finding.code), escaped(in_words(finding)), at, y - 8, left, left + 7);
    };
    struct Flag {
      double x, y;
      const Finding* finding;
    };
    std::vector<Flag> flags;
    for (const std::size_t i : rows_)
      for (const Deed& deed : picture_.lanes[i].deeds)
        if (deed.finding != nullptr && within(deed.at))
          flags.push_back({x(deed.at) + column_width_ / 2, middle(i), deed.finding});
    for (const Trouble& trouble : picture_.troubles)
      if (shown(trouble.lane) && within(trouble.at))
        flags.push_back({x(trouble.at), middle(trouble.lane), trouble.finding});
    std::sort(flags.begin(), flags.end(), [](const Flag& a, const Flag& b) { return a.x < b.x; });
    for (const Flag& each : flags) flag(each.x, each.y, *each.finding);
  }

  const Picture& picture_;
  std::size_t number_;
  std::vector<std::size_t> rows_;
  std::map<std::size_t, std::size_t> row_of_;  // lane -> row
  std::vector<Moment> columns_;
  std::size_t moments_left_out_ = 0;
  double column_width_ = 0;
  int head_ = 0;  // the height of what stands above the lanes: names of calls, and flags
};

// The picture for those who do not see it.
std::string told(const Picture& picture) {
  std::map<Moment, std::vector<std::string>> lines;
  for (const Window& window : picture.windows) {
    lines[window.begin].push_back(
        fmt::format("{}: the call as {} begins", picture.lanes[window.lane].name, window.user));
    lines[window.end].push_back(
        fmt::format("{}: the call as {} is over", picture.lanes[window.lane].name, window.user));
  }
  for (const Arrow& arrow : picture.arrows)
    lines[arrow.at].push_back(fmt::format("{} {} {}", picture.lanes[arrow.from].name,
                                          arrow.birth ? "makes" : "hands over to", picture.lanes[arrow.to].name));
  for (const Lane& lane : picture.lanes)
    for (const Deed& deed : lane.deeds)
      lines[deed.at].push_back(fmt::format("{}{}: {}", deed.astray ? "ASTRAY: " : "", lane.name, deed_in_words(deed)));
  std::string out = "<details><summary>The same in words</summary><ol>";
  std::size_t count = 0;
  for (const auto& [at, here] : lines)
    for (const std::string& line : here)
      if (++count <= most_lines) out += fmt::format("<li>{}</li>", escaped(line));
  out += "</ol>";
  if (count > most_lines) out += fmt::format("<p class=\"soft\">and {} more</p>", count - most_lines);
  return out + "</details>";
}

}  // namespace

std::string legend() {
  std::string out = std::string(patterns) + "<ul class=\"legend\" aria-label=\"Legend\">";
  for (const Ink& ink : inks)
    out += fmt::format("<li><svg width=\"34\" height=\"16\" aria-hidden=\"true\">{}</svg>{}</li>",
                       filled(0, 1, 34, 14, ink), ink.words);
  out +=
      "<li><svg width=\"12\" height=\"16\" aria-hidden=\"true\"><circle class=\"deed\" cx=\"6\" cy=\"8\" "
      "r=\"3.2\"/></svg>an effect with nothing wrong</li>";
  out +=
      fmt::format("<li><svg width=\"18\" height=\"18\" aria-hidden=\"true\">{}</svg>an effect, as somebody else</li>",
                  cross_at(9, 9, 7));
  out +=
      "<li><svg width=\"30\" height=\"16\" aria-hidden=\"true\"><path class=\"arrow\" marker-end=\"url(#tip)\" d=\"M1 "
      "8H28\"/></svg>makes a thread or a child</li>";
  out +=
      "<li><svg width=\"30\" height=\"16\" aria-hidden=\"true\"><path class=\"arrow handed\" marker-end=\"url(#tip)\" "
      "d=\"M1 8H28\"/></svg>hands work over</li>";
  return out + "</ul>";
}

std::string figure_of(const Picture& picture, bool same, std::size_t number) {
  const Drawing drawing(picture, number);
  std::string out = fmt::format("<figure><figcaption>{} <span>{}</span></figcaption>", escaped(picture.leg->name),
                                same ? "\u2013 as it should be" : "\u2013 different from the oracle");
  out +=
      fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Picture of the leg {}\">{}</div>",
                  escaped(picture.leg->name), drawing.svg());
  if (const std::string words = drawing.left_out(); !words.empty())
    out += fmt::format("<p class=\"small soft\">{}</p>", escaped(words));
  return out + told(picture) + "</figure>";
}

}  // namespace behalf::tool
