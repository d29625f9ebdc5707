"""Texts that try to become more than text, for everything that renders or shows what it is given.

Every address leads to 198.51.100.7 (reserved for documentation), every script to a dialog, so that
a browser test sees either.
"""

from __future__ import annotations

HOST = "198.51.100.7"

MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    f"<img src=http://{HOST}/a.png srcset='http://{HOST}/b.png 2x'>",
    "<svg onload=alert(3)><script>alert(4)</script></svg>",
    f"<svg><image xlink:href='http://{HOST}/c.svg'/><use href='http://{HOST}/d.svg#x'/></svg>",
    "<svg><animate onbegin=alert(5) attributeName=x dur=1s></svg>",
    f"<iframe src='http://{HOST}/'></iframe><iframe srcdoc='<script>alert(6)</script>'></iframe>",
    f"<object data='http://{HOST}/e'></object><embed src='http://{HOST}/f'>",
    f"<meta http-equiv=refresh content='0;url=http://{HOST}/'><base href='http://{HOST}/'>",
    f"<link rel=stylesheet href='http://{HOST}/g.css'><style>@import 'http://{HOST}/h';</style>",
    f"<p style='background:url(http://{HOST}/i)' id=desk class=sheet onclick=alert(7)>p</p>",
    "<a href='javascript:alert(8)'>a</a> <a href=data:text/html,<script>alert(9)</script>>b</a>",
    f"<form action='http://{HOST}/'><button formaction='javascript:alert(10)'>c</button></form>",
    f"<video src='http://{HOST}/j' poster='http://{HOST}/k'><source src='http://{HOST}/l'></video>",
    "<details open ontoggle=alert(11)><summary>d</summary></details>"
    "<input autofocus onfocus=alert(12)>",
    f"<math><maction actiontype='statusline#http://{HOST}/' xlink:href='javascript:alert(13)'>e",
    "<math href='javascript:alert(14)'><mi href='javascript:alert(15)'>f</mi></math>",
    "<math><annotation-xml encoding='text/html'><script>alert(16)</script></annotation-xml></math>",
    # Mutation XSS: harmless as parsed first, not when parsed again.
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(17)>'>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(18)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(19)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(20)>'>",
    "<template><img src=x onerror=alert(21)></template><xmp><img src=x onerror=alert(22)></xmp>",
    "<!--><img src=x onerror=alert(23)>--> <![CDATA[<img src=x onerror=alert(24)>]]>",
    "<textarea></textarea><img src=x onerror=alert(25)> <title><img src=x onerror=alert(26)>",
    "<b <i <u unclosed <script <",
    "</div></li></ol></section><div class=desk data-phase=end>",
    "&lt;script&gt;alert(27)&lt;/script&gt; &#60;img src=x onerror=alert(28)&#62;",
]
"""Raw HTML."""

MARKDOWN = [
    f"![beacon](http://{HOST}/m.png) ![](//{HOST}/n.png) ![x][y]\n\n[y]: http://{HOST}/o.png",
    "[click](javascript:alert(29)) [click](JaVaScRiPt&colon;alert(30)) [d](data:text/html,x)",
    f"[go](http://{HOST}/ '\\\" onmouseover=alert(31) x=\\\"') <http://{HOST}/auto>",
    "[<img src=x onerror=alert(32)>](vbscript:alert(33)) [a](<javascript:alert(34)>)",
    '```"><script>alert(35)</script>\ncode\n```',
    "`<script>alert(36)</script>` ``</code><img src=x onerror=alert(37)>``",
    "| <img src=x onerror=alert(38)> | b |\n|---|---|\n| </td><script>alert(39)</script> | |",
    "# <script>alert(40)</script>\n\n> <iframe src=javascript:alert(41)>\n\n- <object data=x>",
    ">" * 3_000 + " deep",
    "[" * 3_000 + "](x)" * 3_000,
    "*_**" * 2_000,
    "{{7*7}} ${7*7} :red[no] :material/star:",
]
"""Markdown, and HTML within it."""

LATEX = [
    "$\\href{javascript:alert(42)}{x}$ $$\\href{http://198.51.100.7/p}{y}$$",
    "$\\url{javascript:alert(43)}$ \\(\\includegraphics{http://198.51.100.7/q.png}\\)",
    "$\\htmlClass{sheet}{x} \\htmlId{desk}{x} \\htmlStyle{color:red}{x} \\htmlData{a=b}{x}$",
    "$\\class{sheet}{x} \\style{background:url(http://198.51.100.7/r)}{x} \\cssId{desk}{x}$",
    "$\\color{red;background:url(http://198.51.100.7/s)}x \\textcolor{white}{hidden}$",
    "$\\text{<script>alert(44)</script>}$ "
    "\\[\\text{</mtext></math><img src=x onerror=alert(45)>}\\]",
    "$\\text{&lt;img src=x onerror=alert(46)&gt;}$ $\\unicode{x3c}script\\unicode{x3e}$",
    "$\\mathrm{<img src=x onerror=alert(47)>}$ $\\operatorname{<svg/onload=alert(48)>}$",
    "$\\rule{9999em}{9999em} \\hspace{99999em} \\raise{9999em}{x} \\kern9999em$",
    "$" + "{" * 3_000 + "x" + "}" * 3_000 + "$",
    "$\\def\\a{\\b\\b}\\def\\b{\\c\\c}\\newcommand{\\c}{\\a\\a}\\a$ "
    "$\\let\\x\\href\\x{javascript:alert(49)}{y}$",
    "$\\begin{array}{" + "c" * 3_000 + "}1\\end{array}$ \\begin{align}x",
    "\\[ \\unclosed \\( $ $$ \\begin{align} \\end{gather}",
    "$\\phantom{an answer that nobody sees}$ $\\sqrt[$ $\\frac{$ $x^{}_{}^$ $\\left($ $&$",
]
"""Formulas."""

HOSTILE = [*MARKUP, *MARKDOWN, *LATEX]
