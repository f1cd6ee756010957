"""How much a script may ask for, and what a site has decided of what scripts do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site decides where the standards leave it open; as it is here, it is what they recommend.

    ``%$`` and ``%{subject}`` in the template stand for the message's subject (Pigeonhole ``sieve_vacation_default_subject_template``). Names of
    fields are in lower case.
    """

    vacation_subject: str = "Automated reply"
    """Of an answer to a message without a subject (Pigeonhole ``sieve_vacation_default_subject``)."""
    vacation_subject_template: str = "Auto: %$"
    vacation_takes_original: bool = False
    """The recipient before aliases is the user's address too (Pigeonhole ``sieve_vacation_use_original_recipient``)."""
    vacation_wants_recipient: bool = True
    """RFC 5230 section 4.5: the message names an address of the user (Pigeonhole ``sieve_vacation_dont_check_recipient``)."""
    vacation_trusts_header: bool = False
    """To of an answer comes from the header alone (Pigeonhole ``sieve_vacation_to_header_ignore_envelope``)."""
    unadded_fields: frozenset[str] = frozenset()
    """That ``addheader`` leaves out (Pigeonhole ``sieve_editheader_forbid_add``)."""
    undeleted_fields: frozenset[str] = frozenset()
    """That ``deleteheader`` leaves (Pigeonhole ``sieve_editheader_forbid_delete``)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound on compiling and running; the numbers are Pigeonhole's where it has one.

    ``steps`` bounds a whole run with all scripts and what they include. A step is about a microsecond to ten of one CPU.
    """

    script_bytes: int = 1 << 20
    """Pigeonhole ``sieve_max_script_size``."""
    tokens: int = 20_000
    """Words, strings, numbers and marks of one script: compiled, each takes some 300 octets of memory, 6 MB in all."""
    errors: int = 20
    """Errors told of one script."""
    nesting: int = 32
    """Blocks and tests inside each other, each counted alone (RFC 5228 section 2.10.5 asks for 15)."""
    actions: int = 32
    """Pigeonhole ``sieve_max_actions``."""
    redirects: int = 4
    """Pigeonhole ``sieve_max_redirects``."""
    includes: int = 255
    """Scripts included in one run (Pigeonhole ``sieve_include_max_includes``)."""
    include_nesting: int = 10
    """Pigeonhole ``sieve_include_max_nesting_depth``."""
    steps: int = 2_000_000
    """Some seconds of CPU at the most."""
    variables: int = 255
    """Variables a script may use (RFC 5229 section 6 asks for 128; Pigeonhole 255)."""
    variable_bytes: int = 65_536
    """Octets of a value, cut beyond (RFC 5229 section 6 asks for 4000; Pigeonhole ``sieve_variables_max_variable_size`` 64k)."""
    header_bytes: int = 8192
    """Octets of a field that ``addheader`` makes (Pigeonhole ``sieve_editheader_max_header_size``, 2048 there)."""
    pattern_states: int = 4000
    """Size of a compiled regular expression."""
    all_pattern_states: int = 200_000
    """Of all that stand in one script together, or are looked for at one time: a state is some microseconds of work and 100 octets."""
    vacation_least_seconds: int = 86_400
    """Pigeonhole ``sieve_vacation_min_period``: shorter periods become this; with ``vacation-seconds`` a site may set 0."""
    vacation_most_seconds: int = 31_536_000
    """365 days; 0 for no limit (RFC 5230 section 4.1 asks for more than 30 days; Pigeonhole ``sieve_vacation_max_period``, none there)."""
    vacation_usual_seconds: int = 604_800
    """7 days (RFC 5230 section 4.1; Pigeonhole ``sieve_vacation_default_period``)."""
    vacation_subject_characters: int = 256
    """Of the subject of an answer (Pigeonhole ``sieve_vacation_max_subject_codepoints``)."""
    duplicate_usual_seconds: int = 43_200
    """12 hours (Pigeonhole ``sieve_duplicate_default_period``)."""
    duplicate_most_seconds: int = 172_800
    """2 days (Pigeonhole ``sieve_duplicate_max_period``)."""
    policy: Policy = Policy()


DEFAULT = Limits()
