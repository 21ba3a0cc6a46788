"""The names of the package, and where they are."""

from zeroseg.app.limits import Limits as Limits
from zeroseg.app.server import create_app as create_app
from zeroseg.app.serving import serve as serve
