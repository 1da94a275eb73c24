"""Pictures of an issue: from files beside it to what mail programs and pages can show."""
