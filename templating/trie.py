"""PrefixSet: finds the strings of a set with which a text begins, in a step per branching.

A trie of compressed labels (Morrison, "PATRICIA", JACM 1968): thousands of strings that share a beginning of thousands of characters cost
one comparison of it, and an addition or removal replaces at most three nodes.
"""


class PrefixSet:
    """A set of strings that are not empty.  Adding a string twice or removing an unknown one changes nothing."""

    def __init__(self) -> None:
        self._root = _Node("", 0)

    def add(self, text: str) -> None:
        """O(len(text))."""
        node = self._path(text)[-1]
        if node.depth < len(text):
            node = node.grow(text[node.depth :])
        node.whole = text

    def remove(self, text: str) -> None:
        """O(len(text)); removes nodes that no string needs."""
        *path, node = self._path(text)
        if node.whole != text:
            return
        node.whole = ""
        if not node.children:
            del path[-1].children[node.label[0]]
            *path, node = path
        if path and not node.whole and len(node.children) == 1:
            path[-1].children[node.label[0]] = node.joined()

    def prefixes(self, text: str) -> list[str]:
        """The strings of the set with which the text begins, the shortest first."""
        texts, node, depth = [], self._root, 0
        while (child := node.children.get(text[depth : depth + 1])) and text.startswith(child.label, depth):
            if child.whole:
                texts.append(child.whole)
            node, depth = child, child.depth
        return texts

    def _path(self, text: str) -> "list[_Node]":
        node, depth, path = self._root, 0, [self._root]
        while (child := node.children.get(text[depth : depth + 1])) and text.startswith(child.label, depth):
            path.append(child)
            node, depth = child, child.depth
        return path


class _Node:
    """A beginning of `depth` characters, the last of which are `label`; `whole` is the whole beginning if the set has it, else "".

    children: by the first character of their label.  A node without a string has two or more, except for the root.
    """

    __slots__ = ("children", "depth", "label", "whole")

    def __init__(self, label: str, depth: int, children: "dict[str, _Node] | None" = None, whole: str = "") -> None:
        self.label, self.depth, self.children, self.whole = label, depth, children or {}, whole

    def grow(self, rest: str) -> "_Node":
        """The node at `rest` below this one, made anew; no child's whole label begins it."""
        child = self.children.get(rest[0])
        if child is None:
            new = node = _Node(rest, self.depth + len(rest))
        else:
            new = child.cut(_common_length(child.label, rest))
            shared = len(new.label)
            node = new.grow(rest[shared:]) if shared < len(rest) else new
        self.children[rest[0]] = new
        return node

    def cut(self, length: int) -> "_Node":
        """A node for the first `length` characters of the label, with the rest of this one under it."""
        below = _Node(self.label[length:], self.depth, self.children, self.whole)
        return _Node(self.label[:length], self.depth - len(below.label), {below.label[0]: below})

    def joined(self) -> "_Node":
        """This node and its only child as one."""
        (child,) = self.children.values()
        return _Node(self.label + child.label, child.depth, child.children, child.whole)


def _common_length(first: str, second: str) -> int:
    """Length of the common prefix, by bisection: O(length) in C rather than a loop over characters."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first.startswith(second[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low
