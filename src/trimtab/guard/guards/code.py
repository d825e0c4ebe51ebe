"""Code where prose belongs: shell commands, SQL, scripts in HTML, and programs, fenced or not."""

import re
from typing import Final, Literal

from msgspec import Struct

from trimtab.guard.types import Action, Finding, Look, Needs, Stage, Subject, Tools

Kind = Literal["shell", "sql", "html", "program"]
KINDS: Final[tuple[Kind, ...]] = ("shell", "sql", "html", "program")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``kinds`` that do not belong there. ``fences``: whether any code fence counts, whatever it holds."""

    kinds: tuple[Kind, ...] = KINDS
    fences: bool = True


_FENCE: Final = re.compile(
    r"^ {0,3}(?P<mark>`{3,}+|~{3,}+)[ \t]*+(?P<name>[\w+#.-]{0,30}+)[^\n]*+\n(?P<body>.*?)(?:^ {0,3}(?P=mark)|\Z)",
    re.M | re.S,
)
"""Nothing in its first line is tried twice: a line of nothing but ticks would take the square of its length."""
_PROSE: Final = frozenset(("text", "txt", "markdown", "md", "csv", "plain", "plaintext", "quote"))
_NAMES: Final[dict[str, Kind]] = {
    **dict.fromkeys(("sh", "bash", "zsh", "shell", "console", "powershell", "ps1", "bat", "cmd", "fish"), "shell"),
    **dict.fromkeys(("sql", "mysql", "psql", "plsql", "sqlite"), "sql"),
    **dict.fromkeys(("html", "svg", "xml", "vue"), "html"),
}
_COMMANDS: Final = (
    r"(?:sudo|rm|curl|wget|chmod|chown|bash|sh|nc|ncat|eval|exec|cat|ls|cd|mkdir|cp|mv|kill|scp|ssh|apt(?:-get)?|yum|"
    r"pip3?|npm|npx|git|docker|kubectl|systemctl|crontab|base64|openssl|dd|mkfs|useradd|passwd|iptables|tar|echo|"
    r"export|"
    r"python3?|perl|powershell|Invoke-\w+|certutil)"
)
_LINES: Final[tuple[tuple[Kind, re.Pattern[str], float], ...]] = (
    ("shell", re.compile(rf"^\s{{0,8}}(?:[$#>]|PS>|C:\\>)\s{{1,3}}{_COMMANDS}\b[^\n]{{0,400}}", re.M), 0.9),
    ("shell", re.compile(r"\b(?:curl|wget)\b[^\n|;]{3,300}\|\s{0,3}(?:sudo\s)?(?:ba|z|da)?sh\b", re.I), 1.0),
    ("shell", re.compile(
        r"\brm\s{1,3}-(?:[a-z]{0,4}r[a-z]{0,4}f|"
        r"[a-z]{0,4}f[a-z]{0,4}r)[a-z]{0,4}\s{1,3}\S{1,200}", re.I), 1.0),
    ("shell", re.compile(
        r"(?:/dev/(?:tcp|udp)/\S{1,200}|\bnc\s{1,3}-[a-z]{0,4}e\b|"
        r":\(\)\s{0,2}\{\s{0,2}:\|:&\s{0,2}\};:|\bmkfifo\s{1,3}/|\b(?:chmod)\s{1,3}(?:\+x|0?[0-7]{3})\s)"), 0.9),
    ("shell", re.compile(
        r"\bpowershell(?:\.exe)?\s{1,3}-\w{1,30}|\b(?:IEX|Invoke-(?:Expression|"
        r"WebRequest))\b\s{0,3}\(?", re.I), 0.9),
    ("shell", re.compile(
        rf"^\s{{0,8}}{_COMMANDS}\s{{1,3}}(?:-{{1,2}}\w|/|~|\./|\$\w|"
        rf"https?:)[^\n]{{0,400}}", re.M), 0.7),
    ("shell", re.compile(rf"(?:;|&&|\|\|?|`|\$\()\s{{0,3}}{_COMMANDS}\s{{1,3}}[-/~.$\w][^\n;`)]{{0,200}}"), 0.7),
    ("sql", re.compile(r"\bselect\b[^;\n]{1,400}\bfrom\b\s{1,3}[\w.\"`\[]{1,80}\s{0,3}(?:;|\bwhere\b|\bjoin\b|"
                       r"\blimit\b|\bgroup\s+by\b|\border\s+by\b|\bunion\b)", re.I), 0.9),
    ("sql", re.compile(r"\b(?:insert\s{1,3}into\s{1,3}[\w.\"`]{1,80}\s{0,3}(?:\(|values)|"
                       r"update\s{1,3}[\w.\"`]{1,80}\s{1,3}set\s{1,3}[\w.\"`]{1,80}\s{0,3}=|"
                       r"delete\s{1,3}from\s{1,3}[\w.\"`]{1,80}\s{0,3}(?:;|where)|(?:drop|truncate|"
                       r"alter)\s{1,3}(?:table|database|schema)\s{1,3}[\w.\"`]{1,80})", re.I), 0.9),
    ("sql", re.compile(r"'\s{0,3}(?:or|and)\s{1,3}'?\w{1,20}'?\s{0,3}=\s{0,3}'?\w{1,20}|"
                       r"\bunion\s{1,3}(?:all\s{1,3})?select\b|;\s{0,3}--", re.I), 0.9),
    ("html", re.compile(
        r"<\s{0,3}(?:script|iframe|object|embed|form|style|svg)\b[^>\n]{0,400}>|\son(?:error|load|"
        r"click|mouseover|focus)\s{0,3}=\s{0,3}[\"'][^\"'\n]{1,400}", re.I), 0.9),
    ("program", re.compile(
        r"^\s{0,12}(?:from\s{1,3}[\w.]{1,80}\s{1,3}import\s{1,3}[\w*(]|"
        r"import\s{1,3}[\w.]{1,80}(?:\s{1,3}as\s{1,3}\w{1,40})?\s{0,3};?$|"
        r"(?:async\s{1,3})?def\s{1,3}\w{1,80}\s{0,2}\([^\n]{0,200}\)[^\n:]{0,80}:|#include\s{0,3}[<\"])", re.M), 0.8),
    ("program", re.compile(
        r"^\s{0,12}(?:(?:public|private|protected|static|export|const|let|var|"
        r"async)\s{1,3}){1,4}[\w<>\[\], ]{1,80}\s{0,3}(?:\(|=)[^\n]{0,200}[{;]\s{0,3}$|"
        r"\bfunction\s{1,3}\w{0,60}\s{0,2}\([^\n)]{0,200}\)\s{0,3}\{", re.M), 0.8),
    ("program", re.compile(
        r"\b(?:os\.system|subprocess\.(?:run|Popen|call|check_output)|eval|exec|__import__|"
        r"child_process|Runtime\.getRuntime)\s{0,2}\(", re.M), 0.8),
)  # fmt: skip


class CodeGuard:
    name: Final = "code"
    version: Final = "1"
    about: Final = "Shell commands, SQL, scripts in HTML and programs where prose belongs."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = 2_000
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look:
        del tools
        findings = [
            Finding(piece=at, start=start, end=end, kind=kind, score=score, instead="[code removed]")
            for at, piece in enumerate(subject.pieces)
            for start, end, kind, score in find(piece.text, ready)
        ]
        if not findings:
            return Look()
        worst = max(findings, key=lambda each: each.score)
        kinds = ", ".join(sorted({each.kind for each in findings}))
        return Look(
            score=worst.score, label=worst.kind, reason=f"There is code in it ({kinds}).", findings=tuple(findings)
        )


def find(text: str, options: Options) -> list[tuple[int, int, str, float]]:
    """``(start, end, kind, score)`` of code, fences first; without overlaps."""
    found: list[tuple[int, int, str, float]] = []
    for fence in _FENCE.finditer(text):
        name = fence["name"].lower()
        kind = _NAMES.get(name, "program")
        if name not in _PROSE and fence["body"].strip() and (kind in options.kinds) and (options.fences or name):
            found.append((fence.start(), fence.end(), kind, 1.0 if name else 0.7))
    for kind, pattern, score in _LINES:
        if kind in options.kinds:
            found += [(match.start(), match.end(), kind, score) for match in pattern.finditer(text)]
    found.sort(key=lambda each: (each[0], -each[1]))
    kept: list[tuple[int, int, str, float]] = []
    for each in found:
        if not kept or each[0] >= kept[-1][1]:
            kept.append(each)
    return kept


PLUG = CodeGuard()
