"""The domain name system, with answers that cannot be mistaken for one another.

Holds the resolver that services use (``resolver``), what it answers (``answer``), and the adapter to dnspython (``upstream``). "There is no such
name", "the name has no such record" and "nobody could tell" lead to three different decisions about mail, so they are three types; only the last is
trouble, and it is never cached. An answer keeps the AD bit: it is worth what the path to the name server is worth.

Refuses decisions: which host is tried, what a null MX means, and what becomes of a message belong to relay and routing. No search list: every name is
absolute. Equal questions under way are asked once; the cache and the number of open questions are bounded.
"""
