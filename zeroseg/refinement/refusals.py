"""Answers of language models that are none: "I'm sorry, but I can't help with that"."""

from __future__ import annotations

import re

_LEAD = r"^\W{0,20}(?:(?:refusal|error|message|answer|response|labels?|content)\W{1,6})?"
_CANNOT = (
    r"(?:can(?:no|')?t|can not|won't|will not|(?:am|'m) (?:not able|unable|not (?:going|allowed|"
    r"programmed|designed|permitted))(?: to)?|must decline|have to decline|am not comfortable)"
)
_REFUSED = (
    r"(?:to )?(?:help|assist|comply|fulfil|answer|provide|process|identify|recogni[sz]e|determine|"
    r"describe|discuss|continue|engage|support|access|view|see|analy[sz]e|do|give|list|say|share|"
    r"create|generate|classify|label|respond|complete|proceed|offer|participate|recognize|make)"
)
_SORRY = (
    r"(?:(?:i'm|i am|we're|we are)(?: (?:so|very|really|truly|terribly))? sorry|sorry|"
    r"(?:my )?apologies|i apologi[sz]e|unfortunately|regrettably|i regret)"
)
_REFUSAL = re.compile(
    rf"{_LEAD}(?:"
    rf"{_SORRY}[^\n]{{0,80}}\b{_CANNOT}\b"
    rf"|i(?: {_CANNOT}|'m (?:not able|unable)) {_REFUSED}\b"
    r"|(?:as|being) an? (?:ai|artificial|language model|text-based|large language)\b"
    r"|i (?:must|have to) (?:respectfully )?(?:decline|refuse)|i (?:decline|refuse) to"
    r"|(?:this|the|your) (?:request|content|image|picture|prompt) (?:violates|goes against|"
    r"is against|was flagged|has been flagged|cannot be processed|was blocked)"
    r"|request (?:denied|refused|blocked)|access denied"
    r"|es tut mir (?:sehr )?leid|leider kann ich|tut mir leid|ich kann (?:dabei|dir|ihnen|das)"
    r"|lo siento|lamento|me disculpo|no puedo (?:ayudar|proporcionar|responder|identificar)"
    r"|(?:je suis )?d\u00e9sol\u00e9|je ne peux pas|malheureusement"
    r"|mi dispiace|non posso|desculpe|sinto muito|lamento|n\u00e3o posso|het spijt me|helaas"
    r"|przykro mi|przepraszam|\u043a \u0441\u043e\u0436\u0430\u043b\u0435\u043d\u0438\u044e"
    r"|\u0438\u0437\u0432\u0438\u043d\u0438\u0442\u0435|\u043f\u0440\u043e\u0441\u0442\u0438\u0442\u0435"
    r"|(?:\u5f88|\u975e\u5e38)?(?:\u62b1\u6b49|\u5bf9\u4e0d\u8d77|\u5c0d\u4e0d\u8d77|\u9057\u61be)"
    r"|\u7533\u3057\u8a33|\u3059\u307f\u307e\u305b\u3093|\u6b8b\u5ff5|\uc8c4\uc1a1|\ubbf8\uc548"
    r")",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Whether a text begins by declining to answer, in the words that models use for it.

    "Sorry for the confusion. dog, cat" declines nothing. A refusal that is not recognised is a
    sentence like any other: nothing is read out of it, but classes on lines of their own are.
    """
    return _REFUSAL.match(text[:400].replace("\u2019", "'")) is not None
