"""The strings of the page that checks a site, in each language. No I/O, no markup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmbedWords:
    """One language's strings; ``{detail}`` is what a finding names."""

    title: str
    lead: str
    site: str
    server: str
    headers: str
    check: str
    fits: str
    hindered: str
    """With the ``{count}`` of what must change."""
    findings: Mapping[str, str]
    """Sentences by the code of a finding."""
    snippet: str
    frame: str
    key: str


EMBED: Mapping[str, EmbedWords] = {
    "zh": EmbedWords(
        title="检查网站能否放问答",
        lead="填网站的地址，看看有什么会挡住问答。本服务器不会去访问那个网站。",
        site="网站的地址",
        server="浏览器访问本服务器的地址",
        headers="网页的响应头（可不填；由 curl -sI 网址 得到）",
        check="检查",
        fits="看来没有什么会挡住问答。",
        hindered="有 {count} 处会挡住问答：",
        findings={
            "listed": "{detail} 已获准使用。",
            "unlisted": "{detail} 还没有获准：wenbao keys site add 名称 --origin {detail}",
            "mixed": "网站是 https，{detail} 却是 http，浏览器会拦下；请给服务器配上证书。",
            "local": "{detail} 只有这台机器能访问，别人的浏览器连不上。",
            "policy": "网页的 Content-Security-Policy 里要加上：{detail}",
            "sandbox": "网页在沙箱里，没有自己的来源；请在 sandbox 里加上 allow-same-origin。",
            "proxy": "本服务器前面有代理 {detail}，却没有写进 WENBAO_TRUSTED_PROXIES：所有访客会被当成同一个人来限速。",
            "unseen": "没有填响应头，所以没有查网页的安全策略。如果 curl 什么也没打印，就是那个地址没有回应。",
            "redirect": "这是跳转的响应头，不是网页的；请对 {detail} 再查一次。",
            "refused": "这是出错页（状态码 {detail}）的响应头，网页的可能不同。",
            "frame": "如果改用框架，要加上：{detail}",
            "no_policy": "响应头里没有 Content-Security-Policy，不会挡住，除非网页自己用 <meta> 写了。",
            "policy_fits": "Content-Security-Policy 允许。",
        },
        snippet="放进网页的一行",
        frame="不许放脚本的网站用这一行",
        key="把 wbs_… 换成 wenbao keys 给出的密钥。",
    ),
    "zh-hant": EmbedWords(
        title="檢查網站能否放問答",
        lead="填網站的位址，看看有什麼會擋住問答。本伺服器不會去連那個網站。",
        site="網站的位址",
        server="瀏覽器連到本伺服器的位址",
        headers="網頁的回應標頭（可不填；由 curl -sI 網址 得到）",
        check="檢查",
        fits="看來沒有什麼會擋住問答。",
        hindered="有 {count} 處會擋住問答：",
        findings={
            "listed": "{detail} 已獲准使用。",
            "unlisted": "{detail} 還沒有獲准：wenbao keys site add 名稱 --origin {detail}",
            "mixed": "網站是 https，{detail} 卻是 http，瀏覽器會攔下；請給伺服器配上憑證。",
            "local": "{detail} 只有這台機器能連，別人的瀏覽器連不上。",
            "policy": "網頁的 Content-Security-Policy 裡要加上：{detail}",
            "sandbox": "網頁在沙箱裡，沒有自己的來源；請在 sandbox 裡加上 allow-same-origin。",
            "proxy": "本伺服器前面有代理 {detail}，卻沒有寫進 WENBAO_TRUSTED_PROXIES：所有訪客會被當成同一個人來限速。",
            "unseen": "沒有填回應標頭，所以沒有查網頁的安全策略。如果 curl 什麼也沒印出，就是那個位址沒有回應。",
            "redirect": "這是跳轉的回應標頭，不是網頁的；請對 {detail} 再查一次。",
            "refused": "這是出錯頁（狀態碼 {detail}）的回應標頭，網頁的可能不同。",
            "frame": "如果改用框架，要加上：{detail}",
            "no_policy": "回應標頭裡沒有 Content-Security-Policy，不會擋住，除非網頁自己用 <meta> 寫了。",
            "policy_fits": "Content-Security-Policy 允許。",
        },
        snippet="放進網頁的一行",
        frame="不許放指令碼的網站用這一行",
        key="把 wbs_… 換成 wenbao keys 給出的金鑰。",
    ),
    "en": EmbedWords(
        title="Check a site for the widget",
        lead="Enter the site's address to see what would keep the widget from working. This server does not visit it.",
        site="The site's address",
        server="Where browsers reach this server",
        headers="The page's response headers (optional; from curl -sI ADDRESS)",
        check="Check",
        fits="Nothing seems to stand in the widget's way.",
        hindered="What keeps the widget from working: {count}",
        findings={
            "listed": "{detail} is listed.",
            "unlisted": "{detail} is not listed yet: wenbao keys site add NAME --origin {detail}",
            "mixed": "The site has https and {detail} only http, which browsers block: give the server a certificate.",
            "local": "{detail} is this machine only; other people's browsers can't reach it.",
            "policy": "The page's Content-Security-Policy must also have: {detail}",
            "sandbox": "The page is in a sandbox and has no origin; add allow-same-origin to it.",
            "proxy": "A proxy, {detail}, stands before this server and WENBAO_TRUSTED_PROXIES lacks it: all visitors "
            "would share one visitor's limits.",
            "unseen": "No headers were given, so the page's policy was not looked at. If curl printed nothing, the "
            "address doesn't answer.",
            "redirect": "These are a redirect's headers, not a page's: check {detail} instead.",
            "refused": "These are the headers of an error page (status {detail}); the page's own may differ.",
            "frame": "For the frame instead, it must have: {detail}",
            "no_policy": "The headers have no Content-Security-Policy: nothing is blocked, unless a <meta> of the page "
            "has one.",
            "policy_fits": "The Content-Security-Policy allows it.",
        },
        snippet="The line for the site's pages",
        frame="For sites that forbid scripts of others",
        key="Put the key that wenbao keys gave in place of wbs_…",
    ),
}
