"""Keep the words of the screens: collect each folder's into its ``locale/id/LC_MESSAGES/django.po`` and compile the ``.mo`` beside it.

Python alone does it (Babel), so that nobody needs GNU gettext. ``python tools/messages.py`` collects and compiles; with ``--check`` it
changes nothing and says what is out of date (tests run it so). English is the language of the sources; Indonesian must be complete.
"""

import ast
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "salur"
LANGUAGE = "id"
PLURALS = "nplurals=1; plural=0;"  # Indonesian counts without plurals; Babel does not know that.
PYTHON_WORDS = {"gettext": None, "gettext_lazy": None, "_": None, "ngettext": (1, 2)}

# What Django makes of a template for gettext's own collector: calls in a text that is otherwise crossed out.
_CALL = re.compile(
    r"\b(gettext|ngettext)\(u?(?P<first>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?:,\s*u?(?P<second>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"))?",
    re.DOTALL,
)


def folders() -> list[str]:
    return sorted(path.name for path in SOURCES.iterdir() if (path / "__init__.py").exists())


def found_words(folder: str) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Every text of a folder's sources with its file; a pair of texts where it counts something."""
    for path in sorted((SOURCES / folder).rglob("*.py")):
        if "tests" in path.parts or "migrations" in path.parts:
            continue
        with path.open("rb") as source:
            for _, text, _, _ in extract("python", source, PYTHON_WORDS):
                yield path.relative_to(ROOT).as_posix(), text
    for path in sorted((SOURCES / folder).rglob("templates/**/*.html")):
        for text in words_of_template(path.read_text(encoding="utf-8")):
            yield path.relative_to(ROOT).as_posix(), text


def words_of_template(source: str) -> Iterator[str | tuple[str, ...]]:
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_I18N=True)
    from django.utils.translation.template import templatize

    calls = templatize(source)
    for call in _CALL.finditer(calls):
        first = _text(call["first"])
        yield (first, _text(call["second"])) if call["second"] else first


def _text(literal: str) -> str:
    """The text that a Python literal stands for."""
    return str(ast.literal_eval(literal))


def collected(folder: str) -> Catalog:
    """The folder's catalogue with exactly the words that its sources have now; translations are kept, never guessed."""
    path = po_of(folder)
    catalog = read_po(path.open("rb"), locale=LANGUAGE) if path.exists() else Catalog(locale=LANGUAGE)
    words = Catalog(charset="utf-8")
    for file, text in found_words(folder):
        words.add(text, locations=[(file, 0)])
    catalog.mime_headers = [("Plural-Forms", PLURALS)]
    catalog.update(words, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    catalog.project, catalog.version, catalog.charset = "salur", "0", "utf-8"
    return catalog


def po_bytes(catalog: Catalog) -> bytes:
    text = io.BytesIO()
    write_po(text, catalog, width=110, sort_output=True, omit_header=True)
    head = f'msgid ""\nmsgstr ""\n"Language: {catalog.locale_identifier}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    head += f'"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n'
    return head.encode() + b"\n" + text.getvalue().rstrip() + b"\n"


def mo_bytes(po: bytes) -> bytes:
    """Compiled from the file as it is written, so that the two cannot tell different things."""
    catalog = read_po(io.BytesIO(po), locale=LANGUAGE)
    catalog.creation_date = catalog.revision_date = datetime(
        2022, 1, 1, tzinfo=UTC
    )  # the same words are the same bytes
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    return compiled.getvalue()


def untranslated(po: bytes) -> list[str]:
    catalog = read_po(io.BytesIO(po), locale=LANGUAGE)
    return [
        str(message.id)
        for message in catalog
        if message.id and (not message.string or not all(message.string) or message.fuzzy)
    ]


def told_twice(catalogs: Mapping[str, Catalog]) -> list[str]:
    """The screens have one catalogue: where two folders translate a text differently, the one silently speaks for the other."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for folder, catalog in catalogs.items():
        for message in catalog:
            if message.id and message.string:
                said[str(message.id)].setdefault(str(message.string), folder)
    return [
        f"“{text}” is told in two ways: " + ", ".join(f"“{string}” in salur/{folder}" for string, folder in ways.items()) + ". "
        "Choose one, or write the English differently."
        for text, ways in said.items() if len(ways) > 1
    ]  # fmt: skip


def main() -> int:
    check = "--check" in sys.argv
    wrong = []
    catalogs = {folder: collected(folder) for folder in folders()}
    for folder, catalog in catalogs.items():
        if not len(catalog):
            continue
        po = po_bytes(catalog)
        for path, content in {po_of(folder): po, po_of(folder).with_suffix(".mo"): mo_bytes(po)}.items():
            if path.exists() and path.read_bytes() == content:
                continue
            if check:
                wrong.append(f"{path.relative_to(ROOT)} is out of date: run `python tools/messages.py`.")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        wrong += [f"{po_of(folder).relative_to(ROOT)} lacks the Indonesian of “{text}”." for text in untranslated(po)]
    wrong += told_twice(catalogs)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


def po_of(folder: str) -> Path:
    return SOURCES / folder / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    sys.exit(main())
