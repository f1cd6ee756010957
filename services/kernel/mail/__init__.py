"""The words of mail, without I/O and without a clock.

Holds values that every container speaks of: addresses, domains, envelopes, replies, outcomes, queue ids,
headers and MIME structure. Refuses sockets, files, time, randomness and configuration: what needs those
belongs to a higher layer and passes the result in.
"""
