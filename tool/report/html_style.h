// The pages' style sheet. System fonts and two dozen colours, each of them named once for light and once for dark.
#pragma once

#include <string_view>

namespace behalf::tool {

inline constexpr std::string_view page_style = R"css(
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --card: #ffffff; --ink: #1d2126; --soft: #5a626c; --line: #e4e1d9; --rule: #efece5; --link: #1f5fbf;
  --good: #17693f; --good-bg: #e4f3ea; --bad: #a8231a; --bad-bg: #fbe9e7; --doubt: #7d5700; --doubt-bg: #fbf1d9;
  --service: #70777f; --alice: #2464c9; --bob: #b45a06; --shield: #6d3fc4; --other: #ad1a5f; --on-id: #ffffff;
  --band: #f1efe9; --shadow: 0 1px 2px rgb(30 30 20 / .05), 0 6px 20px rgb(30 30 20 / .04);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1b1f23; --ink: #e7e9eb; --soft: #a0a8b1; --line: #30363c; --rule: #262b30; --link: #8ab8ff;
    --good: #6fd3a0; --good-bg: #14301f; --bad: #ff9a8f; --bad-bg: #3a1a18; --doubt: #e9bf62; --doubt-bg: #352a12;
    --service: #8b939c; --alice: #6ba4ff; --bob: #f0a050; --shield: #b394ff; --other: #ff7fb5; --on-id: #101215;
    --band: #22272c; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.4rem 1.5rem 4rem; }
code, .mono { font: .875em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
h1 { font-size: clamp(1.5rem, 1.1rem + 1.5vw, 2.1rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .4rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; letter-spacing: -.01em; margin: 1.6rem 0 .6rem; line-height: 1.3; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .3rem 0; max-width: 62rem; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px; }
.eyebrow { color: var(--soft); font-size: .85rem; margin: 0 0 .3rem; }
.answers { list-style: none; margin: .8rem 0 2rem; padding: 0; } .answers li { padding: .3rem 0; border-top: 1px solid var(--rule); overflow-wrap: anywhere; }
.lead { font-size: 1.08rem; color: var(--soft); max-width: 48rem; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .4rem .8rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 1rem 1.3rem; margin: .8rem 0; }
.card > :first-child, .card figure { margin-top: 0; } .card > :last-child, .card figure { margin-bottom: 0; }
.badge { display: inline-block; font-size: .82rem; font-weight: 600; line-height: 1.5; padding: .08rem .6rem; border-radius: 99px; white-space: nowrap; }
.works { color: var(--good); background: var(--good-bg); } .fails { color: var(--bad); background: var(--bad-bg); } .unclear { color: var(--doubt); background: var(--doubt-bg); }
.code { font-weight: 600; color: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .05rem .4rem; white-space: nowrap; }
a .code { color: inherit; }
.verdict, .cure { max-width: none; }
.verdict { border-radius: 14px; padding: .8rem 1.2rem; margin: .6rem 0 1rem; font-size: 1.35rem; font-weight: 650; letter-spacing: -.01em; line-height: 1.3; }
.verdict small { display: block; overflow-wrap: anywhere; font-size: .95rem; font-weight: 400; letter-spacing: 0; margin-top: .3rem; color: var(--ink); }
dl.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: .8rem; margin: .6rem 0; }
dl.sides > div { border: 1px solid var(--line); border-radius: 10px; padding: .5rem .9rem; border-left-width: 4px; }
dl.sides .expected { border-left-color: var(--good); } dl.sides .got { border-left-color: var(--bad); }
dt { font-size: .78rem; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); font-weight: 600; }
dd { margin: .2rem 0 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.stacks { columns: 28rem; column-gap: 2rem; } .stacks section { break-inside: avoid; padding-top: .1rem; } .stacks h3 { margin-top: .9rem; }
details.page { margin: .6rem 0; } details.page summary { cursor: pointer; color: var(--link); }
details.page, details.page dd { white-space: normal; } details.page h4 { margin: 1.1rem 0 .3rem; font-size: .95rem; }
details.page pre { overflow-x: auto; background: var(--band); border-radius: 8px; padding: .7rem .9rem; margin: .5rem 0; }
details.page pre code { white-space: pre; overflow-wrap: normal; }
ol.stack { list-style: none; margin: .3rem 0; padding: 0; font-size: .9rem; }
ol.stack li { padding: .22rem 0 .22rem 2.4rem; position: relative; border-top: 1px solid var(--rule); color: var(--soft); }
ol.stack .number { position: absolute; left: 0; font-variant-numeric: tabular-nums; opacity: .8; }
ol.stack li.own { color: var(--ink); } ol.stack li.own .number + code { font-weight: 650; }
ol.stack .at { display: block; font-size: .85em; opacity: .9; }
.cure { border-radius: 10px; background: var(--good-bg); padding: .55rem .9rem; margin: .6rem 0 .2rem; }
.cure strong { color: var(--good); }
details.suppressed { border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1.2rem; margin: .8rem 0; } details.suppressed > summary { color: var(--ink); font-size: 1rem; } details.suppressed .card { border: 0; box-shadow: none; padding: 0; }
td.verdict-in small { display: block; color: var(--soft); }
.changes { list-style: none; padding: 0; margin: .8rem 0; } .changes li { padding: .55rem 0; border-top: 1px solid var(--rule); overflow-wrap: anywhere; } .changes .badge { background-color: var(--band); min-width: 4rem; text-align: center; } .changes .fails { background-color: var(--bad-bg); } .changes .works { background-color: var(--good-bg); }
.legs { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; padding: 0; margin: .8rem 0; }
figure { margin: 1rem 0; }
figcaption { margin-bottom: .5rem; font-weight: 600; } figcaption span { font-weight: 400; color: var(--soft); }
.scroll { overflow-x: auto; padding-bottom: .3rem; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; list-style: none; padding: 0; margin: .6rem 0 1rem; font-size: .875rem; color: var(--soft); }
.legend svg { vertical-align: -.25em; margin-right: .4rem; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--ink); }
svg .origin, svg .axis { fill: var(--soft); font-size: 11px; }
svg .band { fill: var(--band); } svg .lane { stroke: var(--line); } svg .onbar { fill: var(--on-id); font-weight: 600; } svg .beside { font-size: 11px; font-weight: 600; }
svg .service { fill: var(--service); } svg .alice { fill: var(--alice); } svg .bob { fill: var(--bob); } svg .shield { fill: var(--shield); } svg .other { fill: var(--other); }
svg .hatch { fill: none; stroke: var(--card); stroke-opacity: .35; stroke-width: 2; } svg .dots { fill: var(--card); fill-opacity: .4; }
svg .deed { fill: var(--card); stroke: var(--ink); stroke-width: 1.2; } svg .astray { stroke: var(--bad); stroke-width: 2.6; stroke-linecap: round; fill: var(--card); }
svg .arrow { fill: none; stroke: var(--soft); stroke-width: 1.5; } svg .handed { stroke-dasharray: 4 3; } svg .tip { fill: var(--soft); }
svg .flag { fill: var(--bad); } svg .flagtext { fill: var(--card); font-weight: 650; font-size: 11px; } svg .flagline { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 2 3; }
details summary { cursor: pointer; color: var(--soft); font-size: .875rem; }
details ol { font-size: .875rem; padding-left: 1.6rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin: 1.8rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .9rem 1.1rem; box-shadow: var(--shadow); }
.tiles b { display: block; font-size: 1.6rem; letter-spacing: -.02em; line-height: 1.2; } .tiles b i { font-style: normal; font-size: 1rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
.bar { display: flex; height: 6px; border-radius: 3px; overflow: hidden; background: var(--rule); margin-top: .6rem; gap: 2px; } .bar span { background: currentColor; }
.bar .works, .bar .fails, .bar .unclear { background: currentColor; }
form.filter { display: flex; flex-wrap: wrap; gap: .7rem 1rem; align-items: end; position: sticky; top: 0; z-index: 2; background: var(--paper); padding: .8rem 0; margin: 1rem 0 0; border-bottom: 1px solid var(--line); }
form.filter[hidden] { display: none; }
form.filter label { display: grid; gap: .15rem; font-size: .78rem; color: var(--soft); }
form.filter input, form.filter select, form.filter button { font: inherit; font-size: .95rem; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .4rem .7rem; min-height: 2.4rem; }
form.filter input { width: min(22rem, 80vw); }
form.filter output { margin-left: auto; color: var(--soft); font-size: .9rem; align-self: center; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
caption { text-align: left; }
th { text-align: left; font-weight: 600; }
thead th { font-size: .78rem; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; padding: .9rem .6rem .4rem; border-bottom: 1px solid var(--line); }
tbody td, tbody th { padding: .75rem .6rem; border-bottom: 1px solid var(--rule); vertical-align: top; }
tbody th[scope=row] { font-weight: 500; width: 24%; } tbody th small { display: block; color: var(--soft); font-weight: 400; }
tbody th.family { padding: 2rem .6rem .5rem; font-size: 1.1rem; border-bottom: 1px solid var(--line); letter-spacing: -.01em; } th.family span { color: var(--soft); font-weight: 400; font-size: .875rem; margin-left: .5rem; }
td.what { width: 38%; overflow-wrap: anywhere; } td.what p { margin: 0 0 .35rem; } td.what .soft { font-size: .89rem; }
[hidden] { display: none !important; }
dl.words { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: .2rem 2rem; } dl.words > div { padding: .5rem 0; border-top: 1px solid var(--rule); } dl.words dt { font-size: .95rem; text-transform: none; letter-spacing: 0; color: var(--ink); } dl.words dd { color: var(--soft); font-size: .9rem; }
dl.words > div:target { background: var(--doubt-bg); }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
@media (max-width: 60rem) {
  main { padding: 1.6rem 1rem 3rem; }
  table.survey thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.survey, table.survey tbody, table.survey tr, table.survey th, table.survey td { display: block; width: auto; }
  table.survey tr { border-bottom: 1px solid var(--line); padding: .7rem 0; }
  table.survey tbody th, table.survey tbody td { border: 0; padding: .2rem 0; } table.survey tbody th.family { padding-top: 1.4rem; }
  table.survey td.verdict-in { display: inline-block; margin-right: .8rem; } table.survey td.verdict-in::before { content: attr(data-posture) " "; font-size: .78rem; color: var(--soft); }
  form.filter { position: static; } form.filter output { margin-left: 0; }
}
@media print {
  :root { --paper: #fff; --shadow: none; } main { max-width: none; padding: 0; } body { font-size: 10pt; }
  form.filter, .skip { display: none !important; } .card, figure, tr, dl.sides > div { break-inside: avoid; } .scroll { overflow: visible; } .scroll svg { max-width: 100%; height: auto; }
  h2, tbody th.family { break-after: avoid; } * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
)css";

}  // namespace behalf::tool
