"""Issue to mail: fill a template (Jinja2), compile it (MJML), inline its rules (premailer)."""

from pipeline.render.folders import packaged_templates
from pipeline.render.renderer import Renderer

__all__ = ["Renderer", "packaged_templates"]
