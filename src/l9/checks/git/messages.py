"""The rule for messages of commits and tags (spec 3.2)."""

import re

import msgspec

SUBJECT_CHARS = 50

SIGNATURE = re.compile(
    r"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$.*",
    re.MULTILINE | re.DOTALL,
)
# `!` marks a breaking change: `Add!: …` or `[ADD]!: …`.
_SUBJECT = re.compile(r"\[?(?P<type>[A-Z][\w .+/-]*)!?\]?!?: (?P<what>\S.*)")
# Only the forms that people really slip into; "Embed", "Feed", "Focus" and "Process" are imperatives.
_NOT_IMPERATIVE = re.compile(r"[a-z]+(?:(?<!e)ed|ing|[^suai\W]s)", re.IGNORECASE)
_IMPERATIVE = frozenset({"embed", "shed", "bring", "ping", "ring", "spring", "string", "swing"})
# What git and the forges write by themselves.
_AUTOMATIC = re.compile(
    r"Merge (?:branch(?:es)?|remote-tracking branch(?:es)?|tags?|commits?|pull request) .*"
    r'|(?:Revert|Reapply) ".*'
)
_REFERENCE = re.compile(r"(?<![\w#&])#[1-9]\d*\b|(?<=: )[A-Z][A-Z0-9]+-[1-9]\d*(?=\s*$)", re.MULTILINE)


class MessageFinding(msgspec.Struct, frozen=True):
    """One remark on a message; only a hard one is against the rule. `guess`: by the look of a word."""

    hard: bool
    text: str
    guess: bool = False


def check_message(message: str) -> tuple[MessageFinding, ...]:
    """Judge a commit's or a tag's message: `Type: Imperative, at most 50 characters`, a blank line, the body.

    In: the message as git stores it; a signature at its end is not part of it. Out: the findings, none when
    all is well. Only an empty message is a hard finding (spec 1.3: "non-empty"); the rest is advice (spec
    3.2). Raises nothing.
    """
    lines = SIGNATURE.sub("", message).strip().splitlines()
    if not lines:
        return (MessageFinding(hard=True, text="the message is empty: say what changed, and why"),)
    advice = _advice_on_subject(lines[0].rstrip())
    if len(lines) > 1 and lines[1].strip():
        advice.append(
            _advice("leave the second line blank, so that the first one stands alone as the subject")
        )
    return tuple(advice)


def references(message: str) -> tuple[str, ...]:
    """The issues that a message names (`#1042`, `ABC-12`), once each; spec 3.2: "if applicable"."""
    return tuple(dict.fromkeys(_REFERENCE.findall(SIGNATURE.sub("", message))))


def _advice_on_subject(subject: str) -> list[MessageFinding]:
    if _AUTOMATIC.fullmatch(subject):
        return []
    advice = []
    if len(subject) > SUBJECT_CHARS:
        text = f"the subject has {len(subject)} characters; at most {SUBJECT_CHARS} show everywhere"
        advice.append(_advice(text))
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        return [*advice, _advice("begin with a type, as in 'Fix: Prevent deadlock in insert_embedding'")]
    verb = match["what"].split()[0].rstrip(",.:;")
    if _NOT_IMPERATIVE.fullmatch(verb) and verb.lower() not in _IMPERATIVE:
        advice.append(_guess(f"use the imperative: '{verb}' tells what was done, not what the commit does"))
    elif verb[:1].islower():
        advice.append(_guess(f"begin the description with a capital letter: '{verb.capitalize()}'"))
    if match["what"].count(",") > 1:
        advice.append(_guess("one concern a commit: this subject lists several"))
    return advice


def _advice(text: str) -> MessageFinding:
    return MessageFinding(hard=False, text=text)


def _guess(text: str) -> MessageFinding:
    return MessageFinding(hard=False, text=text, guess=True)
