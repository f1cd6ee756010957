"""The recipients of this site, for the secondaries that back its domains up, and what became of the messages that these handed over.

``recipients`` lists what the directory and the tables say, ``server`` answers over HTTPS to those whose certificates the configuration names,
``journeys`` answers them with the events of messages whose trace ids they have.
What cannot be listed (a pattern, a database query) is said to be there, so that a secondary takes no absence for certain.
"""
