"""Pages: a static site for a network and one for each practice, read from a file, offline, scripts or not."""

from pophealth.delivery.pages.site import render_site

__all__ = ["render_site"]
