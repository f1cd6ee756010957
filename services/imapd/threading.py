"""Threads of messages (RFC 5256 section 3): by subject and date, or by what they refer to."""

from collections.abc import Iterable, Mapping, Sequence

from services.imapd.sorting import NOTHING, sent_dates
from services.imapd.view import View
from services.kernel.mailbox.catalog.records import SortFacts

MAX_DEPTH = 1_000
"""Levels above a message that are looked at for a loop; who refers back further begins a thread of his own."""
_ID_BYTES = 8


class Node:
    """A message in a thread, or a place for one that is missing (``uid`` is 0), with the messages below it."""

    __slots__ = ("children", "parent", "uid")

    def __init__(self, uid: int = 0) -> None:
        self.uid = uid
        self.parent: Node | None = None
        self.children: list[Node] = []

    def adopt(self, child: "Node") -> None:
        """Put a node, which has no parent, below this one."""
        child.parent = self
        self.children.append(child)

    def settle(self) -> None:
        """Strike out children that have another parent by now; to look for each at once would take the square of their number."""
        if self.children:
            self.children = list(dict.fromkeys(child for child in self.children if child.parent is self))


def by_subject(uids: Sequence[int], view: View, facts: Mapping[int, SortFacts]) -> list[Node]:
    """ORDEREDSUBJECT: messages with one base subject are a thread, its first is above all others."""
    ordered = sorted(uids, key=_dates(view, facts).__getitem__)
    threads: dict[str, Node] = {}
    for uid in ordered:
        subject = facts.get(uid, NOTHING).base
        node = Node(uid)
        if subject in threads:
            threads[subject].adopt(node)
        else:
            threads[subject] = node
    return list(threads.values())


def by_references(uids: Sequence[int], view: View, facts: Mapping[int, SortFacts]) -> list[Node]:
    """REFERENCES: replies below what they reply to, threads with one base subject together."""
    dates = _dates(view, facts)
    roots = _without_missing(_linked(uids, facts))
    for root in roots:
        if not root.uid:  # step 4: its first child stands for it
            root.children.sort(key=lambda node: _date(node, dates))
    roots.sort(key=lambda node: _date(node, dates))
    return _sorted(_Subjects(roots, facts).merged(), dates)


def _dates(view: View, facts: Mapping[int, SortFacts]) -> dict[int, int]:
    return sent_dates(view, {uid: one.sent for uid, one in facts.items()})


def _linked(uids: Sequence[int], facts: Mapping[int, SortFacts]) -> list[Node]:
    """Steps 1 and 2: return the nodes above which there is none."""
    nodes: dict[bytes, Node] = {}
    every: list[Node] = []
    for uid in uids:
        own, *references = _ids(facts.get(uid, NOTHING).ids)
        node = nodes.get(own) if any(own) else None
        if node is None or node.uid:  # a second message with the same id counts as one without
            node = Node()
            every.append(node)
            if any(own):
                nodes.setdefault(own, node)
        node.uid = uid
        _link(node, _chain(references, nodes, every))
    for node in every:
        node.settle()
    return [node for node in every if node.parent is None]


def _ids(packed: bytes) -> list[bytes]:
    return [packed[at : at + _ID_BYTES] for at in range(0, len(packed), _ID_BYTES)]


def _chain(references: Iterable[bytes], nodes: dict[bytes, Node], every: list[Node]) -> Node | None:
    """Step 1.A: link what is referred to, each below the one before unless it has a parent already; return the last."""
    above: Node | None = None
    for reference in references:
        node = nodes.get(reference)
        if node is None:
            node = nodes[reference] = Node()
            every.append(node)
        if above is not None and node.parent is None and not _is_above(node, above):
            above.adopt(node)
        above = node
    return above


def _link(node: Node, parent: Node | None) -> None:
    """Step 1.B: the message's own word on its parent goes before that of others."""
    if parent is node.parent:
        return
    node.parent = None
    if parent is not None and not _is_above(node, parent):
        parent.adopt(node)


def _is_above(node: Node, below: Node) -> bool:
    """Whether to put ``node`` below ``below`` would make a loop."""
    if node is below:
        return True
    if not node.children:
        return False
    above: Node | None = below.parent
    for _ in range(MAX_DEPTH):
        if above is None or above is node:
            return above is node
        above = above.parent
    return True


def _without_missing(roots: list[Node]) -> list[Node]:
    """Step 3: take out places for messages that are missing; at the top one stays while it holds several together."""
    found: list[Node] = []
    for root in roots:
        for node in _with_children(root):
            node.children = [kept for child in node.children for kept in ((child,) if child.uid else child.children)]
        if root.uid or len(root.children) > 1:
            found.append(root)
        else:
            found += root.children
    return found


def _with_children(root: Node) -> Iterable[Node]:
    """All nodes of a tree that have some below, children before parents, however deep it is."""
    if not root.children:
        return ()
    order = [root]
    for node in order:
        order += [child for child in node.children if child.children]
    return reversed(order)


def _date(node: Node, dates: Mapping[int, int]) -> tuple[int, int]:
    """By date, then by place in the mailbox. A missing message stands where its first child would (step 4)."""
    if node.uid:
        return dates[node.uid], node.uid
    return min(_date(child, dates) for child in node.children)


class _Subjects:
    """Step 5: threads with the same base subject are merged."""

    def __init__(self, roots: list[Node], facts: Mapping[int, SortFacts]) -> None:
        self._roots = roots
        self._facts = facts
        self._table: dict[str, Node] = {}

    def merged(self) -> list[Node]:
        """Return what is at the top afterwards."""
        for root in self._roots:
            subject = self._subject(root)
            if subject and (subject not in self._table or self._is_better(root, self._table[subject])):
                self._table[subject] = root
        kept = {id(root): root for root in self._roots}
        for root in self._roots:
            subject = self._subject(root)
            if subject and self._table[subject] is not root:
                self._merge(subject, root, kept)
        return list(kept.values())

    def _subject(self, root: Node) -> str:
        return self._facts_of(root if root.uid else root.children[0]).base

    def _facts_of(self, node: Node) -> SortFacts:
        return self._facts.get(node.uid, NOTHING)

    def _is_reply(self, node: Node) -> bool:
        return bool(node.uid) and self._facts_of(node).is_reply

    def _is_better(self, root: Node, known: Node) -> bool:
        """Step 5.B: a place that holds several together is the best to merge into, then what is no reply."""
        return bool(known.uid) and (not root.uid or (self._is_reply(known) and not self._is_reply(root)))

    def _merge(self, subject: str, root: Node, kept: dict[int, Node]) -> None:
        """Step 5.C."""
        into = self._table[subject]
        del kept[id(root)]
        if not into.uid and not root.uid:
            for child in root.children:
                into.adopt(child)
        elif not into.uid or (self._is_reply(root) and not self._is_reply(into)):
            into.adopt(root)
        else:
            both = Node()
            kept.pop(id(into))
            both.adopt(into)
            both.adopt(root)
            kept[id(both)] = both
            self._table[subject] = both


def _sorted(roots: list[Node], dates: Mapping[int, int]) -> list[Node]:
    """Step 6: siblings by date, the deepest first, since a missing message stands where its first child does."""
    for root in roots:
        for node in _with_children(root):
            node.children.sort(key=lambda child: _date(child, dates))
    return sorted(roots, key=lambda node: _date(node, dates))


def written(roots: Iterable[Node], number: Mapping[int, int]) -> bytes:
    """Write threads (RFC 5256 section 5, ``thread-list``), however deep they are."""
    out: list[bytes] = []
    left: list[Node | bytes] = [*reversed(list(roots))]
    while left:
        node = left.pop()
        if isinstance(node, bytes):
            out.append(node)
            continue
        out.append(b"(")
        left.append(b")")
        line = _line(node, number)
        out.append(b" ".join(line.words))
        if line.fork:
            out.append(b" " if line.words else b"")
            left += reversed(line.fork)
    return b"".join(out)


class _Line:
    """Messages each of which has one child, and the children of the last when they are several."""

    def __init__(self) -> None:
        self.words: list[bytes] = []
        self.fork: list[Node] = []


def _line(node: Node, number: Mapping[int, int]) -> _Line:
    line = _Line()
    while True:
        if node.uid:
            line.words.append(b"%d" % number[node.uid])
        if len(node.children) != 1:
            line.fork = node.children
            return line
        node = node.children[0]
