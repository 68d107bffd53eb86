"""Every code that a refusal may carry, read from the source: `python -m tests.problem_codes` rewrites docs/api.md."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "api.md"
BEGIN, END = "<!-- codes: begin -->", "<!-- codes: end -->"

APPS = ("config", "fund", "ledger", "liquidation")
# Calls that make a refusal: place of the code among the arguments, and the status where the call names none.
REFUSALS = {
    "Refused": (0, 422),
    "NotFound": (0, 404),
    "MoneyError": (0, 422),
    "EntryRefusal": (1, 422),
    "FieldError": (1, 422),
}
# Keyword `code` of the framework's exceptions and field errors.
FRAMEWORK = {
    "PermissionDenied": 403,
    "NotAuthenticated": 401,
    "AuthenticationFailed": 401,
    "ParseError": 400,
    "ErrorDetail": 422,
}
# What the source says with values only, or in the database.
MESSAGES = {
    "account_code_malformed": "account …: what is wrong with its code",
    "account_floor": "account …: the entry would leave … below its floor of …",
    "body_malformed": "the body is not understood",
    "body_too_large": "a body has at most … bytes; send several, or a stream",
    "choice_unknown": "… is not one of the choices",
    "contradiction": "fields of a rulebook that cannot hold at once, and why",
    "entry_mixes_currencies": "an entry is in one currency",
    "entry_unbalanced": "entry … does not balance: debits …, credits …, difference …",
    "field_empty": "the field, or the list, may not be empty",
    "field_malformed": "the field has another form",
    "field_required": "the field is needed",
    "field_null": "the field may not be null",
    "object_expected": "an object is expected",
    "out_of_range": "the number is too small or too large",
    "positions_malformed": "row …: what is wrong with it",
    "role_not_allowed": "key … has the role …; this takes …",
    "service_unavailable": "the database, or Redis where it is needed, cannot be reached; send it again as it is",
    "reference_reused": "the reference is known with other content, and with which",
    "request_malformed": "the request is not understood",
    "rulebook_refused": "every field that is wrong, with its reason",
    "time_malformed": 'a time is written as "2026-01-31T12:00:00Z"',
    "text_malformed": "the text has characters that cannot be kept",
    "too_long": "the text is too long",
    "too_short": "the text is too short",
}
# Guards against whoever passes the service by: no request meets them.
BEHIND = {
    "account_identity",
    "account_currency",
    "account_opening",
    "currency_kept",
    "entry_incomplete",
    "journal_append_only",
    "posting_account_unknown",
    "posting_entry_unknown",
}
# Of the query, not of a body.
QUERY = {"cursor_malformed", "format_unknown", "limit_malformed", "parameter_repeated", "parameter_unknown"}
# Of a body, 422, and of a query, 400: the shapes of both are made of the same fields.
BOTH = re.compile(
    "choice_unknown|event_kind_unknown|field_(?:empty|malformed|required)|out_of_range|text_malformed|"
    "time_(?:malformed|out_of_range|without_offset)|too_(?:long|short)"
)
# What the commands that make and revoke keys refuse: no request meets it.
OF_COMMANDS = {("key_expired", 422), ("key_unknown", 404)}
# Calls whose code begins with the field's name.
NAMED_BY_FIELD = {
    "check_positive": ("not_positive", "… is not above 0"),
    "not_positive": ("not_positive", "… is not above 0"),
    "check_not_negative": ("negative", "… is below 0"),
    "negative": ("negative", "… is below 0"),
}
# Codes that the framework gives by itself.
BY_ITSELF = (
    ("method_not_allowed", 405, "Method … not allowed."),
    ("rulebook_refused", 400, ""),
    ("parameter_unknown", 400, "there is no such parameter; known here: …"),
    ("not_acceptable", 406, "the answer cannot be given in the form asked for"),
    ("unsupported_media_type", 415, "Unsupported media type … in request."),
)
_CODE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")
# The framework's words that are told in other ones, and the status of those that are no field's.
_TRANSLATED = {
    "parse_error": 400,
    "error": 400,
    "permission_denied": 403,
    "authentication_failed": 401,
    "not_authenticated": 401,
}
# Codes that the posting door gives inside the database.
_SQL = re.compile(r"(?:'code',\s*|CONSTRAINT = |THEN )'([a-z]+(?:_[a-z]+)+)'")


@dataclass(frozen=True, order=True)
class Code:
    """One code, an HTTP status that it comes with, and its message with names where values stand."""

    code: str
    status: int
    message: str


def codes() -> list[Code]:
    """All codes of the source, each once with every status, in order."""
    found = {(code, status): message for code, status, message in BY_ITSELF}
    for each in _all_codes():
        status = 400 if each.code in QUERY else each.status
        found[each.code, status] = found.get((each.code, status)) or each.message
        if BOTH.fullmatch(each.code):
            found.setdefault((each.code, 400), "")
    messages: dict[str, str] = {}
    for (code, _), message in found.items():
        messages[code] = MESSAGES.get(code) or messages.get(code) or message
    return sorted(
        Code(code, status, MESSAGES.get(code) or message or messages[code])
        for (code, status), message in found.items()
        if code not in BEHIND and (code, status) not in OF_COMMANDS
    )


def _all_codes() -> Iterator[Code]:
    for app in APPS:
        for path in sorted((PROJECT / app).rglob("*.py")):
            if "migrations" not in path.parts and "demo" not in path.parts:
                yield from _codes_of(ast.parse(path.read_text()))
    for path in sorted((PROJECT / "ledger" / "sql").glob("*.sql")):
        # A reference that is known is found by the database and refused as everywhere else.
        yield from (Code(code, 422, "") for code in _SQL.findall(path.read_text()) if code != "reference_reused")


def table() -> str:
    """The codes as the documentation shows them. Every one has a message."""
    assert [each.code for each in codes() if not each.message] == []
    rows: dict[str, list[Code]] = {}
    for each in codes():
        rows.setdefault(each.code, []).append(each)
    shown = [
        f"| `{code}` | {', '.join(str(each.status) for each in several)} | {several[-1].message} |"
        for code, several in rows.items()
    ]
    return "\n".join(["| code | status | message |", "|---|---|---|", *shown])


def documented() -> str:
    """The table that the documentation has now."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def _codes_of(tree: ast.Module) -> Iterator[Code]:
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            assigned = _assigned(scope)
            for node in ast.walk(scope):
                if isinstance(node, ast.Call):
                    texts = {name: text for line, name, text in assigned if line < node.lineno}
                    yield from _code_of(node, texts, _choices(scope))
        elif isinstance(scope, ast.ClassDef):
            yield from _codes_of_class(scope)
        yield from _translated(scope)


def _translated(node: ast.AST) -> Iterator[Code]:
    """Codes on the right of a table of the framework's words and ours, and on the left of a field's own messages."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = node.value
    if not isinstance(target, ast.Name) or not isinstance(value, ast.Dict):
        return
    for left, right in zip(value.keys, value.values, strict=True):
        if target.id == "default_error_messages" and left is not None and (code := _constant(left)) != "invalid":
            yield Code(str(code), 422, _text(right, {}))
        elif target.id in {"_FIELD_CODES", "_FRAMEWORK_CODES"} and (code := _constant(right)):
            yield Code(code, _TRANSLATED[str(_constant(left))] if target.id == "_FRAMEWORK_CODES" and left else 422, "")


def _codes_of_class(node: ast.ClassDef) -> Iterator[Code]:
    """Exceptions with a code of their own: `default_code`, or a constant handed to `super().__init__`."""
    values = {
        target.id: item.value.value
        for item in node.body
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)
        for target in item.targets
        if isinstance(target, ast.Name)
    }
    status = values.get("status", values.get("status_code", 422))
    assert isinstance(status, int), f"{node.name}: status {status!r}"
    if isinstance(code := values.get("default_code"), str):
        yield Code(code, status, "")
    for call in ast.walk(node):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "__init__"
            and call.args
            and (code := _constant(call.args[0]))
        ):
            yield Code(code, status, _text(call.args[1], {}) if len(call.args) > 1 else "")


def _chosen(node: ast.expr, choices: dict[str, ast.expr]) -> Iterator[str]:
    """The codes that an argument may be: itself, one of two, or what a variable was set to before."""
    if isinstance(node, ast.Name) and node.id in choices:
        node = choices[node.id]
    for each in (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,):
        if code := _constant(each):
            yield code


def _code_of(call: ast.Call, texts: dict[str, str], choices: dict[str, ast.expr]) -> Iterator[Code]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in REFUSALS:
        place, status = REFUSALS[name]
        stated = keywords.get("status")
        if isinstance(stated, ast.Constant) and isinstance(stated.value, int):
            status = stated.value
        if len(call.args) > place and (code := _constant(call.args[place])):
            yield Code(code, status, _text(call.args[place + 1], texts) if len(call.args) > place + 1 else "")
    elif name in NAMED_BY_FIELD and call.args and isinstance(call.args[0], ast.Constant):
        ending, message = NAMED_BY_FIELD[name]
        yield Code(f"{str(call.args[0].value).rpartition('_')[2]}_{ending}", 422, message)
    elif name == "problem" and "code" in keywords and (code := _constant(keywords["code"])):
        stated = keywords["status"]
        status = stated.value if isinstance(stated, ast.Constant) and isinstance(stated.value, int) else 409
        yield Code(code, status, _text(keywords["detail"], texts))
    elif name in {"answer_problem", "_document"} and len(call.args) > 2 and (code := _constant(call.args[1])):
        stated = call.args[0]
        assert isinstance(stated, ast.Constant), f"{code}: which status?"
        assert isinstance(stated.value, int), f"{code}: which status?"
        yield Code(code, stated.value, _text(call.args[2], texts))
    elif name in FRAMEWORK and "code" in keywords:
        for code in _chosen(keywords["code"], choices):
            yield Code(code, FRAMEWORK[name], _text(call.args[0], texts) if call.args else "")


def _constant(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
        return node.value
    return None


def _choices(scope: ast.AST) -> dict[str, ast.expr]:
    """Variables of a function that are one of two."""
    return {
        target.id: node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _assigned(scope: ast.AST) -> list[tuple[int, str, str]]:
    """Messages that a function keeps in a variable before it refuses, each with its line, in order."""
    return sorted(
        (node.lineno, target.id, _text(node.value, {}))
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.JoinedStr | ast.Constant | ast.BinOp)
    )


def _text(node: ast.expr, texts: dict[str, str]) -> str:
    """A message with `…` where a value stands, so that a change of a variable's name changes no documentation."""
    match node:
        case ast.Constant(value=str() as text):
            return text.replace("|", "\\|")
        case ast.JoinedStr(values=values):
            return "".join("…" if isinstance(each, ast.FormattedValue) else _text(each, texts) for each in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, texts) + _text(right, texts)
        case ast.Name(id=name):
            return texts.get(name, "")
        case _:
            return ""


def main() -> None:
    """Write the table into the documentation."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
