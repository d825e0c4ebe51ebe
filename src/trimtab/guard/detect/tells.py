"""Turns of phrase by which attacks on a model are known: those that hardly anybody else uses.

Each has words of which one must be in the sentence before its pattern is tried, which makes them nearly free. A rule is
no proof: people write about attacks, too.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct


class Tell(Struct, frozen=True):
    """``words``: the first letters (`STEM` of them) of which one must stand in the sentence."""

    family: str
    score: float
    words: frozenset[str]
    pattern: re.Pattern[str]


STEM: Final = 5
_ORDERS: Final = (
    r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|commands?|guidance|programming|"
    r"training|constraints|restrictions|"
    r"policies|polic(?:y|ies)|protocols?|safeguards|filters?|context|messages?|conversation|orders|tasks?|"
    r"requests?|questions?)"
)
_BEFORE: Final = (
    r"(?:(?:all|any|every(?:thing)?|each|the|your|these|those|its|of|my|our|system|previous(?:ly)?|prior|"
    r"preceding|earlier|above|initial|original|"
    r"existing|current|other|given|and|or|former|foregoing|past|following|safety|content|default|developer|hidden|"
    r"internal|core|built-in|ethical)\s+)"
)
_WHEN: Final = (
    r"(?:previous(?:ly)?|prior|preceding|earlier|above|initial|original|existing|before|so far|past|former|foregoing|"
    r"your|system|safety|developer|content)"
)


def _tell(family: str, score: float, words: str, pattern: str) -> Tell:
    return Tell(family, score, frozenset(word[:STEM] for word in words.split()), re.compile(pattern, re.IGNORECASE))


SENTENCE: Final[tuple[Tell, ...]] = (
    _tell(
        "override", 0.95,
        "ignore ignoring disregard forget forgetting neglect overlook override overrule bypass discard drop abandon "
        "cancel erase dismiss",
        rf"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|neglect|overlook|overrid(?:e|ing)|overrule|"
        rf"bypass|discard|drop|abandon|cancel|erase|dismiss)\s+"
        rf"(?:about\s+|completely\s+|entirely\s+)?(?={_BEFORE}*?{_WHEN}\b){_BEFORE}{{1,6}}{_ORDERS}\b",
    ),
    _tell(
        "override", 0.9, "ignore disregard forget",
        rf"\b(?:ignore|disregard|forget)\s+(?:{_BEFORE}){{0,4}}{_ORDERS}\s+(?:(?:that|which)\s+)?(?:you(?:'ve|"
        rf" have| were| had)?|i(?:'ve| have)?|we(?:'ve| have)?|they)\s+"
        r"(?:\w+\s+)?(?:got|given|received|gave|gotten|told|been given|learned|have|had)\b",
    ),
    _tell(
        "override", 0.9, "ignore disregard forget",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all(?: of)?(?: that| this| the things)?|"
        r"what(?:ever)?)\s+(?:(?:that\s+)?(?:was|is|i|you|we|has been|have been|"
        r"you've been|you were|they)\s+)?(?:(?:just\s+|ever\s+|have\s+)?(?:said|told|learned|learnt|know|knew|"
        r"written|given|taught|instructed|wrote)|above|before|previously|prior|earlier)\b",
    ),
    _tell("override", 0.85, "instruction instructions prompt rules task orders",
          r"\b(?:your|the)\s+(?:new|real|actual|true|updated|only)\s+(?:instructions?|task|orders?|objective|goal|"
          r"system prompt|rules)\s+(?:is|are)\b(?!\s+(?:due|to review))"),
    _tell("override", 0.9, "instruction instructions prompt rules guidelines",
          r"\b(?:previous|prior|above|earlier|original|initial)\s+(?:system\s+)?(?:instructions?|prompts?|"
          r"directives?|guidelines)\s+(?:are|is|were|have been|has been|no longer)\s+"
          r"(?:now\s+)?(?:void|cancell?ed|invalid|obsolete|overridden|superseded|revoked|null|replaced|suspended|"
          r"apply|valid|lifted|outdated|deprecated)"),
    _tell(
        "extraction", 0.9,
        "system hidden initial prompt instructions preprompt verbatim pre-prompt",
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|share|disclose|leak|dump|expose|write|return|"
        r"spell|recite|echo|copy|paste|provide|summari[sz]e|translate|encode|what(?:'s| is| are| were))\b"
        r"[^.!?\n]{0,40}\b(?:your|the)\s+(?:(?:full|entire|complete|exact|original|whole|secret|own|very)\s+){0,2}"
        r"(?:system\s+(?:prompt|message|instructions?)|(?:hidden|initial|secret|internal|original|"
        r"confidential)\s+(?:prompt|instructions?|rules|message|guidelines)|pre-?prompt|developer\s+(?:message|"
        r"prompt|instructions?))",
    ),
    _tell("extraction", 0.9, "repeat print output copy everything words text verbatim above",
          r"\b(?:repeat|print|output|copy|recite|reproduce|write|show|display|return|"
          r"echo)\b[^.!?\n]{0,30}\b(?:everything|all|the (?:words|text|content|message|lines|paragraphs?)|"
          r"what(?:ever)?)\b[^.!?\n]{0,25}\b"
          r"(?:above|before (?:this|my)|preceding|prior to (?:this|my)|up to (?:here|this)|starting (?:with|"
          r"from) [\"'“]?you are)"),
    _tell("persona", 0.9, "dan jailbreak unfiltered uncensored unrestricted amoral developer devmode",
          r"\b(?:you are|you're|act as|acting as|be|become|pretend (?:to be|you are)|enter|enable[ds]?|"
          r"activate[ds]?|switch to|with)\b[^.!?\n]{0,60}\b(?:DAN\b|do anything now|jailbr(?:eak|oken)|"
          r"unfiltered|uncensored|unrestricted|amoral|god ?mode|dev(?:eloper)? mode (?:enabled|on|output|v\d)|"
          r"evil (?:ai|assistant|bot|confidant))"),
    _tell("persona", 0.9, "restrictions limits rules guidelines filters policies restraints constraints codes",
          r"\b(?:no|without(?: any)?|free (?:from|of)(?: all| any)?|not bound by(?: any)?|unbound by|"
          r"broken free (?:of|from)|does(?:n't| not) (?:have|follow|care about)(?: any)?|"
          r"not (?:have to )?(?:abide|follow|adhere)[^.!?\n]{0,12})\s+"
          r"(?:[\w'-]+\s+){0,3}(?:ethical|moral|safety|content|openai|legal|policy|"
          r"censorship)\s+(?:[\w'/-]+\s+){0,2}(?:restrictions?|limits?|limitations|rules|guidelines|filters?|"
          r"polic(?:y|ies)|restraints?|boundaries|constraints|codes?)\b"),
    _tell("refusal_suppression", 0.85, "refuse cannot sorry language apologize disclaimer disclaimers warnings",
          r"\b(?:never|do not|don't|must not|without)\s+(?:ever\s+)?(?:refuse|say (?:that )?(?:you )?(?:can(?:'t|"
          r"not)|\"?i(?:'m| am) sorry|sorry)|apologi[sz]e|mention (?:that )?you(?:'re| are) an ai|"
          r"include (?:any )?(?:disclaimers?|warnings?)|break character)\b"
          r"|\b(?:never|don't|do not|avoid|without)\s+(?:ever\s+)?(?:say|saying|respond|reply|use|using|begin|"
          r"start|include|mention)\w*"
          r"[^.!?\n]{0,40}\bas an ai\b"),
    _tell("role", 0.8, "longer not",
          r"\byou(?:'re| are)\s+(?:no longer|not(?: actually|"
          r" really)?)\s+an?\s[^.;!?\n]{2,60}[.;,]\s*(?:but\s+)?(?:you(?:'re| are)(?: now)?|from now on|instead)\b"),
    _tell("override", 0.85, "longer",
          r"\byou\s+(?:no longer|do not any ?more|don't any ?more)\s+(?:have|need|are bound|must)\b[^.!?\n]{0,50}\b"
          r"(?:rules?|prompt|polic(?:y|ies)|instructions?|guidelines?|restrictions?)\b"),
    _tell("override", 0.85, "revoked lifted deleted voided cancelled void suspended apply erased",
          r"\b(?:all|any|the|your|every|former|prior|earlier|previous)\s+(?:\w+\s+){0,2}(?:instructions?|"
          r"constraints|directives?|orders|"
          r"restrictions?|rules)\s+(?:are|is|were|have been|has been|no longer)\s+(?:now\s+)?"
          r"(?:lifted|revoked|void(?:ed)?|deleted|cancell?ed|suspended|erased|appl(?:y|icable))\b"),
    _tell("to_the_model", 0.85, "instead rather",
          r"^\W{0,3}(?:now|next|but|please|so)?,?\s*(?:instead of|rather than)\s+(?:summari[sz]ing|translating|"
          r"answering|classifying|"
          r"replying|reviewing|analy[sz]ing)\b"),
    _tell("to_the_model", 0.9, "ais assistants llms models chatbots reviewers agents graders bots",
          r"\b(?:note|message|notice|instructions?|attention|reminder)\s+(?:to|for)\s+(?:the\s+|any\s+|"
          r"all\s+)?(?:ai|llm|language|"
          r"automated|screening)\s*(?:assistants?|agents?|models?|reviewers?|graders?|bots?|systems?)?\b"
          r"|\b(?:ai|language|llm|automated|screening)\s+(?:models?|assistants?|reviewers?|agents?|graders?|"
          r"bots?)\s*:\s"),
    _tell("payload", 0.85, "just only simply instead print say output respond reply",
          r"\b(?:and|just|instead,?|now|then|only|simply)\s+(?:just\s+|only\s+|simply\s+)?(?:print|say|output|"
          r"respond with|reply with|answer with|type|write)\s+(?:only\s+|"
          r"exactly\s+)?[\"“'‘][^\"”\n]{2,200}[\"”'’]\s*[:.!]?\s*$"),
    _tell("to_the_model", 0.9, "assistant ai llm chatbot agent gpt chatgpt claude gemini copilot model",
          r"\b(?:note|message|attention|instructions?|notice|important|hey|dear|hello|hi|for|to)\s*(?:to|"
          r"for)?\s*(?:the|any|all|our)?\s*(?:ai|llm|chatbot|language model|chatgpt|claude|gemini|copilot|"
          r"gpt(?:-?\d\w*)?)s?\s*(?:assistants?|agents?|models?|systems?|bots?|readers?|reviewers?|"
          r"summari[sz]ers?)?\s*[:,]\s*"
          r"(?=[^.!?\n]{0,60}\b(?:you|please|must|should|ignore|do|send|include|add|say|tell|forward|reply|"
          r"respond|write|use|call|rate|recommend|stop|disregard|summari[sz]e|execute|when|if)\b)"),
    _tell("to_the_model", 0.85, "assistant ai llm chatbot agent language",
          r"\b(?:if|when|while|since|because|as)\s+you(?:'re| are)\s+(?:an?|the)\s+(?:ai|llm|large language model|"
          r"language model|chatbot|automated (?:system|assistant|agent))\b"),
    _tell("exfiltration", 0.85, "send forward email post upload transmit append exfiltrate include",
          r"\b(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|leak|append|"
          r"submit)\b[^.!?\n]{0,80}\b(?:conversation|chat history|passwords?|credentials|api keys?|tokens?|"
          r"secrets?|system prompt|user(?:'s)? (?:data|messages?|e-?mail|details|information)|contacts|inbox|"
          r"all (?:the )?(?:files|e-?mails|documents|messages))\b[^.!?\n]{0,60}"
          r"(?:\bto\b|\bat\b|\bvia\b|\bin the url)\s+(?:the\s+(?:following\s+)?)?(?:https?:|www\.|[\w.+-]{1,60}@|"
          r"[\w-]{1,60}\.(?:com|net|org|io|xyz|ru|site|top|dev|co)\b|url|address|webhook|server|endpoint)"),
    _tell("tool_call", 0.85, "call invoke execute run use using trigger",
          r"\b(?:call|invoke|execute|run|use|trigger)\s+(?:the\s+)?[`'\"]?\w{2,40}[_.]\w{2,40}[`'\"]?\s*(?:tool|"
          r"function|api|command|plugin|\()[^.!?\n]{0,80}\b(?:with|to|before|"
          r"without)\b[^.!?\n]{0,80}\b(?:without (?:asking|telling|confirm)|secretly|silently|do not (?:tell|"
          r"mention|inform)|attacker|immediately)"),
    _tell("secrecy", 0.85, "tell mention inform reveal notify silently secretly",
          r"\b(?:do not|don't|never|without)\s+(?:ever\s+)?(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|"
          r"notify(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|let(?:ting)?)\b[^.!?\n]{0,40}\b(?:the\s+user|user|"
          r"them know|this (?:instruction|message|note)|these instructions|to anyone)\b"),
    _tell("before_task", 0.9, "before first task tasks",
          r"\bbefore\s+(?:you\s+)?(?:can\s+)?(?:continu\w+|proceed\w*|solv\w+|answer\w*|start\w*|complet\w+|doing|"
          r"do|finish\w*)\b[^.!?\n]{0,60}\b(?:task|question|request|instructions?|that i gave|"
          r"user)\b[^.!?\n]{0,60}\b(?:you (?:must|need|have to|should)|please|do the following|first)\b"),
)  # fmt: skip
MARKS: Final[tuple[Tell, ...]] = (
    _tell("fake_turn", 0.9, "",
          r"\{\s{0,3}\"role\"\s{0,3}:\s{0,3}\"(?:system|developer)\"\s{0,3},\s{0,3}\"content\"|<\|(?:im_start|"
          r"im_end|system|user|assistant|endoftext|eot_id|start_header_id|begin_of_text)\|?>|"
          r"\[/?INST\]|<</?SYS>>|<\s*/?\s*(?:system|system_prompt|sys|admin|override|developer_instructions|"
          r"im_start|important|information)\s*>"),
)  # fmt: skip
"""Tried on every text: they stand by marks, not words. Each begins with a mark, which is quickly looked for."""
OPENINGS: Final[tuple[Tell, ...]] = (
    _tell("fake_turn", 0.9, "",
          r"^\s{0,4}(?:#{1,6}|\*{2,3}|-{3,}|={3,}|\[|<{1,3}|\({1,2})\s{0,3}(?:new |updated |end of |begin |"
          r"start of )?(?:system|admin(?:istrator)?|developer|root|override)(?:\s+(?:prompt|message|instructions?|"
          r"override|note|notice|mode|update|command|directive))?\s{0,3}(?:\*{2,3}|#{1,6}|\]|>{1,3}|\){1,2}|-{3,}|"
          r"={3,})?\s{0,3}(?:[:\]>-]|$)"
          r"|^\s{0,4}(?:system|assistant|developer)\s{0,2}(?:prompt|message|override)?\s{0,2}:\s{1,3}(?=you|"
          r"ignore|new|from|the|do|your|override|disregard|user|all|mode)"),
)  # fmt: skip
"""Tried at the beginning of every text."""
_DE: Final = r"(?:anweisung\w*|vorgaben?|regeln|befehle?|instruktion\w*|alles)"
_ES: Final = r"(?:instrucci\w+|órdenes|reglas|indicaciones|todo lo)"
_IT: Final = r"(?:istruzion\w+|regole|tutto (?:ciò|quello)|direttive)"
_PT: Final = r"(?:instruções|regras|tudo o que|orientações)"
_SAID: Final = r"[^.!?\n]{0,40}\b"
TONGUES: Final[tuple[Tell, ...]] = (
    _tell("override", 0.9, "ignoriere vergiss vergessen missachte überspringe",
          rf"(?:ignorier\w*|vergiss|vergessen sie|missachte\w*|überspring\w*)\b{_SAID}{_DE}"),
    _tell("override", 0.9, "ignore ignorez oublie oubliez compte faites",
          rf"(?:ignore[zs]?|oublie[zs]?|ne tiens pas compte|faites abstraction)\b{_SAID}"
          r"(?:consignes?|règles|directives|instructions (?:précédentes|ci-dessus|antérieures|initiales)|"
          r"tout ce (?:qui|que))"),
    _tell("override", 0.9, "ignora ignore ignorar olvida olvide descarta caso",
        rf"(?:ignor[ae]\w*|olvid[ae]\w*|"
        rf"descarta|haz caso omiso)\b{_SAID}{_ES}"),
    _tell("override", 0.9, "ignora dimentica trascura", rf"(?:ignora\w*|dimentica\w*|trascura)\b{_SAID}{_IT}"),
    _tell("override", 0.9, "ignore esqueça desconsidere", rf"(?:ignore|esqueça|desconsidere)\b{_SAID}{_PT}"),
    _tell("override", 0.9, "negeer vergeet", rf"(?:negeer|vergeet)\b{_SAID}(?:instructies|opdrachten|regels|alles)"),
    _tell("override", 0.9, "zignoruj ignoruj zapomnij",
          rf"(?:zignoruj|ignoruj|zapomnij)\b{_SAID}(?:instrukcj\w+|polece\w+|zasad\w*|wszystk\w+)"),
    _tell("override", 0.9, "unut yok görmezden dikkate",
          r"\b(?:önceki|yukarıdaki|tüm)\b[^.!?\n]{0,30}\b(?:talimat\w*|kural\w*|komut\w*)[^.!?\n]{0,30}\b"
          r"(?:yok say|unut|görmezden|dikkate alma)"),
    _tell("extraction", 0.85,
          "systemprompt system systemnachricht systemanweisung système sistema initiales iniciales "
          "ocultas iniziali nascoste iniciais systeemprompt systemowe systemowy",
          rf"\b(?:zeig\w*|verrat\w*|gib|wiederhol\w*|nenn\w*|affiche\w*|révèle\w*|montre\w*|répète\w*|muestra\w*|"
          rf"revela\w*|repite|dime|"
          rf"mostra\w*|rivela\w*|ripeti|mostre|revele|repita|toon|herhaal|pokaż|ujawnij)\b{_SAID}"
          r"(?:system-?\s?prompt\w*|systemnachricht|systemanweisung\w*|prompt (?:système|del? sistema|di sistema|"
          r"do sistema)|"
          r"instructions? (?:système|initiales)|instrucciones (?:del sistema|iniciales|ocultas)|"
          r"istruzioni (?:di sistema|iniziali|nascoste)|instruções (?:do sistema|iniciais)|systeemprompt|"
          r"instrukcj\w+ systemow\w+)"),
)  # fmt: skip
OTHER_SCRIPTS: Final[tuple[Tell, ...]] = (
    _tell("override", 0.9, "",
          r"(?:игнорируй\w*|проигнорируй\w*|забудь\w*|отмени\w*)[^.!?\n]{0,40}(?:инструкци\w+|указани\w+|"
          r"правил\w*|команд\w*|всё|все)"
          r"|(?:忽略|无视|無視|忘记|忘掉|不要理会)[^。！？\n]{0,20}(?:指令|指示|说明|提示|规则|規則|要求|内容)"
          r"|(?:指示|命令|ルール|指令|プロンプト)[^。！？\n]{0,12}(?:無視|忘れ)|(?:지시|명령|규칙|프롬프트)[^.!?\n]{0,12}(?:무시|잊)"
          r"|(?:تجاهل|انس|انسَ)[^.!?\n]{0,40}(?:التعليمات|الأوامر|القواعد|السابقة)"
          r"|(?:पिछले|सभी|उपरोक्त)[^।.!?\n]{0,30}(?:निर्देश\w*|आदेश\w*|नियम\w*)[^।.!?\n]{0,30}(?:अनदेखा|भूल|"
          r"नज़रअंदाज़)"),
    _tell("extraction", 0.85, "",
          r"(?:покажи\w*|раскрой\w*|повтори\w*|выведи)[^.!?\n]{0,40}систем\w+ (?:промпт\w*|инструкци\w+|сообщени\w+)"
          r"|(?:显示|输出|告诉我|重复|透露|打印)[^。！？\n]{0,15}(?:系统提示|系统指令|系统消息|提示词)"
          r"|(?:システムプロンプト|初期指示)[^。！？\n]{0,12}(?:表示|出力|教え|見せ)"
          r"|시스템 ?프롬프트[^.!?\n]{0,15}(?:보여|출력|알려|공개)"),
)  # fmt: skip
"""Tried on a text with a letter of theirs (`SCRIPTS`)."""
_DISCUSSED: Final = re.compile(
    r"prompt[- ]injection|jailbreak(?:s|ing)? (?:attack|attempt|prompt|detect)|what (?:does|is meant by)|"
    r"the (?:phrase|words|sentence|term|command)|for example|such as|e\.g\.|classifier|detect|dataset|"
    r"training data|article|paper|explain(?:s|ed)? (?:how|why)|researchers?|an attacker|attackers",
    re.IGNORECASE,
)


_BY_WORD: Final[dict[str, tuple[int, ...]]] = {}
"""Which of the rules have a word."""
_ALL: Final = (*SENTENCE, *TONGUES)
for _place, _rule in enumerate(_ALL):
    for _stem in _rule.words:
        _BY_WORD[_stem] = (*_BY_WORD.get(_stem, ()), _place)


def in_sentence(sentence: str, stems: AbstractSet[str]) -> list[tuple[Tell, int]]:
    """Rules that a sentence meets, and where. ``stems``: the first letters of its words, in lower case."""
    if _BY_WORD.keys().isdisjoint(stems):
        return []
    places = {place for stem in stems if stem in _BY_WORD for place in _BY_WORD[stem]}
    return [(_ALL[place], match.start()) for place in sorted(places) if (match := _ALL[place].pattern.search(sentence))]


def is_discussed(text: str, place: int) -> bool:
    """Whether a turn of phrase is quoted where attacks are written about: an opening quotation mark shortly before, and
    words of such writing around it."""
    before, after = text[max(0, place - 120) : place], text[place : place + 200]
    quoted = re.search(r"[\"“„«‘'`][^\"“”„«»\n]{0,40}$", before)
    return bool(quoted) and bool(_DISCUSSED.search(before) or _DISCUSSED.search(after))


SCRIPTS: Final = re.compile(r"[\u0400-\u04ff\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Letters of `OTHER_SCRIPTS`."""
