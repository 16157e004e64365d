"""How a preview is shown: as text, JSON, Markdown, rendered objects, and a picture. Pure: imports no Pulumi."""
