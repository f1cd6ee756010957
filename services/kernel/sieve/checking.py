"""From calls to commands and tests that run: names, tags, types and ``require``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from services.kernel.sieve.delivery import Location
from services.kernel.sieve.flaws import Flaw
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.syntax import Argument, Call, Number, Strings, Tag, Text
from services.kernel.sieve.templates import BadReference, Template, compile_text
from services.kernel.sieve.tokens import Place
from services.kernel.sieve.words import BadCall, Bound, Command, Include, Option, Positional, Tally, Test, Tests, Value, Want, Word

if TYPE_CHECKING:
    from services.kernel.sieve.machine import Machine

Words = Mapping[str, Word]
_CHAIN = ("if", "elsif", "else")
_Node = TypeVar("_Node", Command, Test)
_REQUIRE = Word("require", lambda bound: lambda machine: None, positionals=(Positional(Want.STRINGS, "capabilities"),))
_IMPLIED = {"vacation-seconds": ("vacation",)}
"""RFC 6131 section 2."""
_NEEDED = {"extracttext": ("foreverypart", "variables"), "envelope-dsn": ("envelope",)}
"""What one capability cannot be used without (RFC 5703 section 7, RFC 6009 section 3)."""
_NOT_FOR_IHAVE = ("encoded-character", "variables")
"""They change what strings mean, so they cannot come in the middle of a script (RFC 5463 section 4)."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place for an argument, counted from 1."""

    number: int
    positional: Positional


@dataclass(slots=True)
class Checker:
    """The state of one compilation. ``required`` grows with ``require`` and with an ``ihave`` that holds."""

    words: Words
    capabilities: frozenset[str]
    limits: Limits
    flaws: list[Flaw] = field(default_factory=list)
    required: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    loops: list[str] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    includes: list[Include] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def script(self, calls: Sequence[Call]) -> tuple[Command, ...]:
        """Check a whole script; ``require`` stands first (RFC 5228 section 3.2)."""
        count = next((number for number, call in enumerate(calls) if call.name != "require"), len(calls))
        for call in calls[:count]:
            self._require(call)
        for capability, needed in _NEEDED.items():
            for each in needed:
                if capability in self.required and each not in self.required:
                    self._tell(calls[0].place, f"require: '{capability}' needs '{each}' as well")
        return self.block(calls[count:])

    def _tell(self, place: Place, message: str) -> None:
        self.flaws.append(Flaw(*place, message))

    def _require(self, call: Call) -> None:
        value = self._bind(_REQUIRE, call)
        if value is None:
            return
        for template, text in zip(value.arguments[0].texts, _texts(call.arguments[0]), strict=True):
            if template.source in self.capabilities:
                self.required |= {template.source, *_IMPLIED.get(template.source, ())}
            else:
                self._tell(text.place, f"require: unknown Sieve capability '{template.source[:60]}'")

    def block(self, calls: Sequence[Call]) -> tuple[Command, ...]:
        """Check the commands of a block. ``if`` with what follows it becomes one command."""
        found: list[Command] = []
        at = 0
        while at < len(calls):
            end = at + 1
            while calls[at].name == "if" and end < len(calls) and calls[end].name in _CHAIN[1:] and calls[end - 1].name != "else":
                end += 1
            made = self._chain(calls[at:end]) if calls[at].name == "if" else self._command(calls[at], calls[at - 1] if at else None)
            found += [made] if made else []
            at = end
        return tuple(found)

    def _command(self, call: Call, before: Call | None) -> Command | None:
        if call.name == "require":
            self._tell(call.place, "require stands only at the beginning of a script, before all other commands")
            return None
        if call.name in _CHAIN:
            if before is None or before.name not in _CHAIN[:2]:
                self._tell(call.place, f"the {call.name} command does not follow an if or elsif command")
            return None
        word = self._word(call, is_test=False)
        bound = self._bind(word, call) if word else None
        return self._build(word, bound, Command) if word and bound else None

    def _chain(self, calls: Sequence[Call]) -> Command | None:
        """``if``, and ``elsif`` and ``else`` behind it. What can never run is not looked at (RFC 5463 section 4)."""
        branches: list[tuple[Test | None, tuple[Command, ...]]] = []
        is_decided = False
        for call in calls:
            word = self.words[call.name]
            bound = self._bind(word, call, with_block=False)
            if bound is None:
                self.block(call.block or ())
                continue
            test = bound.tests[0] if bound.tests else None
            outcome = True if test is None else test.constant
            if outcome is False or is_decided:
                continue
            branches.append((test, self.block(call.block or ())))
            is_decided = outcome is True
        return _branching(calls[0], branches)

    def _word(self, call: Call, *, is_test: bool) -> Word | None:
        kind = "test" if is_test else "command"
        word = self.words.get(call.name)
        if word is None or (word.capability and word.capability not in self.required):
            if call.name not in self.unknown:
                hint = f" (it needs 'require \"{word.capability}\"')" if word and word.capability in self.capabilities else ""
                self._tell(call.place, f"unknown {kind} '{call.name}'{hint}")
            self.unknown.add(call.name)
            return None
        if word.is_test is not is_test:
            self._tell(call.place, f"attempt to use {word.kind} '{call.name}' as {kind}")
            return None
        return word

    def _test(self, call: Call) -> Test | None:
        word = self._word(call, is_test=True)
        bound = self._bind(word, call) if word else None
        made = self._build(word, bound, Test) if word and bound else None
        if made and call.name == "ihave" and made.constant:
            self.required.update(template.source for template in bound.arguments[0].texts) if bound else None
        return made

    def _bind(self, word: Word, call: Call, *, with_block: bool = True) -> Bound | None:
        """Check a call against its signature; errors in what stands inside it are told as well."""
        seen = len(self.flaws)
        options, rest = self._options(word, call)
        arguments = self._positionals(word, call, rest) if len(self.flaws) == seen else []
        is_sound = self._check_tests(word, call) and len(self.flaws) == seen and self._check_block(word, call)
        tests = self._tests(call) if word.tests is not Tests.NONE else []
        block = self._inside(word, call.block, options) if call.block is not None and word.has_block and with_block else ()
        if not is_sound or tests is None:
            return None
        required, loops = frozenset(self.required), tuple(self.loops)
        return Bound(call, word.kind, options, tuple(arguments), tuple(tests), block, required, loops, self.limits, self.tally)

    def _inside(self, word: Word, block: Sequence[Call], options: Mapping[str, Value]) -> tuple[Command, ...]:
        """The commands of a block; that of ``foreverypart`` is a loop."""
        if word.name != "foreverypart":
            return self.block(block)
        self.loops.append(options["name"].text.source if "name" in options else "")
        try:
            return self.block(block)
        finally:
            self.loops.pop()

    def _tests(self, call: Call) -> list[Test] | None:
        """The tests inside, ``None`` when one is wrong; those behind one that decides ``allof`` or ``anyof`` are not looked at."""
        found: list[Test] = []
        is_sound = True
        for inner in call.tests:
            test = self._test(inner)
            if test is None:
                is_sound = False
                continue
            found.append(test)
            if test.constant is not None and call.name in ("allof", "anyof") and test.constant is (call.name == "anyof"):
                break
        return found if is_sound else None

    def _build(self, word: Word, bound: Bound, node: type[_Node]) -> _Node | None:
        self._count_variables(bound)
        try:
            run = word.build(bound)
        except BadCall as bad:
            self.flaws += bad.flaws
            return None
        if bound.call.name == "include":
            location = Location.GLOBAL if bound.has("global") else Location.PERSONAL
            self.includes.append(Include(bound.call.place, location, bound.arguments[0].text.constant or "", bound.has("optional")))
        text = render(bound.call)
        if node is Test:
            return Test(bound.call.place, text, run, _constant(bound, self.capabilities))  # type: ignore[arg-type]  # a test's builder
        return Command(bound.call.place, text, run)  # type: ignore[arg-type,return-value]  # a command's builder

    def _count_variables(self, bound: Bound) -> None:
        """RFC 5229 section 6: a script may have only so many; told once."""
        most = self.limits.variables
        if bound.call.name == "set" and len(self.variables) <= most:
            self.variables.add(bound.arguments[0].text.source.lower())
            if len(self.variables) > most:
                self._tell(bound.call.place, f"the script has too many variables, the limit is {most}")

    # arguments

    def _options(self, word: Word, call: Call) -> tuple[dict[str, Value], list[Argument]]:
        known = {option.name: option for option in word.options if not option.capability or option.capability in self.required}
        found: dict[str, Value] = {}
        rest = list(call.arguments)
        while rest and isinstance(tag := rest[0], Tag):
            del rest[0]
            option = known.get(tag.name)
            if option is None:
                self._unknown_tag(word, call, tag)
                break
            if self._is_double(option, found, known):
                self._tell(tag.place, f"tagged argument ':{option.name}' for the {call.name} {word.kind} is one too many of its kind")
                break
            value = self._option_value(word, call, option, rest) if option.want else Value(tag.place)
            if value is None:
                break
            found[option.name] = value
        return found, rest

    def _unknown_tag(self, word: Word, call: Call, tag: Tag) -> None:
        needs = next((option.capability for option in word.options if option.name == tag.name), "")
        hint = f"it needs 'require \"{needs}\"'" if needs in self.capabilities else "there is none of this name"
        self._tell(tag.place, f"unknown tagged argument ':{tag.name}' for the {call.name} {word.kind} ({hint})")

    @staticmethod
    def _is_double(option: Option, found: Mapping[str, Value], known: Mapping[str, Option]) -> bool:
        return option.name in found or (bool(option.group) and any(known[name].group == option.group for name in found))

    def _option_value(self, word: Word, call: Call, option: Option, rest: list[Argument]) -> Value | None:
        place = rest[0].place if rest else call.place
        value = self._value(rest.pop(0), option.want) if rest and option.want else None
        if value is None:
            self._tell(place, f"tagged argument ':{option.name}' for the {call.name} {word.kind} wants a {option.want} behind it")
        return value

    def _positionals(self, word: Word, call: Call, rest: Sequence[Argument]) -> list[Value]:
        wanted = [each for each in word.positionals if not each.is_optional]
        if len(rest) == len(word.positionals):
            wanted = list(word.positionals)
        found: list[Value] = []
        for number, (argument, positional) in enumerate(zip(rest, wanted, strict=False), 1):
            value = self._value(argument, positional.want)
            if value is None:
                self._tell_mismatch(word, call, _Slot(number, positional), argument)
                return found
            found.append(value)
        self._check_count(word, call, rest, len(wanted))
        return found

    def _tell_mismatch(self, word: Word, call: Call, slot: "_Slot", argument: Argument) -> None:
        wanted = f"{slot.positional.want} as argument {slot.number} ({slot.positional.label})"
        name = f"the {call.name} {word.kind}"
        if not isinstance(argument, Tag):
            self._tell(argument.place, f"{name} expects a {wanted}, but a {_kind(argument)} was found")
        elif any(option.name == argument.name for option in word.options):
            self._tell(argument.place, f"encountered an unexpected tagged argument ':{argument.name}' while {name} expects a {wanted}")
        else:
            self._unknown_tag(word, call, argument)

    def _check_count(self, word: Word, call: Call, rest: Sequence[Argument], count: int) -> None:
        if len(rest) < count:
            given = f"{len(rest)} {'is' if len(rest) == 1 else 'are'} specified"
            self._tell(call.place, f"the {call.name} {word.kind} requires {count} positional argument{'s' * (count != 1)}, but {given}")
        elif len(rest) > count:
            extra = rest[count]
            what = f"unexpected tagged argument ':{extra.name}'" if isinstance(extra, Tag) else f"unexpected {_kind(extra)} argument"
            self._tell(extra.place, f"encountered an {what} while no more is expected by the {call.name} {word.kind}")

    def _value(self, argument: Argument, want: Want | None) -> Value | None:
        if isinstance(argument, Number):
            return Value(argument.place, number=argument.value) if want is Want.NUMBER else None
        if isinstance(argument, Tag) or want is Want.NUMBER or (argument.is_list and want is Want.STRING):
            return None
        return Value(argument.place, tuple(self._template(text) for text in argument.items))

    def _template(self, text: Text) -> Template:
        try:
            return compile_text(text.value, self.required)
        except BadReference as bad:
            self._tell(text.place, str(bad))
            return Template(text.value, ())

    # what follows the arguments

    def _check_tests(self, word: Word, call: Call) -> bool:
        name = f"the {call.name} {word.kind}"
        if word.tests is Tests.NONE and call.tests:
            self._tell(call.tests[0].place, self._spurious_test(word, call))
        elif word.tests is not Tests.NONE and not call.tests:
            self._tell(call.place, f"{name} requires {'a test' if word.tests is Tests.ONE else 'a list of tests'}, but none is specified")
        elif word.tests is Tests.ONE and call.has_test_list:
            self._tell(call.tests[0].place, f"{name} requires one test, but a list of tests is specified")
        elif word.tests is Tests.LIST and not call.has_test_list:
            self._tell(call.tests[0].place, f"{name} requires a list of tests, but one test is specified")
        else:
            return True
        return False

    def _spurious_test(self, word: Word, call: Call) -> str:
        inner = call.tests[0]
        if any(option.name == inner.name for option in word.options):
            return f"missing colon ':' before '{inner.name}' tag in the {call.name} {word.kind}"
        known = self.words.get(inner.name)
        if not call.has_test_list and not word.is_test and (known is None or not known.is_test):
            return f"missing semicolon ';' after the {call.name} command"
        return f"the {call.name} {word.kind} accepts no sub-tests, but tests are specified"

    def _check_block(self, word: Word, call: Call) -> bool:
        if word.is_test or (call.block is not None) is word.has_block:
            return True
        needs = "requires a block" if word.has_block else "accepts no block, but one is specified"
        self._tell(call.place, f"the {call.name} {word.kind} {needs}")
        return False


def _branching(call: Call, branches: list[tuple[Test | None, tuple[Command, ...]]]) -> Command:
    def run(machine: "Machine") -> None:
        for test, block in branches:
            if test is None or machine.ask(test):
                with machine.deeper():
                    machine.execute(block)
                return

    return Command(call.place, "", run)


def _constant(bound: Bound, capabilities: frozenset[str]) -> bool | None:
    """What a test is whatever the message."""
    name, known = bound.call.name, [test.constant for test in bound.tests]
    if name in ("true", "false"):
        return name == "true"
    if name == "ihave":
        return all(template.source in capabilities and template.source not in _NOT_FOR_IHAVE for template in bound.arguments[0].texts)
    if name == "not":
        return None if known[0] is None else not known[0]
    if name in ("allof", "anyof"):
        decided = name == "anyof"
        return decided if decided in known else None if None in known else not decided
    return None


def _texts(argument: Argument) -> tuple[Text, ...]:
    return argument.items if isinstance(argument, Strings) else ()


def _kind(argument: Argument) -> str:
    if isinstance(argument, Strings):
        return "string list" if argument.is_list else "string"
    return "number" if isinstance(argument, Number) else "tag"


def render(call: Call, most: int = 160) -> str:
    """A call as people know it, on one line, cut."""
    words = [call.name, *(_rendered(argument) for argument in call.arguments)]
    text = " ".join(words)
    return text if len(text) <= most else text[: most - 3] + "..."


def _rendered(argument: Argument) -> str:
    if isinstance(argument, Tag):
        return f":{argument.name}"
    if isinstance(argument, Number):
        return str(argument.value)
    shown = ['"' + text.value[:80].replace("\\", "\\\\").replace('"', '\\"').replace("\r\n", " ") + '"' for text in argument.items[:8]]
    more = ["..."] if len(argument.items) > 8 else []
    return f"[{', '.join(shown + more)}]" if argument.is_list else shown[0]
