"""What can go wrong with a mail, looked for before anybody gets it; errors stop approval."""

from pipeline.preflight.check import RULES, Rule, check
from pipeline.preflight.codes import CODES
from pipeline.preflight.mail import Mail

__all__ = ["CODES", "RULES", "Mail", "Rule", "check"]
