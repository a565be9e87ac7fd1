"""The features of the pages that are installed, and their routes."""

from cloud_receiver import features
from cloud_receiver.web import feature

FEATURES = {f.name: f for f in feature.installed(features)}
ROUTES = {(r.method, r.path): r.roles for f in FEATURES.values() for r in f.routes}
OTHERS = (("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/static/{name}"))  # routes of no feature
