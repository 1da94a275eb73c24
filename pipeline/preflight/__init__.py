"""What can go wrong with a mail, looked for before anybody gets it; errors stop approval."""

from pipeline.preflight.catalogue import Check, checks
from pipeline.preflight.check import RULES, Rule, check
from pipeline.preflight.mail import Filled, Mail

__all__ = ["RULES", "Check", "Filled", "Mail", "Rule", "check", "checks"]
