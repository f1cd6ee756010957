"""The commands of ``malle``, one module a group. Each turns words into one call of a module beside this package, and the answer into lines."""
