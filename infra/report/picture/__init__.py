"""The architecture as a picture: SVG, PNG or Mermaid, all from one scene."""

from infra.report.picture.draw import FORMATS, draw

__all__ = ["FORMATS", "draw"]
