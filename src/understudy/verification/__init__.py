"""Verification: whether what was asked and answered is what was wanted, and what came nearest where not.

JSON -read_wanted-> Wanted
Exchange ... -verify(wanted)-> Verification(ok, count, message, nearest)

conditions.py  what an exchange must be like: its request, its answer, what became of it
read.py        the grammar of a verification
totals.py      tokens and money, summed up
verify.py      counts, order, and what is told where they are not as wanted
"""

from understudy.verification.read import read_wanted
from understudy.verification.verify import Nearest, Verification, Wanted, verify

__all__ = ["Nearest", "Verification", "Wanted", "read_wanted", "verify"]
