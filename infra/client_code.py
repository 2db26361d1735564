"""The typed part of the client, written from the API's description: `python -m infra.client_code`.

For each noun a module with its operations and the types of their answers; what several nouns tell is in
`shared`. Names of operations are reviewed here, and one that has no name here fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from api.api_settings import ApiSettings
from api.app import create_app
from infra.client_names import NOT_CALLED, READS, THE_SAME, named

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "api" / "client" / "generated"
SHARED: Final = "shared"
WIDTH: Final = 100
OURS: Final = "lint.isort.known-first-party = ['api']"  # also a module that is not written yet
Schema = Mapping[str, Any]
_HEADERS: Final = {
    "idempotency-key": ("idempotency_key: str | None = None", "key=idempotency_key or new_key()"),
    "prefer": ("wait: int | None = None", "wait=wait"),
    "spendlog-position": ("position: str | None = None", "position=position"),
    "if-match": ("if_match: str | None = None", "if_match=if_match"),
}
_PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def described() -> Schema:
    """The OpenAPI description; no service is asked."""
    nowhere = ApiSettings(kafka="-:9", postgres="postgresql://-:9/none", redis="redis://-:9")
    return create_app(nowhere).openapi()


def documents() -> dict[str, str]:
    """File name -> its text, as the formatter of this project writes it."""
    modules = Writer(described()).modules()
    return _formatted({f"{name}.py": text for name, text in modules.items()})


@dataclass
class Operation:
    """One operation of the description. `name`: of its method."""

    noun: str
    name: str
    method: str
    path: str
    told: Schema


@dataclass
class Writer:
    """Writes the modules of a description."""

    api: Schema
    used: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # type -> nouns

    @property
    def _schemas(self) -> Mapping[str, Schema]:
        found: Mapping[str, Schema] = self.api["components"]["schemas"]
        return found

    def modules(self) -> dict[str, str]:
        operations = list(self._operations())
        nouns = sorted({one.noun for one in operations})
        bodies = {noun: self._class(noun, operations) for noun in nouns}
        for told in ("ReasonOut", "WouldPassOut", "MoneyOut", "MerchantOut"):
            self._reach(told, SHARED)  # exceptions tell them, and callers send them
        homes = {name: next(iter(nouns)) if len(nouns) == 1 else SHARED for name, nouns in self.used.items()}
        modules = {SHARED: self._module(SHARED, homes, "")}
        modules |= {noun: self._module(noun, homes, body) for noun, body in bodies.items()}
        return modules | {
            "api": _entrance(nouns),
            "__init__": '"""Written by `python -m infra.client_code`."""\n',
        }

    def _operations(self) -> Iterator[Operation]:
        for path, known in self.api["paths"].items():
            for method, told in known.items():
                if told["operationId"] not in NOT_CALLED:
                    yield Operation(*named(told["operationId"], path), method.upper(), path, told)

    # -- types

    def _type(self, schema: Schema, noun: str) -> str:
        """The annotation of what an answer tells; unknown words of an enumeration are texts."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if "properties" not in self._schemas[name]:
                return self._type(self._schemas[name], noun)
            self._reach(name, noun)
            return _name(name, self._schemas[name])
        if several := _choices(schema):
            kinds = [self._type(one, noun) for one in several if one.get("type") != "null"]
            told = kinds[0] if len(kinds) == 1 else "Any"
            return f"{told} | None" if len(kinds) < len(several) and told != "Any" else told
        kind = schema.get("type")
        if kind == "array":
            return f"list[{self._type(schema['items'], noun)}]"
        if kind == "object":
            inner = schema.get("additionalProperties")
            return f"dict[str, {self._type(inner, noun) if isinstance(inner, dict) else 'Any'}]"
        if kind == "string":
            return {"date-time": "datetime", "date": "date"}.get(schema.get("format", ""), "str")
        return _PLAIN.get(kind or "", "Any" if "enum" not in schema and "const" not in schema else "str")

    def _reach(self, name: str, noun: str) -> None:
        """`name` is told by an operation on `noun`, and so is what it is made of."""
        schema = self._schemas[name]
        home = _name(name, schema)
        if noun in self.used[home]:
            return
        self.used[home].add(noun)
        self._known.setdefault(home, schema)
        for member in schema["properties"].values():
            self._type(member, noun)

    _known: dict[str, Schema] = field(default_factory=dict)

    def _struct(self, name: str) -> str:
        schema = self._known[name]
        lines = [f"class {name}(msgspec.Struct, frozen=True, omit_defaults=True, {_order(name)}):"]
        lines.append(f'    """{_words(schema.get("description", "As the API tells it"))}."""\n')
        required = set(schema.get("required", ()))
        for member, told in schema["properties"].items():
            kind = self._type(told, SHARED)
            if kind.endswith("| None") or kind == "Any":
                lines.append(f"    {member}: {kind} = None")
            elif member in required or kind not in ("str", "int", "bool"):
                lines.append(f"    {member}: {kind}")
            else:
                lines.append(f"    {member}: {kind} | None = None")
        return "\n".join(lines)

    # -- operations

    def _class(self, noun: str, operations: list[Operation]) -> str:
        methods = [self._method(one) for one in operations if one.noun == noun]
        words = f"Operations on {noun.replace('_', ' ')}."
        return f'class {_title(noun)}Resource(Resource[S]):\n    """{words}"""\n\n' + "\n\n".join(methods)

    def _method(self, one: Operation) -> str:
        parameters = one.told.get("parameters", [])
        answer, rows, accepted = self._answer(one)
        inside = [f"{p['name']}: str" for p in parameters if p["in"] == "path"]
        keyed, optional, query, extra = list[str](), list[str](), list[str](), list[str]()
        for told in parameters:
            name, kind = told["name"], self._argument(told["schema"])
            if told["in"] == "query" and name != "position":
                (keyed if told.get("required") else optional).append(_parameter(name, kind, told))
                query.append(name)
            elif told["in"] == "header" and name in _HEADERS:
                parameter, argument = _HEADERS[name]
                optional.append(parameter)
                extra.append(argument)
        members = self._members(one.told)
        keyed += [f"{name}: {kind}" for name, kind, needed in members or () if needed]
        optional = [f"{name}: {kind} = None" for name, kind, needed in members or () if not needed] + optional
        if _is_form(one.told):
            inside.append("file: tuple[str, bytes]")
            extra.insert(0, f"file=file, fields={_body(members or [])}")
        elif members is None and "requestBody" in one.told:
            inside.append("event: Mapping[str, Any]")
            extra.insert(0, "body=event")
        elif members is not None:
            extra.insert(0, f"body={_body(members)}")
        if query:
            extra.insert(0, "query={" + ", ".join(f'"{name}": {name}' for name in query) + "}")
        if one.method == "GET" or one.told["operationId"] in READS:
            extra.append("reads=True")
        if accepted:
            extra.append("accepted=True")
        star = ["*"] if keyed or optional else []
        signature = ", ".join(["self", *inside, *star, *keyed, *optional])
        call = ", ".join([f'"{one.method}"', _path(one), answer, *extra])
        build = f'"""{_words(one.told["summary"])}."""\n        return Call({call})'
        head = f"({signature}) -> Call[{answer}]:\n        {build}"
        if rows is None:
            return f"    @operation\n    def {one.name}{head}"
        member, row = rows
        return f'    def _{one.name}{head}\n\n    {one.name} = listing(_{one.name}, "{member}", {row})'

    def _answer(self, one: Operation) -> tuple[str, tuple[str, str] | None, bool]:
        """The type of its body; of a list the member that has the rows, and their type; whether by 202."""
        statuses = sorted(status for status in one.told["responses"] if status.startswith("2"))
        content = one.told["responses"][statuses[0]].get("content", {})
        accepted = statuses == ["202"]
        if not content:
            return "None", None, accepted
        schema = next(iter(content.values()))["schema"]
        if schema.get("format") == "binary":
            return "bytes", None, accepted
        answer = self._type(schema, one.noun)
        after = any(told["name"] == "after" for told in one.told.get("parameters", ()))
        if not after:
            return answer, None, accepted
        members = self._known[answer]["properties"]
        member = next(name for name, told in members.items() if told.get("type") == "array")
        return answer, (member, self._type(members[member]["items"], one.noun)), accepted

    def _members(self, told: Schema) -> list[tuple[str, str, bool]] | None:
        """Name, type and whether it must be there, of a body's members; None: no body, or any event."""
        if "requestBody" not in told:
            return None
        schema = next(iter(told["requestBody"]["content"].values()))["schema"]
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        if "properties" not in schema:
            return None
        required = set(schema.get("required", ()))
        return [
            (name, kind if name in required and not _nullable(one) else f"{kind} | None", name in required)
            for name, one in schema["properties"].items()
            if one.get("format") != "binary"
            for kind in (self._argument(one),)
        ]

    def _argument(self, schema: Schema) -> str:
        """The annotation of what is sent."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if name in THE_SAME:
                return THE_SAME[name]
            inner = self._schemas[name]
            return self._argument(inner) if "properties" not in inner else "Mapping[str, Any]"
        if several := _choices(schema):
            kinds = {self._argument(one) for one in several if one.get("type") != "null"}
            return kinds.pop() if len(kinds) == 1 else "Any"
        match schema.get("type"):
            case "array":
                return f"Sequence[{self._argument(schema['items'])}]"
            case "object":
                return "Mapping[str, Any]"
            case "string" if schema.get("format") == "date-time":
                return "datetime | str"
            case "string" if schema.get("format") == "date":
                return "date | str"
            case kind:
                return _PLAIN.get(kind or "", "str" if "enum" in schema or "const" in schema else "Any")

    # -- modules

    def _module(self, noun: str, homes: Mapping[str, str], body: str) -> str:
        own = [self._struct(name) for name in sorted(self._known) if homes[name] == noun]
        text = "\n\n\n".join([*own, body] if body else own)
        lines = [f'"""{_title(noun)} of the API. Written by `python -m infra.client_code`."""\n']
        lines.append("from __future__ import annotations\n")
        for module, names in _IMPORTS.items():
            if wanted := [name for name in names if re.search(rf"\b{name}\b", text)]:
                lines.append(f"from {module} import {', '.join(wanted)}")
        if own:
            lines.append("import msgspec")
        elsewhere = [
            name
            for name, home in sorted(homes.items())
            if home == SHARED and noun != SHARED and re.search(rf"\b{name}\b", text)
        ]
        if elsewhere:
            lines.append(f"from api.client.generated.{SHARED} import {', '.join(elsewhere)}")
        return "\n".join(lines) + "\n\n" + text + "\n"


_IMPORTS: Final = {
    "collections.abc": ("Mapping", "Sequence"),
    "datetime": ("date", "datetime"),
    "typing": ("Any",),
    "api.client.call": ("Call", "at", "given", "new_key"),
    "api.client.operations": ("Resource", "S", "listing", "operation"),
}


def _entrance(nouns: Sequence[str]) -> str:
    lines = ['"""All nouns of the API. Written by `python -m infra.client_code`."""\n']
    lines.append("from __future__ import annotations\n\nfrom typing import Generic\n")
    lines += [f"from api.client.generated.{noun} import {_title(noun)}Resource" for noun in nouns]
    lines.append("from api.client.operations import S\n\n")
    lines.append('class Api(Generic[S]):\n    """What a client offers, by nouns."""\n')
    lines.append("    def __init__(self, sender: S) -> None:")
    for noun in nouns:
        lines.append(f"        self.{noun}: {_title(noun)}Resource[S] = {_title(noun)}Resource(sender)")
    return "\n".join(lines) + "\n"


def _name(component: str, schema: Schema) -> str:
    if component in THE_SAME:
        return THE_SAME[component]
    return re.sub(r"\W", "", str(schema.get("title", component))).removesuffix("Output").removesuffix("Out")


def _choices(schema: Schema) -> list[Schema]:
    """What it may be, where that is several things."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    found: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return found


def _is_form(told: Schema) -> bool:
    """Whether it sends a file, and what else it says as fields of a form."""
    return "multipart/form-data" in told.get("requestBody", {}).get("content", ())


def _nullable(schema: Schema) -> bool:
    return any(one.get("type") == "null" for one in _choices(schema))


def _body(members: Sequence[tuple[str, str, bool]]) -> str:
    """None leaves a member out, where it may be left out; else it says so itself."""
    said = [name for name, kind, needed in members if needed and kind.endswith("| None")]
    given = f"given({', '.join(f'{name}={name}' for name, _, _ in members if name not in said)})"
    if not said:
        return given
    return "{" + ", ".join(f'"{name}": {name}' for name in said) + f", **{given}" + "}"


def _order(name: str) -> str:
    return "kw_only=False" if name in THE_SAME.values() else "kw_only=True"


def _parameter(name: str, kind: str, told: Schema) -> str:
    return f"{name}: {kind}" if told.get("required") else f"{name}: {kind} | None = None"


def _path(one: Operation) -> str:
    parts = re.findall(r"{(\w+)}", one.path)
    if not parts:
        return f'"{one.path}"'
    return f'at("{re.sub(r"{.+?}", "{}", one.path)}", {", ".join(parts)})'


def _title(noun: str) -> str:
    return "".join(word.capitalize() for word in noun.split("_"))


def _words(text: str) -> str:
    """The first sentence, on one line of the formatter's width."""
    first = " ".join(text.split()).replace("\\", "").replace('"', "'")
    first = re.split(r"(?<=[.:;])\s", first)[0].rstrip(".:;")
    return first if len(first) <= WIDTH else first[: WIDTH - 1].rsplit(" ", 1)[0] + " …"


def _formatted(texts: Mapping[str, str]) -> dict[str, str]:
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        for rest in (("check", "--select", "I,F401", "--fix", "--config", OURS), ("format",)):
            ruff = [
                sys.executable,
                "-m",
                "ruff",
                *rest,
                "--quiet",
                "--config",
                ROOT / "pyproject.toml",
                folder,
            ]
            subprocess.run(ruff, cwd=ROOT, check=True)
        return {name: (Path(folder) / name).read_text(encoding="utf-8") for name in texts}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = documents()
    for gone in {file.name for file in FOLDER.glob("*.py")} - written.keys():
        (FOLDER / gone).unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
