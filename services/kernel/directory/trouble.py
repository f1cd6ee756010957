"""The one error of this package."""

from services.kernel.tables.lookup import LookupTrouble


class DirectoryTrouble(LookupTrouble):
    """The directory cannot be asked now. Temporary: never taken for "no such user"."""
