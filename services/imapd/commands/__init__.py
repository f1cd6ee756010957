"""What the commands do, a module for each family; ``table`` says which may be given when, and what is told after it.

A command is a coroutine from the session and the request to the tagged reply. It writes untagged replies as it goes, refuses by its reply
or by an exception that ``trouble`` knows, and leaves announcing what else happened to the session. New extensions add a row and a function.
"""
